#!/bin/sh
# deps.sh GROUP... - installs the Debian packages of a group that are missing; none missing, nothing done.
# Groups: build (compile and run), check (tests, lint, documents), demo (what tools/demo.sh shows).
set -eu

build='gcc make pkg-config libssl-dev libp11-dev libp11-kit-dev softhsm2 liblmdb-dev
libmicrohttpd-dev libgnutls28-dev libjansson-dev libinih-dev libargon2-dev libcurl4-gnutls-dev
libqrencode-dev libcmocka-dev liboath-dev libfido2-dev openssl curl jq'
check='clang clang-tidy clang-format cppcheck libclang-rt-14-dev shellcheck oathtool python3 jq scdoc
softhsm2 opensc git dpkg-dev'
# Large: only `make browser` asks for it.
browser='chromium'
demo='softhsm2 openssl curl jq oathtool'

missing=
for group in "${@:-build}"; do
    case $group in
    build) packages=$build ;;
    check) packages="$build $check" ;;
    demo) packages="$build $demo" ;;
    browser) packages=$browser ;;
    *)
        echo "deps.sh: no such group; build, check, browser or demo" >&2
        exit 1
        ;;
    esac
    for package in $packages; do
        state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) || state=
        case $state in
        ?i*) ;;
        *) missing="$missing $package" ;;
        esac
    done
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "deps.sh: these packages are missing, and only root can install them:$missing" >&2
        exit 1
    fi
    sudo=sudo
fi
echo "deps.sh: installing$missing"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # words on purpose: one or no sudo, one package each
{
    $sudo apt-get -qq update
    $sudo apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends $missing
}
