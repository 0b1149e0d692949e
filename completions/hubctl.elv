
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
