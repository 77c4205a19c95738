#!/bin/sh
# dev.sh DIR PORT ['section.key=value' ...] - a development instance in DIR, made where there is none.
# Everything is random and for this folder only; the server listens on loopback. HUFUD names another
# binary than build/hufud. DIR/dev.json (mode 0600) is written last: without it, DIR is made anew.
set -eu
umask 077

if [ $# -lt 2 ]; then
    echo "usage: dev.sh DIR PORT ['section.key=value' ...]" >&2
    exit 1
fi
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
hufud=${HUFUD:-$root/build/hufud}
port=$2
mkdir -p -- "$1"
dir=$(CDPATH='' cd -- "$1" && pwd)
shift 2

die() {
    echo "dev.sh: $1" >&2
    exit 1
}

case $port in
'' | *[!0-9]*) die 'PORT is a number; 0 takes a free one' ;;
esac
case $dir in
*[\;\"\'\ ]*) die 'the folder'\''s path must be without spaces, quotes and semicolons' ;;
esac

# name role
users='olga operator
omar operator
anna approver
carl custodian
cora custodian
chen custodian
sara security_admin
sven security_admin
aude auditor
rita sre'
# name format mode partner keep_prefix keep_suffix
domains='cards pan deterministic acme 6 4
ids cn-id deterministic acme - -
accounts iban random acme - -
cards-zeta pan deterministic zeta 6 4'
# name formats domains
partners='acme pan,cn-id,iban cards,ids,accounts
zeta pan cards-zeta'
purposes=chargeback,customer-request,fraud-review

random_name() { # LENGTH: letters and digits
    LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c "$1"
}

random_lower() {
    LC_ALL=C tr -dc 'a-z0-9' </dev/urandom | head -c "$1"
}

# A port nobody listens on, below those the kernel gives to clients.
free_port() {
    cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | LC_ALL=C awk -v seed="$(od -An -N4 -tu4 </dev/urandom)" '
        $4 == "0A" { sub(/.*:/, "", $2); taken[$2] = 1 }
        END {
            while (sprintf("%04X", 20000 + seed % 12000) in taken)
                seed++
            print 20000 + seed % 12000
        }'
}

make_token() {
    mkdir -p "$dir/tokens"
    cat >"$dir/softhsm2.conf" <<END
directories.tokendir = $dir/tokens
objectstore.backend = file
log.level = ERROR
slots.removable = false
END
    random_name 24 >"$dir/pin"
    chmod 0400 "$dir/pin"
    # SoftHSM's own tool takes PINs by argument only: random ones, of a token made this moment.
    SOFTHSM2_CONF=$dir/softhsm2.conf softhsm2-util --init-token --free --label "$label" \
        --so-pin "$(random_name 24)" --pin "$(cat "$dir/pin")" >/dev/null
}

make_key() { # NAME
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$dir/tls/$1.key" 2>/dev/null
}

make_ca() { # NAME
    make_key "$1"
    openssl req -x509 -new -key "$dir/tls/$1.key" -sha256 -days 3650 -subj "/CN=hufu dev $1 $label" \
        -addext 'basicConstraints=critical,CA:TRUE,pathlen:0' \
        -addext 'keyUsage=critical,keyCertSign,cRLSign' -out "$dir/tls/$1.crt"
}

# CA, NAME, KEY'S NAME, EXTENSIONS, START, END: `openssl ca` can sign a certificate of the past.
sign_cert() {
    openssl req -new -key "$dir/tls/$3.key" -subj "/CN=$2" -out "$dir/tls/$2.csr"
    printf '%s\n' "$4" >"$dir/tls/ext"
    cat >"$dir/tls/ca.conf" <<END
[ca]
default_ca = dev
[dev]
new_certs_dir = $dir/tls/signed
database = $dir/tls/index
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
END
    mkdir -p "$dir/tls/signed"
    : >"$dir/tls/index"
    openssl ca -batch -notext -config "$dir/tls/ca.conf" -cert "$dir/tls/$1.crt" \
        -keyfile "$dir/tls/$1.key" -in "$dir/tls/$2.csr" -extfile "$dir/tls/ext" \
        -startdate "$5" -enddate "$6" -out "$dir/tls/$2.crt" 2>/dev/null
    rm -rf "$dir/tls/$2.csr" "$dir/tls/ext" "$dir/tls/ca.conf" "$dir/tls/signed" "$dir/tls"/index*
}

make_certs() {
    now=$(date -u +%Y%m%d%H%M%SZ -d '-1 hour')
    later=$(date -u +%Y%m%d%H%M%SZ -d '+2 years')
    long_ago=$(date -u +%Y%m%d%H%M%SZ -d '-30 days')
    yesterday=$(date -u +%Y%m%d%H%M%SZ -d '-1 day')
    client=$(printf 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=clientAuth')
    server=$(printf '%s\n' 'basicConstraints=critical,CA:FALSE' 'extendedKeyUsage=serverAuth' \
        'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1')
    mkdir -p "$dir/tls"
    make_ca ca
    make_ca clients-ca
    make_ca wrong-ca
    for name in server acme zeta unpinned; do
        make_key "$name"
    done
    sign_cert ca server server "$server" "$now" "$later"
    for name in acme zeta unpinned; do
        sign_cert clients-ca "$name" "$name" "$client" "$now" "$later"
    done
    # These two have the pinned key of acme: nothing but the date, or the CA, is wrong with them.
    sign_cert clients-ca expired acme "$client" "$long_ago" "$yesterday"
    sign_cert wrong-ca wrong_ca acme "$client" "$now" "$later"
}

pin_of() { # NAME: SHA-256 of its SubjectPublicKeyInfo
    openssl x509 -in "$dir/tls/$1.crt" -noout -pubkey | openssl pkey -pubin -outform DER |
        sha256sum | cut -d ' ' -f 1
}

make_conf() {
    cp "$root/conf/formats.conf" "$dir/formats.conf"
    cat >"$dir/hufu.conf" <<END
# A development instance: loopback only, limits wide enough for load tests.
[vault]
data = $dir/data
formats = $dir/formats.conf
origin = dev-$(random_lower 12).invalid/log

[front]
listen = 127.0.0.1
port = $port
tls_cert = $dir/tls/server.crt
tls_key = $dir/tls/server.key
tls_ca = $dir/tls/clients-ca.crt
connections = 4096
per_address = 4096

[hsm]
token_label = $label
pin_file = $dir/pin
softhsm_conf = $dir/softhsm2.conf

[auth]
argon2_kib = 19456
argon2_passes = 2

[limit]
reveals_per_factor = 1000000000
reveals_per_day = 1000000000
reveals_per_purpose = 1000000000
reveals_per_minute = 1000000000
reveal_misses = 1000000000
reveal_sequence = 33
guesses_per_day = 1000000000
lookup_misses = 1000000000
refusals_per_s = 1000

[alarm]
suspend_partners = no

[fido]
rp_id = localhost
origin = https://localhost:$port

# No network's: 9 is for national use, and 990 no country's code (ISO/IEC 7812-1, ISO 3166-1).
[token]
bins = 999000-999099
END
}

# The people, domains and partners of the first start, and the same as JSON for dev.json.
make_init() {
    : >"$dir/init.conf"
    : >"$dir/users.jsonl"
    echo "$users" | while read -r name role; do
        password=$(random_name 24)
        while printf '%s' "$password" | grep -qi "$name"; do # refused, and it does come by chance
            password=$(random_name 24)
        done
        secret=$(head -c 20 /dev/urandom | base32)
        printf '[user %s]\nrole = %s\npassword = %s\ntotp_secret = %s\n\n' \
            "$name" "$role" "$password" "$secret" >>"$dir/init.conf"
        printf '{"name":"%s","role":"%s","password":"%s","totp_secret":"%s"}\n' \
            "$name" "$role" "$password" "$secret" >>"$dir/users.jsonl"
    done
    echo "$domains" | while read -r name format mode partner prefix suffix; do
        printf '[domain %s]\nformat = %s\nmode = %s\npartners = %s\npurposes = %s\n' \
            "$name" "$format" "$mode" "$partner" "$purposes"
        [ "$prefix" = - ] || printf 'keep_prefix = %s\nkeep_suffix = %s\n' "$prefix" "$suffix"
        echo
    done >>"$dir/init.conf"
    echo "$partners" | while read -r name formats names; do
        printf '[partner %s]\npin = %s\nformats = %s\ndomains = %s\n\n' \
            "$name" "$(pin_of "$name")" "$formats" "$names"
    done >>"$dir/init.conf"
}

domains_json() {
    echo "$domains" | jq -R --arg purposes "$purposes" 'split(" ") |
        {name: .[0], format: .[1], mode: .[2], purposes: ($purposes | split(","))}' | jq -s .
}

partners_json() {
    echo "$partners" | jq -R 'split(" ") | {name: .[0], cert: "tls/\(.[0]).crt",
        key: "tls/\(.[0]).key", domains: (.[2] | split(","))}' | jq -s .
}

# The limits in force: the file's, then the settings given for this run.
limits_json() {
    {
        sed -n -e 's/^\[\(.*\)\]$/[\1]/p' -e 's/^\([a-z_]*\) = \([0-9]*\)$/\1=\2/p' "$dir/hufu.conf" |
            awk '/^\[/ { section = substr($0, 2, length($0) - 2); next } { print section "." $0 }'
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } | jq -R 'capture("^(limit\\.(?<a>[a-z_]+)|front\\.(?<b>connections|per_address))=(?<v>[0-9]+)$")
        | {key: (.a // .b), value: (.v | tonumber)}' | jq -s from_entries
}

write_json() {
    jq -n --arg url "https://localhost:$port" --slurpfile users "$dir/users.jsonl" \
        --argjson partners "$(partners_json)" --argjson domains "$(domains_json)" \
        --argjson limits "$(limits_json "$@")" --rawfile key "$dir/data/log.pem" \
        --arg origin "$(sed -n '/^\[vault\]/,/^$/s/^origin = //p' "$dir/hufu.conf")" '
        def pair(c; k): {cert: "tls/\(c).crt", key: "tls/\(k).key"};
        {url: $url, ca: "tls/ca.crt", partners: $partners,
         bad_certs: {unpinned: pair("unpinned"; "unpinned"), expired: pair("expired"; "acme"),
                     wrong_ca: pair("wrong_ca"; "acme")},
         users: $users, domains: $domains, log: {origin: $origin, public_key: $key},
         limits: $limits}' >"$dir/dev.json.new"
    rm -f "$dir/users.jsonl"
    mv "$dir/dev.json.new" "$dir/dev.json"
}

# The port and the limits may change from run to run; the rest stays.
update_json() {
    jq --arg url "https://localhost:$port" --argjson limits "$(limits_json "$@")" \
        '.url = $url | .limits = $limits' "$dir/dev.json" >"$dir/dev.json.new"
    mv "$dir/dev.json.new" "$dir/dev.json"
}

[ "$port" != 0 ] || port=$(free_port)

if [ -e "$dir/dev.json" ]; then
    # The daemon holds this lock as long as it runs; its dev.json must stay true.
    [ ! -e "$dir/data/hufud.lock" ] || flock -n "$dir/data/hufud.lock" true ||
        die 'a hufud runs on this folder; stop it first, or name another folder'
    update_json "$@"
    exit 0
fi
[ -x "$hufud" ] || die 'build/hufud is missing: run make first, or set HUFUD'
# What an earlier, broken-off run left is taken away; somebody else's files are not.
if [ -e "$dir/.making" ]; then
    rm -rf "$dir/tokens" "$dir/data" "$dir/tls" "$dir/sessions"
    rm -f "$dir/pin" "$dir/init.conf" "$dir/users.jsonl" "$dir/hufu.conf" "$dir/softhsm2.conf" \
        "$dir/formats.conf"
elif [ -n "$(ls -A "$dir")" ]; then
    die 'the folder holds other files and no dev.json; name an empty or a new one'
fi
: >"$dir/.making"
label=hufu-$(random_lower 12)
make_token
make_certs
make_conf
make_init
mkdir -p "$dir/data" "$dir/sessions"
"$hufud" -c "$dir/hufu.conf" --init "$dir/init.conf" || die 'hufud --init failed'
rm -f "$dir/init.conf"
[ -s "$dir/data/log.pem" ] || die 'hufud --init left no data/log.pem'
write_json "$@"
rm -f "$dir/.making"
