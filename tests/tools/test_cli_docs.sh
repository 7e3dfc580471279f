#!/usr/bin/env bash
# The man pages are right for man, groff and mandoc; each shell takes its completion and completes with
# it. A tool that is not installed is left out, and said to be.
set -euo pipefail
build=$(readlink -f "${PBASE_BINARY_DIR:-build}")
docs=$build/share/protobase
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PATH=$build/bin:$PATH
failed=0

fail() {
    echo "FAILED: $*" >&2
    failed=1
}

has() {
    command -v "$1" >/dev/null || {
        echo "left out: $1 is not installed"
        return 1
    }
}

# --- a page for each command -------------------------------------------------------------------------
protobase --help | awk '/^commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' |
    while read -r command; do
        [ -s "$docs/man1/protobase-$command.1" ] || echo "$command"
    done >"$work/missing"
[ ! -s "$work/missing" ] || fail "no man page for: $(cat "$work/missing")"
grep -q 'EXIT STATUS' "$docs/man1/protobase.1" || fail "protobase.1 has no exit codes"

# complaints NAME COMMAND...: the command succeeds and says nothing on either stream.
complaints() {
    local name=$1 said
    shift
    said=$("$@" 2>&1) || fail "$name: exit code $?"
    [ -z "$said" ] || fail "$name: $said"
}
quiet_man() { LC_ALL=C.UTF-8 MANROFFSEQ='' man --warnings -E UTF-8 -l -Tutf8 -Z "$1" >/dev/null; }
quiet_groff() { groff -man -Tutf8 -ww "$1" >/dev/null; }
# A build has no date, so that it can be repeated: the one thing that mandoc may miss.
quiet_mandoc() { mandoc -T lint -W warning "$1" | grep -v 'missing date' || true; }
for page in "$docs"/man1/*.1; do
    for tool in man groff mandoc; do
        ! has $tool >/dev/null || complaints "$tool ${page##*/}" quiet_$tool "$page"
    done
done
has man || true
has groff || true
has mandoc || true

# --- the shells complete -------------------------------------------------------------------------------
cd "$work"
protobase put people 1 '{}'
protobase put pets 1 '{}'
protobase databases create shop
mkdir other && (cd other && protobase put elsewhere 1 '{}')
touch import.jsonl

# What each line must offer, all of it; "!" before a word: it must not.
cat >expected <<'TEXT'
protobase im|import !export
protobase --da|--data --database !--memory
protobase databases |list create drop
protobase databases drop |main shop
protobase get p|people pets !main
protobase --data other/protobase-data get e|elsewhere !people
protobase import p --f|--format !--key
protobase import p --format |jsonl json !people
protobase import p --format jsonl imp|import.jsonl
protobase plugins show storage/|storage/file storage/memory !codec/json
protobase query --format t|table !jsonl
TEXT

# judge SHELL: reads "LINE|what was offered" and compares.
judge() {
    local line offered want word
    while IFS='|' read -r line want; do
        offered=$(grep -F "$line|" "$1.got" | head -n 1 | cut -d'|' -f2-)
        for word in $want; do
            case $word in
            !*) [[ " $offered " != *" ${word#!} "* ]] || fail "$1: '$line' offers '${word#!}': $offered" ;;
            *) [[ " $offered " == *" $word "* ]] || fail "$1: '$line' lacks '$word': $offered" ;;
            esac
        done
    done <expected
}

complaints "bash -n" bash -n "$docs/bash/protobase"
bash -s -- "$docs" >bash.got <<'BASH'
source "$1/bash/protobase"
while IFS='|' read -r line _; do
    read -ra COMP_WORDS <<<"$line"
    [[ $line != *' ' ]] || COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _protobase
    echo "$line|${COMPREPLY[*]}"
done <expected
BASH
judge bash

if has zsh; then
    complaints "zsh -n" zsh -n "$docs/zsh/_protobase"
    # A terminal of its own, since zsh completes nowhere else: Tab lists, and a mark ends the list.
    cat >drive.zsh <<'ZSH'
zmodload zsh/zpty || exit 0
zpty z zsh -f -i
until_mark() {
    local out all= tries=0
    while (( tries++ < 300 )) && [[ $all != *$1* ]]; do
        if zpty -r -t z out; then all+=$out; else sleep 0.05; fi
    done
    print -r -- "$all" | sed 's/\x1b\[[0-9;?]*[A-Za-z]//g' | tr '\r\n' '  '
}
zpty -w z "PROMPT='> '; fpath=($1/zsh \$fpath); autoload -Uz compinit; compinit -u -D; LISTMAX=0; bindkey '^I' list-choices; show-mark() { zle -M 'THE'MARK }; zle -N show-mark; bindkey '^G' show-mark; stty columns 200; print -r RE''ADY"
until_mark READY >/dev/null
while IFS='|' read -r line rest; do
    zpty -w -n z "$line"$'\t\a'
    print -r -- "$line|$(until_mark THEMARK)"
    zpty -w -n z $'\x15'
done <expected
zpty -d z
ZSH
    zsh -f drive.zsh "$docs" >zsh.got
    judge zsh
fi

if has fish; then
    complaints "fish -n" fish -n "$docs/fish/protobase.fish"
    HOME=$work fish --no-config -c "
        source $docs/fish/protobase.fish
        while read -d '|' -l line rest
            echo \$line'|'(complete -C\$line | string replace -r '\t.*' '' | string join ' ')
        end <expected" >fish.got
    judge fish
fi
exit $failed
