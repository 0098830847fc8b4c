#!/usr/bin/env bash
# All crash tests in full: 150 kills of the loading process on each database, and ten times as many as usual of everything
# else. It prints a table.
#
#   bash examples/crash/all.sh [KILLS]
set -euo pipefail
cd "$(dirname "$0")"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
code=0
SLUICE_KILLS=${1:-150} go test -count=1 -timeout 3h -v . >"$log" 2>&1 || code=$?
awk '
    $1 == "===" { test = $3 }
    / kills, [0-9]+ files, / {
        sub(/^ *[a-z_]+\.go:[0-9]+: /, "")
        split($0, part, /, |: /)
        how = $0
        sub(/^[^:]*: /, "", how)
        printf "%-26s %12s %10s %15s %8s %9s  %s\n", test, part[1], part[2], part[3], part[4], part[5], how
    }
' "$log"
if ((code)); then
    cat "$log"
fi
exit $code
