#!/usr/bin/env python3
"""Sources and their numbers: what is missing, repeated or begun anew is the same in the status, in metrics and in the
report of the night, over crashes, tables, swaps and an import; against a model that remembers every number."""
import csv
import datetime
import json
import os
import random
import struct
import subprocess
import time
import unittest

from night import SwapTest
from server import START_US, WAIT, transaction

HARRIER = os.environ["HARRIER"]
WINDOW = 1024
KEYS = ("gaps", "missed", "late", "repeats", "restarts")


class Model:
    """The numbers of one source, all of them remembered. Without stragglers from before a restart."""

    def __init__(self):
        self.counts = dict.fromkeys(KEYS, 0)
        self.begin(0)

    def begin(self, number):
        self.first = self.highest = number
        self.came, self.missing = {number} - {0}, set()
        self.settled = number

    def add(self, number):
        if self.highest == 0:
            self.begin(number)
        elif number in self.missing:
            self.missing.remove(number)
            self.came.add(number)
            self.counts["late"] += 1
        elif number in self.came and (self.highest - number < 2 * WINDOW or number >= WINDOW):
            self.counts["repeats"] += 1
        elif self.highest - number >= 2 * WINDOW:
            self.counts["restarts"] += 1
            self.begin(number)
        else:
            self.came.add(number)
            self.first, self.highest = min(self.first, number), max(self.highest, number)
        for x in range(max(self.settled + 1, self.first), self.highest - WINDOW + 1):
            self.settled = x
            if x not in self.came:
                self.counts["missed"] += 1
                self.counts["gaps"] += x - 1 not in self.missing
                self.missing.add(x)

    def ranges(self):
        out = []
        for x in sorted(self.missing):
            if out and out[-1][1] == x - 1:
                out[-1][1] = x
            else:
                out.append([x, x])
        return out


class SourcesTest(SwapTest):
    def setUp(self):
        super().setUp()
        self.number = 0
        self.models = {}

    def harrier(self, *arguments, status=0):
        run = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run.stdout if status == 0 else run.stdout + run.stderr

    def rows(self, source, numbers):
        rows = []
        for number in numbers:
            self.number += 1
            rows.append({**transaction(self.number, cards=97), "source": source, "sequence": number})
            self.models.setdefault(source, Model()).add(number)
        return rows

    def send(self, source, numbers):
        rows = self.rows(source, numbers)
        with self.harrierd.connect() as connection:
            for at in range(0, len(rows), 500):
                for result in connection.score(rows[at : at + 500]):
                    self.assertIn("decision", result)
        return rows

    def status(self):
        return json.loads(self.harrier("status", "--json", "--to", self.harrierd.address, "--deadline", "60s"))

    def assert_as_modelled(self):
        told = {one["source"]: one for one in self.status()["sources"]}
        self.assertEqual(list(told), list(self.models))
        for source, model in self.models.items():
            one = told[source]
            self.assertEqual({key: one[key] for key in KEYS}, model.counts, source)
            self.assertEqual((one["first"], one["highest"]), (model.first, model.highest), source)
            self.assertEqual(one["missing"], model.ranges()[-10:], source)
            for key in KEYS:
                metric = f'harrierd_source_{key}_total{{source="{source}"}}'
                self.assertEqual(self.harrierd.metric(metric), model.counts[key], metric)
        return told

    def report(self, date):
        run = subprocess.run([HARRIER, "night", "--data", self.data, "--date", date, "--verify", "whole", "--drift", "none",
                              "--priority", "normal", "--again"], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertIn(run.returncode, (0, 2), run.stdout + run.stderr)  # 2: alerts, about the volume
        with open(os.path.join(self.data, "nights", date, "report.json"), encoding="utf-8") as file:
            report = json.load(file)
        with open(os.path.join(self.data, "nights", date, "report.html"), encoding="utf-8") as file:
            return report, file.read()


class Served(SourcesTest):
    """The server's clock is at noon of yesterday, which today's night reports on."""

    def setUp(self):
        super().setUp()
        self.today = datetime.datetime.now(datetime.timezone.utc).date()
        noon = datetime.datetime.combine(self.today, datetime.time(), datetime.timezone.utc) - datetime.timedelta(hours=12)
        shift = os.path.join(self.folder, "shift")
        with open(shift, "wb") as file:
            file.write(struct.pack("=q", int((noon.timestamp() - time.time()) * 1e6)))
        self.clock = {
            "LD_PRELOAD": os.environ["CLOCK_SHIFT_LIBRARY"],
            "CLOCK_SHIFT": shift,
            # CLOCK_SHIFT is loaded before the sanitizer's library, on purpose.
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }

    def start(self):
        self.harrierd = self.server("--lazy_sync_interval=10ms").start(environment=self.clock)

    def again(self):
        self.harrierd.kill()
        self.harrierd.start(environment=self.clock)

    def traffic(self):
        """Three sources in turn: losses, changed orders, repeats, and one that begins anew."""
        chance = random.Random(7)
        self.send("checkout-1", [n for n in range(1, 1001) if n not in (11, 12, 700)])
        orders = list(range(1, 801))
        for at in range(0, 800, 100):  # no gaps
            part = orders[at : at + 100]
            chance.shuffle(part)
            orders[at : at + 100] = part
        self.send("till-7", orders)
        self.send("importer", range(5001, 5201))
        self.send("importer", [5100, 5003])
        self.send("importer", [1, 3, 2, *range(4, 101)])
        self.send("checkout-1", range(1001, 1801))
        self.send("checkout-1", [12])

    def test_crash_tables_and_night(self):
        self.start()
        self.traffic()
        told = self.assert_as_modelled()
        self.assertEqual(told["checkout-1"]["missing"], [[11, 11], [700, 700]])
        self.assertEqual([told["importer"][key] for key in KEYS], [0, 0, 0, 2, 1])
        self.assertIn("numbers 1 to 1800, 3 missed in 2 gaps, 1 came late",
                      self.harrier("status", "--to", self.harrierd.address))

        # A retry is no repeat, whatever number and source it has, and a dry run is nothing.
        row = self.send("importer", [101])[0]
        with self.harrierd.connect() as connection:
            for again in (row, {**row, "sequence": 7}, {**row, "source": "other"}):
                self.assertTrue(connection.score([again])[0]["decision"]["duplicate"])
            connection.call({"score": {"transactions": [{**row, "id": "dry", "sequence": 9999}], "dry_run": True}})
        told = self.assert_as_modelled()
        # Nor does history count that comes late: the numbers of 5,000 transactions ago begin nothing anew.
        with self.harrierd.connect() as connection:
            items = []
            for source, number in (*(("importer", n) for n in range(1, 60)), ("checkout-1", 11), ("checkout-1", 90000), ("old", 7)):
                self.number += 1
                items.append({"transaction": {**transaction(self.number), "source": source, "sequence": number}})
            for result in connection.call({"backfill": {"items": items}})["backfill"]["results"]:
                self.assertNotIn("error", result)
        self.assertEqual(self.assert_as_modelled(), told)

        self.again()  # from the archive alone
        self.assertEqual(self.assert_as_modelled(), told)
        self.await_synced(self.harrierd)
        old = self.harrierd.status()
        self.rebuild()
        self.await_adopted(self.harrierd, old)
        self.harrierd.await_said("the live states of")
        self.assertNotIn("differ from those of the new generation", self.harrierd.said())
        self.assertEqual(self.assert_as_modelled(), told)
        self.send("checkout-1", range(1801, 1901))
        self.send("importer", [102, 104])
        told = self.assert_as_modelled()
        self.again()  # from tables, and what came after them
        self.assertEqual(self.assert_as_modelled(), told)

        self.await_synced(self.harrierd)
        self.rebuild()  # from the tables before
        status, verified = self.verify()
        self.assertEqual((status, verified["sources"], verified["sources_equal"]), (0, 3, True), verified)
        self.rebuild("--full", "--threads", "2")
        self.assertEqual(self.verify()[0], 0)

        report, page = self.report(str(self.today))
        of = {one["source"]: one for one in report["sources"]["of"]}
        for source, model in self.models.items():
            self.assertEqual({key: of[source][key] for key in KEYS}, model.counts, source)
            self.assertEqual(of[source]["transactions"], told[source]["transactions"])
        self.assertEqual(of["checkout-1"]["missing"], [[11, 12], [700, 700]])  # 12 came late
        self.assertEqual((of["checkout-1"]["first"], of["checkout-1"]["last"]), (1, 1900))
        found = {(finding["code"], finding["subject"]) for finding in report["findings"]}
        self.assertLessEqual({("source_gaps", "checkout-1"), ("source_repeats", "importer")}, found)
        self.assertNotIn(("source_gaps", "importer"), found)
        self.assertIn("11–12, 700", page)

    def test_records_without_a_source_are_as_before(self):
        self.start()
        self.fill(self.harrierd, 0, 200)
        told = self.status()
        self.assertEqual((told["sources"], told["other_source_transactions"]), ([], 0))
        self.assertNotIn("source", self.harrier("status", "--to", self.harrierd.address))
        self.await_synced(self.harrierd)
        shown = self.harrier("inspect", "--json", self.data)
        self.assertNotIn('"source"', shown)

    def test_too_many_sources(self):
        self.start()
        for n in range(300):
            self.send(f"session-{n}", [1])
        told = self.status()
        self.assertEqual((len(told["sources"]), told["other_source_transactions"]), (256, 44))
        self.assertEqual(self.harrierd.said().count("more than 256 sources"), 1)
        self.assertEqual(self.harrierd.metric("harrierd_source_unlisted_total"), 44)
        self.again()
        again = self.status()
        self.assertEqual((again["sources"], again["other_source_transactions"]), (told["sources"], 44))

    def test_refusals(self):
        self.start()
        for more, field in (({"sequence": 7}, "sequence"),
                            ({"source": "x" * 65}, "source"),
                            ({"source": "a\tb", "sequence": 1}, "source"),
                            ({"source": "4111111111111111"}, "source"),
                            ({"source": "x", "sequence": 2**63}, "sequence")):
            self.number += 1
            with self.harrierd.connect() as connection:
                error = connection.score([{**transaction(self.number), **more}])[0]["error"]
            self.assertEqual((error["code"], error["field"]), ("ERROR_INVALID", field))
        self.assertEqual(self.status()["sources"], [])


class Imported(SourcesTest):
    """A file with columns `source` and `sequence`; days and figures are known beforehand."""

    def write(self, name, days):
        """days: of each, the source's numbers."""
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(["id", "event_time", "amount_minor", "currency", "card", "merchant", "source", "sequence"])
            for day, numbers in enumerate(days):
                for row in self.rows("history", numbers):
                    at = START_US // 1000000 + day * 86400 + self.number % 80000
                    out.writerow([row["id"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)), row["amount_minor"], "EUR",
                                  row["card"], row["merchant"], row["source"], row["sequence"]])
        return path

    def test_days(self):
        first = [n for n in range(1, 1501) if n not in (5, 6, 1490)]
        second = [*range(1501, 2801), 6, 2800]
        path = self.write("history.csv", [first, second])
        self.harrier("import", self.data, path, "--policy", f"{self.folder}/policy")
        report, _ = self.report("2026-01-02")
        (one,) = report["sources"]["of"]
        self.assertEqual((one["source"], one["transactions"], one["first"], one["last"]), ("history", 1497, 1, 1500))
        self.assertEqual([one[key] for key in KEYS], [1, 2, 0, 0, 0])
        self.assertEqual(one["missing"], [[5, 6]])
        report, _ = self.report("2026-01-03")
        (one,) = report["sources"]["of"]
        self.assertEqual((one["transactions"], one["first"], one["last"]), (1302, 1501, 2800))
        self.assertEqual([one[key] for key in KEYS], [1, 1, 1, 1, 0])  # 1490 is known to be missing only now
        self.assertEqual(one["missing"], [[1490, 1490]])

        self.harrierd = self.server().start()
        told = self.assert_as_modelled()
        self.assertEqual(told["history"]["missing"], [[5, 5], [1490, 1490]])


if __name__ == "__main__":
    unittest.main()
