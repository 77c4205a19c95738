#!/bin/bash
# The rules a compiler does not know: layers, banned calls, sizes, names, formatting; then cppcheck
# and shellcheck. `make lint` runs it from the root. Prints one line a finding and ends with 1 if any.
#
# Every exception is a line in a table of this file, with its reason.
set -u
cd "$(dirname "$0")/.." || exit 2
export LC_ALL=C.UTF-8

found=$(mktemp)
trap 'rm -f "$found"' EXIT
say() { printf '%s\n' "$*" >>"$found"; }

# ---- tables -------------------------------------------------------------------------------------

# What may stand in the root.
top_names='.ci .clang-format .git .gitignore LICENSE Makefile README.md api conf hsm tests tools vault'

# Folders that need a README.md.
readme_folders='. vault vault/base vault/format vault/keys vault/store vault/log vault/access hsm api
tools tests conf'

# Rooms of the core, lowest first; the files of vault/ itself (the verbs) are above all of them.
rooms='base format keys store log access verbs'

# A library's header | path prefixes that may include it (tests/ always may). First match decides.
libraries='
lmdb.h            | vault/store/
libpq-fe.h        | vault/store/
argon2.h          | vault/access/
liboath/          | vault/access/
fido.h            | vault/access/
fido/             | vault/access/
libgfshare.h      | vault/keys/
openssl/ssl.h     |
openssl/          | vault/format/ vault/keys/ vault/store/ vault/log/ vault/access/ hsm/ vault/*.c vault/*.h vault/base/secret. vault/base/entropy. vault/base/note. vault/base/digest.
libp11.h          | hsm/
p11-kit/          | hsm/
microhttpd.h      | api/
gnutls/           | api/
jansson.h         | api/ tools/
ini.h             | vault/base/conf vault/initfile.
curl/             | tools/
qrencode.h        | tools/
seccomp.h         | tools/hufud
systemd/          | tools/hufud
cmocka.h          |
'

# Longer than the rule: file | most lines | reason.
long_files='
vault/base/msg.h     | 160 | what front and core say to each other, in one place
vault/base/msg_table.h | 180 | two tables, of fields and of verbs, that are only readable side by side
tools/cli_table.c    | 500 | one table: every command, what it takes, shows and says of itself
vault/store/store.h  | 230 | the seam of the storage: one contract, two implementations
'

# memcmp outside tests: file | reason why nothing secret is compared there.
memcmp_files='
vault/pass.c     | ids of ceremonies
vault/progress.c | ids of ceremonies
vault/access/refusal.c | networks of addresses, to count refusals by
vault/access/shelf.c   | row keys: names, ids and digests, kept in order
vault/ceremony_show.c  | ceremony ids, to page through a list
vault/subject_reveals.c | names of tokens as the log has them, to keep them in order
vault/access/grant.c   | names of tokens as the log has them, to keep them in order
'

# Includes above the table of layers: file | header | reason.
odd_includes='
tools/cmd_format.c | vault/format/format_set.h | judges definitions as the vault does: no second parser; the room holds no secret, no key and no store
'

# Several modules of one name: name | reason.
same_names='
'

# ---- files --------------------------------------------------------------------------------------

if [ -d .git ]; then
    mapfile -t files < <(git ls-files -co --exclude-standard | sort -u)
else
    mapfile -t files < <(find . -type f -not -path './build*' -not -path './run/*' | sed 's,^\./,,')
fi
c_files=() product_files=() scripts=() texts=() pythons=()
for f in "${files[@]}"; do
    [ -f "$f" ] || continue
    case $f in
    *.c | *.h)
        c_files+=("$f")
        case $f in tests/*) ;; *) product_files+=("$f") ;; esac
        ;;
    *.py) pythons+=("$f") ;;
    *.sh | .ci/run) scripts+=("$f") ;;
    esac
    case $f in
    LICENSE | tests/corpus/* | tests/vectors/* | tests/regress/*) ;;
    *) texts+=("$f") ;;
    esac
done

# table_has TABLE KEY: the first column of one of the table's lines is KEY, and a reason follows.
table_has() {
    printf '%s' "$1" | awk -F'|' -v key="$2" '
        { k = $1; gsub(/^ +| +$/, "", k); r = $NF; gsub(/ /, "", r) }
        k == key && NF > 1 && r != "" { hit = 1 } END { exit !hit }'
}

# ---- names --------------------------------------------------------------------------------------

for f in "${files[@]}"; do
    top=${f%%/*}
    case " $top_names " in *" $top "*) ;; *) say "$top: not a name of the root" ;; esac
done
for d in $readme_folders; do
    [ -s "$d/README.md" ] || say "$d: no README.md"
done
for f in "${product_files[@]}"; do
    case ${f##*/} in
    util.[ch] | utils.[ch] | common.[ch] | misc.[ch] | helpers.[ch]) say "$f: name says nothing" ;;
    esac
done
while read -r name; do
    table_has "$same_names" "$name" || say "$name: two modules of this name"
done < <(printf '%s\n' "${product_files[@]}" | grep '\.c$' | sed 's,.*/,,' | sort | uniq -d)
while read -r name; do
    table_has "$same_names" "$name" || say "$name: two modules of this name"
done < <(printf '%s\n' "${product_files[@]}" | grep '\.h$' | sed 's,.*/,,' | sort | uniq -d)

# ---- includes and code --------------------------------------------------------------------------

# One awk over all sources; comments and strings are blanked before calls are looked for.
awk -v rooms="$rooms" -v libraries="$libraries" -v long_files="$long_files" \
    -v memcmp_files="$memcmp_files" -v odd_includes="$odd_includes" '
function trim(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }
function table(text, into, n, i, lines, cols, c) {
    n = split(text, lines, "\n")
    for (i = 1; i <= n; i++) {
        c = split(lines[i], cols, "|")
        if (c > 1) into[trim(cols[1])] = trim(cols[2]) (c > 2 ? "|" trim(cols[3]) : "")
    }
}
function say(text) { printf "%s:%d: %s\n", FILENAME, FNR, text }
function room_of(path, parts, n) {
    if (path !~ /^vault\//) return ""
    n = split(path, parts, "/")
    return n == 2 ? "verbs" : parts[2]
}
function folder_of(path) { sub(/\/.*/, "", path); return path }
function may_ours(path,   from, to) {
    from = folder_of(FILENAME); to = folder_of(path)
    if (from == "tests" || FILENAME == "tools/hufud.c") return 1
    if (odd[FILENAME] ~ /\|./ && index(odd[FILENAME], path "|") == 1) return 1
    if (to == "tests") return 0
    if (from == "vault") return to == "vault" && rank[room_of(path)] <= rank[room_of(FILENAME)]
    return to == from || path ~ /^vault\/base\//
}
function may_library(path,   i, k, n, prefixes, p) {
    if (FILENAME ~ /^tests\//) return 1
    for (i = 1; i <= library_count; i++) {
        k = library_order[i]
        if (index(path, k) != 1) continue
        n = split(library[k], prefixes, " ")
        for (p = 1; p <= n; p++) {
            if (prefixes[p] ~ /\*/) {
                if (room_of(FILENAME) == "verbs") return 1
            } else if (index(FILENAME, prefixes[p]) == 1) return 1
        }
        return 0
    }
    return 1
}
# Blanks strings, character constants and comments; keeps state over lines in in_comment.
function code_of(line,   out, i, c, two, quote) {
    out = ""; quote = ""
    for (i = 1; i <= length(line); i++) {
        c = substr(line, i, 1); two = substr(line, i, 2)
        if (in_comment) { if (two == "*/") { in_comment = 0; i++ } continue }
        if (quote != "") { if (c == "\\") i++; else if (c == quote) { quote = ""; out = out c } continue }
        if (two == "/*") { in_comment = 1; i++; continue }
        if (two == "//") break
        if (c == "\"" || c == "\047") quote = c
        out = out c
    }
    return out
}
function end_file(   most, kind) {
    if (last == "") return
    kind = last ~ /\.h$/ ? 150 : 400
    if (last ~ /^tests\//) kind = last ~ /\.h$/ ? 400 : 600 # rigs and tables of cases
    split(long[last], most, "|")
    if (last in long && most[2] != "") kind = most[1] + 0
    if (lines > kind) printf "%s: %d lines, at most %d\n", last, lines, kind
}
BEGIN {
    n = split(rooms, order, " ")
    for (i = 1; i <= n; i++) rank[order[i]] = i
    n = split(libraries, rows, "\n")
    for (i = 1; i <= n; i++) {
        if (split(rows[i], cols, "|") < 2) continue
        library_order[++library_count] = trim(cols[1])
        library[trim(cols[1])] = trim(cols[2])
    }
    table(long_files, long); table(memcmp_files, memcmp_ok); table(odd_includes, odd)
}
FNR == 1 {
    end_file(); last = FILENAME; in_comment = 0; body_at = 0
    test = FILENAME ~ /^tests\//; module = FILENAME; sub(/.*\//, "", module)
    if (FILENAME ~ /\.h$/ && $0 != "/*") say("no opening comment")
}
FNR == 2 && FILENAME ~ /\.h$/ && index($0, " * " module " - ") != 1 {
    say("the comment does not begin with \"" module " - \"")
}
{ lines = FNR }
/^[ \t]*#[ \t]*include[ \t]*"/ {
    path = $0; sub(/^[^"]*"/, "", path); sub(/".*/, "", path)
    if (path !~ /^(vault|hsm|api|tools|tests)\//) say("include does not start at the root: " path)
    else if (!may_ours(path)) say("include points up or sideways: " path)
}
/^[ \t]*#[ \t]*include[ \t]*</ {
    path = $0; sub(/^[^<]*</, "", path); sub(/>.*/, "", path)
    if (!may_library(path)) say("this library is not of this folder: " path)
}
{
    code = code_of($0)
    if (code ~ /(^|[^A-Za-z0-9_])(strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|atoll|atof|strtok|alloca|system)[ \t]*\(/)
        say("banned call")
    if (!test && FILENAME !~ /^vault\/base\/text\./ && code ~ /(^|[^A-Za-z0-9_])strto[a-z]+[ \t]*\(/)
        say("numbers are parsed by text_u64")
    if (!test && code ~ /(^|[^A-Za-z0-9_])memcmp[ \t]*\(/ && memcmp_ok[FILENAME] == "")
        say("memcmp outside the list")
    if (code ~ /(^|[^A-Za-z0-9_])(printf|puts|putchar)[ \t]*\(|(^|[^A-Za-z0-9_])stdout([^A-Za-z0-9_]|$)/ && FILENAME !~ /^(tools|tests)\//)
        say("only tools/ writes to stdout")
    if (code ~ /^[ ]{16,}(if|for|while|switch|do)([ (]|$)/ && code !~ /while \(.*\);$/)
        say("nested deeper than 3")
    if ($0 ~ /\t/) say("tab")
    if ($0 ~ /^\{$/) body_at = FNR
    if ($0 ~ /^\}/ && body_at) {
        if (FNR - body_at - 1 > 60) say("function of " (FNR - body_at - 1) " lines, at most 60")
        body_at = 0
    }
    if ($0 ~ /cppcheck-suppress/ && $0 !~ /cppcheck-suppress(\[[^]]*\]| [A-Za-z]+) *(;|\/\/|:) *[A-Za-z].*/)
        say("suppression without a reason")
}
END { end_file() }
' "${c_files[@]}" >>"$found"

for f in "${product_files[@]}"; do
    while read -r path; do
        [ -f "$path" ] || say "$f: include is not there: $path"
    done < <(sed -n 's/^[ \t]*#[ \t]*include[ \t]*"\([^"]*\)".*/\1/p' "$f")
done

# ---- words and white space ----------------------------------------------------------------------

if [ "${#texts[@]}" -gt 0 ]; then
    {
        grep -nwE 'TODO|FIXME|XXX|HACK' -I "${texts[@]}" | sed 's/\(:[0-9]*\):.*/\1: unfinished work/'
        grep -niE '\b(for now|quick fix|temporary hack|not implemented yet)\b' -I "${texts[@]}" |
            sed 's/\(:[0-9]*\):.*/\1: unfinished work/'
        grep -nE '[ 	]+$' -I "${texts[@]}" | grep -v '\.md:' |
            sed 's/\(:[0-9]*\):.*/\1: white space at the end/'
    } | grep -v '^tests/lint.sh:' >>"$found"
fi

# ---- other programs -----------------------------------------------------------------------------

need() {
    command -v "$1" >/dev/null && return 0
    say "$1: not installed (tools/deps.sh installs it)"
    return 1
}
if [ "${#c_files[@]}" -gt 0 ]; then
    need clang-format &&
        printf '%s\0' "${c_files[@]}" | xargs -0 -n 24 -P 2 clang-format --dry-run -Werror 2>&1 |
        grep -E 'error:' | sed 's/: error:.*/: formatting (make format)/' | sort -u -t: -k1,1 >>"$found"
    if need cppcheck; then
        mkdir -p build/cppcheck
        # Whole-tree suppressions, each with its reason:
        #   missingInclude*, unmatchedSuppression: system headers are not read, for speed.
        #   varFuncNullUB: NULL is (void *)0 with every C library we build on.
        cat >build/cppcheck/macros.h <<'MACROS'
#define __attribute__(x) /* it trips over one behind a member that is a function pointer */
#define json_array_foreach(a, i, v) for ((i) = 0; ((v) = json_array_get(a, i)); (i)++)
#define json_object_foreach(o, k, v) while (((v) = json_next(o, &(k))))
#define json_object_foreach_safe(o, n, k, v) while (((v) = json_next_safe(o, &(n), &(k))))
MACROS
        printf '%s\n' "${c_files[@]}" | grep '\.c$' | cppcheck -q -j 2 --std=c11 --inline-suppr \
            --enable=warning,performance,portability --file-list=- -I. -D_GNU_SOURCE \
            --include=build/cppcheck/macros.h \
            --cppcheck-build-dir=build/cppcheck --suppress=missingInclude \
            --suppress=missingIncludeSystem --suppress=unmatchedSuppression \
            --suppress=varFuncNullUB \
            --template='{file}:{line}: {id}: {message}' 2>>"$found" >/dev/null
    fi
fi
if [ "${#scripts[@]}" -gt 0 ] && need shellcheck; then
    shellcheck -f gcc "${scripts[@]}" >>"$found"
fi
if [ "${#pythons[@]}" -gt 0 ]; then
    python3 - "${pythons[@]}" >>"$found" <<'PYTHON'
import ast, sys
for path in sys.argv[1:]:
    text = open(path, encoding="utf-8").read()
    try:
        ast.parse(text, path)
    except SyntaxError as why:
        print("%s:%s: %s" % (path, why.lineno, why.msg))
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > 100:
            print("%s:%d: longer than 100 columns" % (path, number))
PYTHON
fi

# -------------------------------------------------------------------------------------------------

sort -u "$found"
count=$(sort -u "$found" | wc -l)
echo "lint: ${#c_files[@]} C files, ${#scripts[@]} scripts, $count findings"
[ "$count" -eq 0 ]
