#!/usr/bin/env bash
# hubctl goes through tinyproxy, with a password and without: AMQP over WebSocket, and HTTPS.
set -euo pipefail
device=ours-ws-1
hub=$(jq -r .hubConnectionString "$PEERS_READY")
folder=$(mktemp -d)
proxies=()

fail() {
    echo "FAILED: $*" >&2
    cat "$folder"/*.log >&2 || true
    exit 1
}

stop() {
    ((${#proxies[@]} == 0)) || kill "${proxies[@]}" 2>/dev/null || true
    rm -rf "$folder"
}
trap stop EXIT

# tinyproxy cannot say which free port it takes, so one is found for it.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start NAME [DIRECTIVE]...: leaves the port in `port`.
start() {
    local name=$1 tries=0
    shift
    port=$(free_port)
    printf '%s\n' "Port $port" "Listen 127.0.0.1" "LogLevel Connect" "LogFile \"$folder/$name.log\"" "ConnectPort 443" "$@" \
        >"$folder/$name.conf"
    tinyproxy -d -c "$folder/$name.conf" >/dev/null 2>&1 &
    proxies+=($!)
    until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        ((++tries < 100)) || fail "tinyproxy did not start"
        sleep 0.1
    done
}

# Ways to the hub that tinyproxy opened so far.
opened() {
    grep -c 'Established connection to host "localhost"' "$folder/$1.log" || true
}

read_event() {
    timeout 30 "$HUBCTL" monitor-events "$device" -l "$hub" --transport amqp-ws --from earliest --count 1 --raw
}

start open
export HTTPS_PROXY=http://127.0.0.1:$port
"$HUBCTL" send "$device" 'by way of tinyproxy' -l "$hub"
[[ $(opened open) -ge 1 ]] || fail "the message did not go through the proxy"
before=$(opened open)
[[ $(read_event) == 'by way of tinyproxy' ]] || fail "the event did not come through the proxy"
# One way to the hub, one to where it redirects.
[[ $(opened open) == $((before + 2)) ]] || fail "wanted $((before + 2)) ways, found $(opened open)"
[[ $(NO_PROXY=localhost read_event) == 'by way of tinyproxy' ]] || fail "the event did not come past the proxy"
[[ $(opened open) == $((before + 2)) ]] || fail "NO_PROXY did not keep from the proxy"

start guarded 'BasicAuth user pass-word'
export HTTPS_PROXY=http://user:pass%2Dword@127.0.0.1:$port
[[ $(read_event) == 'by way of tinyproxy' ]] || fail "the event did not come with the password"
[[ $(opened guarded) == 2 ]] || fail "wanted 2 ways with the password, found $(opened guarded)"
"$HUBCTL" send "$device" 'once more' -l "$hub" || fail "the message did not go with the password"
for credentials in '' 'user:verysecret@'; do
    code=0
    said=$(HTTPS_PROXY=http://${credentials}127.0.0.1:$port read_event 2>&1) || code=$?
    [[ $code == 9 && $said == *'http://USER:PASSWORD@'* ]] || fail "without the right password: $code, $said"
    [[ $said != *verysecret* ]] || fail "the password was told: $said"
done

# A port that the proxy does not open ways to.
code=0
said=$(NO_PROXY='' timeout 30 "$HUBCTL" monitor-events -l "${hub/localhost/localhost:5671}" --transport amqp-ws 2>&1) || code=$?
[[ $code == 9 && $said == *'it answered 403'* ]] || fail "a forbidden port: $code, $said"
