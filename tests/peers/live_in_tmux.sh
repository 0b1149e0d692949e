#!/usr/bin/env bash
# A terminal that people use judges what is drawn: the table and the chart of monitor-events in tmux, through resizing and
# Ctrl-C, with what stood on the screen before left alone.
set -euo pipefail
device=tmux-1
IOTHUB_CONNECTION_STRING=$(jq -r .hubConnectionString "$PEERS_READY")
export IOTHUB_CONNECTION_STRING
folder=$(mktemp -d)
tmux() { command tmux -S "$folder/socket" -f /dev/null "$@"; }
trap 'tmux kill-server 2>/dev/null || true; rm -rf "$folder"' EXIT

screen() { tmux capture-pane -p -t live; }

fail() {
    echo "FAILED: $*" >&2
    screen >&2 || true
    exit 1
}

# wait_for WHAT PATTERN: until a line of the screen matches.
wait_for() {
    local deadline=$((SECONDS + 30))
    until screen | grep -Eq -- "$2"; do
        ((SECONDS < deadline)) || fail "$1 did not come"
        sleep 0.05
    done
}

gone() {
    local deadline=$((SECONDS + 30))
    while screen | grep -Eq -- "$2"; do
        ((SECONDS < deadline)) || fail "$1 did not go"
        sleep 0.05
    done
}

once() { [[ $(screen | grep -Ec -- "$1") == 1 ]] || fail "$1 stands there more than once, or not at all"; }

post() { "$HUBCTL" send "$device" "$1" -q; }

tmux new-session -d -s live -x 110 -y 24 "env PS1='prompt> ' sh -i"
wait_for "the shell" '^prompt>'
tmux send-keys -t live 'echo stands; "$HUBCTL" monitor-events '"$device"' --stats' Enter
wait_for "the partitions" 'partitions attached'
for value in 20 21 22; do post "{\"temperature\": $value}"; done
wait_for "three events" "^$device +3 "
once '^DEVICE'
tmux resize-window -t live -x 50 -y 24
gone "a column" '4 KB MSGS'
wait_for "the row" "^$device +3 "
once '^DEVICE'
tmux resize-window -t live -x 110 -y 24
wait_for "the column" '4 KB MSGS'
once '^DEVICE'
# What stood above may have scrolled out while lines were wrapped, but is still there.
[[ $(tmux capture-pane -p -S - -t live | grep -c '^stands') == 1 ]] || fail "what stood above is gone"
tmux send-keys -t live C-c
wait_for "the end" '^interrupted: 3 events'
wait_for "the shell" '^prompt> *$'
once '^total +3 '
[[ $(tmux display-message -p -t live '#{cursor_flag}') == 1 ]] || fail "the cursor is gone"

tmux send-keys -t live 'clear; "$HUBCTL" monitor-events '"$device"' --plot temperature --from earliest' Enter
wait_for "the last value" "● $device temperature 22"
post '{"temperature": 99.5}'
wait_for "the new value" "● $device temperature 99.5"
once "● $device temperature"
once '└'
tmux send-keys -t live C-c
wait_for "the end" '^interrupted: 4 events'
