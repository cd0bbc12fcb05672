#!/usr/bin/env python3
"""What the rules did, as the console counts it: against rows of `harrier export`, counted once more from nothing."""
import json
import random
import subprocess
import unittest

from console_process import HARRIER, wait_for
from console_test import ConsoleTest
from replay_figures import wilson
from server import POLICY, START_US, transaction

LABELS = ["legit", "fraud", "chargeback", "suspected"]
RATES = """\
  currency_rates:
    - {currency: JPY, from: 2000-01-01, rate: 0.006}
"""
RULES = """\
rules:
  - name: many
    when: card.count_1h >= 3
    then: {score: 400}
  - name: tried
    when: amount > 5.0
    then: {score: 300}
    mode: shadow
  - name: rich
    when: amount > 7.0
    then: {score: 700}
    suppress: {by: card, for: 30s}
"""


def counted(rows, first="", last="9"):
    """{(rule, mode): figures} for the days of events, both included."""
    found = {}
    for row in rows:
        if not first <= row["event_time"][:10] <= last:
            continue
        label = row.get("outcome") or "none"
        for word in row.get("rules", []):
            name, _, mode = word.partition(":")
            mode = mode or "live"
            of = found.setdefault((name, mode), {"fires": 0, "fraud": 0, "legit": 0, "suspected": 0, "unknown": 0,
                                                 "caught": {}, "stopped": {}})
            of["fires"] += 1
            fraud = label in ("fraud", "chargeback")
            of["fraud" if fraud else "unknown" if label == "none" else label] += 1
            for key, counts in (("caught", fraud and row["verdict"] != "approve"),
                                ("stopped", label == "legit" and row["verdict"] == "decline")):
                if counts and mode == "live":
                    sums = of[key]
                    sums[row["currency"]] = sums.get(row["currency"], 0) + row["amount_minor"]
    for of in found.values():
        of["precision"] = wilson(of["fraud"], of["fraud"] + of["legit"])
    return found


class FiguresTest(ConsoleTest):
    def setUp(self):
        self.random = random.Random(30)
        super().setUp()

    def write_policy(self, name, text):
        """From the start: a new suppression would not suppress before the next rebuild."""
        if name == "policy.yaml":
            text += RATES
        super().write_policy(name, RULES if name.startswith("rules/") else text)

    def fill(self, numbers):
        """A hundred transactions a day, a second apart."""
        rows = []
        for number in numbers:
            more = {"currency": "EUR"} if number % 10 else {"currency": "JPY", "amount_minor": 3000}
            at = START_US + (number // 100 * 86400 + number % 100) * 1000000
            rows.append({**transaction(number), **more, "event_time_us": at})
        with self.harrierd.connect() as connection:
            connection.score(rows)
        with self.harrierd.connect() as connection:
            for number in numbers:
                if number % 3:
                    connection.report(f"t{number}", self.random.choice(LABELS))

    def exported(self):
        done = subprocess.run([HARRIER, "export", "--quiet", "--format=jsonl", "--out=-", self.console.archive],
                              capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def shown(self, session, **query):
        status, body = session.get("/api/rules/figures", **query)
        self.assertEqual(status, 200, body)
        found = {}
        for rule in body["rules"]:
            for key in ("caught", "stopped"):
                digits = {"JPY": 0, "EUR": 2}
                rule[key] = {one["currency"]: round(float(one["amount"]) * 10 ** digits[one["currency"]])
                             for one in rule[key]}
            rule["precision"] = rule["precision"] or {"value": None, "low": None, "high": None}
            found[rule.pop("rule"), rule.pop("mode")] = rule
        return found

    def same(self, shown, expected):
        self.assertEqual(set(shown), set(expected))
        for key, figures in expected.items():
            precision, of = figures.pop("precision"), shown[key].pop("precision")
            self.assertEqual(shown[key], figures, key)
            for name, value in precision.items():
                if value is None:
                    self.assertIsNone(of[name])
                else:
                    self.assertAlmostEqual(of[name], value, 12)

    def whole(self, session):
        """Once it has read all that is on disk."""
        records = len(self.exported())
        self.assertGreater(records, 0)
        wait_for(lambda: session.get("/api/rules/figures")[1]["read"]["position"] >= self.harrierd_position())

    def harrierd_position(self):
        with self.harrierd.connect() as connection:
            return connection.status()["position"]

    def test_against_the_export(self):
        self.fill(range(1, 700))
        self.console.start()
        session = self.console.session("anna")
        self.whole(session)
        rows = self.exported()
        expected = counted(rows)
        modes = {mode for _, mode in expected}
        self.assertEqual(modes, {"live", "shadow", "suppressed"})
        self.assertTrue(any(of["stopped"] for of in expected.values()))
        self.assertEqual(len(expected["many", "live"]["caught"]), 2)
        self.same(self.shown(session), expected)
        first, last = "2026-01-03", "2026-01-05"
        some = counted(rows, first, last)
        self.assertNotEqual(some, expected)
        self.same(self.shown(session, **{"from": first}, until=last), some)
        # What comes later, and labels that change.
        self.fill(range(500, 900))
        self.whole(session)
        self.same(self.shown(session), counted(self.exported()))
        # And after a restart, from the archive alone.
        self.console.kill()
        self.console.start()
        session = self.console.session("anna")
        self.whole(session)
        self.same(self.shown(session), counted(self.exported()))
        for wrong in ({"from": "x"}, {"until": "2026-13-01"}):
            self.assertEqual(session.get("/api/rules/figures", **wrong)[0], 422)
        self.assertEqual(session.get("/api/rules/figures", **{"from": last}, until=first)[1]["rules"], [])


if __name__ == "__main__":
    unittest.main()
