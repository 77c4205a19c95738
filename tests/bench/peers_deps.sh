#!/bin/sh
# peers_deps.sh - installs Debian's PostgreSQL 15 and Redis 7 where they are missing, and starts
# neither: `make bench-peers` runs servers of its own, from a folder of its own.
set -eu

missing=
for package in postgresql-15 redis-server openssl python3; do
    state=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) || state=
    case $state in
    ?i*) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "peers_deps.sh: these packages are missing, and only root can install them:$missing" >&2
        exit 1
    fi
    exec sudo "$0"
fi

# Debian's packages ask this program whether they may start their service.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 0755 "$policy"
elif "$policy" redis-server start >/dev/null 2>&1 || [ $? != 101 ]; then
    echo "peers_deps.sh: $policy lets services start; install these by hand:$missing" >&2
    exit 1
fi
echo "peers_deps.sh: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086 # words on purpose: one package each
apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends $missing
# Nor at the next start of the machine.
if command -v systemctl >/dev/null; then
    case $missing in *redis-server*) systemctl disable redis-server.service ;; esac
    case $missing in *postgresql-15*) systemctl disable postgresql.service ;; esac
fi
