#!/bin/bash
# run.sh [rotate] - make bench: tokenize and detokenize under load, beside the floor programs where
# they are; with rotate, make bench-rotate: the same beside a running rotation.
# Environment: HUFU_BUILD (build folder), FLOOR (folder of floor_server.c), BENCH_MS (length of a
# run), BENCH_REPEATS, TMPDIR (where both keep their databases: put it on the disk that counts).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
top=$(mktemp -d "${TMPDIR:-/tmp}/hufu-bench-XXXXXX")
trap 'rm -rf "$top"' EXIT

built=$root/${HUFU_BUILD:-build}/tests/bench/bench_load
if [ -x "$built" ]; then
    cp "$built" "$top/bench_load"
else
    "${CC:-cc}" -std=c11 -D_GNU_SOURCE -O2 -I"$root" -o "$top/bench_load" \
        "$root"/tests/bench/bench_load.c "$root"/tests/bench/load_*.c -lssl -lcrypto -lpthread
fi

floor=${FLOOR:-$root/../shared/bench}
if [ -f "$floor/floor_server.c" ]; then
    mkdir -p "$top/floor/pki"
    cp "$floor/pki.sh" "$top/floor/"
    sh "$top/floor/pki.sh" >/dev/null
    "${CC:-cc}" -O2 -w -o "$top/floor/floor_server" "$floor/floor_server.c" \
        -lmicrohttpd -lgnutls -llmdb -lcrypto -lpthread
else
    echo "No floor_server.c in ${floor}: no ratios are shown."
fi
python3 "$root/tests/bench/${1:-bench}.py" "$top"
