#!/usr/bin/env bash
# curl posts with the token that `sas-token` printed, the way a shell script would, and is refused with another's.
set -euo pipefail
device=curl-1
hub=$(jq -r .hubConnectionString "$PEERS_READY")
host=$(sed -E 's/^HostName=([^;]*);.*/\1/' <<<"$hub")
headers=$(mktemp)
trap 'rm -f "$headers"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# post DEVICE TOKEN BODY [HEADER]...: the status; the response's headers land in $headers.
post() {
    local device=$1 token=$2 body=$3
    shift 3
    curl --silent --show-error --cacert "$HUBCTL_CA_FILE" --dump-header "$headers" --output /dev/null \
        --write-out '%{http_code}' -H "Authorization: $token" "${@/#/-H}" --data-binary "$body" \
        "https://$host/devices/$device/messages/events?api-version=2021-04-12"
}

expect() {
    [[ $2 == "$1" ]] || fail "$3: wanted $1, got $2"
}

token=$("$HUBCTL" sas-token "$device" -l "$hub" --ca-file "$HUBCTL_CA_FILE")
[[ $token == "SharedAccessSignature sr="* ]] || fail "sas-token printed something else than a token"
[[ $token != *$'\n'* ]] || fail "sas-token printed more than the token"

expect 204 "$(post "$device" "$token" '{"temperature": 24.5}')" "a message"
expect 204 "$(post "$device" "$token" '{"temperature": 25}' 'iothub-app-alert: true' 'iothub-messageid: curl-2')" \
    "a message with properties"

# The login from the environment.
again=$(IOTHUB_CONNECTION_STRING=$hub "$HUBCTL" sas-token "$device")
expect 204 "$(post "$device" "$again" 'from the environment')" "a token by the environment's login"
# Offline, with the device's own string.
own=$(jq -r --arg device "$device" '.devices[$device]' "$PEERS_READY")
expect 204 "$(post "$device" "$("$HUBCTL" sas-token -l "$own")" 'offline')" "a token signed offline"

refused() {
    expect 401 "$1" "$2"
    grep -qi '^iothub-errorcode: IotHubUnauthorized' "$headers" || fail "$2: no iothub-errorcode in $(cat "$headers")"
}
refused "$(post "$device" "${token/sig=/sig=AAAA}" 'forged')" "a forged signature"
refused "$(post device1 "$token" 'not mine')" "the token of another device"
refused "$(post nobody "$token" 'nobody')" "a device that does not exist"
refused "$(post "$device" "not a token" 'nonsense')" "an Authorization header that is no token"

status=$(curl --silent --cacert "$HUBCTL_CA_FILE" --dump-header "$headers" --output /dev/null \
    --write-out '%{http_code}' -H "Authorization: $token" --data-binary 'x' \
    "https://$host/devices/$device/messages/events")
expect 400 "$status" "a request without api-version"
grep -qi '^iothub-errorcode: InvalidProtocolVersion' "$headers" || fail "no InvalidProtocolVersion in $(cat "$headers")"
