#!/usr/bin/env python3
"""Thresholds, from the archive to a decision, compared with an independent computation of each.

What is computed here shares nothing with the server: sorted lists, exact fractions, windows counted
by hand. Quantiles by group have to be equal to the last bit.
"""
import csv
import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
import unittest
from fractions import Fraction

from server import POLICY, START_US, WAIT, ServerTest

HARRIER = os.environ["HARRIER"]
HOUR, DAY = 3600 * 10**6, 86400 * 10**6

THRESHOLDS = """\
guard: 0.5
thresholds:
  - {name: amount_p90, quantile: 0.9, of: amount, by: mcc, over: 1d, minimum: 20, fallback: 500.0}
  - {name: amount_median, statistic: median, of: amount, over: 1d, where: "mcc != '7995'", fallback: 1.0}
  - {name: spread, statistic: mad, of: amount, by: [country, mcc], over: 12h, minimum: 5, fallback: 0.0}
  - {name: busy, quantile: 0.75, of: card.count_1h, by: card, over: 6h, minimum: 10, fallback: 9.0}
  - {name: never, quantile: 0.5, of: amount, by: mcc, over: 1d, minimum: 100000, fallback: 7.25}
budgets:
  - {verdict: review, at_most: 0.05, over: 12h}
  - {verdict: decline, precision: 0.8, over: 1d, minimum: 10}
"""

RULES = """\
rules:
  - name: unusual
    about: >
      Unusual for its
      kind of shop
    when: amount > thresholds.amount_p90[mcc]
    then: {score: 200}
  - name: many
    when: card.count_1h >= 3
    then: {score: 300}
  - name: large
    when: amount > 4.0 * thresholds.amount_median
    then: {score: 450}
  - name: told
    when: id.startsWith("ask")
    then: {score: 1}
    mode: shadow
    reason: >-
      {thresholds.amount_p90[mcc]} {thresholds.amount_median} {thresholds.spread[country][mcc]}
      {thresholds.busy[card]} {thresholds.never[mcc]}
"""


def quantile(values, q):
    """The k-th smallest, k = ceil(q·n)."""
    ordered = sorted(values)
    k = -(-Fraction(q) * len(ordered) // 1)
    return ordered[int(k) - 1]


def mad(values, _):
    middle = quantile(values, "0.5")
    return quantile([abs(value - middle) for value in values], "0.5")


def amount(transaction):
    return transaction["amount_minor"] / 100


def make(seed, count, first=0):
    """Some hours of transactions in order of time, a few with equal times."""
    chance = random.Random(seed)
    at_us, made = START_US + first * 20 * 10**6, []
    for number in range(first, first + count):
        at_us += chance.choice([0, 5, 20, 60]) * 10**6
        mcc = chance.choice(["5411", "5411", "5411", "5812", "7995"])
        cents = int(chance.lognormvariate({"5411": 7, "5812": 8, "7995": 9}[mcc], 1)) + 1
        made.append(
            {
                "id": f"t{number}",
                "event_time_us": at_us,
                "amount_minor": cents,
                "currency": "EUR",
                "card": f"c{chance.randrange(40)}",
                "merchant": f"m{chance.randrange(5)}",
                "mcc": mcc,
                "country": chance.choice(["DE", "FR"]),
            }
        )
    return made


def count_1h(transactions):
    """card.count_1h of each transaction: itself, and those before it in the archive and within its window."""
    counts = {}
    for index, one in enumerate(transactions):
        counts[one["id"]] = sum(
            1
            for other in transactions[: index + 1]
            if other["card"] == one["card"]
            and one["event_time_us"] - HOUR < other["event_time_us"] <= one["event_time_us"]
        )
    return counts


class Expected:
    """All thresholds and cut-offs, computed from lists of transactions and outcomes."""

    def __init__(self, transactions, fraud=(), legit=()):
        self.transactions = transactions
        self.newest = max(one["event_time_us"] for one in transactions)
        self.counts = count_1h(transactions)
        self.groups = {
            "amount_p90": self.by(amount, lambda one: (one["mcc"],), DAY, 20, quantile, "0.9"),
            "amount_median": self.by(
                amount, lambda one: (), DAY, 100, quantile, "0.5", lambda one: one["mcc"] != "7995"
            ),
            "spread": self.by(amount, lambda one: (one["country"], one["mcc"]), DAY // 2, 5, mad, None),
            "busy": self.by(
                lambda one: self.counts[one["id"]], lambda one: (one["card"],), 6 * HOUR, 10, quantile, "0.75"
            ),
            "never": self.by(amount, lambda one: (one["mcc"],), DAY, 100000, quantile, "0.5"),
        }
        self.fraud, self.legit = set(fraud), set(legit)

    def by(self, value, key, over_us, minimum, statistic, q, where=lambda one: True):
        groups, everything = {}, []
        for one in self.transactions:
            if self.newest - over_us < one["event_time_us"] <= self.newest and where(one):
                groups.setdefault(key(one), []).append(value(one))
                everything.append(value(one))
        values = {
            group: statistic(numbers, q)
            for group, numbers in groups.items()
            if group != () and len(numbers) >= minimum
        }
        overall = statistic(everything, q) if len(everything) >= minimum else None
        return {"groups": values, "overall": overall, "samples": len(everything)}

    def look_up(self, name, key, fallback):
        of = self.groups[name]
        found = of["groups"].get(key, of["overall"])
        return fallback if found is None else found

    def score(self, one):
        score = 200 * (amount(one) > self.look_up("amount_p90", (one["mcc"],), 500.0))
        score += 300 * (self.counts[one["id"]] >= 3)
        score += 450 * (amount(one) > 4.0 * self.look_up("amount_median", (), 1.0))
        return score

    def review(self):
        scores = [
            self.score(one) for one in self.transactions if one["event_time_us"] > self.newest - DAY // 2
        ]
        for cutoff in range(1, 1001):
            if sum(score >= cutoff for score in scores) <= Fraction("0.05") * len(scores):
                return cutoff
        return None

    def decline(self):
        known = [
            (self.score(one), one["id"] in self.fraud)
            for one in self.transactions
            if one["event_time_us"] > self.newest - DAY and one["id"] in self.fraud | self.legit
        ]
        for cutoff in range(1, 1001):
            reached = [fraud for score, fraud in known if score >= cutoff]
            if len(reached) >= 10 and sum(reached) >= Fraction("0.8") * len(reached):
                return cutoff
        return None


class ThresholdTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.write_policy("thresholds.yaml", THRESHOLDS)
        self.write_policy("rules/velocity.yaml", RULES)

    def harrier(self, *arguments):
        return subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT)

    def rebuild(self, *options):
        done = self.harrier("rebuild", "--priority", "normal", "--data", os.path.join(self.folder, "data"), *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout), done.stderr

    def score(self, server, transactions):
        decisions = []
        with server.connect() as connection:
            for start in range(0, len(transactions), 100):
                for result in connection.score(transactions[start : start + 100]):
                    self.assertIn("decision", result, result)
                    decisions.append(result["decision"])
        return decisions

    def report(self, server, transactions):
        """Outcomes of every third: fraud where the amount is large, mostly."""
        fraud, legit = [], []
        with server.connect() as connection:
            for one in transactions[::3]:
                guilty = one["amount_minor"] > 6000 or one["id"].endswith("7")
                (fraud if guilty else legit).append(one["id"])
                connection.report(one["id"], "fraud" if guilty else "legit")
        return fraud, legit

    def carried(self):
        """The thresholds and cut-offs in the last record of an adopted generation."""
        shown = self.harrier(
            "inspect", "--quiet", "--json", "--type", "generation", os.path.join(self.folder, "data", "archive")
        )
        self.assertEqual(shown.returncode, 0, shown.stderr)
        return json.loads(shown.stdout.splitlines()[-1])

    def assert_equal_thresholds(self, carried, expected):
        for values in carried["thresholds"]:
            wanted = expected.groups[values["name"]]
            groups = {tuple(group["key"]): group["value"] for group in values["groups"]}
            with self.subTest(threshold=values["name"]):
                self.assertEqual(groups, wanted["groups"])
                self.assertEqual(values["overall"], wanted["overall"])
                self.assertEqual(values["samples"], wanted["samples"])
        self.assertEqual([values["name"] for values in carried["thresholds"]], list(expected.groups))


class ComputationTest(ThresholdTest):
    def test_equal_to_an_independent_computation_and_in_force_from_adoption_on(self):
        transactions = make(1, 1500)
        server = self.server().start()
        before = self.score(server, transactions)
        # No generation yet: 500.0 and 1.0 are the fallbacks.
        counts = count_1h(transactions)
        for one, decision in zip(transactions, before):
            score = 200 * (amount(one) > 500) + 300 * (counts[one["id"]] >= 3) + 450 * (amount(one) > 4)
            self.assertEqual(decision.get("score", 0), score, one)
        fraud, legit = self.report(server, transactions)
        self.assertEqual(server.stop(), 0)
        report, said = self.rebuild()
        self.assertTrue(report["rescored"])
        expected = Expected(transactions, fraud, legit)
        cutoffs = {line["verdict"]: line for line in report["cutoffs"]}
        self.assertEqual(cutoffs["review"]["after"], expected.review())
        self.assertEqual(cutoffs["decline"]["after"], expected.decline() or 700)
        self.assertGreater(sum(flip["count"] for flip in report["flips"]), 0)
        server.start()
        asked = {**transactions[-1], "id": "ask1"}
        decision = self.score(server, [asked])[0]
        self.assertEqual(server.stop(), 0)
        carried = self.carried()
        self.assert_equal_thresholds(carried, expected)
        told = {reason["rule"]: reason["text"] for reason in decision["reasons"]}
        wanted = [
            expected.look_up("amount_p90", (asked["mcc"],), 500.0),
            expected.look_up("amount_median", (), 1.0),
            expected.look_up("spread", (asked["country"], asked["mcc"]), 0.0),
            expected.look_up("busy", (asked["card"],), 9.0),
            7.25,
        ]
        self.assertEqual([float(word) for word in told["told"].split()], wanted)

    def test_the_same_however_the_work_is_divided(self):
        """Full or incremental, in one thread or seven, in little memory."""
        self.write_policy("thresholds.yaml", THRESHOLDS.replace("guard: 0.5", "guard: 1000"))
        server = self.server().start()
        first, second = make(2, 600), make(3, 600, first=600)
        self.score(server, first)
        self.assertEqual(server.stop(), 0)
        self.rebuild()
        server.start()
        self.score(server, second)
        self.assertEqual(server.stop(), 0)
        incremental, _ = self.rebuild()
        self.assertGreater(incremental["from_position"], 0)
        for options in (["--full"], ["--full", "--threads", "1"], ["--threads", "7", "--memory", "64M"]):
            again, _ = self.rebuild("--force", *options)
            self.assertEqual(again["content_hash"], incremental["content_hash"], options)
        server.start()
        self.assertEqual(server.stop(), 0)
        self.assert_equal_thresholds(self.carried(), Expected(first + second))

    def test_a_suppressed_rule_asks_for_nothing_in_the_records(self):
        """Only the rule's own verdict alerts, at most once an hour for each card: no cut-off can change a verdict."""
        self.write_policy("thresholds.yaml", THRESHOLDS[THRESHOLDS.index("budgets:") :])
        self.write_policy("rules/velocity.yaml", """\
rules:
  - name: each
    when: amount > 0.0
    then: {verdict: review}
    suppress: {by: card, for: 1h}
""")
        server = self.server().start()
        verdicts = [decision["verdict"] for decision in self.score(server, make(5, 400))]
        self.assertEqual(set(verdicts), {"VERDICT_APPROVE", "VERDICT_REVIEW"})
        self.assertEqual(server.stop(), 0)
        report, _ = self.rebuild()
        self.assertFalse(report["rescored"])
        self.assertEqual(report["flips"], [])

    def test_a_rule_that_failed_asks_for_its_own_on_error_in_the_records(self):
        self.write_policy("thresholds.yaml", THRESHOLDS[THRESHOLDS.index("budgets:") :])
        self.write_policy("rules/velocity.yaml", """\
rules:
  - {name: unsteady, when: 10 / (card.count_1h - 2) > 1000, then: {score: 1}, on_error: review}
""")
        server = self.server().start()
        verdicts = [decision["verdict"] for decision in self.score(server, make(6, 400))]
        self.assertEqual(set(verdicts), {"VERDICT_APPROVE", "VERDICT_REVIEW"})
        self.assertEqual(server.stop(), 0)
        report, _ = self.rebuild()
        self.assertFalse(report["rescored"])
        self.assertEqual(report["flips"], [])

    def test_scores_are_taken_from_the_records_where_nothing_changed(self):
        self.write_policy("thresholds.yaml", THRESHOLDS[THRESHOLDS.index("budgets:") :])
        self.write_policy("rules/velocity.yaml", POLICY["rules/velocity.yaml"])
        transactions = make(4, 800)
        server = self.server().start()
        self.score(server, transactions)
        self.assertEqual(server.stop(), 0)
        report, said = self.rebuild()
        self.assertFalse(report["rescored"])
        counts = count_1h(transactions)
        many = sum(counts[one["id"]] >= 3 for one in transactions)
        self.assertGreater(many, 40)
        # Every score above 0 is 400: a cut-off of 401 matches nothing, which is within the budget.
        review, decline = report["cutoffs"]
        self.assertEqual((review["after"], review["state"]), (401, "computed"))
        self.assertEqual((decline["after"], decline["state"]), (700, "small sample"))
        self.assertIn("the cut-off for decline stays 700: 0 decisions are too few to compute it", said)
        self.assertEqual([(flip["from"], flip["to"], flip["count"]) for flip in report["flips"]], [("review", "approve", many)])
        server.start()
        ten = [{**one, "id": "late-" + one["id"]} for one in transactions[-10:]]
        verdicts = [decision["verdict"] for decision in self.score(server, ten)]
        self.assertEqual(set(verdicts), {"VERDICT_APPROVE"})


class ChangeTest(ThresholdTest):
    def setUp(self):
        super().setUp()
        self.transactions = make(5, 600)
        self.running = self.server().start()
        self.score(self.running, self.transactions)
        self.assertEqual(self.running.stop(), 0)
        self.rebuild()
        self.running.start()

    def score_dear_ones(self):
        """The same shops, a day and a half later, at ten times the price."""
        dear = [
            {**one, "id": "d" + one["id"], "event_time_us": one["event_time_us"] + 3 * DAY // 2, "amount_minor": one["amount_minor"] * 10}
            for one in self.transactions
        ]
        self.score(self.running, dear)
        return dear

    def test_a_night_reports_what_was_held_back(self):
        self.score_dear_ones()
        self.assertEqual(self.running.stop(), 0)
        folder = os.path.join(self.folder, "data")
        night = [HARRIER, "night", "--data", folder, "--date", "2026-03-11", "--drift", "none", "--priority", "normal",
                 "--progress", "none"]
        done = subprocess.run(night, capture_output=True, text=True, check=False)
        self.assertIn('threshold "amount_p90": 4 values changed by more than the guard allows', done.stderr)
        nights = os.path.join(folder, "nights")
        path = os.path.join(nights, "2026-03-11", "night.json")

        def said_of_thresholds(done):
            said = [line.removeprefix("harrier: ") for line in done.stderr.splitlines()]
            return [line for line in said if not line.startswith("alert: ")]

        def reported():
            with open(os.path.join(nights, "2026-03-11", "report.json"), encoding="utf-8") as file:
                report = json.load(file)
            advice = [finding["advice"] for finding in report["findings"] if finding["code"] == "held_back"]
            return report["guard"], advice

        guard, advice = reported()
        self.assertEqual(guard["held_back"], sum(int(count) for count in re.findall(r": (\d+) values", done.stderr)))
        self.assertEqual(guard["held"], said_of_thresholds(done))
        self.assertIn("--accept-changes", advice[0])
        # As after a kill between the publication and the journal's next line: the tables are there, and nothing of
        # what was held back is lost.
        with open(path, encoding="utf-8") as file:
            journal = json.load(file)
        for step in journal["steps"]:
            step["state"] = "running" if step["step"] == "rebuild" else "waiting"
        journal["ended_us"] = 0
        with open(path, "w", encoding="utf-8") as file:
            json.dump(journal, file)
        os.remove(os.path.join(nights, "2026-03-11", "report.json"))
        subprocess.run(night, capture_output=True, check=False)
        self.assertEqual(reported(), (guard, advice))
        # So it is while these tables stay in place, until somebody accepts the change.
        subprocess.run([*night, "--again"], capture_output=True, check=False)
        self.assertEqual(reported(), (guard, advice))
        accepted = os.path.join(self.folder, "accepted")
        shutil.copytree(folder, accepted, symlinks=True)
        subprocess.run([HARRIER, "rebuild", "--data", accepted, "--force", "--accept-changes"], capture_output=True, check=True)
        done = subprocess.run([*night[:3], accepted, *night[4:], "--again"], capture_output=True, text=True, check=False)
        self.assertEqual((said_of_thresholds(done), json.loads(done.stdout)["held_back"]), ([], 0))
        self.running.start()
        self.assertEqual(self.running.metric("harrierd_night_held_back"), guard["held_back"])

    def test_a_change_beyond_the_guard_is_held_back_and_told(self):
        before = {values["name"]: values for values in self.carried()["thresholds"]}
        dear = self.score_dear_ones()
        self.assertEqual(self.running.stop(), 0)
        report, said = self.rebuild()
        lines = {line["name"]: line for line in report["thresholds"]}
        self.assertEqual((lines["amount_p90"]["held"], lines["amount_p90"]["changed"]), (4, 4))
        self.assertEqual(lines["busy"]["held"], 0)
        self.assertIn('threshold "amount_p90": 4 values changed by more than the guard allows', said)
        self.assertIn("--accept-changes accepts them", said)
        self.running.start()
        held = {values["name"]: values for values in self.carried()["thresholds"]}
        self.assertEqual(held["amount_p90"]["groups"], before["amount_p90"]["groups"])
        self.assertEqual(held["amount_p90"]["overall"], before["amount_p90"]["overall"])
        self.assertEqual(self.running.stop(), 0)
        # Accepted on request: then the computed values are in force.
        held_hash = report["content_hash"]
        report, said = self.rebuild("--accept-changes", "--force")
        self.assertNotEqual(report["content_hash"], held_hash)
        self.assertNotIn("keep their old values", said)
        self.running.start()
        self.assertEqual(self.running.stop(), 0)
        self.assert_equal_thresholds(self.carried(), Expected(self.transactions + dear))

    def test_those_in_force_can_be_kept(self):
        before = self.carried()
        self.score(self.running, make(7, 100, first=600))
        self.assertEqual(self.running.stop(), 0)
        report, _ = self.rebuild("--keep-thresholds")
        self.assertNotIn("thresholds", report)
        self.running.start()
        after = self.carried()
        self.assertNotEqual(after["generation_id"], before["generation_id"])
        self.assertEqual((after["thresholds"], after["cutoffs"]), (before["thresholds"], before["cutoffs"]))

    def test_decisions_come_out_again_without_the_generations(self):
        more = make(6, 300, first=600)
        self.score(self.running, more)
        self.assertEqual(self.running.stop(), 0)
        shutil.rmtree(os.path.join(self.folder, "data", "generations"))
        done = self.harrier("replay", os.path.join(self.folder, "data"), "--recorded")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Every decision equals the archived one.", done.stdout)

    def test_other_declarations_have_their_fallbacks_until_the_next_rebuild(self):
        asked = {**self.transactions[-1], "id": "ask1", "mcc": "5411"}
        group = [v for v in self.carried()["thresholds"] if v["name"] == "amount_p90"][0]["groups"][0]["value"]
        told = self.told(asked)
        self.assertEqual(float(told[0]), group)
        # The fallback is not part of what is computed; the quantile is.
        self.write_policy("thresholds.yaml", THRESHOLDS.replace("fallback: 500.0", "fallback: 501.0"))
        self.reload()
        self.assertEqual(float(self.told({**asked, "id": "ask2"})[0]), group)
        self.write_policy("thresholds.yaml", THRESHOLDS.replace("quantile: 0.9,", "quantile: 0.8,"))
        self.reload()
        self.assertEqual(float(self.told({**asked, "id": "ask3"})[0]), 500.0)

    def told(self, transaction):
        decision = self.score(self.running, [transaction])[0]
        return [reason["text"] for reason in decision["reasons"] if reason["rule"] == "told"][0].split()

    def reload(self):
        said = self.running.said().count("adopted")
        self.running.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + WAIT
        while self.running.said().count("adopted") == said:
            self.assertLess(time.monotonic(), deadline, self.running.said())
            time.sleep(0.01)
        self.running.status()


BASELINES = """\
thresholds:
  - {name: usual, statistic: median, of: amount, by: card, groups: many, over: 12h, minimum: 3, fallback: 500.0}
  - {name: spread, statistic: mad, of: amount, by: [card, mcc], groups: many, over: 12h, minimum: 2, fallback: 0.5}
  - {name: pace, quantile: 0.9, of: card.count_1h, by: merchant, groups: many, over: 6h, minimum: 400, fallback: 9.0}
"""

BASELINE_RULES = """\
rules:
  - name: unusual
    when: amount > 3.0 * thresholds.usual[card] && amount > thresholds.spread[card][mcc]
    then: {score: 450}
    reason: "{thresholds.usual[card]} {thresholds.spread[card][mcc]} {thresholds.pace[merchant]}"
  - name: always
    when: amount > 0.0
    then: {score: 1}
    mode: shadow
    reason: "{thresholds.usual[card]} {thresholds.spread[card][mcc]} {thresholds.pace[merchant]}"
"""


class BaselineTest(ThresholdTest):
    """One number for each card: in the tables, and what a decision read of them in its record."""

    def setUp(self):
        super().setUp()
        self.write_policy("thresholds.yaml", BASELINES)
        self.write_policy("rules/velocity.yaml", BASELINE_RULES)

    def expected(self, transactions):
        one = Expected(transactions)
        return [
            one.by(amount, lambda t: (t["card"],), DAY // 2, 3, quantile, "0.5"),
            one.by(amount, lambda t: (t["card"], t["mcc"]), DAY // 2, 2, mad, None),
            one.by(lambda t: one.counts[t["id"]], lambda t: (t["merchant"],), 6 * HOUR, 400, quantile, "0.9"),
        ]

    @staticmethod
    def numbers(values, transaction):
        """What a decision about the transaction reads: its group's value, all groups', or the fallback."""
        keys = [(transaction["card"],), (transaction["card"], transaction["mcc"]), (transaction["merchant"],)]
        found = [value["groups"].get(key, value["overall"]) for value, key in zip(values, keys)]
        return [fallback if number is None else number for number, fallback in zip(found, (500.0, 0.5, 9.0))]

    def assert_decided_with(self, values, transactions, decisions):
        for one, decision in zip(transactions, decisions):
            reasons = {reason["rule"]: reason["text"] for reason in decision["reasons"]}
            usual, spread, pace = self.numbers(values, one)
            self.assertEqual([float(word) for word in reasons["always"].split()], [usual, spread, pace], one)
            self.assertEqual("unusual" in reasons, amount(one) > 3.0 * usual and amount(one) > spread, one)

    def audit(self):
        done = self.harrier("replay", os.path.join(self.folder, "data"), "--recorded")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("Every decision equals the archived one.", done.stdout)

    def test_each_card_has_its_own(self):
        nothing = [{"groups": {}, "overall": None}] * 3
        first, second, third = make(7, 700), make(8, 500, first=700), make(9, 300, first=1200)
        server = self.server().start()
        self.assert_decided_with(nothing, first, self.score(server, first))
        self.assertEqual(server.stop(), 0)
        self.rebuild()
        server.start()
        night = self.expected(first)
        self.assertGreater(len(night[0]["groups"]), 30)
        self.assertGreater(len(night[1]["groups"]), 60)
        self.assert_decided_with(night, second, self.score(server, second))
        server.process.kill()
        server.process.wait()
        server.start()
        self.assertEqual(server.stop(), 0)
        # The second night reads only what is new.
        incremental, _ = self.rebuild()
        self.assertGreater(incremental["thresholds_from_position"], 0)
        for options in (["--full"], ["--full", "--threads", "1", "--memory", "64M"]):
            again, _ = self.rebuild("--force", *options)
            self.assertEqual(again["content_hash"], incremental["content_hash"], options)
        server.start()
        self.assertEqual(server.stop(), 0)
        self.rebuild("--force", "--keep-thresholds")
        server.start()
        night = self.expected(first + second)
        decisions = self.score(server, third)
        self.assert_decided_with(night, third, decisions)
        self.assertEqual(server.stop(), 0)
        data = os.path.join(self.folder, "data")
        explained = self.harrier("explain", data, third[-1]["id"], "--json")
        self.assertEqual(explained.returncode, 0, explained.stdout + explained.stderr)
        self.assertIn(decisions[-1]["reasons"][-1]["text"], explained.stdout)
        # Values that are kept have to come from somewhere.
        shutil.rmtree(os.path.join(data, "generations"))
        report, _ = self.rebuild("--force", "--keep-thresholds")
        self.assertEqual(report["baselines"], 0)
        self.assertIn("thresholds with \"groups: many\" have no groups", report["warning"])
        # Without any tables, from the records alone.
        shutil.rmtree(os.path.join(data, "generations"))
        self.audit()
        # Another policy with the same declarations reads what was recorded, too.
        self.write_policy("rules/velocity.yaml", BASELINE_RULES.replace("3.0 *", "6.0 *"))
        replayed = self.harrier("replay", data, "--policy", os.path.join(self.folder, "policy"), "--features",
                                os.path.join(self.folder, "rows.csv"))
        self.assertEqual(replayed.returncode, 0, replayed.stdout + replayed.stderr)
        with open(os.path.join(self.folder, "rows.csv"), encoding="utf-8") as file:
            rows = {row["transaction_id"]: row for row in csv.DictReader(file)}
        for one in third:
            usual, spread, _ = self.numbers(night, one)
            expected = 450 * (amount(one) > 6.0 * usual and amount(one) > spread)
            self.assertEqual(int(rows[one["id"]]["score"]), expected, one)

    def test_a_walk_forward_has_its_own(self):
        """Not what the decisions have recorded, which is of an older night."""
        first, second, late = make(7, 700), make(8, 500, first=700), make(9, 200, first=6000)
        server = self.server().start()
        self.score(server, first)
        self.assertEqual(server.stop(), 0)
        self.rebuild()
        server.start()
        self.score(server, second)
        recorded = self.score(server, late)
        self.assert_decided_with(self.expected(first), late, recorded)
        self.assertEqual(server.stop(), 0)
        rows = os.path.join(self.folder, "rows.csv")
        replayed = self.harrier("replay", os.path.join(self.folder, "data"), "--policy", os.path.join(self.folder, "policy"),
                                "--walk-forward", "--features", rows)
        self.assertEqual(replayed.returncode, 0, replayed.stdout + replayed.stderr)
        with open(rows, encoding="utf-8") as file:
            scores = {row["transaction_id"]: int(row["score"]) for row in csv.DictReader(file)}
        night = self.expected(first + second)
        different = 0
        for one, decision in zip(late, recorded):
            usual, spread, _ = self.numbers(night, one)
            expected = 450 * (amount(one) > 3.0 * usual and amount(one) > spread)
            self.assertEqual(scores[one["id"]], expected, one)
            different += expected != decision.get("score", 0)
        self.assertGreater(different, 0)


DEVIATIONS = """\
thresholds:
  - {name: usual, statistic: median, of: amount, by: card, groups: many, over: 12h, minimum: 3, fallback: 500.0}
  - {name: spread, statistic: mad, of: amount, by: card, groups: many, over: 12h, minimum: 3, fallback: 1000.0}
"""

# As docs/POLICY.md has it.
DEVIATION = "(amount - thresholds.usual[card]) / math.greatest(1.4826 * thresholds.spread[card], 5.0)"
DEVIATION_RULES = f"""\
rules:
  - name: deviates
    when: {DEVIATION} > 3.0
    then: {{score: 450}}
    reason: "{{amount}}, {{int({DEVIATION})}} deviations above the card's usual {{thresholds.usual[card]}}"
  - name: always
    when: amount > 0.0
    then: {{score: 1}}
    mode: shadow
    reason: "{{{DEVIATION}}}"
"""


class DeviationTest(ThresholdTest):
    """The robust deviation of an amount from its card's own: in units of 1.4826 times the median distance from the
    median, at least 5."""

    def setUp(self):
        super().setUp()
        self.write_policy("thresholds.yaml", DEVIATIONS)
        self.write_policy("rules/velocity.yaml", DEVIATION_RULES)

    @staticmethod
    def deviation(usual, spread, one):
        key = (one["card"],)
        middle = usual["groups"].get(key, usual["overall"])
        width = spread["groups"].get(key, spread["overall"])
        return middle, (amount(one) - middle) / max(1.4826 * width, 5.0)

    def test_in_units_of_the_cards_own_spread(self):
        first, second = make(7, 700), make(8, 500, first=700)
        for one in first[-4:]:  # always the same: a spread of 0
            one.update(card="steady", amount_minor=2000)
        for one, cents in zip(second, (3400, 3600, 99900, 7000)):
            one.update(card="steady" if cents < 99900 else f"new-{cents}", amount_minor=cents)
        server = self.server().start()
        self.score(server, first)
        self.assertEqual(server.stop(), 0)
        self.rebuild()
        server.start()
        decisions = self.score(server, second)
        self.assertEqual(server.stop(), 0)
        computed = Expected(first)
        usual, spread = (computed.by(amount, lambda t: (t["card"],), DAY // 2, 3, statistic, q)
                         for statistic, q in ((quantile, "0.5"), (mad, None)))
        self.assertEqual(spread["groups"][("steady",)], 0)
        fired = 0
        for one, decision in zip(second, decisions):
            middle, expected = self.deviation(usual, spread, one)
            texts = {reason["rule"]: reason["text"] for reason in decision["reasons"]}
            self.assertAlmostEqual(float(texts["always"]), expected, places=9)
            self.assertEqual("deviates" in texts, expected > 3, one)
            if expected > 3:
                text = f"{amount(one):g}, {int(expected)} deviations above the card's usual {middle:g}"
                self.assertEqual(texts["deviates"], text)
                fired += 1
        self.assertEqual(["deviates" in [reason["rule"] for reason in one["reasons"]] for one in decisions[:3]],
                         [False, True, True])
        self.assertTrue(10 < fired < 490, fired)


if __name__ == "__main__":
    unittest.main()
