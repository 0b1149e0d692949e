#!/usr/bin/env bash
# hubctl's own reader shows what others post: by the hub's string, which is redirected, and by the Event Hub string.
set -euo pipefail
device=ours-1
hub=$(jq -r .hubConnectionString "$PEERS_READY")
endpoint=$(jq -r .eventHubConnectionString "$PEERS_READY")
host=$(sed -E 's/^HostName=([^;]*);.*/\1/' <<<"$hub")

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

token=$("$HUBCTL" sas-token "$device" -l "$hub")
post() {
    curl --silent --show-error --fail --cacert "$HUBCTL_CA_FILE" -H "Authorization: $token" "$@" \
        "https://$host/devices/$device/messages/events?api-version=2021-04-12"
}
post -H 'iothub-contenttype: application/json' -H 'iothub-contentencoding: utf-8' -H 'iothub-messageid: m-1' \
    -H 'iothub-correlationid: c-1' -H 'iothub-app-alert: true' --data-binary '{"temperature": 24.5}'
post --data-binary $'not json: "quoted"\n\ttab'
printf '\x00\xff\x80' | post --data-binary @-
batch='[{"body":"eyJuIjoxfQ==","properties":{"iothub-app-n":"1","iothub-messageid":"m-4"}},
        {"body":"two","base64Encoded":false}]'
post -H 'Content-Type: application/vnd.microsoft.iothub.json' --data-binary "$batch"

for login in "$hub" "$endpoint"; do
    # A message names the string by its host alone: the rest of it is a key.
    name=${login%%;*}
    events=$(timeout 30 "$HUBCTL" monitor-events "$device" -l "$login" --from earliest --count 5 -f ndjson) ||
        fail "monitor-events by $name ended with $?"
    [[ $(wc -l <<<"$events") == 5 ]] || fail "wanted 5 lines by $name, got: $events"
    jq -es --arg device "$device" '
        all(.deviceId == $device and (.sequenceNumber | type) == "number" and (.enqueuedTime | test("^20.*Z$"))
            and (.partition | tostring | test("^[0-9]+$")) and (.offset | type) == "string")
        and ([.[].sequenceNumber] | . == sort)
        and .[0].body.temperature == 24.5 and .[0].messageId == "m-1" and .[0].correlationId == "c-1"
        and .[0].contentType == "application/json" and .[0].properties == {"alert": "true"}
        and .[1].body == "not json: \"quoted\"\n\ttab"
        and .[2].bodyBase64 == "AP+A" and (.[2] | has("body") | not)
        and .[3].messageId == "m-4" and .[3].properties == {"n": "1"}
        and .[4].body == "two"
    ' <<<"$events" >/dev/null || fail "not as sent, by $name: $events"
done
