
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'hubctl' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'hubctl'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'hubctl' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; NO_COLOR is honoured')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Tell on stderr what goes over the wire, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Errors as one JSON object on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('sas-token', 'sas-token', [CompletionResultType]::ParameterValue, 'Make a SAS token, alone or as a file to flash')
            [CompletionResult]::new('inspect-token', 'inspect-token', [CompletionResultType]::ParameterValue, 'Explain a SAS token: what it opens, until when, and what is wrong with it')
            [CompletionResult]::new('root-ca', 'root-ca', [CompletionResultType]::ParameterValue, 'Print the certificates that a device should pin, or show what a host presents')
            [CompletionResult]::new('dps', 'dps', [CompletionResultType]::ParameterValue, 'Make keys and tokens for the Device Provisioning Service, without any network')
            [CompletionResult]::new('send', 'send', [CompletionResultType]::ParameterValue, 'Send messages as a device, over HTTPS, exactly as a board does')
            [CompletionResult]::new('monitor-events', 'monitor-events', [CompletionResultType]::ParameterValue, 'Show what devices send, as it arrives')
            [CompletionResult]::new('emulator', 'emulator', [CompletionResultType]::ParameterValue, 'Run an IoT Hub of your own on this machine')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Walk the whole way on a hub of its own: token, message, event')
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Save a hub''s connection string, so that later commands need no --login')
            [CompletionResult]::new('logout', 'logout', [CompletionResultType]::ParameterValue, 'Forget what `hubctl login` has saved')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completions for a shell')
            break
        }
        'hubctl;sas-token' {
            [CompletionResult]::new('-m', '-m', [CompletionResultType]::ParameterName, 'A module of the device')
            [CompletionResult]::new('--module', '--module', [CompletionResultType]::ParameterName, 'A module of the device')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'How long the token is good for')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'How long the token is good for')
            [CompletionResult]::new('--expires-at', '--expires-at', [CompletionResultType]::ParameterName, 'When the token expires: RFC 3339, or milliseconds since 1970')
            [CompletionResult]::new('--key-type', '--key-type', [CompletionResultType]::ParameterName, 'Which of the device''s two keys to look up and sign with [default: primary]')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Sign with this key (base64), with the key in @FILE, or with the one on standard input for -')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'The hub''s host name, where --key signs')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'How to write it down')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to write it down')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to this file (mode 0600, replaced whole, left alone where nothing changes) instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to this file (mode 0600, replaced whole, left alone where nothing changes) instead of standard output')
            [CompletionResult]::new('--prefix', '--prefix', [CompletionResultType]::ParameterName, 'Begin every name with this, such as DEV1_, in the formats that have names')
            [CompletionResult]::new('--min-left', '--min-left', [CompletionResultType]::ParameterName, 'Leave FILE as it is while its token, made by the same key for the same use, has at least this long to run')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'Leave out what only the other protocol needs; the token is the same for both')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Connection string, @FILE to read it from a file, or - for standard input')
            [CompletionResult]::new('--login', '--login', [CompletionResultType]::ParameterName, 'Connection string, @FILE to read it from a file, or - for standard input')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Use the profile of this name, saved by `hubctl login --profile NAME` [env: HUBCTL_PROFILE]')
            [CompletionResult]::new('--ca-file', '--ca-file', [CompletionResultType]::ParameterName, 'Trust the certificates in this PEM file besides the system''s [env: HUBCTL_CA_FILE]')
            [CompletionResult]::new('--amqp-port', '--amqp-port', [CompletionResultType]::ParameterName, 'The hub''s AMQP port [env: HUBCTL_AMQP_PORT] [default: 5671]')
            [CompletionResult]::new('--mqtt-port', '--mqtt-port', [CompletionResultType]::ParameterName, 'The hub''s MQTT port [env: HUBCTL_MQTT_PORT] [default: 8883]')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Give up a connection that is not made within this time')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; NO_COLOR is honoured')
            [CompletionResult]::new('--policy', '--policy', [CompletionResultType]::ParameterName, 'Sign with the policy''s key of the hub''s connection string: for the whole hub, or for DEVICE if it is named')
            [CompletionResult]::new('--with-ca', '--with-ca', [CompletionResultType]::ParameterName, 'Add the certificates that the device must trust, as IOT_HUB_ROOT_CA')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Tell on stderr what goes over the wire, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Errors as one JSON object on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'hubctl;inspect-token' {
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'Check the signature with this key (base64), with the key in @FILE, or with the one on standard input for -')
            [CompletionResult]::new('--min-left', '--min-left', [CompletionResultType]::ParameterName, 'End with exit code 12 unless the token still has this long to run')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'How to write it down; --json is the same as json here')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to write it down; --json is the same as json here')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Connection string, @FILE to read it from a file, or - for standard input')
            [CompletionResult]::new('--login', '--login', [CompletionResultType]::ParameterName, 'Connection string, @FILE to read it from a file, or - for standard input')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Use the profile of this name, saved by `hubctl login --profile NAME` [env: HUBCTL_PROFILE]')
            [CompletionResult]::new('--ca-file', '--ca-file', [CompletionResultType]::ParameterName, 'Trust the certificates in this PEM file besides the system''s [env: HUBCTL_CA_FILE]')
            [CompletionResult]::new('--amqp-port', '--amqp-port', [CompletionResultType]::ParameterName, 'The hub''s AMQP port [env: HUBCTL_AMQP_PORT] [default: 5671]')
            [CompletionResult]::new('--mqtt-port', '--mqtt-port', [CompletionResultType]::ParameterName, 'The hub''s MQTT port [env: HUBCTL_MQTT_PORT] [default: 8883]')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Give up a connection that is not made within this time')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; NO_COLOR is honoured')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Tell on stderr what goes over the wire, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Errors as one JSON object on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'hubctl;root-ca' {
            [CompletionResult]::new('--port', '--port', [CompletionResultType]::ParameterName, 'The host''s port, such as 8883 for MQTT or 5671 for AMQP [default: 443]')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'How to write it down; with HOST, c and rust hold the anchor that its chain ends in, and pem the chain as presented [default: pem, and text with HOST]')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to write it down; with HOST, c and rust hold the anchor that its chain ends in, and pem the chain as presented [default: pem, and text with HOST]')
            [CompletionResult]::new('--ca-file', '--ca-file', [CompletionResultType]::ParameterName, 'Trust the certificates in this PEM file besides the system''s [env: HUBCTL_CA_FILE]')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Give up a connection that is not made within this time')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; NO_COLOR is honoured')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Tell on stderr what goes over the wire, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Errors as one JSON object on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'hubctl;dps' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; NO_COLOR is honoured')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Tell on stderr what goes over the wire, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Errors as one JSON object on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('derive-key', 'derive-key', [CompletionResultType]::ParameterValue, 'Derive a device''s key from its enrollment group''s key')
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Make a token to register a device with')
            break
        }
        'hubctl;dps;derive-key' {
            [CompletionResult]::new('--group-key', '--group-key', [CompletionResultType]::ParameterName, 'The enrollment group''s key (base64), @FILE, or - for standard input')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; NO_COLOR is honoured')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Tell on stderr what goes over the wire, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Errors as one JSON object on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'hubctl;dps;token' {
            [CompletionResult]::new('--scope', '--scope', [CompletionResultType]::ParameterName, 'The provisioning service''s ID scope')
            [CompletionResult]::new('--registration-id', '--registration-id', [CompletionResultType]::ParameterName, 'The device''s registration id: letters in lower case, digits and - . _ :')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The device''s own key (base64), @FILE, or - for standard input')
            [CompletionResult]::new('--group-key', '--group-key', [CompletionResultType]::ParameterName, 'The enrollment group''s key, from which the device''s is derived')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'How long the token is good for')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'How long the token is good for')
            [CompletionResult]::new('--expires-at', '--expires-at', [CompletionResultType]::ParameterName, 'When the token expires: RFC 3339, or milliseconds since 1970')
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The provisioning service''s host name')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'How to write it down')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to write it down')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to this file (mode 0600, replaced whole, left alone where nothing changes) instead of standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write to this file (mode 0600, replaced whole, left alone where nothing changes) instead of standard output')
            [CompletionResult]::new('--prefix', '--prefix', [CompletionResultType]::ParameterName, 'Begin every name with this, such as DEV1_, in the formats that have names')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; NO_COLOR is honoured')
            [CompletionResult]::new('--with-ca', '--with-ca', [CompletionResultType]::ParameterName, 'Add the certificates that the device must trust, as IOT_HUB_ROOT_CA')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Tell on stderr what goes over the wire, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Errors as one JSON object on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'hubctl;send' {
            [CompletionResult]::new('-p', '-p', [CompletionResultType]::ParameterName, 'Add an application property; may be repeated')
            [CompletionResult]::new('--property', '--property', [CompletionResultType]::ParameterName, 'Add an application property; may be repeated')
            [CompletionResult]::new('--message-id', '--message-id', [CompletionResultType]::ParameterName, 'The message''s id')
            [CompletionResult]::new('--correlation-id', '--correlation-id', [CompletionResultType]::ParameterName, 'The id of the message that this one answers')
            [CompletionResult]::new('--content-type', '--content-type', [CompletionResultType]::ParameterName, 'What the body is, such as application/json')
            [CompletionResult]::new('--content-encoding', '--content-encoding', [CompletionResultType]::ParameterName, 'How the body''s text is encoded: utf-8, utf-16 or utf-32')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Send the message this often')
            [CompletionResult]::new('--interval', '--interval', [CompletionResultType]::ParameterName, 'Start a message this long after the one before')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Send so many messages a second at the most')
            [CompletionResult]::new('--concurrency', '--concurrency', [CompletionResultType]::ParameterName, 'Requests under way at the same time; with 1, order is kept')
            [CompletionResult]::new('--retries', '--retries', [CompletionResultType]::ParameterName, 'Try a message this often again after 408, 429, 5xx and broken connections')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Connection string, @FILE to read it from a file, or - for standard input')
            [CompletionResult]::new('--login', '--login', [CompletionResultType]::ParameterName, 'Connection string, @FILE to read it from a file, or - for standard input')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Use the profile of this name, saved by `hubctl login --profile NAME` [env: HUBCTL_PROFILE]')
            [CompletionResult]::new('--ca-file', '--ca-file', [CompletionResultType]::ParameterName, 'Trust the certificates in this PEM file besides the system''s [env: HUBCTL_CA_FILE]')
            [CompletionResult]::new('--amqp-port', '--amqp-port', [CompletionResultType]::ParameterName, 'The hub''s AMQP port [env: HUBCTL_AMQP_PORT] [default: 5671]')
            [CompletionResult]::new('--mqtt-port', '--mqtt-port', [CompletionResultType]::ParameterName, 'The hub''s MQTT port [env: HUBCTL_MQTT_PORT] [default: 8883]')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Give up a connection that is not made within this time')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; NO_COLOR is honoured')
            [CompletionResult]::new('--template', '--template', [CompletionResultType]::ParameterName, 'Fill in what stands in braces in the message, its ids and property values: n (the message''s number), uuid, now, random:20..30 and device')
            [CompletionResult]::new('--lines', '--lines', [CompletionResultType]::ParameterName, 'Send each line of the input as a message of its own; empty lines are skipped and counted')
            [CompletionResult]::new('--batch', '--batch', [CompletionResultType]::ParameterName, 'Pack messages into requests of up to 500 messages and 256 KB')
            [CompletionResult]::new('--no-retry', '--no-retry', [CompletionResultType]::ParameterName, 'Try each message once')
            [CompletionResult]::new('--print-request', '--print-request', [CompletionResultType]::ParameterName, 'Print the first request (with --batch, the first batch) as a curl command, its token masked, and send nothing')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Tell on stderr what goes over the wire, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Errors as one JSON object on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'hubctl;monitor-events' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The consumer group to read in')
            [CompletionResult]::new('--consumer-group', '--consumer-group', [CompletionResultType]::ParameterName, 'The consumer group to read in')
            [CompletionResult]::new('-s', '-s', [CompletionResultType]::ParameterName, 'Begin with what the hub enqueued at this time: RFC 3339, milliseconds since 1970, or 10m for ten minutes ago')
            [CompletionResult]::new('--start-time', '--start-time', [CompletionResultType]::ParameterName, 'Begin with what the hub enqueued at this time: RFC 3339, milliseconds since 1970, or 10m for ten minutes ago')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Begin here: earliest, latest, offset:X, seq:N or last:N (of each partition), or a time as --start-time has it')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'Stop after this time')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'Stop after this time')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Stop after this many events; with --duration, exit code 12 where they did not come in time')
            [CompletionResult]::new('--partition', '--partition', [CompletionResultType]::ParameterName, 'Only this partition; may be given several times')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'How to show events')
            [CompletionResult]::new('--format', '--format', [CompletionResultType]::ParameterName, 'How to show events')
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'Connection string, @FILE to read it from a file, or - for standard input')
            [CompletionResult]::new('--login', '--login', [CompletionResultType]::ParameterName, 'Connection string, @FILE to read it from a file, or - for standard input')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Use the profile of this name, saved by `hubctl login --profile NAME` [env: HUBCTL_PROFILE]')
            [CompletionResult]::new('--ca-file', '--ca-file', [CompletionResultType]::ParameterName, 'Trust the certificates in this PEM file besides the system''s [env: HUBCTL_CA_FILE]')
            [CompletionResult]::new('--amqp-port', '--amqp-port', [CompletionResultType]::ParameterName, 'The hub''s AMQP port [env: HUBCTL_AMQP_PORT] [default: 5671]')
            [CompletionResult]::new('--mqtt-port', '--mqtt-port', [CompletionResultType]::ParameterName, 'The hub''s MQTT port [env: HUBCTL_MQTT_PORT] [default: 8883]')
            [CompletionResult]::new('--connect-timeout', '--connect-timeout', [CompletionResultType]::ParameterName, 'Give up a connection that is not made within this time')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; NO_COLOR is honoured')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Show system properties and annotations as well')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Show system properties and annotations as well')
            [CompletionResult]::new('-r', '-r', [CompletionResultType]::ParameterName, 'Show bodies alone, with the properties on a line of their own where there are any')
            [CompletionResult]::new('--raw', '--raw', [CompletionResultType]::ParameterName, 'Show bodies alone, with the properties on a line of their own where there are any')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Tell on stderr what goes over the wire, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Errors as one JSON object on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'hubctl;emulator' {
            [CompletionResult]::new('--host', '--host', [CompletionResultType]::ParameterName, 'The address to listen on')
            [CompletionResult]::new('--hostname', '--hostname', [CompletionResultType]::ParameterName, 'A further name or address that the hub is reached by, for its certificate and for tokens')
            [CompletionResult]::new('--https-port', '--https-port', [CompletionResultType]::ParameterName, 'The port for REST; 0 takes any that is free')
            [CompletionResult]::new('--amqps-port', '--amqps-port', [CompletionResultType]::ParameterName, 'The port for AMQP over TLS; 0 takes any that is free')
            [CompletionResult]::new('--plain-amqp-port', '--plain-amqp-port', [CompletionResultType]::ParameterName, 'Serve AMQP without TLS as well, for Event Hubs clients with UseDevelopmentEmulator=true; loopback only')
            [CompletionResult]::new('--partitions', '--partitions', [CompletionResultType]::ParameterName, 'How many partitions the events are spread over, from 1 to 32')
            [CompletionResult]::new('--device', '--device', [CompletionResultType]::ParameterName, 'A device that is there from the start; may be given several times')
            [CompletionResult]::new('--consumer-group', '--consumer-group', [CompletionResultType]::ParameterName, 'A consumer group beside $Default; may be given several times')
            [CompletionResult]::new('--data-dir', '--data-dir', [CompletionResultType]::ParameterName, 'Where the certificate authority and the keys are kept; devices and events are not')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; NO_COLOR is honoured')
            [CompletionResult]::new('--allow-remote', '--allow-remote', [CompletionResultType]::ParameterName, 'Listen on an address that other machines reach')
            [CompletionResult]::new('--standard-ports', '--standard-ports', [CompletionResultType]::ParameterName, 'Take ports 443 and 5671, so that connection strings carry none')
            [CompletionResult]::new('--print-env', '--print-env', [CompletionResultType]::ParameterName, 'Print `export` lines for a shell instead of JSON, once it is ready')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Tell on stderr what goes over the wire, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Errors as one JSON object on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'hubctl;demo' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; NO_COLOR is honoured')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Tell on stderr what goes over the wire, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Errors as one JSON object on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'hubctl;login' {
            [CompletionResult]::new('-l', '-l', [CompletionResultType]::ParameterName, 'The same, as every other command has it')
            [CompletionResult]::new('--login', '--login', [CompletionResultType]::ParameterName, 'The same, as every other command has it')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Save it under this name')
            [CompletionResult]::new('-d', '-d', [CompletionResultType]::ParameterName, 'How long the saved token is good for')
            [CompletionResult]::new('--duration', '--duration', [CompletionResultType]::ParameterName, 'How long the saved token is good for')
            [CompletionResult]::new('--ca-file', '--ca-file', [CompletionResultType]::ParameterName, 'Save these trust anchors with it')
            [CompletionResult]::new('--amqp-port', '--amqp-port', [CompletionResultType]::ParameterName, 'Save this AMQP port with it')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; NO_COLOR is honoured')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Save a token made from the key instead of the key itself')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Tell on stderr what goes over the wire, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Errors as one JSON object on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'hubctl;logout' {
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Forget this profile rather than the current one')
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; NO_COLOR is honoured')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Forget every profile')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Tell on stderr what goes over the wire, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Errors as one JSON object on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'hubctl;completions' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour; NO_COLOR is honoured')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Say nothing but results, warnings and errors')
            [CompletionResult]::new('--trace', '--trace', [CompletionResultType]::ParameterName, 'Tell on stderr what goes over the wire, secrets masked')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Errors as one JSON object on stderr')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
