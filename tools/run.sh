#!/bin/sh
# run.sh DIR PORT ['section.key=value' ...] - runs the development instance of DIR in the foreground,
# making it first where there is none. PORT 0 takes a free one; DIR/dev.json names it.
set -eu

if [ $# -lt 2 ]; then
    echo "usage: run.sh DIR PORT ['section.key=value' ...]" >&2
    exit 1
fi
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
hufud=${HUFUD:-$root/build/hufud}
dir=$1

"$root/tools/dev.sh" "$@"
dir=$(CDPATH='' cd -- "$dir" && pwd)
url=$(jq -r .url "$dir/dev.json")
shift 2
# Each setting becomes `-o setting`.
for setting in "$@"; do
    shift
    set -- "$@" -o "$setting"
done
echo "hufud: $url; instance, certificates and people: $dir/dev.json; Ctrl-C stops it"
exec "$hufud" -c "$dir/hufu.conf" -o "front.port=${url##*:}" \
    -o "fido.origin=https://localhost:${url##*:}" "$@"
