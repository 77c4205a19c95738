#!/bin/bash
# check.sh BUILD - what `make check` runs on the programs in BUILD: every unit test, every
# integration suite in its short form, and, where clang is, each fuzz target with a few thousand
# inputs. Two programs at a time, each with a time limit; the whole ends within ten minutes. One
# line a program, the output of what failed, and `N passed, N failed` alone on the last line.
#
# HUFU_REQUIRE_HSM=1 turns a skip for want of SoftHSM into a failure.
set -u
cd "$(dirname "$0")/.." || exit 2
export LC_ALL=C.UTF-8
unset MAKEFLAGS MFLAGS MAKELEVEL
build=${1:-build}

limit_s=570 # of everything; a program that finds no time left has failed
unit_s=120
suite_s=300
fuzz_s=240
fuzz_runs=4000
kills=50
skipped='^skip |^SoftHSM2 is not installed|^\[ +SKIPPED +\] [^0-9]' # lines that say so

# Suites in the order they start: those that wait longest for codes first.
suites='matrix contract_keys contract_grants sharing contract_detokenize hsm_life kill kill_rotate contract_audit roles contract_admin contract_bin cli
cli_csv cli_stub observe planted contract_http tamper contract_tokenize contract_lifecycle people_life limits reveal_limits alarms config race contract_fido browser_fido'
# Suites that compare times, and so have the machine to themselves.
alone='contract_people'
# What stands beside the suites in their folder.
not_suites='chromium client lib matrix_rules matrix_world rfc6962 run soft_key values'

if [ ! -x "$build/hufud" ] || [ ! -x "$build/hufu" ]; then
    echo "check.sh: no programs in $build; run make check" >&2
    exit 2
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'jobs -p | xargs -r kill 2>/dev/null; wait; exit 143' INT TERM

# One job: its output and totals go to files; a line is printed when it ends.
# unit|suite|fuzz NAME LIMIT_S COMMAND...
job() {
    local kind=$1 name=$2 limit=$3 log=$work/$1.$2 began=$SECONDS left status=0 totals
    shift 3
    left=$((limit_s - SECONDS))
    [ "$left" -lt "$limit" ] && limit=$left
    if [ "$limit" -lt 1 ]; then
        echo "no time was left for it" >"$log"
        status=124
    else
        timeout --kill-after=10 "$limit" "$@" >"$log" 2>&1 </dev/null &
        trap 'kill $! 2>/dev/null; wait; exit 143' TERM
        wait $! || status=$?
    fi
    totals=$(awk '
        /^[0-9]+ passed, [0-9]+ failed$/ { passed += $1; failed += $3 }
        /^\[ +PASSED +\] [0-9]+ test\(s\)/ { sub(/^[^]]*\] /, ""); passed += $1 }
        /^\[ +FAILED +\] [0-9]+ test\(s\)/ { sub(/^[^]]*\] /, ""); failed += $1 }
        END { print passed + 0, failed + 0 }' "$log")
    # A unit test without cmocka's groups is one test; a suite that counts nothing and skips nothing
    # has not run.
    if [ "$totals $status" = '0 0 0' ] && ! grep -qE "$skipped" "$log"; then
        [ "$kind" = unit ] && totals='1 0' || status=99
    fi
    # A program that broke before it counted is one failure.
    case $totals in *' 0') [ "$status" -eq 0 ] || totals="${totals% *} 1" ;; esac
    echo "$totals" >"$work/totals.$kind.$name"
    {
        if [ "${totals#* }" -eq 0 ]; then
            echo "ok $name: ${totals% *} passed, $((SECONDS - began)) s"
            grep -hE "$skipped" "$log" | sed 's/^/  /'
        else
            echo "FAIL $name: ${totals#* } failed, ${totals% *} passed, $((SECONDS - began)) s" \
                "(status $status$([ "$status" -ne 124 ] || echo ', out of time')\
$([ "$status" -ne 99 ] || echo ', no test was counted'))"
            # Indented, so that nobody counts these lines again; first what failed, where it says so.
            grep -E '^\[ +(ERROR|LINE|FAILED) +\]' "$log" | head -n 40 | sed 's/^/  /'
            grep -vE '^ok |^\[ +(RUN|OK) +\]' "$log" | tail -n 120 | sed 's/^/  /'
        fi
    } >"$log.shown"
    cat "$log.shown"
}

# start JOB...: in the background, when one of the two places is free.
start() {
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do
        wait -n
    done
    job "$@" &
}

for source in tests/unit/test_*.c; do
    name=${source##*/}
    name=${name%.c}
    start unit "$name" "$unit_s" "$build/tests/unit/$name"
done
wait

for file in tests/integration/*.py; do
    name=${file##*/}
    name=${name%.py}
    case " $suites $alone $not_suites " in
    *[[:space:]]"$name"[[:space:]]*) ;;
    *) suites="$suites $name" ;;
    esac
done
export HUFU_BUILD=$build HUFU_KILLS=$kills PYTHONDONTWRITEBYTECODE=1
for name in $suites; do
    start suite "$name" "$suite_s" python3 "tests/integration/$name.py"
done
wait
for name in $alone; do
    start suite "$name" "$suite_s" python3 "tests/integration/$name.py"
    wait
done

if command -v clang >/dev/null; then
    start fuzz fuzz "$fuzz_s" tests/fuzz/run.sh -runs "$fuzz_runs"
    wait
else
    echo 'skip fuzz: clang is not installed'
fi

cat "$work"/totals.* | awk '
    { passed += $1; failed += $2 }
    END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 }'
