#!/usr/bin/env python3
"""Archives and tables that earlier versions wrote, in tests/golden/archives: they open, their decisions come out again
bit for bit, their states are the recorded ones with and without tables, and they go on.

usage: test_old_archives.py --make NAME     writes NAME.tar.gz and NAME.json there with $HARRIERD and $HARRIER: for a version
                                            that writes something new. Files that are there are never written again"""
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import unittest

from server import WAIT, ServerTest, counts, transaction

HARRIER = os.environ["HARRIER"]
ARCHIVES = os.path.join(os.environ["HARRIER_ROOT"], "tests", "golden", "archives")
DAY_US = 86400 * 10**6

# Of every kind of thing that an archive or a table holds, something.
FILES = {
    "policy.yaml": """\
policy:
  name: old
  base_currency: EUR
  currency_rates:
    - {currency: USD, from: 2026-01-01, rate: "0.9"}
    - {currency: USD, from: 2026-01-03, rate: "0.925"}
  lateness: 1d
  on_error: skip
  cutoffs: {review: 300, challenge: 500, decline: 700}
""",
    "schema.yaml": """\
attributes:
  items: {type: int}
  gift: {type: bool}
  weight: {type: decimal(2)}
  account_opened: {type: timestamp}
derived:
  domain: {value: emailDomain(email)}
""",
    "features.yaml": """\
entities:
  card: {key: card}
  merchant: {key: merchant}
  domain: {key: domain}
features:
  card:
    - {name: count_1h, aggregate: count, window: 1h}
    - {name: sum_1d, aggregate: sum, of: amount, window: 1d}
    - {name: max_7d, aggregate: max, of: amount, window: 7d}
    - {name: sd_30d, aggregate: stddev, of: amount, window: 30d}
    - {name: p90_30d, aggregate: quantile, q: 0.9, of: amount, window: 30d}
    - {name: countries_30d, aggregate: distinct, of: country, window: 30d}
    - {name: new_merchant, aggregate: is_new, of: merchant, window: 30d}
    - {name: last_country, aggregate: last, of: country, window: 30d}
    - {name: kmh_1d, aggregate: speed, window: 1d}
    - {name: fraud_30d, aggregate: count, where: "outcome == 'fraud'", window: 30d}
    - {name: tested_1d, aggregate: count, where: "fired('dear')", window: 1d}
  merchant:
    - {name: cards_1d, aggregate: distinct, of: card, window: 1d}
    - {name: declines_1d, aggregate: count, where: "verdict == 'decline'", window: 1d}
    - {name: fraud_share, aggregate: share, of: "outcome == 'fraud'", window: 30d, delay: 1d, default: 0}
    - {name: burst_1h, aggregate: burst, tick: 1h, window: 7d}
  domain:
    - {name: items_7d, aggregate: sum, of: items, window: 7d}
""",
    "lists.yaml": "lists:\n  blocked: {values: [c99]}\n",
    "thresholds.yaml": """\
thresholds:
  - {name: dear_p95, of: amount, quantile: 0.95, over: 30d, by: [country], minimum: 5, fallback: 500}
  - {name: usual, of: amount, statistic: median, over: 30d, by: card, groups: many, minimum: 3, fallback: 500}
""",
    "rules/rules.yaml": """\
rules:
  - {name: many, when: 'card.count_1h >= 3', then: {score: 400}, reason: "{card.count_1h} within an hour"}
  - {name: dear, when: 'amount > thresholds.dear_p95[country]', then: {score: 350}}
  - {name: unusual, when: 'amount > 2.0 * thresholds.usual[card]', then: {score: 120}}
  - {name: blocked, when: 'card in lists.blocked', then: {verdict: decline}}
  - {name: far, when: 'card.kmh_1d > 500.0', then: {score: 300}}
  - {name: fails, when: '1 / (card.count_1h - 2) > 0', then: {score: 10}}
  - {name: tried, mode: shadow, when: 'merchant.cards_1d > 4', then: {verdict: decline}}
""",
}


def payment(number):
    """Five days of 15 cards; some come late."""
    sent = transaction(number, 15)
    at_us = sent["event_time_us"] + number * 432 * 10**6 - (number % 17 == 5) * 3600 * 10**6
    country = "DEFRUSBR"[number * 7 % 4 * 2:][:2]
    attributes = [{"name": "items", "integer": number % 5}, {"name": "gift", "flag": number % 3 == 0},
                  {"name": "weight", "integer": number * 31 % 1000}, {"name": "account_opened", "integer": DAY_US}]
    return {**sent, "event_time_us": at_us, "amount_minor": 100 + number * number * 37 % 90000,
            "currency": "USD" if number % 4 == 0 else "EUR", "country": country, "email": f"a{number % 4}@example-{number % 6}.com",
            "location": {"latitude_e7": number * 1234567 % 900000000, "longitude_e7": number * 7654321 % 1800000000},
            "attributes": attributes}


class OldArchiveTest(ServerTest):
    def setUp(self):
        super().setUp()
        shutil.rmtree(os.path.join(self.folder, "policy"))
        for name, text in FILES.items():
            self.write_policy(name, text)
        self.data = os.path.join(self.folder, "data")

    def harrier(self, *arguments):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(done.returncode, 0, (arguments, done.stdout[-3000:], done.stderr))
        return done.stdout

    def await_tables(self, server, than=0):
        server.process.send_signal(signal.SIGHUP)  # to look for them now, instead of within the second
        deadline = time.monotonic() + WAIT
        while server.status().get("generation_position", 0) <= than:
            self.assertLess(time.monotonic(), deadline, server.said())
            time.sleep(0.01)

    def fill(self, server, first, last):
        with server.connect() as connection:
            for number in range(first, last):
                result = connection.score([payment(number)])[0]
                self.assertIn("decision", result, result)
                if number % 6 == 0 and number > first:
                    label = ("fraud", "legit", "chargeback", "suspected", "none")[number // 6 % 5]
                    self.assertIn("accepted", connection.report(f"t{number - 3}", label))

    def amend(self, server, *amendments):
        with server.connect() as connection:
            for name, kind, amount in amendments:
                answer = connection.call({"amend": {"amendments": [
                    {"transaction_id": name, "kind": f"AMENDMENT_{kind}", "amount_minor": amount}]}})
                self.assertTrue(answer["amend"]["results"][0]["accepted"]["changed"], answer)

    # ---- writing one ----

    def make(self):
        """A folder of data with two generations, a change of the policy, a shadow policy, a changed list, a brake,
        amendments, numbers of a producer and a backfilled transaction."""
        shadow = os.path.join(self.folder, "shadow")
        shutil.copytree(os.path.join(self.folder, "policy"), shadow)
        with open(os.path.join(shadow, "rules", "rules.yaml"), "a", encoding="utf-8") as file:
            file.write("  - {name: more, when: amount > 700.0, then: {score: 200}}\n")
        server = self.server(f"--shadow={shadow}").start()
        self.fill(server, 0, 500)
        self.harrier("rebuild", "--data", self.data)
        self.await_tables(server)
        self.harrier("list", "add", "blocked", "c3", "--to", server.address, "--why", "lost")
        self.fill(server, 500, 700)
        self.harrier("list", "remove", "blocked", "c3", "--to", server.address)
        self.harrier("brake", "pull", "far", "--to", server.address, "--why", "too many")
        self.write_policy("rules/rules.yaml", FILES["rules/rules.yaml"].replace("card.count_1h >= 3", "card.count_1h >= 2"))
        self.harrier("reload", "--wait", "--to", server.address)
        self.fill(server, 700, 900)
        self.amend(server, ("t20", "VOID", 0), ("t600", "REFUND", 10), ("t850", "CAPTURE", 90))
        with server.connect() as connection:
            for number in (1, 2, 5):  # of a producer, of which two are missing
                sent = {**payment(2000 + number), "source": "till", "sequence": number}
                self.assertIn("decision", connection.score([sent])[0])
            old = {**transaction(6000), "event_time_us": transaction(3)["event_time_us"] - 30 * DAY_US}
            answer = connection.call({"backfill": {"items": [{"transaction": old, "outcome": {"label": "LABEL_FRAUD"}}]}})
            self.assertTrue(answer["backfill"]["results"][0]["accepted"]["outcome_recorded"], answer)
        self.assertEqual(server.stop(), 0)
        self.harrier("rebuild", "--data", self.data)
        server.start()
        self.fill(server, 900, 1000)
        status = server.status(state_hash=True)
        self.assertEqual(server.stop(), 0)
        return {**counts(status), "harrier": self.harrier("--version").split()[-1],
                "date": datetime.date.today().isoformat(), "snapshot_id": status["snapshot_id"]}

    # ---- reading them ----

    def test_archives(self):
        names = sorted(name[: -len(".json")] for name in os.listdir(ARCHIVES) if name.endswith(".json"))
        self.assertTrue(names)
        for name in names:
            with self.subTest(name):
                with open(os.path.join(ARCHIVES, f"{name}.json"), encoding="utf-8") as file:
                    expected = json.load(file)
                self.check(os.path.join(ARCHIVES, f"{name}.tar.gz"), expected)
                self.kill_servers()
                self.servers.clear()

    def unpack(self, path):
        shutil.rmtree(self.data, ignore_errors=True)
        with tarfile.open(path) as tar:
            tar.extractall(self.folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))

    def status_of(self, server, expected):
        status = counts(server.status(state_hash=True))
        self.assertGreaterEqual(status.pop("position"), expected["position"])  # which tables it runs on is a record
        self.assertEqual(status, {key: expected[key] for key in status})

    def check(self, path, expected):
        self.unpack(path)
        self.harrier("archive", "verify", self.data)
        self.assertTrue(json.loads(self.harrier("verify", self.data, "--json"))["equal"])
        self.assertIn("Every decision equals the archived one.\n", self.harrier("replay", self.data, "--recorded"))
        self.assertTrue(json.loads(self.harrier("explain", self.data, "t710", "--json"))["equal"])
        listed = [json.loads(line) for line in self.harrier("policy", "list", self.data, "--json").splitlines()]
        self.assertIn(f"{expected['snapshot_id']:016x}", [policy["snapshot_id"] for policy in listed])
        shutil.rmtree(os.path.join(self.folder, "policy"))
        self.harrier("policy", "export", self.data, "current", os.path.join(self.folder, "policy"))

        shutil.move(os.path.join(self.data, "generations"), os.path.join(self.folder, "generations"))
        server = self.server(name="without").start()
        self.status_of(server, expected)
        self.assertEqual(server.stop(), 0)
        self.unpack(path)
        shutil.rmtree(os.path.join(self.folder, "generations"))
        server = self.server(name="with").start()
        self.status_of(server, expected)
        self.assertGreater(server.status()["generation_position"], 0)
        self.go_on(server)

    def go_on(self, server):
        """With what is new since then: states, tables and decisions agree."""
        self.fill(server, 1000, 1100)
        self.amend(server, ("t10", "VOID", 0), ("t510", "REFUND", 10), ("t1010", "CAPTURE", 90))
        with server.connect() as connection:
            self.assertIn("accepted", connection.report("t10", "fraud"))
            old = {**transaction(5000), "event_time_us": transaction(3)["event_time_us"] - 30 * 86400 * 10**6}
            answer = connection.call({"backfill": {"items": [{"transaction": old, "outcome": {"label": "LABEL_FRAUD"}}]}})
            self.assertTrue(answer["backfill"]["results"][0]["accepted"]["outcome_recorded"], answer)
            answer = connection.call({"change_brake": {"rule": "dear", "pull": True}})
            self.assertTrue(answer["change_brake"]["changed"], answer)
        self.fill(server, 1100, 1150)
        before = server.status(state_hash=True)["state_hash"]
        built = server.status()["generation_position"]
        self.harrier("rebuild", "--data", self.data)
        self.await_tables(server, built)
        self.assertEqual(server.status(state_hash=True)["state_hash"], before)
        self.assertEqual(server.stop(), 0)
        self.assertTrue(json.loads(self.harrier("verify", self.data, "--json"))["equal"])
        self.assertIn("Every decision equals the archived one.\n", self.harrier("replay", self.data, "--recorded"))


def make(name):
    test = OldArchiveTest("test_archives")
    test.setUp()
    try:
        expected = test.make()
        with tarfile.open(os.path.join(ARCHIVES, f"{name}.tar.gz"), "x:gz") as tar:
            tar.add(test.data, "data")
        with open(os.path.join(ARCHIVES, f"{name}.json"), "x", encoding="utf-8") as file:
            json.dump(expected, file, indent=2)
            file.write("\n")
    finally:
        test.doCleanups()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make(sys.argv[2])
    else:
        unittest.main()
