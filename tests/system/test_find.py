#!/usr/bin/env python3
"""harrier find and the Find call, against a naive search of what harrier export writes: random searches of an archive
of several days with outcomes, withdrawn ones and amendments, page by page, with the index, without it and with a
damaged one, from the folder and through a server, also while it writes."""
import csv
import json
import os
import random
import re
import shutil
import subprocess
import threading
import time
import unittest

from server import POLICY, START_US, WAIT, ServerTest

HARRIER = os.environ["HARRIER"]
ROOT = os.environ["HARRIER_ROOT"]
RULES = """\
rules:
  - {name: many, about: many, when: card.count_1h >= 3, then: {score: 400}}
  - {name: large, about: large, when: amount > 500, then: {score: 350}}
  - {name: foreign, about: foreign, when: "currency != 'EUR'", then: {verdict: decline, score: 50}, mode: shadow}
  - {name: once, about: once, when: amount > 300, then: {score: 30}, suppress: {for: 1h, by: card}}
"""
RATES = """\
  currency_rates:
    - {currency: JPY, from: 2020-01-01, rate: "0.006"}
    - {currency: USD, from: 2020-01-01, rate: "0.9"}
"""
DIGITS = {"EUR": 2, "JPY": 0, "USD": 2}
DAYS, OLD, NEW = 5, 600, 240
LABELS = ["none", "legit", "fraud", "chargeback", "suspected"]
RANDOM = random.Random(int(os.environ.get("HARRIER_SEED", "1")))


def at(us):
    """µs → RFC 3339"""
    seconds, rest = divmod(us, 10**6)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:06d}Z"


def microseconds(text):
    whole, _, rest = text.rstrip("Z").partition(".")
    seconds = int(time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) - time.timezone)
    return seconds * 10**6 + int(rest.ljust(6, "0") if rest else 0)


def payment(number):
    currency = RANDOM.choice(["EUR", "EUR", "JPY", "USD"])
    day = number % OLD * DAYS // OLD
    sent = {
        "id": f"t{number}",
        "event_time_us": START_US + day * 86400 * 10**6 + number % (OLD // DAYS) * 300 * 10**6 + RANDOM.randrange(10**6),
        "amount_minor": RANDOM.randrange(1, 100000),
        "currency": currency,
        "card": f"c{RANDOM.randrange(12)}",
    }
    if RANDOM.random() < 0.8:
        sent["merchant"] = f"m{RANDOM.randrange(3)}"
    return sent


def minor(row):
    digits = DIGITS[row["currency"]]
    return round(row["amount"] * 10**digits)


class Search:
    """Filters by chance, as options, as a request, and as a predicate over a row of harrier export."""

    def __init__(self, rows, rng):
        self.options, self.request, self.tests = [], {}, []
        times = sorted(microseconds(row["event_time"]) for row in rows)
        for chance, add in ((5, self.times), (5, self.received), (4, self.verdict), (4, self.score), (4, self.amount),
                            (4, self.rule), (3, self.keys), (3, self.outcome), (12, self.id)):
            if rng.randrange(chance) == 0:
                add(rows, times, rng)

    def wants(self, row):
        return all(test(row) for test in self.tests)

    def times(self, _, times, rng, name="", column="event_time"):
        first, last = sorted(rng.sample(times, 2))
        self.options += [f"--{name}from={at(first)}", f"--{name}to={at(last + 1)}"]
        prefix = name.replace("-", "_")
        self.request.update({f"{prefix}from_us": first, f"{prefix}until_us": last + 1})
        self.tests.append(lambda row: first <= microseconds(row[column]) <= last)

    def received(self, rows, times, rng):
        self.times(rows, times, rng, "received-", "received_time")

    def verdict(self, _rows, _times, rng):
        wanted = rng.sample(["approve", "review", "challenge", "decline"], rng.randrange(1, 4))
        self.options.append("--verdict=" + ",".join(wanted))
        self.request["verdicts"] = [f"VERDICT_{name.upper()}" for name in wanted]
        self.tests.append(lambda row: row["verdict"] in wanted)

    def score(self, _rows, _times, rng):
        least, most = sorted((rng.randrange(1001), rng.randrange(1001)))
        self.options.append(f"--score={least}..{most}")
        self.request["score"] = {"min": least, "max": most}
        self.tests.append(lambda row: least <= row["score"] <= most)

    def amount(self, _rows, _times, rng):
        currency = rng.choice(list(DIGITS))
        least, most = sorted((rng.randrange(100000), rng.randrange(100000)))
        text = lambda value: f"{value / 10 ** DIGITS[currency]:.{DIGITS[currency]}f}"
        self.options += [f"--amount={text(least)}..{text(most)}", f"--currency={currency}"]
        self.request.update(amount={"min_minor": least, "max_minor": most}, currency=currency)
        self.tests.append(lambda row: row["currency"] == currency and least <= minor(row) <= most)

    def rule(self, _rows, _times, rng):
        name, shadow = rng.choice(["many", "large", "foreign", "once", "absent"]), rng.randrange(2)
        self.options += [f"--rule={name}"] + ["--shadow"] * shadow
        self.request.update(rule=name, shadow=bool(shadow))
        forms = {name, f"{name}:shadow", f"{name}:suppressed"} if shadow else {name}
        self.tests.append(lambda row: forms & set(row.get("rules", [])))

    def keys(self, _rows, _times, rng):
        for field, value in (("card", f"c{rng.randrange(13)}"), ("merchant", f"m{rng.randrange(4)}")):
            if rng.randrange(2):
                self.options.append(f"--entity={field}={value}")
                self.request.setdefault("keys", []).append({"field": field, "value": value})
                self.tests.append(lambda row, field=field, value=value: row.get(field) == value)

    def outcome(self, _rows, _times, rng):
        wanted = rng.sample(LABELS, rng.randrange(1, 4))
        self.options.append("--outcome=" + ",".join(wanted))
        self.request["labels"] = [f"LABEL_{name.upper()}" for name in wanted]
        self.tests.append(lambda row: row.get("outcome", "none") in wanted)

    def id(self, rows, _times, rng):
        name = rng.choice(rows)["id"]
        self.options.append(f"--id={name}")
        self.request["transaction_id"] = name
        self.tests.append(lambda row: row["id"] == name)


class FindTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.write_policy("policy.yaml", POLICY["policy.yaml"] + RATES)
        self.write_policy("rules/velocity.yaml", RULES)
        self.data = os.path.join(self.folder, "data")
        self.import_old()

    def harrier(self, *arguments, status=0):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def import_old(self):
        """Days of history, each in segments of its own, with outcomes that come up to days later."""
        path = os.path.join(self.folder, "old.csv")
        columns = ["id", "event_time", "amount_minor", "currency", "card", "merchant", "outcome", "outcome_time"]
        with open(path, "w", encoding="utf-8", newline="") as file:
            rows = csv.DictWriter(file, columns)
            rows.writeheader()
            for number in range(OLD):
                row = payment(number)
                if RANDOM.random() < 0.3:
                    row["outcome"] = RANDOM.choice(LABELS[1:])
                    row["outcome_time"] = at(row["event_time_us"] + RANDOM.randrange(3 * 86400) * 10**6)
                row["event_time"] = at(row.pop("event_time_us"))
                rows.writerow(row)
        self.harrier("import", "--quiet", self.data, path, "--policy", os.path.join(self.folder, "policy"))

    def write_more(self, connection, first, count):
        """Scores, and says more about old and new transactions."""
        for result in connection.score([payment(number) for number in range(first, first + count)]):
            self.assertIn("decision", result)
        for _ in range(count // 2):
            connection.report(f"t{RANDOM.randrange(first + count)}", RANDOM.choice(LABELS))
        amendments = [{"transaction_id": f"t{RANDOM.randrange(first + count)}", "kind": RANDOM.choice(
            ["AMENDMENT_VOID", "AMENDMENT_RESTORE"])} for _ in range(count // 4)]
        connection.call({"amend": {"amendments": amendments}})

    def await_synced(self, server):
        deadline = time.monotonic() + WAIT
        while True:
            status = server.status()
            if status["position"] == status.get("synced_position"):
                return
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def start(self):
        server = self.server("--lazy_sync_interval=5ms").start()
        with server.connect() as connection:
            for first in range(OLD, OLD + NEW, 60):
                self.write_more(connection, first, 60)
        self.await_synced(server)
        return server

    def rows(self):
        """All of them, the newest first."""
        text = self.harrier("export", self.data, "--out=-", "--format=jsonl", "--quiet").stdout
        return [json.loads(line) for line in text.splitlines()][::-1]

    # ---- searches ----

    def from_folder(self, search, *options):
        """The rows, page by page."""
        found, after = [], []
        while True:
            limit = RANDOM.choice([40, 200, 5000])
            done = self.harrier("find", self.data, "--format=jsonl", f"--limit={limit}", *search.options, *after, *options)
            page = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertLessEqual(len(page), limit)
            found += page
            cursor = re.search("next page: --after (.*)", done.stderr)
            if not cursor or len(found) > OLD + NEW:
                return found
            after = [f"--after={cursor[1]}"]

    def from_server(self, connection, search):
        found, cursor = [], ""
        while True:
            limit = RANDOM.choice([10, 60, 1000])
            answer = connection.call({"find": {**search.request, "limit": limit, "cursor": cursor}})
            answer = answer["find"]
            page = answer.get("transactions", [])
            self.assertLessEqual(len(page), limit)
            found += page
            cursor = answer.get("cursor", "")
            if not cursor:
                return found

    def check_answer(self, row, one):
        """What the server says of a transaction is what export does."""
        decision = one["decision"]
        self.assertEqual((decision["transaction_id"], int(decision["position"])), (row["id"], row["position"]))
        self.assertEqual(one["transaction"]["amount_minor"], minor(row))
        self.assertEqual(decision["verdict"], "VERDICT_" + row["verdict"].upper())
        self.assertEqual(int(one["receive_time_us"]), microseconds(row["received_time"]))
        label = one.get("label", "LABEL_NONE").removeprefix("LABEL_").lower()
        self.assertEqual(label, row.get("outcome", "none"))
        if label != "none":
            self.assertEqual(int(one["outcome_receive_time_us"]), microseconds(row["outcome_time"]))
        self.assertEqual(one.get("amended", {}).get("voided", False), row["voided"])

    def damage_index(self):
        index = os.path.join(self.data, "index")
        names = sorted(name for name in os.listdir(index) if name.endswith(".find"))
        path = os.path.join(index, RANDOM.choice(names))
        with open(path, "rb") as file:
            content = bytearray(file.read())
        for _ in range(20):
            content[RANDOM.randrange(len(content))] ^= 1 << RANDOM.randrange(8)
        os.remove(path)  # a server may have it mapped
        with open(path, "wb") as file:
            file.write(content[: len(content) - RANDOM.choice([0, 0, 100])])

    def test_random(self):
        server = self.start()
        rows = self.rows()
        self.harrier("archive", "seal", self.data)
        with server.connect() as connection:
            for number in range(60):
                search = Search(rows, RANDOM)
                expected = [row for row in rows if search.wants(row)]
                if number % 4 == 0:
                    found = self.from_address(search, server.address)
                else:
                    found = self.from_folder(search, *["--no-index"] * (number % 4 == 1))
                self.assertEqual(found, expected, search.options)
                answers = self.from_server(connection, search)
                self.assertEqual([one["decision"]["transaction_id"] for one in answers], [row["id"] for row in expected],
                                 search.request)
                for row, one in zip(expected, answers):
                    self.check_answer(row, one)
                if number % 10 == 9:
                    self.damage_index()
        self.assertEqual(server.stop(), 0)

    def from_address(self, search, address):
        done = self.harrier("find", f"--server={address}", "--format=jsonl", "--limit=5000", *search.options)
        self.assertNotIn("next page", done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_while_it_writes(self):
        server = self.start()
        begun = self.rows()
        done = threading.Event()

        def write():
            with server.connect() as connection:
                for first in range(OLD + NEW, OLD + NEW + 40 * 20, 20):
                    self.write_more(connection, first, 20)
                    if done.is_set():
                        return

        writer = threading.Thread(target=write)
        writer.start()
        try:
            with server.connect() as connection:
                for _ in range(15):
                    search = Search(begun, RANDOM)
                    if "labels" in search.request:
                        continue  # they change meanwhile
                    answers = [one["decision"] for one in self.from_server(connection, search)]
                    positions = [int(decision["position"]) for decision in answers]
                    self.assertEqual(positions, sorted(set(positions), reverse=True))
                    before = [one["transaction_id"] for one in answers if int(one["position"]) <= begun[0]["position"]]
                    self.assertEqual(before, [row["id"] for row in begun if search.wants(row)])
        finally:
            done.set()
            writer.join()
        self.await_synced(server)
        rows = self.rows()
        with server.connect() as connection:
            for _ in range(10):
                search = Search(rows, RANDOM)
                found = [one["decision"]["transaction_id"] for one in self.from_server(connection, search)]
                self.assertEqual(found, [row["id"] for row in rows if search.wants(row)])
        self.assertEqual(server.stop(), 0)

    # ---- the rest ----

    def index(self):
        folder = os.path.join(self.data, "index")
        return {name for name in os.listdir(folder) if name.endswith(".find")} if os.path.isdir(folder) else set()

    def test_a_server_keeps_the_index(self):
        """From the first search on: what that one did not need is made, too. The folder may be removed at any time."""
        server = self.start()
        self.assertEqual(self.index(), set())
        with server.connect() as connection:
            for turn in range(2):
                self.assertEqual(len(connection.call({"find": {"limit": 1}})["find"]["transactions"]), 1)
                deadline = time.monotonic() + WAIT
                while len(self.index()) < DAYS:  # a segment a day, at least
                    self.assertLess(time.monotonic(), deadline, server.said())
                    time.sleep(0.01)
                gone = os.path.join(self.folder, f"gone-{turn}")  # the server may be writing in it: something may stay
                os.rename(os.path.join(self.data, "index"), gone)
                shutil.rmtree(gone, ignore_errors=True)
        self.assertEqual(server.stop(), 0)

    def test_a_short_deadline(self):
        """The pages of a search that has no time are all of it in the end, or it is refused as too late."""
        server = self.start()
        rows = self.rows()
        found, cursor = [], ""
        with server.connect() as connection:
            while True:
                answer = connection.call({"deadline_us": 2000, "find": {"limit": 1000, "cursor": cursor}})
                if "error" in answer:
                    self.assertEqual(answer["error"]["code"], "ERROR_DEADLINE")
                    continue
                found += [one["decision"]["transaction_id"] for one in answer["find"].get("transactions", [])]
                cursor = answer["find"].get("cursor", "")
                self.assertEqual(answer["find"].get("incomplete", False), cursor != "")
                if not cursor:
                    break
        self.assertEqual(found, [row["id"] for row in rows])
        self.assertEqual(server.stop(), 0)

    def test_mistakes(self):
        for options, words, status in (
            ([], "", 64),
            ([self.data, "--verdict=declined"], '"declined" is not a verdict', 64),
            ([self.data, "--outcome=bad"], '"bad" is not an outcome', 64),
            ([self.data, "--score=5..4"], '--score: "5..4" is an empty range', 64),
            ([self.data, "--score=0..1001"], "is not a range of scores", 64),
            ([self.data, "--amount=5"], "--amount needs --currency", 64),
            ([self.data, "--amount=5.001", "--currency=EUR"], '--amount: "5.001" has too many decimals', 64),
            ([self.data, "--amount=5..4", "--currency=EUR"], '--amount: "5..4" is an empty range', 64),
            ([self.data, "--amount=5-6", "--currency=EUR"], "as in MIN..MAX", 64),
            ([self.data, "--currency=XXQ"], "is not an ISO 4217 code", 64),
            ([self.data, "--entity=carte=c1"], "does not name a field", 64),
            ([self.data, "--entity=card"], "does not name a field", 64),
            ([self.data, "--entity=card="], "--entity: card is missing", 64),
            ([self.data, "--shadow"], "--shadow needs --rule", 64),
            ([self.data, "--from=2026-02-01", "--to=2026-01-01"], "--to is not after --from", 64),
            ([self.data, "--received-from=2026-01-01", "--received-to=2026-01-01"],
             "--received-to is not after --received-from", 64),
            ([self.data, "--to=1970-01-01"], "nothing before 1970-01-01", 64),
            ([self.data, "--limit=0"], "--limit", 64),
            ([self.data, "--columns=nothing"], 'no column "nothing"', 64),
            ([self.data, "--after=x"], "is not one that a search has returned", 65),
            ([self.data, "--server=tcp://127.0.0.1:1"], "takes no folder", 64),
            ([os.path.join(self.folder, "absent")], "no such archive", 66),
        ):
            self.assertIn(words, self.harrier("find", *options, status=status).stderr)
        done = self.harrier("find", self.data, "--limit=1", "--quiet")
        self.assertEqual(done.stderr, "")
        slip = self.harrier("find", self.data, "--rule=lagre").stderr
        self.assertIn('none of the archive\'s newest policies has a rule "lagre"; did you mean "large"?', slip)
        for there in ("--rule=large", "--from=2030-01-01"), ("--rule=lagre", "--quiet"):
            self.assertNotIn("newest policies", self.harrier("find", self.data, *there).stderr)
        cursor = re.search("--after (.*)", self.harrier("find", self.data, "--limit=1").stderr)[1]
        self.assertIn("other filters", self.harrier("find", self.data, "--score=1..", "--after", cursor, status=65).stderr)
        server = self.server().start()
        with server.connect() as connection:
            for request, field in (({"cursor": "x"}, "cursor"), ({"limit": 1001}, "limit"),
                                   ({"amount": {"max_minor": 1}}, "currency"), ({"shadow": True}, "shadow"),
                                   ({"score": {"min": 2, "max": 1}}, "score_max"),
                                   ({"keys": [{"field": "carte", "value": "c"}]}, "keys")):
                self.assertEqual(connection.call({"find": request})["error"]["field"], field)
        self.assertEqual(server.stop(), 0)

    def test_read_only(self):
        """Without the right to write the index the search works, and says so."""
        if os.geteuid() == 0:
            open(os.path.join(self.data, "index"), "wb").close()  # a file in its place: nobody can make the folder
        else:
            os.chmod(self.data, 0o500)
            self.addCleanup(os.chmod, self.data, 0o700)
        done = self.harrier("find", self.data, "--limit=1000", "--format=jsonl")
        self.assertEqual(len(done.stdout.splitlines()), OLD)
        self.assertIn("the index could not be written", done.stderr)


if __name__ == "__main__":
    unittest.main()
