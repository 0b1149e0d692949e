
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
