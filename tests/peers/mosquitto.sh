#!/usr/bin/env bash
# mosquitto's clients connect with what `hubctl sas-token --format mqtt` prints: the command that it shows is the one that is run.
set -euo pipefail
device=mosquitto-1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

hub=$(jq -r .hubConnectionString "$PEERS_READY")
string=$(jq -r --arg id "$device" '.devices[$id]' "$PEERS_READY")
"$HUBCTL" sas-token -l "$string" --format mqtt >"$folder/mqtt"
sed -n 's/^#  *mosquitto_pub/mosquitto_pub/; /^mosquitto_pub/,/-m /{s/^# *//; p}' "$folder/mqtt" >"$folder/try"
grep -q mosquitto_pub "$folder/try" || fail "no command is shown: $(<"$folder/mqtt")"
# shellcheck source=/dev/null
. "$folder/mqtt"
. "$folder/try" || fail "what is shown does not work: $(<"$folder/try")"

"$HUBCTL" monitor-events "$device" -l "$hub" --from earliest --count 1 -f ndjson >"$folder/events"
jq -e '.body.temperature == 24.5 and .deviceId == "mosquitto-1"' "$folder/events" >/dev/null ||
    fail "the event is not the one that was sent: $(<"$folder/events")"

client=(-V mqttv311 -h "$MQTT_HOST" -p "$MQTT_PORT" --cafile "$MQTT_CA_FILE" -i "$MQTT_CLIENT_ID" -u "$MQTT_USERNAME")
# Ends as soon as all that it wants is granted.
timeout 20 mosquitto_sub "${client[@]}" -P "$MQTT_PASSWORD" -E -q 1 -t "$MQTT_TOPIC_MESSAGES" -t "$MQTT_TOPIC_METHODS" \
    -t "$MQTT_TOPIC_TWIN" -t "$MQTT_TOPIC_DESIRED" || fail "a subscription is not granted"
timeout 20 mosquitto_sub "${client[@]}" -P "$MQTT_PASSWORD" -E -t '#' >"$folder/denied" 2>&1 || true
grep -qi denied "$folder/denied" || fail "# is not denied: $(<"$folder/denied")"
code=0
timeout 20 mosquitto_pub "${client[@]}" -P "${MQTT_PASSWORD/sig=/sig=x}" -q 1 -t "$MQTT_TOPIC_EVENTS" -m no 2>"$folder/refused" || code=$?
[[ $code == 5 ]] || fail "a wrong password is answered $code: $(<"$folder/refused")"
