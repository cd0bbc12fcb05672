#!/usr/bin/env python3
"""The console's figures of performance against a naive count of `harrier export`: by day and rule, as they are known now
and as they were known on earlier days, with voids and captures; an experiment and a shadow policy; the tables removed,
damaged, and of another archive."""
import csv
import datetime
import io
import math
import os
import random
import shutil
import sqlite3
import subprocess
import unittest
from collections import defaultdict

from console_process import Console, wait_for
from server import POLICY, WAIT, ServerTest, transaction

HARRIER = os.environ["HARRIER"]
DAYS = 60
FIRST = datetime.date(2026, 6, 1)
RULES = """\
rules:
  - {name: many, about: many, when: card.count_1h >= 2, then: {verdict: decline, score: 400}}
  - {name: large, about: large, when: amount > 150.0, then: {verdict: review, score: 350}}
  - {name: tried, about: tried, when: amount > 80.0, then: {score: 10}, mode: shadow}
"""
RATES = "  currency_rates: [{currency: USD, from: 2020-01-01, rate: \"0.9\"}, {currency: GBP, from: 2020-01-01, rate: \"1.1\"}]\n"
STRICTER = {
    **POLICY,
    "policy.yaml": POLICY["policy.yaml"].replace("name: system", "name: stricter") + RATES,
    "rules/velocity.yaml": """\
rules:
  - {name: small, about: small, when: amount > 5.0, then: {verdict: challenge, score: 10}}
""",
}
ALERTS = ("review", "challenge", "decline")


def wilson(count, total):
    """Written a second time: (value, low, high), or None."""
    if not total:
        return None
    z, p = 1.959963984540054, count / total
    middle, half = p + z * z / (2 * total), z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    return p, (middle - half) / (1 + z * z / total), (middle + half) / (1 + z * z / total)


class Naive:
    """One transaction as it was known at the end of a day; made of a row of the export."""

    def __init__(self, row, known):
        self.day = row["event_time"][:10]
        self.is_there = row["received_time"][:10] <= known
        self.verdict = row["verdict"]
        self.currency = row["currency"]
        self.label = row["outcome"] if row["outcome"] and row["outcome_time"][:10] <= known else ""
        self.amount = int(row["amount_minor"])
        if row["amendment"] and row["amendment_time"][:10] <= known:
            given = round(float(row["amendment_amount"] or 0) * 100)
            self.amount = {"void": 0, "capture": given, "refund": self.amount - given}[row["amendment"]]
        self.rules = [tuple((word + ":").split(":")[:2]) for word in row["rules"].split()]
        self.arm = row["arm"]

    @property
    def is_fraud(self):
        return self.label in ("fraud", "chargeback")


def count(rows, currency):
    """The figures of some transactions."""
    found = {"transactions": len(rows), "verdicts": defaultdict(int), "with_outcome": 0, "fraud": 0, "legit": 0,
             "caught": 0, "missed": 0, "false_alarms": 0}
    money = {"caught_money": [], "missed_money": [], "stopped_wrongly": []}
    for row in rows:
        alert = row.verdict in ALERTS
        amount = row.amount if row.currency == currency else 0
        found["verdicts"][row.verdict] += 1
        found["with_outcome"] += row.label != ""
        found["legit"] += row.label == "legit"
        found["fraud"] += row.is_fraud
        found["caught"] += row.is_fraud and alert
        found["missed"] += row.is_fraud and not alert
        if row.label == "suspected":
            continue
        found["false_alarms"] += alert and not row.is_fraud
        money["caught_money"].append(amount if row.is_fraud and alert else 0)
        money["missed_money"].append(amount if row.is_fraud and not alert else 0)
        money["stopped_wrongly"].append(amount if not row.is_fraud and row.verdict == "decline" else 0)
    found["precision"] = wilson(found["caught"], found["caught"] + found["false_alarms"])
    found["recall"] = wilson(found["caught"], found["fraud"])
    return found, money


def earning(row):
    if row.is_fraud:
        return row.amount if row.verdict in ALERTS else 0
    return -row.amount if row.verdict == "decline" else 0


class PerformanceTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.write_policy("policy.yaml", POLICY["policy.yaml"] + RATES)
        self.write_policy("rules/velocity.yaml", RULES)

    def harrier(self, *words):
        done = subprocess.run([HARRIER, *words], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def history(self):
        """Two months with frauds that become known over weeks, some of them voided or captured later."""
        dice = random.Random(7)
        rows = list(csv.DictReader(io.StringIO(self.harrier(
            "simulate", f"--from={FIRST}", f"--days={DAYS}", "--transactions-per-day=150", "--customers=100",
            "--merchants=300", "--fraud-rate=0.1", "--seed=5"))))
        for row in rows:
            at = datetime.datetime.fromisoformat(row["event_time"].replace("Z", "+00:00"))
            chance = dice.random()
            row["amendment"] = row["amendment_amount"] = row["amendment_time"] = ""
            if chance < 0.2:
                row["amendment"] = "void" if chance < 0.1 else "capture"
                row["amendment_amount"] = "" if chance < 0.1 else f"{float(row['amount']) / 2:.2f}"
                row["amendment_time"] = (at + datetime.timedelta(days=dice.randrange(1, 20))).isoformat()
            if 0.5 < chance < 0.52:
                row["outcome"], row["outcome_time"] = "suspected", (at + datetime.timedelta(days=3)).isoformat()
            if row["currency"] not in ("EUR", "USD"):
                row["amendment"] = ""
        out = io.StringIO()
        writer = csv.DictWriter(out, [name for name in rows[0] if not name.startswith("label_")],
                                extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
        path = os.path.join(self.folder, "history.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write(out.getvalue())
        self.harrier("import", f"{self.folder}/data", path, "--policy", f"{self.folder}/policy", "--quiet")

    def exported(self):
        return list(csv.DictReader(io.StringIO(
            self.harrier("export", f"{self.folder}/data", "--out", "-", "--quiet"))))

    def begin(self, *flags):
        self.harrierd = self.server("--lazy_sync_interval=5ms", *flags).start()
        self.console = Console(self.folder, self.harrierd)
        self.addCleanup(self.console.kill)
        self.console.add_people((("vera", "viewer"),))
        self.console.start()
        self.vera = self.console.session("vera")
        return self.vera

    def figures(self, path="/api/performance", **query):
        """Once everything that is in the archive was read."""
        end = self.harrierd.status()["position"]

        def read():
            status, answer = self.vera.get(path, **query)
            self.assertEqual(status, 200, answer)
            return answer if answer["read"]["position"] >= end else None

        return wait_for(read)

    def assert_figures(self, found, rows, currency):
        expected, money = count(rows, currency)
        for name in ("transactions", "with_outcome", "fraud", "legit", "caught", "missed", "false_alarms"):
            self.assertEqual(found[name], expected[name], name)
        for verdict, number in found["verdicts"].items():
            self.assertEqual(number, expected["verdicts"][verdict], verdict)
        for name in ("precision", "recall"):
            if expected[name] is None:
                self.assertIsNone(found[name])
                continue
            for part, value in zip(("value", "low", "high"), expected[name]):
                self.assertAlmostEqual(found[name][part], max(0, min(1, value)), places=9, msg=name)
        for name, amounts in money.items():
            self.assertEqual(round(float(found[name]["value"]) * 100), sum(amounts), name)
            if amounts:
                mean = sum(amounts) / len(amounts)
                half = 1.959963984540054 * math.sqrt(sum((amount - mean) ** 2 for amount in amounts))
                self.assertAlmostEqual(float(found[name]["half"]) * 100, half, delta=0.6, msg=name)

    def assert_equal_to_export(self, exported, **query):
        answer = self.figures(**query)
        known = answer["known"] if not answer["known_now"] else "9999"
        rows = [row for row in (Naive(row, known) for row in exported) if row.is_there]
        in_range = [row for row in rows if answer["from"] <= row.day <= answer["until"]]
        mature = [row for row in in_range if row.day <= answer["maturity"]["until"]]
        by_day = defaultdict(list)
        for row in in_range:
            by_day[row.day].append(row)
        for day in answer["days"]:
            with self.subTest(day=day["day"], **query):
                self.assertEqual(day["mature"], day["day"] <= answer["maturity"]["until"])
                self.assert_figures(day, by_day[day["day"]], answer["currency"])
        self.assert_figures(answer["mature"], mature, answer["currency"])
        names = {name for row in in_range for name in row.rules}
        self.assertEqual({(rule["rule"], "shadow" if rule["shadow"] else "") for rule in answer["rules"]}, names)
        for rule in answer["rules"]:
            name = (rule["rule"], "shadow" if rule["shadow"] else "")
            with self.subTest(rule=name, **query):
                self.assert_figures(rule, [row for row in mature if name in row.rules], answer["currency"])
                self.assertEqual(rule["young"], sum(name in row.rules for row in in_range) - rule["transactions"])
        return answer

    # ---- as known now and then ----

    def test_every_figure_equals_a_naive_count(self):
        self.history()
        self.begin()
        exported = self.exported()
        self.assertTrue(any(row["amendment"] == "void" and row["outcome"] == "fraud" for row in exported))
        now = self.assert_equal_to_export(exported, **{"from": FIRST, "until": FIRST + datetime.timedelta(DAYS)})
        self.assertGreater(now["mature"]["caught"], 10)
        self.assertGreater(now["mature"]["missed"], 10)
        self.assertIn("USD", now["currencies"])
        for days, currency in ((45, "EUR"), (30, "USD"), (20, "EUR")):
            then = self.assert_equal_to_export(exported, **{
                "from": FIRST, "until": FIRST + datetime.timedelta(days), "currency": currency,
                "known": FIRST + datetime.timedelta(days), "mature": 7})
            self.assertFalse(then["known_now"])
        # The frauds of the newest days were not all known then; of the same days they are now.
        self.assertLess(sum(day["fraud"] for day in then["days"]), sum(day["fraud"] for day in now["days"][:21]))
        self.maturity_is_measured(exported)
        self.refused_queries()
        self.tables_are_made_again(exported)

    def maturity_is_measured(self, exported):
        """The share of frauds known at each age, counted once more from the days that are old enough."""
        answer = self.figures(**{"from": FIRST, "until": FIRST + datetime.timedelta(DAYS)})
        maturity, last = answer["maturity"], datetime.date.fromisoformat(answer["known"])
        self.assertTrue(maturity["measured"])
        ages = []
        for row in exported:
            day = datetime.date.fromisoformat(row["event_time"][:10])
            if row["outcome"] == "fraud" and (last - day).days >= maturity["horizon"]:
                age = (datetime.date.fromisoformat(row["outcome_time"][:10]) - day).days
                ages += [age] if age <= maturity["horizon"] else []
        self.assertEqual(len(ages), maturity["frauds"])
        for day in answer["days"]:
            age = (last - datetime.date.fromisoformat(day["day"])).days
            share = sum(one <= age for one in ages) / len(ages) if age <= maturity["horizon"] else 1
            self.assertAlmostEqual(day["frauds_known"], max(0, share), places=9)
        shares = [sum(one <= age for one in ages) / len(ages) for age in range(maturity["horizon"] + 1)]
        self.assertEqual(maturity["days"], next(age for age, share in enumerate(shares) if share >= 0.95))

    def refused_queries(self):
        for query, word in (({"from": "2026-02-30"}, "from"), ({"until": "tomorrow"}, "until"),
                            ({"from": "2020-01-01", "until": "2026-01-01"}, "800"),
                            ({"from": "2026-07-02", "until": "2026-07-01"}, "earlier"),
                            ({"mature": "x"}, "mature"), ({"known": "1-1-1"}, "known")):
            status, answer = self.vera.get("/api/performance", **query)
            self.assertEqual(status, 422, answer)
            self.assertIn(word, answer["error"])

    def tables_are_made_again(self, exported):
        """Removed, damaged, half read and killed, and beside another archive: the figures come again."""
        path = os.path.join(self.console.data, "performance.sqlite")
        query = {"from": FIRST, "until": FIRST + datetime.timedelta(DAYS)}
        before = self.figures(**query)
        for harm in ("removed", "damaged", "killed"):
            self.console.kill()
            if harm == "removed":
                os.remove(path)
            elif harm == "damaged":
                with open(path, "r+b") as file:
                    file.write(b"\xff" * 4096)
            for end in ("-wal", "-shm") if harm != "killed" else ():
                if os.path.exists(path + end):
                    os.remove(path + end)
            self.console.start()
            if harm == "killed":  # as soon as it has begun again
                self.console.kill()
                self.console.start()
            self.vera = self.console.session("vera")
            with self.subTest(harm=harm):
                self.assertEqual({**self.figures(**query), "read": 0}, {**before, "read": 0})
        self.console.kill()
        with sqlite3.connect(path) as tables:
            tables.execute("UPDATE state SET chain = chain + 1")
        tables.close()
        self.console.start()
        self.vera = self.console.session("vera")
        wait_for(lambda: "another archive" in self.console.said())
        self.assert_equal_to_export(exported, **query)

    # ---- side by side ----

    def test_arms_and_shadow_policies(self):
        for name in ("challenger", "shadow"):
            for path, text in STRICTER.items():
                full = os.path.join(self.folder, name, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as file:
                    file.write(text)
        self.begin(f"--challenger={self.folder}/challenger", "--challenger_share=40%", "--challenger_key=card",
                   "--challenger_name=spring", f"--shadow={self.folder}/shadow")
        self.assertEqual(self.figures()["days"][0]["transactions"], 0)
        with self.harrierd.connect() as connection:
            connection.score([transaction(number, cards=90) for number in range(600)])
            for number in range(0, 600, 3):
                connection.report(f"t{number}", "FRAUD" if number % 2 else "LEGIT")
        subprocess.run([HARRIER, "amend", "t3", "void", "--to", self.harrierd.address, "-q"], check=True)
        exported = wait_for(self.all_that_was_reported)
        rows = [Naive(row, "9999") for row in exported]
        answer = self.figures("/api/performance/policies", until="2026-01-01", mature=0)
        (phase,) = answer["experiments"]
        self.assertEqual((phase["experiment"], phase["key"], phase["share_e4"], phase["champion_name"],
                          phase["challenger_name"], phase["ended"]), ("spring", "card", 4000, "system", "stricter",
                                                                      False))
        for arm in ("champion", "challenger"):
            self.assert_figures(phase[arm], [row for row in rows if row.arm == arm], "EUR")
        self.assertGreater(phase["challenger"]["caught"], 10)
        self.assert_arm_differences(phase)
        (shadow,) = answer["shadows"]
        self.assertEqual(shadow["policy"], "stricter")
        self.assert_figures(shadow["live"], rows, "EUR")
        sent = {f"t{number}": transaction(number)["amount_minor"] for number in range(600)}
        others = [Naive({**row, "verdict": "challenge" if sent[row["id"]] > 500 else "approve"}, "9999")
                  for row in exported]
        self.assert_figures(shadow["shadow"], others, "EUR")
        self.assert_shadow_differences(shadow["differences"], rows, others)

    def all_that_was_reported(self):
        rows = self.exported()
        is_whole = sum(row["outcome"] != "" for row in rows) == 200 and any(row["voided"] == "true" for row in rows)
        return rows if is_whole else None

    def assert_shadow_differences(self, differences, live, shadow):
        """Pair by pair."""
        pairs = list(zip(live, shadow))
        more = [(b.verdict in ALERTS) - (a.verdict in ALERTS) for a, b in pairs]
        self.assert_mean(differences["alerts"], more)
        self.assert_mean(differences["recall"], [one for one, (a, _) in zip(more, pairs) if a.is_fraud])
        earned = [b - a for a, b in zip(map(earning, live), map(earning, shadow))]
        mean = sum(earned) / len(earned)
        half = 1.959963984540054 * math.sqrt(sum((one - mean) ** 2 for one in earned))
        net = differences["net"]
        for part, value in (("value", sum(earned)), ("low", sum(earned) - half), ("high", sum(earned) + half)):
            self.assertAlmostEqual(net[part], value, places=4)

    def assert_mean(self, found, values):
        mean = sum(values) / len(values)
        half = 1.959963984540054 * math.sqrt(sum((one - mean) ** 2 for one in values)) / len(values)
        for part, value in (("value", mean), ("low", mean - half), ("high", mean + half)):
            self.assertAlmostEqual(found[part], value, places=9)

    def assert_arm_differences(self, phase):
        """Newcombe's interval, from Wilson's of both."""
        first, second = phase["champion"]["recall"], phase["challenger"]["recall"]
        difference = phase["differences"]["recall"]
        value = second["value"] - first["value"]
        self.assertAlmostEqual(difference["value"], value)
        self.assertAlmostEqual(difference["low"], value - math.hypot(second["value"] - second["low"],
                                                                     first["high"] - first["value"]))
        self.assertAlmostEqual(difference["high"], value + math.hypot(second["high"] - second["value"],
                                                                      first["value"] - first["low"]))


if __name__ == "__main__":
    unittest.main()
