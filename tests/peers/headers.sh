#!/usr/bin/env bash
# Real compilers read the headers of a plain device and of one whose id holds every legal character; what a program made
# from them prints is what `sas-token -f json` says; and curl posts with what was compiled in.
set -euo pipefail
hub=$(jq -r .hubConnectionString "$PEERS_READY")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
strict=(-Wall -Wextra -pedantic -Werror)
# One and the same second for both formats, so that both hold the same token.
expiry=(--expires-at 2049-12-31T23:59:59Z)

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

mint() {
    "$HUBCTL" sas-token -l "$hub" "${expiry[@]}" "${@:2}" -- "$1"
}

for device in device1 "AZaz09-:.+%_#*?!(),=@;\$'??"; do
    mint "$device" -f c >"$work/secrets.h"
    mint "$device" -f rust >"$work/secrets.rs"
    mint "$device" -f json >"$work/secrets.json"
    cat >"$work/print.c" <<'C'
#include <stdio.h>
#include "secrets.h"
int main(void) {
    printf("%s\n%s\n%s\n%s\n%ld\n%ld\n%ld\n%s\n%s\n%s\n%s\n", IOT_HUB_NAME, IOT_HUB_HOST, DEVICE_NAME, SAS_TOKEN,
           (long)SAS_TOKEN_EXPIRY, (long)SAS_TOKEN_LENGTH, (long)SAS_TOKEN_MAX_LENGTH, IOT_HUB_EVENTS_URL,
           IOT_HUB_EVENTS_PATH, IOT_HUB_MQTT_USERNAME, IOT_HUB_MQTT_TOPIC);
    return 0;
}
C
    jq -r '.iotHubName, .iotHubHost, .deviceName, .sasToken, .sasTokenExpiry, .sasTokenLength, .sasTokenMaxLength,
        .iotHubEventsUrl, .iotHubEventsPath, .iotHubMqttUsername, .iotHubMqttTopic' "$work/secrets.json" >"$work/json"
    cc -std=c99 "${strict[@]}" -o "$work/print-c" "$work/print.c"
    c++ -x c++ "${strict[@]}" -o "$work/print-cpp" "$work/print.c"
    for program in print-c print-cpp; do
        "$work/$program" >"$work/printed"
        diff "$work/json" "$work/printed" >&2 || fail "$program of $device prints something else than -f json"
    done
    printf '#![no_std]\n#![deny(warnings)]\n//! The file as a crate.\npub mod secrets;\n' >"$work/lib.rs"
    rustc --edition 2021 --crate-type lib --out-dir "$work" "$work/lib.rs" || fail "rustc refuses the file of $device"
    status=$(curl --silent --show-error --cacert "$HUBCTL_CA_FILE" --output /dev/null --write-out '%{http_code}' \
        -H "Authorization: $(sed -n 4p "$work/printed")" --data-binary x "$(sed -n 8p "$work/printed")")
    [[ $status == 204 ]] || fail "posting as $device with what was compiled in: $status"
done
