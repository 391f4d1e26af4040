function __apinatord_should_offer_completions_for_flags_or_options -a expected_commands
    set -l non_repeating_flags_or_options $argv[2..]
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __apinatord_parse_tokens
    test "$commands" = "$expected_commands"; and return $non_repeating_flags_or_options_absent
end

function __apinatord_should_offer_completions_for_positional -a expected_commands positional_index_comparison expected_positional_index
    set -l non_repeating_flags_or_options
    set -l non_repeating_flags_or_options_absent 0
    set -l positional_index 0
    set -l commands
    __apinatord_parse_tokens
    test "$commands" = "$expected_commands" -a \( "$positional_index" "$positional_index_comparison" "$expected_positional_index" \)
end

function __apinatord_parse_tokens -S
    set -l unparsed_tokens (__apinatord_tokens -pc)
    switch $unparsed_tokens[1]
    case 'apinatord'
        __apinatord_parse_subcommand 0 'version' 'h/help'
        switch $unparsed_tokens[1]
        case 'serve'
            __apinatord_parse_subcommand 0 'c/config=' 'sandbox' 'sandbox-port=' 'version' 'h/help'
        case 'check-config'
            __apinatord_parse_subcommand 1 'sandbox' 'version' 'h/help'
        case 'sandbox'
            __apinatord_parse_subcommand 0 'host=' 'port=' 'app-key=' 'app-secret=' 'app-id=' 'certificate=' 'key=' 'auth-delay=' 'quiet' 'version' 'h/help'
        case 'version'
            __apinatord_parse_subcommand 0 'v/verbose' 'version' 'h/help'
        case 'help'
            __apinatord_parse_subcommand -r 1 'version'
        end
    end
end

function __apinatord_tokens
    if test (string split -m 1 -f 1 -- . "$FISH_VERSION") -gt 3
        commandline --tokens-raw $argv
    else
        commandline -o $argv
    end
end

function __apinatord_parse_subcommand -S -a positional_count
    argparse -s r -- $argv
    set -l option_specs $argv[2..]
    set -l is_repeating_positional $_flag_r
    set -el _flag_r
    set -a commands $unparsed_tokens[1]
    set positional_index 0
    while true
        set -e unparsed_tokens[1]
        argparse -sn "$commands" $option_specs -- $unparsed_tokens 2> /dev/null
        set unparsed_tokens $argv
        set positional_index (math $positional_index + 1)
        for non_repeating_flag_or_option in $non_repeating_flags_or_options
            if set -ql "_flag_$(string replace -a - _ -- $non_repeating_flag_or_option)"
                set non_repeating_flags_or_options_absent 1
                break
            end
        end
        test (count $unparsed_tokens) -eq 0 -o \( -z "$is_repeating_positional" -a "$positional_index" -gt "$positional_count" \) && break
    end
end

function __apinatord_complete_directories
    set -l token (commandline -t)
    string match -- '*/' $token
    set -l subdirs $token*/
    printf %s\n $subdirs
end

function __apinatord_custom_completion
    set -x SAP_SHELL fish
    set -x SAP_SHELL_VERSION $FISH_VERSION
    set -l tokens (__apinatord_tokens -p)
    if test -z "$(__apinatord_tokens -t)"
        set -l index (count (__apinatord_tokens -pc))
        set tokens $tokens[..$index] \'\' $tokens[(math $index + 1)..]
    end
    command $tokens[1] $argv $tokens
end

complete -c 'apinatord' -f
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord" version' -l 'version' -d 'Show the version.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_positional "apinatord" -eq 1' -fa 'serve' -d 'Run the daemon (what happens without a subcommand).'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_positional "apinatord" -eq 1' -fa 'check-config' -d 'Say everything that is wrong with a configuration, and the secrets and files it names.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_positional "apinatord" -eq 1' -fa 'sandbox' -d 'Run a local server with Apinator\'s protocol: no account, no internet.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_positional "apinatord" -eq 1' -fa 'version' -d 'Print the version, and with --verbose those of the libraries.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_positional "apinatord" -eq 1' -fa 'help' -d 'Show subcommand help information.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord serve" c config' -l 'config' -s 'c' -d 'The configuration.' -rF
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord serve" sandbox' -l 'sandbox' -d 'Also start a local Apinator-compatible server, and an app named main that is connected to it.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord serve" sandbox-port' -l 'sandbox-port' -d 'The sandbox\'s port; 0 lets the system choose.' -rfka ''
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord serve" version' -l 'version' -d 'Show the version.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord serve" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_positional "apinatord check-config" -eq 1' -F
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord check-config" sandbox' -l 'sandbox' -d 'Check it for serve --sandbox, which brings an app of its own.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord check-config" version' -l 'version' -d 'Show the version.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord check-config" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord sandbox" host' -l 'host' -d 'The address to listen on.' -rfka ''
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord sandbox" port' -l 'port' -d 'The port to listen on; 0 lets the system choose.' -rfka ''
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord sandbox" app-key' -l 'app-key' -d 'The key that clients have to name.' -rfka ''
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord sandbox" app-secret' -l 'app-secret' -d 'What signatures are made with; no real secret.' -rfka ''
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord sandbox" app-id' -l 'app-id' -d 'The app\'s id in the REST API.' -rfka ''
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord sandbox" certificate' -l 'certificate' -d 'Speak TLS with this certificate and its chain, in PEM; needs --key.' -rF
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord sandbox" key' -l 'key' -d 'The certificate\'s private key, in PEM, without a passphrase.' -rF
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord sandbox" auth-delay' -l 'auth-delay' -d 'How long POST /auth takes to answer, such as 5ms: for measurements.' -rfka ''
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord sandbox" quiet' -l 'quiet' -d 'No simulated users on presence-x.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord sandbox" version' -l 'version' -d 'Show the version.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord sandbox" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord version" v verbose' -l 'verbose' -s 'v' -d 'Also print the versions of the linked libraries.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord version" version' -l 'version' -d 'Show the version.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord version" h help' -s 'h' -l 'help' -d 'Show help information.'
complete -c 'apinatord' -n '__apinatord_should_offer_completions_for_flags_or_options "apinatord help" version' -l 'version' -d 'Show the version.'
