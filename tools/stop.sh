#!/bin/sh
# stop.sh DIR - ends the hufud that runs on the instance in DIR: SIGTERM, then waits until it is
# gone. Nothing runs there: says so, and that is well. Still there after 15 seconds: exit status 1.
set -eu

if [ $# -ne 1 ]; then
    echo "usage: stop.sh DIR" >&2
    exit 2
fi
run=$1/data/hufud.run
lock=$1/data/hufud.lock

# A killed hufud leaves its run file behind, with a pid that may by now be another's: the lock tells.
if [ ! -e "$run" ] || flock -n "$lock" true; then
    echo "stop.sh: no hufud runs on $1"
    exit 0
fi
pid=$(sed -n 's/^pid \([0-9][0-9]*\)$/\1/p' "$run")
case $(readlink "/proc/${pid:-none}/exe") in
*/hufud | */hufud\ \(deleted\)) ;;
*)
    echo "stop.sh: $run names no hufud of this user" >&2
    exit 1
    ;;
esac

kill -TERM "$pid"
tries=0
while kill -0 "$pid" 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -gt 150 ]; then
        echo "stop.sh: hufud (process $pid) still runs 15 seconds after SIGTERM" >&2
        exit 1
    fi
    sleep 0.1
done
echo "stop.sh: hufud (process $pid) has ended"
