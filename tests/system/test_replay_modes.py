#!/usr/bin/env python3
"""harrier replay in other orders and from other starting points: with the history as known now, with thresholds
computed every night on the way, and from tables; each compared with a plain computation over the rows."""
import bisect
import csv
import datetime
import json
import math
import os
import random
import subprocess
import tempfile
import unittest

from server import WAIT

HARRIER = os.environ["HARRIER"]
DAY_S = 86400
START_S = 1772323200  # 2026-03-01
DAYS = 12
COLUMNS = ["id", "event_time", "amount_minor", "currency", "card", "merchant", "outcome"]
POLICY = "policy: {name: modes, base_currency: EUR, lateness: 2h, cutoffs: {review: 100}}\n"
FEATURES = """\
entities:
  card: {key: card}
  merchant: {key: merchant}
features:
  card:
    - {name: count_6h, aggregate: count, window: 6h}
    - {name: sum_2d, aggregate: sum, of: amount, window: 2d}
  merchant:
    - {name: frauds_3d, aggregate: count, where: "outcome == 'fraud'", window: 3d, delay: 1d}
"""
RULES = """\
rules:
  - {name: unusual, when: "amount > thresholds.usual[merchant]", then: {score: 150}}
  - {name: again, when: "merchant.frauds_3d >= 1", then: {score: 60}}
"""
THRESHOLDS = """\
thresholds:
  - {name: usual, quantile: 0.9, of: amount, by: merchant, over: 3d, minimum: 30, fallback: 70.0, guard: 1000}
"""


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def traffic(late):
    """Rows in order of arrival; with `late`, some are up to an hour late."""
    dice = random.Random(11)
    rows = []
    for number in range(4000):
        at = START_S + int(number * DAYS * DAY_S / 4000) + dice.randrange(60)
        rows.append(
            {
                "id": f"t{number}",
                "at": at - (dice.randrange(3600) if late and number % 7 == 0 else 0),
                "amount": dice.randrange(100, 10000) + 500 * (number // 800),
                "card": f"c{dice.randrange(60)}",
                "merchant": f"m{dice.randrange(5)}",
                "fraud": dice.randrange(15) == 0,
            }
        )
    return rows if late else sorted(rows, key=lambda row: row["at"])


class ModesTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="harrier-modes-")
        self.addCleanup(subprocess.run, ["rm", "-rf", self.folder])
        self.policy = os.path.join(self.folder, "policy")
        self.data = os.path.join(self.folder, "data")
        os.makedirs(os.path.join(self.policy, "rules"))
        for name, text in (("policy", POLICY), ("features", FEATURES), ("rules/score", RULES), ("thresholds", THRESHOLDS)):
            with open(os.path.join(self.policy, name + ".yaml"), "w", encoding="utf-8") as file:
                file.write(text)

    def run_harrier(self, *arguments, status=0):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def bring_in(self, rows, name="rows.csv"):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for row in rows:
                writer.writerow(
                    {
                        "id": row["id"],
                        "event_time": stamp(row["at"]),
                        "amount_minor": row["amount"],
                        "currency": "EUR",
                        "card": row["card"],
                        "merchant": row["merchant"],
                        "outcome": "fraud" if row["fraud"] else "",
                    }
                )
        self.run_harrier("import", self.data, path, "--policy", self.policy, "--quiet")

    def export(self, *options, threads=2):
        """{id: row} of --features, and the order of the ids."""
        text = self.run_harrier(
            "replay", self.data, "--policy", self.policy, "--features", "-", "--quiet", "--threads", str(threads), *options
        )
        rows = list(csv.DictReader(text.splitlines()))
        return {row["transaction_id"]: row for row in rows}, [row["transaction_id"] for row in rows]

    def test_as_known_now(self):
        arrived = traffic(late=True)
        self.bring_in(arrived)
        found, order = self.export("--known", "now")
        again, _ = self.export("--known", "now", threads=1)
        self.assertEqual(found, again)
        rows = sorted(arrived, key=lambda row: row["at"])  # stable: equal times stay in their order
        self.assertEqual(order, [row["id"] for row in rows])
        for i, row in enumerate(rows):
            before = rows[: i + 1]
            mine = [r for r in before if r["card"] == row["card"]]
            frauds = [r for r in rows[:i] if r["merchant"] == row["merchant"] and r["fraud"]]
            expected = {
                "card.count_6h": sum(r["at"] > row["at"] - 6 * 3600 for r in mine),
                "card.sum_2d": sum(r["amount"] for r in mine if r["at"] > row["at"] - 2 * DAY_S),
                "merchant.frauds_3d": sum(row["at"] - 4 * DAY_S < r["at"] <= row["at"] - DAY_S for r in frauds),
            }
            told = {name: float(found[row["id"]][name]) for name in expected}
            told["card.sum_2d"] = round(100 * told["card.sum_2d"])
            self.assertEqual(told, expected, row)
        then, _ = self.export()
        self.assertNotEqual(then, found, "nothing came late")
        for options in (("--counterfactual",), ("--warm-up", "generations", "--from", "2026-03-05")):
            told = self.run_harrier("replay", self.data, "--policy", self.policy, "--known", "now", *options, status=64)
            self.assertIn("--known now", told)

    def thresholds_of(self, rows, night):
        """By merchant: the 0.9 quantile of the three days before the newest of these rows."""
        newest = max((row["at"] for row in rows), default=None)
        table, overall = {}, []
        for row in rows:
            if row["at"] > newest - 3 * DAY_S:
                bisect.insort(table.setdefault(row["merchant"], []), row["amount"])
                bisect.insort(overall, row["amount"])

        def quantile(values):
            return values[math.ceil(len(values) * 9 / 10) - 1] if len(values) >= 30 else None

        return {name: quantile(values) or quantile(overall) for name, values in table.items()}, quantile(overall)

    def unusual(self, rows):
        """Ids of the rows above the threshold of the last midnight before they arrived."""
        found, night, newest = set(), ({}, None), None
        for i, row in enumerate(rows):
            if newest is not None and row["at"] // DAY_S > newest // DAY_S:
                night = self.thresholds_of(rows[:i], row["at"])
            newest = row["at"] if newest is None else max(newest, row["at"])
            limit = night[0].get(row["merchant"]) or night[1] or 7000
            if row["amount"] > limit:
                found.add(row["id"])
        return found

    def test_thresholds_of_every_night(self):
        for late in (False, True):
            with self.subTest(late=late):
                self.data = os.path.join(self.folder, f"data-{late}")
                rows = traffic(late)
                self.bring_in(rows)
                expected = self.unusual(rows)
                self.assertGreater(len(expected), 200)
                for threads in (1, 3):
                    found, _ = self.export("--walk-forward", threads=threads)
                    self.assertEqual({i for i, row in found.items() if int(row["score"]) >= 150}, expected)
                # A range uses the thresholds of the nights before it.
                part, order = self.export("--walk-forward", "--from", "2026-03-08")
                self.assertEqual(part, {i: found[i] for i in order})
                still, _ = self.export()
                self.assertNotEqual(still, found)

    def test_from_tables(self):
        rows = traffic(late=False)
        self.bring_in(rows[:2000], "first.csv")
        self.run_harrier("rebuild", "--data", self.data)
        self.bring_in(rows[2000:], "second.csv")
        begin = stamp(rows[2000]["at"] + 1)
        whole, order = self.export("--from", begin)
        self.assertEqual(len(order), sum(stamp(row["at"]) >= begin for row in rows))
        for threads in (1, 3):
            found, _ = self.export("--from", begin, "--warm-up", "generations", threads=threads)
            self.assertEqual(found, whole)
        # It has begun there.
        told = [
            json.loads(
                self.run_harrier(
                    "replay", self.data, "--policy", self.policy, "--from", begin, "--json", "-", "--warm-up", warm_up
                )
            )
            for warm_up in ("start", "generations")
        ]
        self.assertEqual(told[0]["verdicts"], told[1]["verdicts"])
        self.assertEqual(told[0]["detection"], told[1]["detection"])
        early = self.run_harrier(
            "replay", self.data, "--policy", self.policy, "--from", "2026-03-02", "--warm-up", "generations", status=66
        )
        self.assertIn("before 2026-03-02", early)


if __name__ == "__main__":
    unittest.main()
