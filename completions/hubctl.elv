
use builtin;
use str;

set edit:completion:arg-completer[hubctl] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'hubctl'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'hubctl'= {
            cand --color 'When to use colour; NO_COLOR is honoured'
            cand -q 'Say nothing but results, warnings and errors'
            cand --quiet 'Say nothing but results, warnings and errors'
            cand --trace 'Tell on stderr what goes over the wire, secrets masked'
            cand --json 'Errors as one JSON object on stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand login 'Save a hub''s connection string, so that later commands need no --login'
            cand logout 'Forget what `hubctl login` has saved'
            cand sas-token 'Make a SAS token, alone or as a file to flash'
            cand emulator 'Run an IoT Hub of your own on this machine'
            cand send 'Send messages as a device, over HTTPS, exactly as a board does'
            cand completions 'Print the completions for a shell'
        }
        &'hubctl;login'= {
            cand -l 'The same, as every other command has it'
            cand --login 'The same, as every other command has it'
            cand --profile 'Save it under this name'
            cand -d 'How long the saved token is good for'
            cand --duration 'How long the saved token is good for'
            cand --ca-file 'Save these trust anchors with it'
            cand --amqp-port 'Save this AMQP port with it'
            cand --color 'When to use colour; NO_COLOR is honoured'
            cand --token 'Save a token made from the key instead of the key itself'
            cand -q 'Say nothing but results, warnings and errors'
            cand --quiet 'Say nothing but results, warnings and errors'
            cand --trace 'Tell on stderr what goes over the wire, secrets masked'
            cand --json 'Errors as one JSON object on stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'hubctl;logout'= {
            cand --profile 'Forget this profile rather than the current one'
            cand --color 'When to use colour; NO_COLOR is honoured'
            cand --all 'Forget every profile'
            cand -q 'Say nothing but results, warnings and errors'
            cand --quiet 'Say nothing but results, warnings and errors'
            cand --trace 'Tell on stderr what goes over the wire, secrets masked'
            cand --json 'Errors as one JSON object on stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'hubctl;sas-token'= {
            cand -m 'A module of the device'
            cand --module 'A module of the device'
            cand -d 'How long the token is good for'
            cand --duration 'How long the token is good for'
            cand --expires-at 'When the token expires: RFC 3339, or milliseconds since 1970'
            cand --key-type 'Which of the device''s two keys to look up and sign with [default: primary]'
            cand --key 'Sign with this key (base64), with the key in @FILE, or with the one on standard input for -'
            cand --hub 'The hub''s host name, where --key signs'
            cand -f 'How to write it down'
            cand --format 'How to write it down'
            cand -o 'Write to this file (mode 0600, replaced whole, left alone where nothing changes) instead of standard output'
            cand --output 'Write to this file (mode 0600, replaced whole, left alone where nothing changes) instead of standard output'
            cand --prefix 'Begin every name with this, such as DEV1_, in the formats that have names'
            cand -l 'Connection string, @FILE to read it from a file, or - for standard input'
            cand --login 'Connection string, @FILE to read it from a file, or - for standard input'
            cand --profile 'Use the profile of this name, saved by `hubctl login --profile NAME` [env: HUBCTL_PROFILE]'
            cand --ca-file 'Trust the certificates in this PEM file besides the system''s [env: HUBCTL_CA_FILE]'
            cand --amqp-port 'The hub''s AMQP port [env: HUBCTL_AMQP_PORT] [default: 5671]'
            cand --connect-timeout 'Give up a connection that is not made within this time'
            cand --color 'When to use colour; NO_COLOR is honoured'
            cand --policy 'Sign with the policy''s key of the hub''s connection string: for the whole hub, or for DEVICE if it is named'
            cand -q 'Say nothing but results, warnings and errors'
            cand --quiet 'Say nothing but results, warnings and errors'
            cand --trace 'Tell on stderr what goes over the wire, secrets masked'
            cand --json 'Errors as one JSON object on stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'hubctl;emulator'= {
            cand --host 'The address to listen on'
            cand --hostname 'A further name or address that the hub is reached by, for its certificate and for tokens'
            cand --https-port 'The port for REST; 0 takes any that is free'
            cand --amqps-port 'The port for AMQP over TLS; 0 takes any that is free'
            cand --plain-amqp-port 'Serve AMQP without TLS as well, for Event Hubs clients with UseDevelopmentEmulator=true; loopback only'
            cand --partitions 'How many partitions the events are spread over, from 1 to 32'
            cand --device 'A device that is there from the start; may be given several times'
            cand --consumer-group 'A consumer group beside $Default; may be given several times'
            cand --data-dir 'Where the certificate authority and the keys are kept; devices and events are not'
            cand --color 'When to use colour; NO_COLOR is honoured'
            cand --allow-remote 'Listen on an address that other machines reach'
            cand --standard-ports 'Take ports 443 and 5671, so that connection strings carry none'
            cand --print-env 'Print lines for a shell''s eval instead of JSON, once it is ready'
            cand -q 'Say nothing but results, warnings and errors'
            cand --quiet 'Say nothing but results, warnings and errors'
            cand --trace 'Tell on stderr what goes over the wire, secrets masked'
            cand --json 'Errors as one JSON object on stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'hubctl;send'= {
            cand -p 'Add an application property; may be repeated'
            cand --property 'Add an application property; may be repeated'
            cand --message-id 'The message''s id'
            cand --correlation-id 'The id of the message that this one answers'
            cand --content-type 'What the body is, such as application/json'
            cand --content-encoding 'How the body''s text is encoded: utf-8, utf-16 or utf-32'
            cand --count 'Send the message this often'
            cand --interval 'Start a message this long after the one before'
            cand --rate 'Send so many messages a second at the most'
            cand --concurrency 'Requests under way at the same time; with 1, order is kept'
            cand --retries 'Try a message this often again after 408, 429, 5xx and broken connections'
            cand -l 'Connection string, @FILE to read it from a file, or - for standard input'
            cand --login 'Connection string, @FILE to read it from a file, or - for standard input'
            cand --profile 'Use the profile of this name, saved by `hubctl login --profile NAME` [env: HUBCTL_PROFILE]'
            cand --ca-file 'Trust the certificates in this PEM file besides the system''s [env: HUBCTL_CA_FILE]'
            cand --amqp-port 'The hub''s AMQP port [env: HUBCTL_AMQP_PORT] [default: 5671]'
            cand --connect-timeout 'Give up a connection that is not made within this time'
            cand --color 'When to use colour; NO_COLOR is honoured'
            cand --template 'Fill {n}, {uuid}, {now}, {random:20..30} and {device} in the message, its ids and property values'
            cand --lines 'Send each line of the input as a message of its own'
            cand --batch 'Pack messages into requests of up to 500 messages and 256 KB'
            cand --no-retry 'Try each message once'
            cand --print-request 'Print the first request as a curl command, its token masked, and send nothing'
            cand -q 'Say nothing but results, warnings and errors'
            cand --quiet 'Say nothing but results, warnings and errors'
            cand --trace 'Tell on stderr what goes over the wire, secrets masked'
            cand --json 'Errors as one JSON object on stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'hubctl;completions'= {
            cand --color 'When to use colour; NO_COLOR is honoured'
            cand -q 'Say nothing but results, warnings and errors'
            cand --quiet 'Say nothing but results, warnings and errors'
            cand --trace 'Tell on stderr what goes over the wire, secrets masked'
            cand --json 'Errors as one JSON object on stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
    ]
    $completions[$command]
}
