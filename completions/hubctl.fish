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
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "login" -d 'Save a hub\'s connection string, so that later commands need no --login'
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "logout" -d 'Forget what `hubctl login` has saved'
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "emulator" -d 'Run an IoT Hub of your own on this machine'
complete -c hubctl -n "__fish_hubctl_needs_command" -f -a "completions" -d 'Print the completions for a shell'
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
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l print-env -d 'Print lines for a shell\'s eval instead of JSON, once it is ready'
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand emulator" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c hubctl -n "__fish_hubctl_using_subcommand completions" -l color -d 'When to use colour; NO_COLOR is honoured' -r -f -a "auto\t'On a terminal'
always\t'Everywhere'
never\t'Nowhere'"
complete -c hubctl -n "__fish_hubctl_using_subcommand completions" -s q -l quiet -d 'Say nothing but results, warnings and errors'
complete -c hubctl -n "__fish_hubctl_using_subcommand completions" -l trace -d 'Tell on stderr what goes over the wire, secrets masked'
complete -c hubctl -n "__fish_hubctl_using_subcommand completions" -l json -d 'Errors as one JSON object on stderr'
complete -c hubctl -n "__fish_hubctl_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
