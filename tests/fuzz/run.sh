#!/bin/bash
# run.sh SECONDS | -runs N [NAME...] - builds the fuzz targets with clang, libFuzzer, ASan and UBSan
# into build-fuzz/, and runs each for SECONDS, or N inputs; NAME (as in fuzz_NAME.c) picks some.
# Seeds: tests/corpus/NAME; what is found on the way is kept in build-fuzz/corpus/NAME, an input
# that breaks something in build-fuzz/broken/. One line a target, the output of what failed, then
# `N passed, N failed`.
set -u
cd "$(dirname "$0")/../.." || exit 2
export LC_ALL=C.UTF-8
unset MAKEFLAGS MFLAGS MAKELEVEL
out=build-fuzz

usage() {
    echo "usage: tests/fuzz/run.sh SECONDS | -runs N [NAME...]" >&2
    exit 2
}

if [ "${1:-}" = -runs ]; then
    shift
    bound=-runs
else
    bound=-max_total_time
fi
[ $# -ge 1 ] || usage
case $1 in '' | *[!0-9]* | 0*) usage ;; esac
bound=$bound=$1
shift
command -v clang >/dev/null || {
    echo "fuzz: clang is not installed (tools/deps.sh check installs it)" >&2
    exit 2
}

names=("$@")
if [ $# -eq 0 ]; then
    for f in tests/fuzz/fuzz_*.c; do
        f=${f##*/fuzz_}
        names+=("${f%.c}")
    done
fi
mkdir -p "$out"
sanitizers=address,undefined
make -s -j "$(nproc)" B="$out" CC=clang HARD='-O1 -g' \
    LDFLAGS="-pie -pthread -fsanitize=fuzzer,$sanitizers" \
    SANF="-fsanitize=fuzzer-no-link,$sanitizers -fno-sanitize-recover=all" \
    "${names[@]/#/$out/tests/fuzz/fuzz_}" >"$out/make.log" 2>&1 || {
    cat "$out/make.log"
    echo "fuzz: the targets do not build" >&2
    exit 1
}

# run_target NAME: seeds are read, finds are written; the exit status is libFuzzer's.
run_target() {
    local name=$1 seeds=()
    mkdir -p "$out/corpus/$name" "$out/broken"
    [ ! -d "tests/corpus/$name" ] || seeds=("tests/corpus/$name")
    exec "$out/tests/fuzz/fuzz_$name" "$bound" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$out/broken/$name-" "$out/corpus/$name" "${seeds[@]}" \
        >"$out/$name.log" 2>&1 </dev/null
}

# Two at a time at most, one a processor: results are awaited in order.
passed=0 failed=0 pids=()
trap 'kill "${pids[@]}" 2>/dev/null; exit 143' INT TERM
finish() { # INDEX
    local name=${names[$1]} status=0
    wait "${pids[$1]}" || status=$?
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
        awk -v name="$name" '/number_of_executed_units/ { n = $2 }
            END { printf "ok fuzz_%s (%d inputs)\n", name, n }' "$out/$name.log"
    else
        failed=$((failed + 1))
        echo "FAIL fuzz_$name ended with $status"
        sed 's/^/  /' "$out/$name.log" | tail -n 60
    fi
}
slots=$(nproc)
[ "$slots" -le 2 ] || slots=2
for i in "${!names[@]}"; do
    [ "$i" -lt "$slots" ] || finish $((i - slots))
    run_target "${names[$i]}" &
    pids+=($!)
done
first=$((${#names[@]} - slots))
[ "$first" -gt 0 ] || first=0
for ((i = first; i < ${#names[@]}; i++)); do
    finish "$i"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
