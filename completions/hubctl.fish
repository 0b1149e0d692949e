# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_hubctl_global_optspecs
    string join \n q/quiet trace json color= h/help V/version
end

function __fish_hubctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_hubctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_hubctl_using_subcommand
    set -l cmd (__fish_hubctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c hubctl -n "__fish_hubctl_needs_command" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_needs_command" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_needs_command" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_needs_command" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hubctl -n "__fish_hubctl_needs_command" -s V -l version -d 'Print version'
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "sas-token" -d 'Make a SAS token, alone or as a file to flash'
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "inspect-token" -d 'Explain a SAS token: what it opens, until when, and what is wrong with it'
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "root-ca" -d 'Print the certificates that a device should pin, or show what a host presents'
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "dps" -d 'Make keys and tokens for the Device Provisioning Service, without any network'
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "send" -d 'Send messages as a device, over HTTPS, exactly as a board does'
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "monitor-events" -d 'Show what devices send, as it arrives'
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "emulator" -d 'Run an IoT Hub of your own on this machine'
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "demo" -d 'Walk the whole way on a hub of its own: token, message, event'
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "login" -d 'Save a hub\'s connection string, so that later commands need no --login'
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "logout" -d 'Forget what `hubctl login` has saved'
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "completions" -d 'Print the completions for a shell'
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -s m -l module -d 'A module of the device' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -s d -l duration -d 'How long the token is good for' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l expires-at -d 'When the token expires: RFC 3339, or milliseconds since 1970' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l key-type -d 'Which of the device\'s two keys to look up and sign with [default: primary]' -r -f -a "primary\t'The first'
secondary\t'The second, for rolling over without a gap'"
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l key -d 'Sign with this key (base64), with the key in @FILE, or with the one on standard input for -' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l hub -d 'The hub\'s host name, where --key signs' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -s f -l format -d 'How to write it down' -r -f -a "token\t'The token alone'
json\t'One JSON object'
c\t'A header for C and C++'
arduino\t'The same with the certificates in PROGMEM'
rust\t'A Rust file that needs no std'
nvs\t'The CSV that ESP-IDF\'s NVS partition generator reads'
cmake\t'set(NAME ...) lines for CMake'
env\t'NAME=\'value\' lines for a shell'
curl\t'A ready POST with curl'
mqtt\t'Host, port, client id, user name, password and topics for an MQTT client, as lines for a shell'
connection-string\t'HostName=...;DeviceId=...;SharedAccessSignature=...'"
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -s o -l output -d 'Write to this file (mode 0600, replaced whole, left alone where nothing changes) instead of standard output' -r -F
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l prefix -d 'Begin every name with this, such as DEV1_, in the formats that have names' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l min-left -d 'Leave FILE as it is while its token, made by the same key for the same use, has at least this long to run' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l for -d 'Leave out what only the other protocol needs; the token is the same for both' -r -f -a "mqtt\t'MQTT over TLS'
https\t'Posts over HTTPS'"
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -s l -l login -d 'Connection string, @FILE to read it from a file, or - for standard input' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l profile -d 'Use the profile of this name, saved by `hubctl login --profile NAME` [env: HUBCTL_PROFILE]' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l ca-file -d 'Trust the certificates in this PEM file besides the system\'s [env: HUBCTL_CA_FILE]' -r -F
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l amqp-port -d 'The hub\'s AMQP port [env: HUBCTL_AMQP_PORT] [default: 5671]' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l mqtt-port -d 'The hub\'s MQTT port [env: HUBCTL_MQTT_PORT] [default: 8883]' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l connect-timeout -d 'Give up a connection that is not made within this time' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l policy -d 'Sign with the policy\'s key of the hub\'s connection string: for the whole hub, or for DEVICE if it is named'
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l with-ca -d 'Add the certificates that the device must trust, as IOT_HUB_ROOT_CA'
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand sas-token" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hubctl -n "__fish_hubctl_using_subcommand inspect-token" -l key -d 'Check the signature with this key (base64), with the key in @FILE, or with the one on standard input for -' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand inspect-token" -l min-left -d 'End with exit code 12 unless the token still has this long to run' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand inspect-token" -s f -l format -d 'How to write it down; --json is the same as json here' -r -f -a "text\t'Lines for a person'
json\t'One JSON object'"
complete -c hubctl -n "__fish_hubctl_using_subcommand inspect-token" -s l -l login -d 'Connection string, @FILE to read it from a file, or - for standard input' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand inspect-token" -l profile -d 'Use the profile of this name, saved by `hubctl login --profile NAME` [env: HUBCTL_PROFILE]' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand inspect-token" -l ca-file -d 'Trust the certificates in this PEM file besides the system\'s [env: HUBCTL_CA_FILE]' -r -F
complete -c hubctl -n "__fish_hubctl_using_subcommand inspect-token" -l amqp-port -d 'The hub\'s AMQP port [env: HUBCTL_AMQP_PORT] [default: 5671]' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand inspect-token" -l mqtt-port -d 'The hub\'s MQTT port [env: HUBCTL_MQTT_PORT] [default: 8883]' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand inspect-token" -l connect-timeout -d 'Give up a connection that is not made within this time' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand inspect-token" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_using_subcommand inspect-token" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand inspect-token" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand inspect-token" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand inspect-token" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hubctl -n "__fish_hubctl_using_subcommand root-ca" -l port -d 'The host\'s port, such as 8883 for MQTT or 5671 for AMQP [default: 443]' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand root-ca" -s f -l format -d 'How to write it down; with HOST, c and rust hold the anchor that its chain ends in, and pem the chain as presented [default: pem, and text with HOST]' -r -f -a "text\t'Lines for a person'
pem\t'PEM'
c\t'A header for C and C++'
rust\t'A Rust file that needs no std'
json\t'One JSON object'"
complete -c hubctl -n "__fish_hubctl_using_subcommand root-ca" -l ca-file -d 'Trust the certificates in this PEM file besides the system\'s [env: HUBCTL_CA_FILE]' -r -F
complete -c hubctl -n "__fish_hubctl_using_subcommand root-ca" -l connect-timeout -d 'Give up a connection that is not made within this time' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand root-ca" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_using_subcommand root-ca" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand root-ca" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand root-ca" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand root-ca" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and not __fish_seen_subcommand_from derive-key token" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and not __fish_seen_subcommand_from derive-key token" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and not __fish_seen_subcommand_from derive-key token" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and not __fish_seen_subcommand_from derive-key token" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and not __fish_seen_subcommand_from derive-key token" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and not __fish_seen_subcommand_from derive-key token" -f -a "derive-key" -d 'Derive a device\'s key from its enrollment group\'s key'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and not __fish_seen_subcommand_from derive-key token" -f -a "token" -d 'Make a token to register a device with'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from derive-key" -l group-key -d 'The enrollment group\'s key (base64), @FILE, or - for standard input' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from derive-key" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from derive-key" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from derive-key" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from derive-key" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from derive-key" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -l scope -d 'The provisioning service\'s ID scope' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -l registration-id -d 'The device\'s registration id: letters in lower case, digits and - . _ :' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -l key -d 'The device\'s own key (base64), @FILE, or - for standard input' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -l group-key -d 'The enrollment group\'s key, from which the device\'s is derived' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -s d -l duration -d 'How long the token is good for' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -l expires-at -d 'When the token expires: RFC 3339, or milliseconds since 1970' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -l host -d 'The provisioning service\'s host name' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -s f -l format -d 'How to write it down' -r -f -a "token\t'The token alone'
json\t'One JSON object'
c\t'A header for C and C++'
arduino\t'The same with the certificates in PROGMEM'
rust\t'A Rust file that needs no std'
nvs\t'The CSV that ESP-IDF\'s NVS partition generator reads'
cmake\t'set(NAME ...) lines for CMake'
env\t'NAME=\'value\' lines for a shell'
curl\t'A ready POST with curl'
mqtt\t'Host, port, client id, user name, password and topics for an MQTT client, as lines for a shell'
connection-string\t'HostName=...;DeviceId=...;SharedAccessSignature=...'"
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -s o -l output -d 'Write to this file (mode 0600, replaced whole, left alone where nothing changes) instead of standard output' -r -F
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -l prefix -d 'Begin every name with this, such as DEV1_, in the formats that have names' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -l with-ca -d 'Add the certificates that the device must trust, as IOT_HUB_ROOT_CA'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand dps; and __fish_seen_subcommand_from token" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -s p -l property -d 'Add an application property; may be repeated' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l message-id -d 'The message\'s id' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l correlation-id -d 'The id of the message that this one answers' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l content-type -d 'What the body is, such as application/json' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l content-encoding -d 'How the body\'s text is encoded: utf-8, utf-16 or utf-32' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l count -d 'Send the message this often' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l interval -d 'Start a message this long after the one before' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l rate -d 'Send so many messages a second at the most' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l concurrency -d 'Requests under way at the same time; with 1, order is kept' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l retries -d 'Try a message this often again after 408, 429, 5xx and broken connections' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -s l -l login -d 'Connection string, @FILE to read it from a file, or - for standard input' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l profile -d 'Use the profile of this name, saved by `hubctl login --profile NAME` [env: HUBCTL_PROFILE]' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l ca-file -d 'Trust the certificates in this PEM file besides the system\'s [env: HUBCTL_CA_FILE]' -r -F
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l amqp-port -d 'The hub\'s AMQP port [env: HUBCTL_AMQP_PORT] [default: 5671]' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l mqtt-port -d 'The hub\'s MQTT port [env: HUBCTL_MQTT_PORT] [default: 8883]' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l connect-timeout -d 'Give up a connection that is not made within this time' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l template -d 'Fill in what stands in braces in the message, its ids and property values: n (the message\'s number), uuid, now, random:20..30 and device'
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l lines -d 'Send each line of the input as a message of its own; empty lines are skipped and counted'
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l batch -d 'Pack messages into requests of up to 500 messages and 256 KB'
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l no-retry -d 'Try each message once'
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l print-request -d 'Print the first request (with --batch, the first batch) as a curl command, its token masked, and send nothing'
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand send" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -s c -l consumer-group -d 'The consumer group to read in' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -s s -l start-time -d 'Begin with what the hub enqueued at this time: RFC 3339, milliseconds since 1970, or 10m for ten minutes ago' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -l from -d 'Begin here: earliest, latest, offset:X, seq:N or last:N (of each partition), or a time as --start-time has it' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -s d -l duration -d 'Stop after this time' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -l count -d 'Stop after this many events; with --duration, exit code 12 where they did not come in time' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -l partition -d 'Only this partition; may be given several times' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -s f -l format -d 'How to show events' -r -f -a "text\t'Blocks for people'
json\t'JSON objects over several lines'
ndjson\t'One JSON object a line'"
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -s l -l login -d 'Connection string, @FILE to read it from a file, or - for standard input' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -l profile -d 'Use the profile of this name, saved by `hubctl login --profile NAME` [env: HUBCTL_PROFILE]' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -l ca-file -d 'Trust the certificates in this PEM file besides the system\'s [env: HUBCTL_CA_FILE]' -r -F
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -l amqp-port -d 'The hub\'s AMQP port [env: HUBCTL_AMQP_PORT] [default: 5671]' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -l mqtt-port -d 'The hub\'s MQTT port [env: HUBCTL_MQTT_PORT] [default: 8883]' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -l connect-timeout -d 'Give up a connection that is not made within this time' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -s v -l verbose -d 'Show system properties and annotations as well'
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -s r -l raw -d 'Show bodies alone, with the properties on a line of their own where there are any'
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand monitor-events" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l host -d 'The address to listen on' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l hostname -d 'A further name or address that the hub is reached by, for its certificate and for tokens' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l https-port -d 'The port for REST; 0 takes any that is free' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l amqps-port -d 'The port for AMQP over TLS; 0 takes any that is free' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l plain-amqp-port -d 'Serve AMQP without TLS as well, for Event Hubs clients with UseDevelopmentEmulator=true; loopback only' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l partitions -d 'How many partitions the events are spread over, from 1 to 32' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l device -d 'A device that is there from the start; may be given several times' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l consumer-group -d 'A consumer group beside $Default; may be given several times' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l data-dir -d 'Where the certificate authority and the keys are kept; devices and events are not' -r -F
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l allow-remote -d 'Listen on an address that other machines reach'
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l standard-ports -d 'Take ports 443 and 5671, so that connection strings carry none'
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l print-env -d 'Print `export` lines for a shell instead of JSON, once it is ready'
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hubctl -n "__fish_hubctl_using_subcommand demo" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_using_subcommand demo" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand demo" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand demo" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hubctl -n "__fish_hubctl_using_subcommand login" -s l -l login -d 'The same, as every other command has it' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand login" -l profile -d 'Save it under this name' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand login" -s d -l duration -d 'How long the saved token is good for' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand login" -l ca-file -d 'Save these trust anchors with it' -r -F
complete -c hubctl -n "__fish_hubctl_using_subcommand login" -l amqp-port -d 'Save this AMQP port with it' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand login" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_using_subcommand login" -l token -d 'Save a token made from the key instead of the key itself'
complete -c hubctl -n "__fish_hubctl_using_subcommand login" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand login" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand login" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand login" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hubctl -n "__fish_hubctl_using_subcommand logout" -l profile -d 'Forget this profile rather than the current one' -r
complete -c hubctl -n "__fish_hubctl_using_subcommand logout" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_using_subcommand logout" -l all -d 'Forget every profile'
complete -c hubctl -n "__fish_hubctl_using_subcommand logout" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand logout" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand logout" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hubctl -n "__fish_hubctl_using_subcommand completions" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_using_subcommand completions" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand completions" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand completions" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
