#!/usr/bin/env bash
# curl and mosquitto's clients send with certificates: one that is known by its thumbprint, one that an authority has signed.
# Another's is refused, and so is none.
set -euo pipefail
own=sh-x509-own signed=sh-x509-ca
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
hub=$(jq -r .hubConnectionString "$PEERS_READY")
host=$(sed -E 's/^HostName=([^;]*);.*/\1/' <<<"$hub")
owner=$("$HUBCTL" sas-token --policy -l "$hub")

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# register DEVICE AUTHENTICATION
register() {
    curl --silent --show-error --fail --cacert "$HUBCTL_CA_FILE" --output /dev/null -X PUT -H "Authorization: $owner" \
        -H 'Content-Type: application/json' --data "{\"deviceId\": \"$1\", \"authentication\": $2}" \
        "https://$host/devices/$1?api-version=2021-04-12"
}

# post DEVICE CURL-OPTIONS...: the status.
post() {
    local device=$1
    shift
    curl --silent --show-error --cacert "$HUBCTL_CA_FILE" --output "$folder/answer" --write-out '%{http_code}' "$@" \
        --data-binary 'by curl' "https://$host/devices/$device/messages/events?api-version=2021-04-12"
}

# publish DEVICE MOSQUITTO-OPTIONS...: the exit code, which is the CONNACK's.
publish() {
    local device=$1 code=0
    shift
    timeout 20 mosquitto_pub -V mqttv311 -h "$host" -p 8883 --cafile "$HUBCTL_CA_FILE" -i "$device" \
        -u "$host/$device/?api-version=2021-04-12" "$@" -q 1 -t "devices/$device/messages/events/" -m 'by mosquitto' \
        2>"$folder/refused" || code=$?
    echo "$code"
}

pair() {
    echo --cert "$PEERS_CERTIFICATES/$1.pem" --key "$PEERS_CERTIFICATES/$1.key"
}

expect() {
    [[ $2 == "$1" ]] || fail "$3: wanted $1, got $2"
}

thumbprint=$(openssl x509 -in "$PEERS_CERTIFICATES/own.pem" -noout -fingerprint -sha1 | sed 's/.*=//; s/://g')
register "$own" "{\"type\": \"selfSigned\", \"x509Thumbprint\": {\"primaryThumbprint\": \"$thumbprint\"}}"
register "$signed" '{"type": "certificateAuthority"}'

read -ra mine <<<"$(pair own)"
read -ra others <<<"$(pair other)"
read -ra vouched <<<"$(pair "$signed")"
for version in 1.2 1.3; do
    expect 204 "$(post "$own" --tls-max "$version" "${mine[@]}")" "a known thumbprint over TLS $version"
    expect 204 "$(post "$signed" --tls-max "$version" "${vouched[@]}")" "a known authority over TLS $version"
done
expect 0 "$(publish "$own" "${mine[@]}")" "a known thumbprint over MQTT"
expect 0 "$(publish "$signed" "${vouched[@]}")" "a known authority over MQTT"

expect 401 "$(post "$own" "${others[@]}")" "another's thumbprint"
grep -q 'Thumbprint does not match' "$folder/answer" || fail "another's thumbprint is not told of: $(<"$folder/answer")"
expect 401 "$(post "$own")" "no certificate"
expect 401 "$(post "$signed" "${mine[@]}")" "a certificate that nobody has signed"
expect 5 "$(publish "$own" "${others[@]}")" "another's thumbprint over MQTT"
expect 5 "$(publish "$own")" "no certificate over MQTT"
expect 5 "$(publish "$own" "${vouched[@]}")" "a device's certificate for another device"

for device in "$own" "$signed"; do
    "$HUBCTL" monitor-events "$device" -l "$hub" --from earliest --count 3 -f ndjson >"$folder/events"
    jq -es 'length == 3' "$folder/events" >/dev/null || fail "not all events of $device are there: $(<"$folder/events")"
done
