
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
            cand emulator 'Run an IoT Hub of your own on this machine'
            cand monitor-events 'Show what devices send, as it arrives'
            cand sas-token 'Make a SAS token, alone or as a file to flash'
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
        &'hubctl;monitor-events'= {
            cand -c 'The consumer group to read in'
            cand --consumer-group 'The consumer group to read in'
            cand -s 'Begin with what the hub enqueued at this time: RFC 3339, milliseconds since 1970, or 10m for ten minutes ago'
            cand --start-time 'Begin with what the hub enqueued at this time: RFC 3339, milliseconds since 1970, or 10m for ten minutes ago'
            cand --from 'Begin here: earliest, latest, offset:X, seq:N or last:N (of each partition), or a time as --start-time has it'
            cand -d 'Stop after this time'
            cand --duration 'Stop after this time'
            cand --count 'Stop after this many events; with --duration, exit code 12 where they did not come in time'
            cand --partition 'Only this partition; may be given several times'
            cand -f 'How to show events'
            cand --format 'How to show events'
            cand -l 'Connection string, @FILE to read it from a file, or - for standard input'
            cand --login 'Connection string, @FILE to read it from a file, or - for standard input'
            cand --profile 'Use the profile of this name, saved by `hubctl login --profile NAME` [env: HUBCTL_PROFILE]'
            cand --ca-file 'Trust the certificates in this PEM file besides the system''s [env: HUBCTL_CA_FILE]'
            cand --amqp-port 'The hub''s AMQP port [env: HUBCTL_AMQP_PORT] [default: 5671]'
            cand --connect-timeout 'Give up a connection that is not made within this time'
            cand --color 'When to use colour; NO_COLOR is honoured'
            cand -v 'Show system properties and annotations as well'
            cand --verbose 'Show system properties and annotations as well'
            cand -r 'Show bodies alone, with the properties on a line of their own where there are any'
            cand --raw 'Show bodies alone, with the properties on a line of their own where there are any'
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
