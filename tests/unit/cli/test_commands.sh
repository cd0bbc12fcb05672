#!/bin/sh
# The harrier program as a person meets it without a server: help, mistakes, exit statuses.
# Usage: test_commands.sh HARRIER SOURCE_ROOT
set -u
harrier=$1
root=$2
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
failures=0

# expect STATUS TEXT ARGUMENT…: runs harrier, wants this status and the text in what it printed.
expect() {
    status=$1
    text=$2
    shift 2
    printed=$("$harrier" "$@" 2>&1 </dev/null)
    got=$?
    case $printed in
    *"$text"*) found=yes ;;
    *) found=no ;;
    esac
    if [ "$got" -ne "$status" ] || [ $found = no ]; then
        echo "harrier $*: status $got (expected $status), expected \"$text\" in:"
        echo "$printed"
        failures=$((failures + 1))
    fi
}

expect 64 'Usage: harrier COMMAND'
expect 0 'Usage: harrier COMMAND' help
expect 0 'Usage: harrier COMMAND' --help
expect 0 'harrier 0.' --version
expect 64 'did you mean "inspect"?' inspekt
expect 64 'there is no command "frobnicate"' frobnicate
expect 64 'there is no command "scored"; did you mean "score"?' help scored
commands=$("$harrier" --help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p' | grep -vx help)
if [ "$(echo "$commands" | wc -l)" -lt 10 ]; then
    echo "harrier --help lists only: $commands"
    failures=$((failures + 1))
fi
for command in $commands; do
    expect 0 "Usage: harrier $command" "$command" --help
    expect 0 "Usage: harrier $command" help "$command"
    expect 64 "harrier $command --help" "$command" --no-such-option
done

# score
printf 'id,event_time\na,2026-01-01T00:00:00Z\n' >"$folder/good.csv"
printf 'ID,TIME\na,2026-01-01T00:00:00Z\n' >"$folder/names.csv"
printf 'id: ID\nevnt_time: TIME\n' >"$folder/map.yaml"
nowhere="--to ipc://$folder/nobody"
expect 64 'which file?' score
# What was wrong, where, and what was expected instead.
expect 64 'unexpected "x" (name the data folder with --data DIR)' rebuild x
expect 64 'unexpected "x" (name the data folder with --data DIR)' night x
expect 66 'nowhere: there is no such archive' verify nowhere
expect 64 'expected report ARCHIVE' shadow
expect 64 'which list? Expected add LIST VALUE' list add
expect 64 'add what? Expected add bad_cards VALUE' list add bad_cards
expect 64 'expected an archive and a transaction'"'"'s ID, but only "t1" is given' explain t1
expect 64 'which two policies? Expected diff ARCHIVE POLICY' policy diff a
expect 64 '--format xml: expected csv or jsonl' simulate --format xml
expect 66 'there is no file t1; expected ID KIND [AMOUNT], or one FILE' amend t1
expect 66 'there is no file t1; expected ID LABEL, or one FILE' outcome t1
expect 66 'there is no file t1; expected ID LABEL, or one FILE' outcome t1 --map nowhere.yaml
for command in replay inspect find export; do
    out=
    [ $command = export ] && out='--out -'
    expect 66 "not a folder; expected that of an archive" $command "$0" $out
done
expect 64 '"b": one file at a time' score a b
expect 64 'add --unordered' score --in-flight 2 a
expect 64 'is not a number from 1 to 1000' score --batch 1001 a
expect 64 'is not a duration' score --deadline 5 a
expect 64 'cannot be dialled' score "$folder/good.csv" --to nonsense
expect 66 "there is no file $folder/none.csv" score "$folder/none.csv"
expect 65 'the header has ID, TIME' score "$folder/names.csv"
expect 65 'the input is empty' score /dev/null
printf 'id: ID\nevent_time: WHEN\n' >"$folder/when.yaml"
expect 65 'there is no column "WHEN" in the header (it has ID, TIME)' \
    score "$folder/names.csv" --map "$folder/when.yaml"
expect 78 'map.yaml:2:1: a transaction has no "evnt_time" (did you mean event_time?)' \
    score "$folder/names.csv" --map "$folder/map.yaml"
# shellcheck disable=SC2086
expect 69 "no row of $folder/good.csv is done" \
    score "$folder/good.csv" $nowhere --deadline 50ms --retry-for 100ms
expect 74 'cannot write /nonexistent/out' score "$folder/good.csv" --out /nonexistent/out

# outcome, status
expect 64 'expected ID LABEL, or one FILE' outcome
expect 64 '"stolen" is not a label' outcome a stolen
expect 64 '"****************" is not a label' outcome a 4111111111111111
# shellcheck disable=SC2086
expect 69 ': no answer: ' outcome a fraud $nowhere --deadline 50ms --retry-for 0s
# shellcheck disable=SC2086
expect 69 'nobody' status $nowhere --deadline 50ms
# shellcheck disable=SC2086
expect 69 'nobody' status $nowhere --deadline 50ms --wait-ready 100ms

# entity
expect 64 'which one? Expected ENTITY KEY' entity
expect 64 'which one? Expected ENTITY KEY' entity card
expect 64 '"yesterday" is not a time' entity card a --at yesterday
# shellcheck disable=SC2086
expect 69 'nobody' entity card a $nowhere --deadline 50ms

# TLS
secure='--to tls+tcp://127.0.0.1:1'
# shellcheck disable=SC2086
{
    expect 64 '--tls-ca: /nonexistent is not a file of certificates' status $secure --tls-ca /nonexistent
    expect 64 '--tls-key: a certificate and its key go together: key_file is missing' \
        status $secure --tls-cert "$folder/map.yaml"
    expect 64 'is not a file of certificates (PEM)' \
        status $secure --tls-cert "$folder/map.yaml" --tls-key "$folder/map.yaml"
}

# brake
expect 64 'list, lift or pull?' brake
expect 64 'there is no "harrier brake stop"' brake stop
expect 64 'lift which brake? Expected one RULE, or --policy' brake lift
expect 64 'pull which brake?' brake pull spree --policy
expect 64 'it takes no rule' brake list spree
expect 64 'one RULE at a time' brake lift spree other
expect 64 'expected 16 hexadecimal digits' brake lift spree --definition 12
expect 64 'are for lift and pull' brake list --why late

# token
tokens="--tokens $folder/tokens"
# shellcheck disable=SC2086
{
    expect 64 'new, list or revoke?' token
    expect 64 'there is no "harrier token mint"' token mint
    expect 64 'who is the token for?' token new $tokens --scopes score
    expect 64 'a name has 1 to 64 letters' token new 'a b' $tokens --scopes score
    expect 64 'what may the token be used for?' token new shop $tokens
    expect 64 '"scores" is not a list of scopes' token new shop $tokens --scopes scores
    expect 64 '"1" is not a duration from 1s to 3660d' token new shop $tokens --scopes score --for 1
    expect 64 '--for or --until, not both' token new shop $tokens --scopes score --for 1d --until 2090-01-01
    expect 64 'are for new' token list $tokens --scopes score
    expect 64 'revoke which tokens?' token revoke $tokens
    expect 64 'revoke which tokens?' token revoke 0f3a91c2 --expired $tokens
    expect 65 'that time has already passed' token new shop $tokens --scopes score --until 2020-01-01
    expect 66 'No such file' token list $tokens
    [ ! -e "$folder/tokens" ] || { echo 'a refused token made a file'; failures=$((failures + 1)); }
    expect 0 'hrr_' token new shop $tokens --scopes admin,score
    expect 0 'score,admin' token list $tokens
    expect 0 '"expired":false' token list $tokens --json
    expect 66 'no token with the id "0f3a91c2"' token revoke 0f3a91c2-and-more $tokens
    expect 0 '' token revoke --expired $tokens
    expect 0 'shop' token list $tokens
    expect 74 'cannot create /nonexistent/out' token new shop $tokens --scopes score --out /nonexistent/out
    expect 74 'cannot create /nonexistent/tokens.new' token new shop --tokens /nonexistent/tokens --scopes score
    : >"$folder/tokens.new"
    expect 75 'tokens.new exists: another change of the tokens is under way' token new shop $tokens --scopes score
    rm "$folder/tokens.new"
    chmod 644 "$folder/tokens"
    expect 65 'has mode 0644' token list $tokens
    chmod 600 "$folder/tokens"
    echo 'token' >>"$folder/tokens"
    expect 65 "tokens:5: a token id" token list $tokens
}
ls "$folder"/tokens* | grep -vx "$folder/tokens" && failures=$((failures + 1))

# check
cp -r "$root/rules/handbook" "$folder/policy"
chmod -R u+w "$folder/policy"
expect 0 'customer                    9 ' check "$folder/policy"
rm -r "$folder/policy/cases"
echo 'fields: [' >>"$folder/policy/schema.yaml"
expect 78 'fails the check' check "$folder/policy"
expect 66 'none: No such file' check "$folder/none"
expect 66 'is not a folder; expected the folder of the policy' check "$folder/policy/policy.yaml"

sed -i '$d' "$folder/policy/schema.yaml"
expect 0 'warning: the policy has no cases' check "$folder/policy"
expect 0 'a decision takes' check "$folder/policy"
expect 78 'warnings' check --strict "$folder/policy"
expect 0 '"sound":true' check --json "$folder/policy"
expect 78 '"sound":false' check --json --strict "$folder/policy"
expect 64 'is not a date' check --date soon "$folder/policy"
if [ -w /dev/full ]; then
    "$harrier" check --json "$folder/policy" >/dev/full 2>"$folder/told"
    got=$?
    if [ $got -ne 74 ] || ! grep -q 'cannot write to stdout: No space' "$folder/told"; then
        echo "harrier check into a full disk: status $got (expected 74)"
        failures=$((failures + 1))
    fi
fi
sed -i 's/^policy:/&\n  latency_budget: 3us/' "$folder/policy/policy.yaml"
expect 78 'the most expensive parts: entity terminal' check "$folder/policy"
sed -i '/latency_budget/d' "$folder/policy/policy.yaml"

# test
mkdir -p "$folder/cases/cases"
printf 'policy: {name: p, base_currency: EUR}\n' >"$folder/cases/policy.yaml"
expect 64 'which policy folder?' test
expect 66 'none: No such file' test "$folder/none"
expect 66 'has no cases' test "$folder/cases"
cat >"$folder/cases/cases/a.yaml" <<'END'
cases:
  - {name: good, transaction: {amount: 1}, expect: {verdict: approve}}
  - {name: 'bad & <worse>', transaction: {amount: 1}, expect: {score: 7}}
END
expect 1 'cases/a.yaml:3: case "bad & <worse>" fails' test "$folder/cases"
expect 1 '2 cases, 1 failed' test "$folder/cases"
expect 1 'expected score 7, got 0' test "$folder/cases"
expect 1 '"passed":false' test --json "$folder/cases"
expect 0 'ok ' test --verbose --case good "$folder/cases"
expect 0 '1 case, 0 failed' test --case 'cases/a.yaml/g*' "$folder/cases"
expect 66 'no case matches "ugly"' test --case ugly "$folder/cases"
expect 78 '1 of 2 cases fail' check "$folder/cases"
expect 74 'nowhere' test --junit "$folder/nowhere/j.xml" "$folder/cases"
expect 1 '' test --junit "$folder/j.xml" "$folder/cases"
if ! python3 - "$folder/j.xml" <<'END'
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
suite, = root
good, bad = suite
failure, = bad
assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "1", "0")
assert (suite.get("name"), suite.get("tests"), good.get("name")) == ("p", "2", "good")
assert (bad.get("name"), bad.get("classname")) == ("bad & <worse>", "p.cases/a.yaml")
assert (bad.get("file"), bad.get("line"), len(good)) == ("cases/a.yaml", "3", 0)
assert failure.get("message") == "expected score 7, got 0" and "decided approve" in failure.text
END
then
    echo 'harrier test --junit: not the file that was expected:'
    cat "$folder/j.xml"
    failures=$((failures + 1))
fi
echo 'cases: {}' >"$folder/cases/cases/b.yaml"
expect 78 'fails the check' test "$folder/cases"
expect 78 '' test --junit "$folder/j.xml" "$folder/cases" "$folder/policy"

# simulate
"$harrier" simulate 2>"$folder/simulate.err" | head -n 1 >/dev/null
if [ -s "$folder/simulate.err" ]; then
    echo 'harrier simulate | head: a reader that has enough is no failure, but it said:'
    cat "$folder/simulate.err"
    failures=$((failures + 1))
fi

# replay
expect 64 'which archive?' replay
expect 64 '"b": one archive at a time' replay a b
expect 64 'cannot be combined with --policy' replay a --recorded --policy b
expect 64 '"many" is not a number' replay a --list many
expect 66 "$folder/none" replay "$folder/none"
mkdir "$folder/blank"
expect 66 'has no synced record yet' replay "$folder/blank"
expect 66 'has no synced record yet' replay "$folder/blank" --features "$folder/never.csv"
if [ -n "$(find "$folder" -name '*never*')" ]; then
    echo 'harrier replay: a run that failed left a file'
    failures=$((failures + 1))
fi

expect 64 '--with-fields is about the rows of --features' replay "$folder/none" --with-fields

# tune
expect 64 'which archive?' tune
expect 64 'which policy?' tune a
expect 64 'on which transactions may it search?' tune a --policy b
expect 64 'on which later transactions is it tested?' tune a --policy b --train 2026-01-01..2026-02-01
expect 64 'begins before --train ends' tune a --policy b --train 2026-01-01..2026-02-01 --test 2026-01-31..2026-03-01
expect 64 'is not a range' tune a --policy b --train 2026-01-01
expect 66 'no/such' tune a --policy no/such --train 2026-01-01..2026-02-01 --test 2026-02-01..2026-03-01

# policy
expect 64 'list, show, diff, export, rollback, promote or arms?' policy
expect 64 'there is no "harrier policy lst"' policy lst
expect 64 'which archive?' policy list
expect 64 'unexpected "b"' policy list a b
expect 64 'which policy?' policy show a
expect 64 'unexpected "c"' policy show a current b c
expect 64 'which two policies?' policy diff a current
expect 64 '"nxt" is no folder and names no policy (expected current, previous' policy diff a current nxt
expect 64 '"nxt" names no policy (expected current, previous' policy export a nxt b
expect 64 'into which new folder?' policy export a current
expect 64 'in which folder?' policy rollback a current
expect 64 '--json is for list, show, arms, and promote' policy diff a current previous --json
expect 64 'not for one of its files' policy show a current policy.yaml --json
expect 64 '--count is for list' policy show a current --count
expect 64 '--full is for diff, rollback and promote' policy export a current b --full
expect 64 '--dry-run is for rollback' policy export a current b --dry-run
expect 66 "$folder/none: there is no such archive" policy list "$folder/none"
expect 66 'there are no records in' policy show "$folder/blank" current

# find
expect 64 'which archive?' find
expect 64 'one archive at a time' find a b
expect 64 'takes no folder' find a --server tcp://127.0.0.1:1
expect 64 'did you mean "outcome"?' find a --columns id,outcom
expect 64 'needs --currency' find a --amount 5..
expect 64 'does not name a field' find a --entity kard=1
expect 66 "$folder/none" find "$folder/none"

# export
expect 64 'which archive?' export
expect 64 'one archive at a time' export a b --out -
expect 64 'which file?' export a
expect 64 'needs a file' export a --out - --format parquet
expect 64 'did you mean "outcome"?' export a --out - --columns id,outcom
expect 64 'is not a verdict' export a --out - --verdict approve,
expect 64 'the range is empty' export a --out - --from 2026-01-02 --to 2026-01-01
expect 64 '--to is not after --from: the range is empty' find a --from 2026-01-02 --to 2026-01-02
expect 64 '--until is not after --from: the range is empty' shadow report a --from 2026-01-02 --until 2026-01-01
expect 64 '--until is not after --from: the range is empty' shadow report a --from 2026-01-02 --until 1970-01-01
expect 64 '--until is not after --from: the range is empty' policy arms a --from 2026-01-02 --until 2026-01-02
expect 66 "$folder/none" export "$folder/none" --out "$folder/never.csv"
if [ -e "$folder/never.csv" ]; then
    echo 'harrier export: a run that failed left a file'
    failures=$((failures + 1))
fi

# rebuild, inspect
expect 64 'which data folder?' rebuild
expect 66 "$folder/none/archive" rebuild --data "$folder/none"
expect 64 'which archive?' inspect
expect 64 'expected one of' inspect --type foo x
expect 64 '--count counts the whole archive' inspect --count --limit 1 x
expect 66 "$folder/none" inspect "$folder/none"
mkdir "$folder/empty"
expect 66 'there are no records in' inspect "$folder/empty"
expect 66 'there are no records in' inspect --count "$folder/empty"

[ $failures -eq 0 ] || echo "$failures failed"
[ $failures -eq 0 ]
