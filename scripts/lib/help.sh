# Sourced at the top of the tree. help_if_asked "$@": where --help or -h stands among the arguments, prints the comment at the head of the
# script, and ends.
help_if_asked() {
    for argument in "$@"; do
        case "$argument" in
        -h | --help)
            sed -n '2,/^[^#]/s/^# \{0,1\}//p' "scripts/${0##*/}"
            exit 0
            ;;
        esac
    done
}
