# planted.sh - for tests of the checks: a small tree to plant violations in, and the two verdicts.
# shellcheck shell=bash
set -euo pipefail
tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../tools" && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# plant FILE: writes standard input to the file in the planted tree.
plant() {
    mkdir -p "$(dirname "$tree/$1")"
    cat >"$tree/$1"
}

# passes WHAT COMMAND...: the check must find nothing.
passes() {
    local what=$1
    shift
    "$@" >"$tree/verdict" 2>&1 && return
    echo "FAILED: $what was rejected:"
    cat "$tree/verdict"
    exit 1
}

# rejects WHAT PATTERN COMMAND...: the check must fail and say PATTERN.
rejects() {
    local what=$1 pattern=$2
    shift 2
    if "$@" >"$tree/verdict" 2>&1; then
        echo "FAILED: $what was accepted"
        exit 1
    fi
    grep -qE "$pattern" "$tree/verdict" && return
    echo "FAILED: $what was rejected without saying '$pattern':"
    cat "$tree/verdict"
    exit 1
}
