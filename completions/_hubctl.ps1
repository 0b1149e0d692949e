
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
            [CompletionResult]::new('login', 'login', [CompletionResultType]::ParameterValue, 'Save a hub''s connection string, so that later commands need no --login')
            [CompletionResult]::new('logout', 'logout', [CompletionResultType]::ParameterValue, 'Forget what `hubctl login` has saved')
            [CompletionResult]::new('emulator', 'emulator', [CompletionResultType]::ParameterValue, 'Run an IoT Hub of your own on this machine')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completions for a shell')
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
            [CompletionResult]::new('--print-env', '--print-env', [CompletionResultType]::ParameterName, 'Print lines for a shell''s eval instead of JSON, once it is ready')
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
