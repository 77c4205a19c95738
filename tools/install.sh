#!/bin/sh
# install.sh DESTDIR PREFIX BUILD - copies the programs of BUILD, their man pages, the completion for
# bash and the example configuration below DESTDIR; ends by checking the installed example with the
# installed hufud.
# hufud looks for /etc/hufu/hufu.conf wherever PREFIX is, so that is where etc/hufu goes.
# An existing configuration is never touched: only the example and formats.conf are new each time,
# and a formats.conf that was edited is kept (the new one goes beside it as formats.conf.new).
set -eu
umask 022

if [ $# -ne 3 ]; then
    echo "usage: install.sh DESTDIR PREFIX BUILD" >&2
    exit 2
fi
destdir=$1
prefix=$2
build=$3
cd "$(dirname -- "$0")/.."

case $prefix in
/*) ;;
*)
    echo "install.sh: PREFIX is an absolute path" >&2
    exit 2
    ;;
esac
for program in "$build/hufud" "$build/hufu"; do
    if [ ! -x "$program" ]; then
        echo "install.sh: $program is missing; run make first" >&2
        exit 1
    fi
done
if ! command -v scdoc >/dev/null; then
    echo "install.sh: scdoc, which makes the man pages, is not installed (package scdoc)" >&2
    exit 1
fi

etc=$destdir/etc/hufu
man=$destdir$prefix/share/man
install -d -- "$destdir$prefix/bin" "$destdir$prefix/sbin" "$etc"
install -m 0755 -- "$build/hufu" "$destdir$prefix/bin/hufu"
install -m 0755 -- "$build/hufud" "$destdir$prefix/sbin/hufud"

page=$(mktemp)
trap 'rm -f "$page"' EXIT
for source in tools/man/*.scd; do
    name=${source##*/}
    name=${name%.scd}
    scdoc <"$source" >"$page"
    install -d -- "$man/man${name##*.}"
    install -m 0644 -- "$page" "$man/man${name##*.}/$name"
done

completions=$destdir$prefix/share/bash-completion/completions
install -d -- "$completions"
"$build/hufu" completion bash >"$page"
install -m 0644 -- "$page" "$completions/hufu"

install -m 0644 -- conf/hufu.conf.example "$etc/hufu.conf.example"
if [ ! -e "$etc/formats.conf" ] || cmp -s conf/formats.conf "$etc/formats.conf"; then
    install -m 0644 -- conf/formats.conf "$etc/formats.conf"
else
    install -m 0644 -- conf/formats.conf "$etc/formats.conf.new"
    echo "install.sh: $etc/formats.conf was edited and stays; the new one is formats.conf.new"
fi

# Its form alone (-t wants the files that it names, which are made later).
"$destdir$prefix/sbin/hufud" -T -c "$etc/hufu.conf.example" >/dev/null
