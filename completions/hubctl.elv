
set edit:completion:arg-completer[hubctl] = { |@words|
    var index = (count $words)
    set index = (- $index 1)

    put (env _CLAP_IFS="\n" _CLAP_COMPLETE_INDEX=(to-string $index) HUBCTL_COMPLETE="elvish" hubctl -- $@words) | to-lines
}

