#!/bin/sh
# deb.sh BUILD - a Debian package of what install.sh installs: BUILD/hufu_VERSION_ARCH.deb. It brings
# programs, man pages, formats and the example configuration; it starts nothing and makes no keys.
set -eu
umask 022

if [ $# -ne 1 ] || [ ! -x "$1/hufud" ]; then
    echo "usage: deb.sh BUILD (after make)" >&2
    exit 2
fi
cd "$(dirname -- "$0")/.."
build=$1
version=$("$build/hufud" -V | cut -d' ' -f2)
arch=$(dpkg --print-architecture)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
root=$stage/root

tools/install.sh "$root" /usr "$build" >/dev/null
strip --strip-unneeded "$root/usr/bin/hufu" "$root/usr/sbin/hufud"
gzip -9n "$root"/usr/share/man/man*/*
install -d "$root/DEBIAN" "$root/usr/share/doc/hufu" "$stage/debian"
install -m 0644 LICENSE "$root/usr/share/doc/hufu/copyright"
install -m 0644 README.md "$root/usr/share/doc/hufu/README.md"
echo /etc/hufu/formats.conf >"$root/DEBIAN/conffiles"

# dpkg-shlibdeps reads debian/control of the folder it runs in.
printf 'Source: hufu\nPackage: hufu\nArchitecture: any\n' >"$stage/debian/control"
depends=$(cd "$stage" && dpkg-shlibdeps -O root/usr/bin/hufu root/usr/sbin/hufud 2>/dev/null |
    sed -n 's/^shlibs:Depends=//p')
cat >"$root/DEBIAN/control" <<EOF
Package: hufu
Version: $version
Architecture: $arch
Maintainer: Hufu maintainers <hufu@hufu.invalid>
Section: admin
Priority: optional
Depends: $depends
Recommends: softhsm2
Installed-Size: $(du -sk "$root" | cut -f1)
Description: tokenization vault with an HSM backend
 Swaps payment accounts and ID numbers for format-preserving tokens, keeps the mappings in LMDB
 sealed under PKCS#11 keys, and gives a value back only to an authorised person who shows two
 factors. Contains the daemon hufud and the client hufu.
EOF
# One time stamp for all files: two builds of one commit are one package.
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}"
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group --build "$root" "$build/hufu_${version}_$arch.deb"
