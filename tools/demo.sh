#!/bin/sh
# demo.sh [DIR] - the whole story on a development instance (default run/), in under three minutes.
# Each step is checked; the first that does not hold ends it with exit code 1.
set -eu
umask 077

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
hufu=${HUFU:-$root/build/hufu}
mkdir -p -- "${1:-$root/run}"
dir=$(CDPATH='' cd -- "${1:-$root/run}" && pwd)
work=$(mktemp -d)
pid=

bold='' dim='' green='' red='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') dim=$(printf '\033[2m') green=$(printf '\033[32m')
    red=$(printf '\033[31m') plain=$(printf '\033[0m')
fi

finish() {
    code=$?
    if [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null; then
        kill "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    fi
    rm -rf "$work"
    [ "$code" = 0 ] || echo "${red}demo: a step does not hold${plain} (server's log: $dir/hufud.log)" >&2
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

number=0
step() {
    number=$((number + 1))
    printf '\n%s%s. %s%s\n' "$bold" "$number" "$1" "$plain"
}
shows() { printf '   %sproves:%s %s\n' "$green" "$plain" "$1"; }
line() { printf '   %s$ %s%s\n' "$dim" "$1" "$plain"; }
out() { sed 's/^/   /'; }
fail() {
    echo "${red}demo: $1${plain}" >&2
    exit 1
}
same() { [ "$1" = "$2" ] || fail "$3"; }

# Runs hufu on the instance; what it prints stays in $work/out and $work/err. EXIT-CODE ARGUMENTS...
expect() {
    want=$1
    shift
    got=0
    "$hufu" --dev "$dir" "$@" >"$work/out" 2>"$work/err" || got=$?
    if [ "$got" != "$want" ]; then
        out <"$work/err" >&2
        fail "hufu $1 ended with $got instead of $want"
    fi
}
tokenize() { # DOMAIN VALUE: the reply's JSON in $work/out
    line "echo '$2' | hufu --dev run --as acme tokenize $1"
    echo "$2" >"$work/in"
    expect 0 --as acme -o json tokenize "$1" <"$work/in"
    token=$(jq -r .token "$work/out")
    printf '   %s  (created: %s)\n' "$token" "$(jq -r .created "$work/out")"
}
detokenize() { # DOMAIN TOKEN
    line "echo '$2' | hufu --dev run --as olga detokenize $1 --purpose chargeback --reason 'case 17'"
    echo "$2" >"$work/in"
    rm -f "$work/reply.json"
    expect 0 --as olga detokenize "$1" --purpose chargeback --reason 'case 17' \
        --save "$work/reply.json" <"$work/in"
    value=$(cat "$work/out")
    cat "$work/out" "$work/err" | out
}
member() { # USER MEMBER
    jq -r --arg name "$1" --arg member "$2" '.users[] | select(.name == $name) | .[$member]' \
        "$dir/dev.json"
}
code_of() { # USER: the code of this moment; the secret goes by standard input, not by argument
    member "$1" totp_secret | oathtool --totp --base32 -
}
try_login() { # USER CODE: hufu's exit code
    tried=0
    { member "$1" password; echo "$2"; } |
        "$hufu" --dev "$dir" -q login "$1" >"$work/out" 2>"$work/err" || tried=$?
}
login() { # USER; a code used in an earlier run is worth nothing: then the next one is awaited
    line "hufu --dev run login $1        # password and code are typed, never arguments"
    used=$(code_of "$1")
    try_login "$1" "$used"
    if [ "$tried" = 3 ]; then
        echo "   (this code was used before; waiting for the next one)"
        sleep $((31 - $(date +%s) % 30))
        used=$(code_of "$1")
        try_login "$1" "$used"
    fi
    [ "$tried" = 0 ] || { out <"$work/err" >&2; fail "$1 cannot log in"; }
    echo "   $1 ($(member "$1" role)) is logged in"
}
by_two() { # WORD COMMAND...: carl proposes a ceremony, cora seconds it and waits for its end
    word=$1
    shift
    expect 0 --as carl -o json "$@"
    ceremony=$(jq -r .id "$work/out")
    line "hufu --dev run --as cora ceremony approve $ceremony --wait"
    expect 0 --as cora -o json -q ceremony approve "$ceremony" --wait
    tail -n 1 "$work/out" | jq -r --arg word "$word" '"\(.state): \(.done) of \(.total), \($word)"' | out
}
keys_of_cards() {
    expect 0 --as carl -o table key list
    grep -E '^id |^(data|index)-cards-[0-9]' "$work/out" | out
}
reissue() { # another card number with the same first six and last four digits
    sum=1
    while [ "$sum" != 0 ]; do
        number=411111$(head -c 4 /dev/urandom | od -An -tu4 | awk '{ printf "%06d", $1 % 1000000 }')1111
        sum=$(luhn "$number")
    done
    echo "$number"
}
replace() { # TOKEN VALUE
    printf '%s\n%s\n' "$1" "$2" >"$work/in"
    expect 0 --as acme -o json token replace cards --reason reissued <"$work/in"
    same "$(jq -r .token "$work/out")" "$1" 'the token changed'
}
luhn() { # NUMBER: its sum modulo 10; 0 is a valid card number
    echo "$1" | awk '{
        for (i = length($0); i > 0; i--) {
            d = substr($0, i, 1) * (((length($0) - i) % 2) + 1)
            sum += d > 9 ? d - 9 : d
        }
        print sum % 10
    }'
}
start_server() {
    "$root/tools/run.sh" "$dir" 0 >"$dir/hufud.log" 2>&1 &
    pid=$!
    tries=0
    until "$hufu" --dev "$dir" status >"$work/out" 2>&1; do
        tries=$((tries + 1))
        kill -0 "$pid" 2>/dev/null || { tail -n 5 "$dir/hufud.log" >&2; fail 'hufud ended'; }
        [ "$tries" -lt 150 ] || { out <"$work/out" >&2; fail 'hufud is not ready after 30 seconds'; }
        sleep 0.2
    done
}

printf '%sHufu%s: numbers out, tokens in; back again only for those who may.\n' "$bold" "$plain"
[ -e "$dir/dev.json" ] || echo "Making a development instance in $dir: token, certificates, people, keys."
[ -e "$dir/dev.json" ] || "$root/tools/dev.sh" "$dir" 0 2>"$work/made" || {
    out <"$work/made" >&2
    fail 'the instance could not be made'
}
start_server
url=$(jq -r .url "$dir/dev.json")
echo "hufud is ready at $url (process $pid)."

step 'A partner swaps a card number for a token'
tokenize cards '4111 1111 1111 1111'
card=$token
[ "$(luhn "$card")" != 0 ] || fail 'the token is a valid card number'
echo "   Luhn sum of the card: $(luhn 4111111111111111), of the token: $(luhn "$card") (a card's is 0)"
shows 'the token looks like a card, keeps 6+4 digits, and can never be a valid card number'
tokenize cards 4111111111111111
same "$token" "$card" 'the same value got another token'
same "$(jq -r .created "$work/out")" false 'the same value was taken for a new one'
shows 'the same number, however written, has the same token in this domain'

step 'The same by plain HTTP; any language will do'
line "curl --cacert run/tls/ca.crt --cert run/tls/acme.crt --key run/tls/acme.key $url/v1/tokenize \\"
line "     --json '{\"domain\":\"cards\",\"value\":\"5555 5555 5555 4444\"}'"
echo '{"domain":"cards","value":"5555 5555 5555 4444"}' |
    curl -sS --fail-with-body --cacert "$dir/tls/ca.crt" --cert "$dir/tls/acme.crt" \
        --key "$dir/tls/acme.key" -H 'Content-Type: application/json' --data-binary @- \
        "$url/v1/tokenize" >"$work/out" || fail 'curl was refused'
out <"$work/out"
echo
[ "$(luhn "$(jq -r .token "$work/out")")" != 0 ] || fail 'the token is a valid card number'

step 'ID numbers and accounts'
tokenize ids 11010519491231002X
id=$token
tokenize accounts DE89370400440532013000
iban=$token
tokenize accounts GB29NWBK60161331926819
shows 'formats come from conf/formats.conf; check characters and countries are understood'
echo 11010519491231002Y >"$work/in"
line "echo 11010519491231002Y | hufu --dev run --as acme tokenize ids"
expect 7 --as acme tokenize ids <"$work/in"
out <"$work/err"
shows 'a mistyped number is refused, and not repeated in the refusal'

step 'A stranger with a certificate of the right CA, but not enrolled'
echo 4111111111111111 >"$work/in"
line "hufu --url $url --ca run/tls/ca.crt --cert run/tls/unpinned.crt --key run/tls/unpinned.key tokenize cards"
got=0
"$hufu" --url "$url" --ca "$dir/tls/ca.crt" --cert "$dir/tls/unpinned.crt" \
    --key "$dir/tls/unpinned.key" tokenize cards <"$work/in" >"$work/out" 2>"$work/err" || got=$?
same "$got" 3 'the stranger was not refused'
out <"$work/err"
shows 'a certificate must be pinned to an enrolled partner'

step 'Back office: two factors, a purpose, a reason'
echo "   olga's password with a wrong code:"
wrong=$(printf '%06d' "$((($(code_of olga | sed 's/^0*//;s/^$/0/') + 1) % 1000000))")
try_login olga "$wrong"
same "$tried" 3 'a wrong code was accepted'
out <"$work/err"
login olga
echo "   the same code once more:"
try_login olga "$used"
same "$tried" 3 'a used code was accepted again'
out <"$work/err"
shows 'password alone is nothing; a code is good once'
detokenize cards "$card"
same "$value" 4111111111111111 'the token opened to another value'
cp "$work/reply.json" "$work/receipt.json"
detokenize ids "$id"
same "$value" 11010519491231002X 'the token opened to another value'
detokenize accounts "$iban"
same "$value" DE89370400440532013000 'the token opened to another value'
echo "$card" >"$work/in"
expect 7 --as olga detokenize cards --purpose curiosity --reason 'case 17' <"$work/in"
out <"$work/err"
shows 'a clear value has a name, a purpose and a reason on it, and a receipt'

step 'The auditor checks the log without trusting the server'
login aude
line 'hufu --dev run --as aude audit verify --receipt RECEIPT --save COPY'
expect 0 --as aude audit verify --receipt "$work/receipt.json" --save "$work/copy"
out <"$work/out"
shows 'every entry is under the signature of the HSM key, olga'\''s reveal among them'
sed 's/chargeback/fraud-review/' "$work/copy/entries.jsonl" >"$work/forged"
mkdir "$work/forgery"
mv "$work/forged" "$work/forgery/entries.jsonl"
cp "$work/copy/checkpoint" "$work/forgery/checkpoint"
line 'hufu --dev run audit verify --dir FORGED-COPY       # one word changed, offline'
expect 8 audit verify --dir "$work/forgery"
out <"$work/err"
shows 'one changed word is noticed, also far from the server'

step 'Custodians rotate the key encryption key: two people, or nothing'
login carl
expect 0 --as carl -o table key list
out <"$work/out"
line "hufu --dev run --as carl ceremony propose rotate-kek --reason 'yearly rotation'"
expect 0 --as carl -o json ceremony propose rotate-kek --reason 'yearly rotation'
ceremony=$(jq -r .id "$work/out")
jq -r '"proposed: \(.id), \(.approvals | length) of \(.needed) approvals"' "$work/out" | out
echo "   carl approves his own proposal:"
expect 6 --as carl ceremony approve "$ceremony"
out <"$work/err"
login cora
line "hufu --dev run --as cora ceremony approve $ceremony"
expect 0 --as cora -o json ceremony approve "$ceremony"
tries=0
while :; do
    expect 0 --as cora -o json ceremony show "$ceremony"
    state=$(jq -r .state "$work/out")
    jq -r '"\(.state): \(.done) of \(.total)"' "$work/out" | out
    [ "$state" != "done" ] || break
    [ "$state" = running ] || fail 'the rotation failed'
    tries=$((tries + 1))
    [ "$tries" -lt 120 ] || fail 'the rotation does not end'
    sleep 0.5
done
expect 0 --as carl -o table key list
out <"$work/out"
shows 'keys change under dual control, while the vault serves'

step 'The data key of a domain: all records sealed anew, the old key destroyed'
line "hufu --dev run --as carl key rotate-data cards --reason yearly"
by_two rotated key rotate-data cards --reason yearly
keys_of_cards
tokenize cards 4111111111111111
same "$token" "$card" 'after the rotation the value has another token'
expect 0 --as carl -o json key list
old=$(jq -r 'select(.domain == "cards" and .kind == "data" and .state == "deactivated").id' \
    "$work/out" | head -n 1)
line "hufu --dev run --as carl key destroy $old --reason rotated"
by_two destroyed key destroy "$old" --reason rotated
keys_of_cards
shows 'tokens outlive their keys, and a key ends only when no record needs it'

step 'A card is reissued: the same token, a new value'
reissued=$(reissue)
line "hufu --dev run --as acme token replace cards --reason reissued    # token and new value typed"
replace "$card" "$reissued"
detokenize cards "$card"
same "$value" "$reissued" 'the token did not get its new value'
replace "$card" 4111111111111111
shows 'who keeps the token need not learn the new number'

step 'Nothing was lost, and the log only grew'
detokenize cards "$card"
same "$value" 4111111111111111 'the token opened to another value after the rotation'
line 'hufu --dev run --as aude audit verify --receipt RECEIPT --since COPY/checkpoint'
expect 0 --as aude audit verify --receipt "$work/reply.json" --since "$work/copy/checkpoint"
out <"$work/out"
shows 'what was signed before is the beginning of what is signed now'

step 'Stop'
kill "$pid"
got=0
wait "$pid" || got=$?
pid=
same "$got" 0 'hufud did not end well'
echo "   hufud has stopped."

cat <<END

${bold}All steps hold.${plain} To go on:
  make run                      the same instance in the foreground (PORT=8443)
  build/hufu --help             every command; --dev run [--as NAME] fills in url and certificates
  jq .users run/dev.json        people with passwords and code secrets, e.g.
  oathtool --totp -b SECRET     the code for build/hufu --dev run login olga
  curl --cacert run/tls/ca.crt https://localhost:8443/readyz
END
