#!/bin/bash
# run.sh [PROGRAM] - runs tests/bench/PROGRAM.py (bench where none is named) in a folder of its own,
# with the load generator, and with the floor programs where they are; nothing is left behind.
# Environment: HUFU_BUILD (build folder), FLOOR (folder of floor_server.c), TMPDIR (where databases
# lie: put it on the disk that counts); BENCH_...: bench_lib.py and the program.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
top=$(mktemp -d "${TMPDIR:-/tmp}/hufu-bench-XXXXXX")
trap 'rm -rf "$top"' EXIT
export TMPDIR=$top

built=$root/${HUFU_BUILD:-build}/tests/bench
if [ -x "$built/bench_load" ]; then
    cp "$built/bench_load" "$top/"
else
    "${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -I"$root" -o "$top/bench_load" \
        "$root"/tests/bench/bench_load.c "$root"/tests/bench/load_*.c -lssl -lcrypto -lpthread
fi
if [ -x "$built/bench_pages" ]; then
    cp "$built/bench_pages" "$top/"
else
    "${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -I"$root" -o "$top/bench_pages" \
        "$root/tests/bench/bench_pages.c" -llmdb
fi

floor=${FLOOR:-$root/../shared/bench}
if [ -f "$floor/floor_server.c" ]; then
    mkdir -p "$top/floor/pki"
    cp "$floor/pki.sh" "$top/floor/"
    sh "$top/floor/pki.sh" >/dev/null
    "${CC:-cc}" -O2 -w -o "$top/floor/floor_server" "$floor/floor_server.c" \
        -lmicrohttpd -lgnutls -llmdb -lcrypto -lpthread
    "${CC:-cc}" -O2 -w -o "$top/floor/journal_flush" "$floor/journal_flush.c" -llmdb -lpthread
elif [ "$floor" != none ]; then
    echo "No floor_server.c in ${floor}: no ratios are shown."
fi

# In the background, so that a signal to this script alone ends it too.
python3 "$root/tests/bench/${1:-bench}.py" "$top" &
child=$!
trap 'kill -TERM "$child" 2>/dev/null' INT TERM HUP
status=0
wait "$child" || status=$?
while kill -0 "$child" 2>/dev/null; do
    wait "$child" || status=$?
done
exit "$status"
