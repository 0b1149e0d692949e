
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
            cand inspect-token 'Explain a SAS token: what it opens, until when, and what is wrong with it'
            cand root-ca 'Print the certificates that a device should pin, or show what a host presents'
            cand dps 'Make keys and tokens for the Device Provisioning Service, without any network'
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
            cand --min-left 'Leave FILE as it is while its token, made by the same key for the same use, has at least this long to run'
            cand --for 'Leave out what only the other protocol needs; the token is the same for both'
            cand -l 'Connection string, @FILE to read it from a file, or - for standard input'
            cand --login 'Connection string, @FILE to read it from a file, or - for standard input'
            cand --profile 'Use the profile of this name, saved by `hubctl login --profile NAME` [env: HUBCTL_PROFILE]'
            cand --ca-file 'Trust the certificates in this PEM file besides the system''s [env: HUBCTL_CA_FILE]'
            cand --amqp-port 'The hub''s AMQP port [env: HUBCTL_AMQP_PORT] [default: 5671]'
            cand --mqtt-port 'The hub''s MQTT port [env: HUBCTL_MQTT_PORT] [default: 8883]'
            cand --connect-timeout 'Give up a connection that is not made within this time'
            cand --color 'When to use colour; NO_COLOR is honoured'
            cand --policy 'Sign with the policy''s key of the hub''s connection string: for the whole hub, or for DEVICE if it is named'
            cand --with-ca 'Add the certificates that the device must trust, as IOT_HUB_ROOT_CA'
            cand -q 'Say nothing but results, warnings and errors'
            cand --quiet 'Say nothing but results, warnings and errors'
            cand --trace 'Tell on stderr what goes over the wire, secrets masked'
            cand --json 'Errors as one JSON object on stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'hubctl;inspect-token'= {
            cand --key 'Check the signature with this key (base64), with the key in @FILE, or with the one on standard input for -'
            cand --min-left 'End with exit code 12 unless the token still has this long to run'
            cand -f 'How to write it down'
            cand --format 'How to write it down'
            cand -l 'Connection string, @FILE to read it from a file, or - for standard input'
            cand --login 'Connection string, @FILE to read it from a file, or - for standard input'
            cand --profile 'Use the profile of this name, saved by `hubctl login --profile NAME` [env: HUBCTL_PROFILE]'
            cand --ca-file 'Trust the certificates in this PEM file besides the system''s [env: HUBCTL_CA_FILE]'
            cand --amqp-port 'The hub''s AMQP port [env: HUBCTL_AMQP_PORT] [default: 5671]'
            cand --connect-timeout 'Give up a connection that is not made within this time'
            cand --color 'When to use colour; NO_COLOR is honoured'
            cand -q 'Say nothing but results, warnings and errors'
            cand --quiet 'Say nothing but results, warnings and errors'
            cand --trace 'Tell on stderr what goes over the wire, secrets masked'
            cand --json 'Errors as one JSON object on stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'hubctl;root-ca'= {
            cand --port 'The host''s port, such as 8883 for MQTT or 5671 for AMQP [default: 443]'
            cand -f 'How to write it down; with HOST, c and rust hold the anchor that its chain ends in, and pem the chain as presented [default: pem, and text with HOST]'
            cand --format 'How to write it down; with HOST, c and rust hold the anchor that its chain ends in, and pem the chain as presented [default: pem, and text with HOST]'
            cand --ca-file 'Trust the certificates in this PEM file besides the system''s [env: HUBCTL_CA_FILE]'
            cand --connect-timeout 'Give up a connection that is not made within this time'
            cand --color 'When to use colour; NO_COLOR is honoured'
            cand -q 'Say nothing but results, warnings and errors'
            cand --quiet 'Say nothing but results, warnings and errors'
            cand --trace 'Tell on stderr what goes over the wire, secrets masked'
            cand --json 'Errors as one JSON object on stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'hubctl;dps'= {
            cand --color 'When to use colour; NO_COLOR is honoured'
            cand -q 'Say nothing but results, warnings and errors'
            cand --quiet 'Say nothing but results, warnings and errors'
            cand --trace 'Tell on stderr what goes over the wire, secrets masked'
            cand --json 'Errors as one JSON object on stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand derive-key 'Derive a device''s key from its enrollment group''s key'
            cand token 'Make a token to register a device with'
        }
        &'hubctl;dps;derive-key'= {
            cand --group-key 'The enrollment group''s key (base64), @FILE, or - for standard input'
            cand --color 'When to use colour; NO_COLOR is honoured'
            cand -q 'Say nothing but results, warnings and errors'
            cand --quiet 'Say nothing but results, warnings and errors'
            cand --trace 'Tell on stderr what goes over the wire, secrets masked'
            cand --json 'Errors as one JSON object on stderr'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'hubctl;dps;token'= {
            cand --scope 'The provisioning service''s ID scope'
            cand --registration-id 'The device''s registration id: letters in lower case, digits and - . _ :'
            cand --key 'The device''s own key (base64), @FILE, or - for standard input'
            cand --group-key 'The enrollment group''s key, from which the device''s is derived'
            cand -d 'How long the token is good for'
            cand --duration 'How long the token is good for'
            cand --expires-at 'When the token expires: RFC 3339, or milliseconds since 1970'
            cand --host 'The provisioning service''s host name'
            cand -f 'How to write it down'
            cand --format 'How to write it down'
            cand -o 'Write to this file (mode 0600, replaced whole, left alone where nothing changes) instead of standard output'
            cand --output 'Write to this file (mode 0600, replaced whole, left alone where nothing changes) instead of standard output'
            cand --prefix 'Begin every name with this, such as DEV1_, in the formats that have names'
            cand --color 'When to use colour; NO_COLOR is honoured'
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
