#!/usr/bin/env python3
"""harrier backfill: history that comes months late, beside decisions and through crashes of both sides, against a model
that reads nothing but the records' order."""
import csv
import json
import os
import random
import subprocess
import threading
import time

import unittest
from server import START_US, WAIT, ServerTest

HARRIER = os.environ["HARRIER"]
DAY_US = 86400 * 10**6
CARDS, HISTORY = 8, 1200
COLUMNS = ["id", "event_time_us", "amount_minor", "currency", "card", "merchant", "outcome", "outcome_time", "amendment",
           "amendment_amount_minor", "amendment_time"]
# Labels and amendments are those of the rows in history; live transactions have none.
FEATURES = """\
entities:
  card: {key: card}
  merchant: {key: merchant}
features:
  card:
    - {name: count_90d, aggregate: count, window: 90d}
    - {name: count_7d, aggregate: count, window: 7d}
    - {name: sum_90d, aggregate: sum, of: amount, window: 90d}
    - {name: fraud_90d, aggregate: count, where: "outcome == 'fraud'", window: 90d}
    - {name: merchants_30d, aggregate: distinct, of: merchant, window: 30d}
  merchant:
    - {name: count_1d, aggregate: count, window: 1d}
"""
RULES = """\
rules:
  - name: many
    about: many
    when: card.count_7d >= 12
    then: {verdict: review, score: 400}
  - name: bad
    about: frauds before
    when: card.fraud_90d >= 3
    then: {score: 300}
"""


class Model:
    """What the features of a card are, from all transactions in a list."""

    def __init__(self):
        self.known = {}  # id → a dict

    def add(self, row):
        self.known[row["id"]] = {**row, "voided": False, "label": "none"}

    def report(self, identity, label):
        self.known[identity]["label"] = label

    def amend(self, identity, now):
        self.known[identity].update(voided=now["voided"], amount_minor=now["amount_minor"])

    def features(self, row):
        """Of the row, which has been added: what it turned out to be is no feature of its own."""
        def of(days):
            oldest = row["event_time_us"] - days * DAY_US
            return [one for one in self.known.values() if one["card"] == row["card"] and not one["voided"]
                    and oldest < one["event_time_us"] <= row["event_time_us"]]

        all_of_them = of(90)
        return {
            "card.count_90d": len(all_of_them),
            "card.count_7d": len(of(7)),
            "card.sum_90d": sum(one["amount_minor"] for one in all_of_them) / 100,
            "card.fraud_90d": sum(one["label"] == "fraud" and one["id"] != row["id"] for one in all_of_them),
            "card.merchants_30d": len({one["merchant"] for one in of(30)}),
        }


class BackfillTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.write_policy("features.yaml", FEATURES)
        self.write_policy("rules/velocity.yaml", RULES)
        self.random = random.Random(11)
        self.number = 0
        self.decided = {}  # id → the decision that a client got
        self.times = {}    # id → event time

    @property
    def data(self):
        return os.path.join(self.folder, "data")

    def harrier(self, *arguments, status=0):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(done.returncode, status, f"{arguments}\n{done.stderr}")
        return done.stdout, done.stderr

    def row(self, name, days):
        """No two rows have the same time."""
        self.number += 1
        return {
            "id": f"{name}{self.number}",
            "event_time_us": START_US + int(days * DAY_US) // 10**6 * 10**6 + self.number,
            "amount_minor": self.random.randrange(100, 100000),
            "currency": "EUR",
            "card": f"c{self.random.randrange(CARDS)}",
            "merchant": f"m{self.random.randrange(6)}",
        }

    def history(self, count, first_day, last_day):
        rows = []
        for _ in range(count):
            row = self.row("old", self.random.uniform(first_day, last_day))
            kind = self.random.randrange(10)
            if kind == 0:
                row["outcome"] = "fraud"
            if kind == 1:
                row.update(outcome="legit", outcome_time=row["event_time_us"] + 3 * DAY_US)
            if kind == 2:
                row["amendment"] = "void"
            if kind == 3:
                row.update(amendment="capture", amendment_amount_minor=row["amount_minor"] // 2)
            rows.append(row)
        return rows

    def write(self, name, rows):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        return path

    def mapping(self):
        path = os.path.join(self.folder, "map.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("id: id\nevent_time: {column: event_time_us, format: unix_us}\namount_minor: amount_minor\n"
                       "currency: currency\ncard: card\nmerchant: merchant\noutcome: outcome\n"
                       "outcome_time: {column: outcome_time, format: unix_us}\namendment: amendment\n"
                       "amendment_amount_minor: amendment_amount_minor\n"
                       "amendment_time: {column: amendment_time, format: unix_us}\n")
        return path

    def live(self, server, count, day):
        """Decisions of today, in order."""
        with server.connect() as connection:
            for i in range(count):
                row = self.row("live", day + i / 10000)
                (result,) = connection.score([row], return_features=True)
                self.decided[row["id"]] = result["decision"]
                self.times[row["id"]] = row["event_time_us"]

    def counts(self, said):
        return {line.rsplit(None, 1)[0]: int(line.rsplit(None, 1)[1].replace(",", ""))
                for line in said.splitlines() if line.split(" ")[0] in (
                    "rows", "recorded", "duplicates", "outcomes", "amendments", "failed")}

    def await_metric(self, server, name, least):
        deadline = time.monotonic() + WAIT
        while server.metric(name) < least:
            self.assertLess(time.monotonic(), deadline, name)
            time.sleep(0.01)

    def start_backfill(self, server, *files, **more):
        return subprocess.Popen(
            [HARRIER, "backfill", *files, "--map", self.mapping(), "--to", server.address, "--retry-for", f"{WAIT}s",
             "--deadline", "60s", *more.get("options", ())],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def rebuild_beside(self, server):
        before = server.status()
        self.harrier("rebuild", "--data", self.data)
        deadline = time.monotonic() + WAIT
        while True:
            status = server.status()
            if status.get("generation_id") != before.get("generation_id") and status.get("swap_state", "idle") == "idle":
                break
            self.assertLess(time.monotonic(), deadline, status)
            time.sleep(0.02)
        self.assertGreater(int(status.get("compared_entities", 0)), 0)
        self.assertEqual(int(status.get("differing_entities", 0)), 0, status)

    def records(self):
        said, _ = self.harrier("inspect", self.data, "--json")
        return [json.loads(line) for line in said.splitlines()]

    def assert_features(self, found, model, row):
        for name, expected in model.features(row).items():
            self.assertAlmostEqual(float(found[name]), expected, places=6, msg=(row, name))

    def check_decisions(self, records):
        """Each live decision saw what was recorded before it, at its event time."""
        model, seen = Model(), 0
        for record in records:
            if record["type"] == "transaction":
                row = {key: record[key] for key in ("id", "card", "merchant", "amount_minor")}
                row["event_time_us"] = self.times[row["id"]]
                model.add(row)
                if row["id"] in self.decided:
                    self.assertNotIn("backfilled", record)
                    features = {one["name"]: one.get("integer", one.get("number", 0))
                                for one in self.decided[row["id"]]["features"]}
                    self.assert_features(features, model, row)
                    seen += 1
                else:
                    self.assertTrue(record["backfilled"])
            elif record["type"] == "outcome":
                self.assertTrue(record["backfilled"])
                model.report(record["transaction_id"], record["label"])
            elif record["type"] == "amendment":
                self.assertTrue(record["backfilled"])
                model.amend(record["transaction_id"], record["now"])
        self.assertEqual(seen, len(self.decided))
        return model

    def check_known_now(self, model):
        """In the order of event times, history counts for everything after it, as it turned out."""
        path = os.path.join(self.folder, "now.csv")
        self.harrier("replay", self.data, "--known", "now", "--policy", os.path.join(self.folder, "policy"),
                     "--features", path, "--quiet")
        with open(path, encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        self.assertEqual(len(rows), len(model.known))
        for found in rows:
            row = model.known[found["transaction_id"]]
            if not row["voided"] and row["id"] not in self.captured:
                self.assert_features({name: value or 0 for name, value in found.items()}, model, row)

    def test_beside_decisions_and_through_crashes(self):
        first, second = self.history(HISTORY, 5, 95), self.history(200, 30, 70)
        self.captured = {row["id"] for row in first + second if row.get("amendment") == "capture"}
        shuffled = first + self.random.sample(first, 150)  # repeats, too
        self.random.shuffle(shuffled)
        half = len(shuffled) // 2
        files = [self.write("one.csv", shuffled[:half]), self.write("two.csv", shuffled[half:])]
        server = self.server("--durability=synced").start()
        self.live(server, 40, 100)

        # The command is killed, then the server; the second run waits for it.
        command = self.start_backfill(server, *files, options=("--rate", "600"))
        self.await_metric(server, "harrierd_backfilled_total", 100)
        command.kill()
        command.communicate()
        command = self.start_backfill(server, *files, options=("--rate", "900"))
        self.live(server, 20, 100.1)
        self.await_metric(server, "harrierd_backfilled_total", 500)
        server.kill()
        server.start()
        self.live(server, 20, 100.2)
        _, said = command.communicate(timeout=WAIT)
        self.assertEqual(command.returncode, 0, said)
        self.assertEqual(server.status()["transactions"], 80 + HISTORY)

        # Everything is there once; sent again, it changes nothing.
        before = server.status(state_hash=True)
        command = self.start_backfill(server, *files)
        _, said = command.communicate(timeout=WAIT)
        self.assertEqual(self.counts(said), {"rows": HISTORY + 150, "recorded": 0, "duplicates": HISTORY + 150,
                                             "outcomes": 0, "amendments": 0, "failed": 0})
        after = server.status(state_hash=True)
        self.assertEqual((after["position"], after["state_hash"]), (before["position"], before["state_hash"]))
        self.live(server, 40, 100.3)

        # Tables with the history, and more history on top of them, some of it of cards that they do not have.
        self.rebuild_beside(server)
        self.live(server, 20, 100.4)
        for row in second[:60]:
            row["card"] = "late-" + row["card"]
        before = server.metric("harrierd_backfilled_total")
        command = self.start_backfill(server, self.write("three.csv", second), options=("--rate", "150"))
        self.live(server, 20, 100.5)
        self.await_metric(server, "harrierd_backfilled_total", before + 1)
        self.rebuild_beside(server)  # some of it is in these tables, the rest comes while they are adopted
        _, said = command.communicate(timeout=WAIT)
        self.assertEqual(self.counts(said)["recorded"], 200, said)
        self.live(server, 20, 100.55)
        self.rebuild_beside(server)
        self.live(server, 20, 100.6)
        self.assertEqual(sum(server.metric(f'harrierd_transactions_total{{verdict="{verdict}"}}')
                             for verdict in ("approve", "review", "challenge", "decline")), 140)  # since the crash
        self.check_marks(server, first[0]["id"])
        self.assertEqual(server.stop(), 0)

        self.harrier("archive", "verify", self.data)
        self.harrier("verify", self.data)
        self.harrier("replay", self.data, "--recorded")  # the status says that there is no difference
        self.times.update((row["id"], row["event_time_us"]) for row in first + second)
        records = self.records()
        model = self.check_decisions(records)
        self.check_known_now(model)
        self.check_reports(model, first + second)
        self.check_export({row["id"] for row in first + second})

    def check_marks(self, server, late):
        """Who looks a transaction up sees that nobody acted on its decision."""
        for source in ((self.data,), (f"--server={server.address}",)):
            said, _ = self.harrier("find", *source, "--id", late, "--format", "jsonl", "--quiet")
            self.assertIs(json.loads(said)["backfilled"], True, source)
        said, _ = self.harrier("explain", self.data, late, "--json")
        self.assertTrue(any("nobody acted on it" in note for note in json.loads(said)["notes"]), said)

    def check_reports(self, model, rows):
        """What the files say of each transaction is what is known of it."""
        for row in rows:
            known = model.known[row["id"]]
            self.assertEqual(known["label"], row.get("outcome", "none"))
            self.assertEqual(known["voided"], row.get("amendment") == "void")
            self.assertEqual(known["amount_minor"], row.get("amendment_amount_minor", row["amount_minor"]))

    def check_export(self, late):
        said, _ = self.harrier("export", self.data, "--out", "-", "--columns", "id,backfilled", "--quiet")
        rows = list(csv.DictReader(said.splitlines()))
        self.assertEqual({row["id"] for row in rows if row["backfilled"] == "true"}, late)
        self.assertEqual({row["id"] for row in rows if row["backfilled"] == "false"}, set(self.decided))

    # Amendments of one transaction of 1000, each as kind, amount and day; what it is then, captured and refunded.
    CHAINS = (
        ([("capture", 900, 1), ("refund", 100, 2), ("refund", 250, 3)], (False, 900, 250)),
        ([("capture", 900, 1), ("refund", 100, 1), ("refund", 300, 1), ("capture", 800, 1)], (False, 800, 300)),
        ([("void", "", 1), ("restore", "", 1), ("capture", 500, 1)], (False, 500, 0)),
        ([("void", "", 1), ("restore", "", 2), ("void", "", 3)], (True, 1000, 0)),
        ([("refund", 200, 5), ("refund", 100, 2), ("capture", 700, 5)], (False, 700, 200)),  # the second is older
    )

    def amended(self):
        """What the archive says of each transaction at its end."""
        known = {}
        for record in self.records():
            if record["type"] == "amendment":
                now = record["now"]
                known[record["transaction_id"]] = (now["voided"], now["amount_minor"], now["refunded_minor"])
        return known

    def test_several_amendments_of_one_transaction(self):
        """All of them, in the order of the file, and once: also when they come again, other rows between them."""
        rows, expected, places = [], {}, []
        for chain, now in self.CHAINS:
            row = {**self.row("old", 10), "amount_minor": 1000}
            expected[row["id"]] = now
            places.append(len(rows))
            for kind, amount, day in chain:
                rows.append({**row, "amendment": kind, "amendment_amount_minor": amount,
                             "amendment_time": row["event_time_us"] + day * DAY_US})
                rows += self.history(3, 5, 95)[:1] if kind != "refund" else []
        for row in rows:
            if not row["id"] in expected:
                row.pop("amendment", None)
                row.pop("amendment_amount_minor", None)
        once = {**self.row("old", 12), "amount_minor": 1000, "amendment": "void"}  # without a time: the first one counts
        rows += [once, {**once, "amendment": "restore"}]
        expected[once["id"]] = (True, 1000, 0)
        labelled = {**self.row("old", 11), "outcome": "fraud", "amendment": "refund", "amendment_amount_minor": 50}
        rows.append(labelled)
        server = self.server("--lazy_sync_interval=10ms").start()
        path = self.write("chains.csv", rows)
        to = ("--map", self.mapping(), "--to", server.address, "--deadline", "60s")
        _, said = self.harrier("backfill", path, *to)
        self.assertEqual((self.counts(said)["amendments"], self.counts(said)["failed"]),
                         (sum(len(chain) for chain, _ in self.CHAINS) - 1 + 2, 0), said)
        for again in range(3):
            if again == 1:  # what was reported since stays, also where it was known before some of the file's
                identity, early = (rows[places[i]]["id"] for i in range(2))
                known = rows[places[1]]["event_time_us"] + DAY_US // 2
                with server.connect() as connection:
                    connection.call({"amend": {"amendments": [
                        {"transaction_id": identity, "kind": "AMENDMENT_VOID"},
                        {"transaction_id": early, "kind": "AMENDMENT_REFUND", "amount_minor": 400, "known_time_us": known}]}})
                    connection.report(labelled["id"], "none")
                expected[identity], expected[early] = (True, 900, 250), (False, 800, 400)
            if again == 2:
                self.rebuild_beside(server)
            before = server.status(state_hash=True)
            _, said = self.harrier("backfill", path, *to)
            counts = self.counts(said)
            self.assertEqual((counts["recorded"], counts["outcomes"], counts["amendments"], counts["failed"]), (0, 0, 0, 0), said)
            after = server.status(state_hash=True)
            self.assertEqual((after["position"], after["state_hash"]), (before["position"], before["state_hash"]))
        self.assertEqual(server.stop(), 0)
        known = self.amended()
        self.assertEqual({identity: known[identity] for identity in expected}, expected)
        self.assertEqual([record["label"] for record in self.records() if record["type"] == "outcome"
                          and record["transaction_id"] == labelled["id"]], ["fraud", "none"])
        self.harrier("replay", self.data, "--recorded")

    def test_bad_rows(self):
        rows = self.history(20, 5, 95)
        for row in rows:
            row.pop("amendment", None)
            row.pop("amendment_amount_minor", None)
        rows[3]["currency"] = "EURO"
        rows[5].update(amendment="refund", amendment_amount_minor=rows[5]["amount_minor"] + 1)
        rows[7]["event_time_us"] += 3000 * DAY_US
        server = self.server().start()
        with server.connect() as connection:
            connection.score([{key: rows[9][key] for key in ("id", "event_time_us", "currency", "card", "merchant")}
                              | {"amount_minor": 1}])
        path, rejects = self.write("rows.csv", rows), os.path.join(self.folder, "rejects.csv")
        to = ("--map", self.mapping(), "--to", server.address, "--deadline", "60s")
        _, said = self.harrier("backfill", path, *to, "--rejects", rejects, status=1)
        self.assertEqual((self.counts(said)["recorded"], self.counts(said)["failed"]), (16, 4), said)
        for words in ("currency", "refunded of", "ahead of the server's clock", "other content"):
            self.assertIn(words, said)
        with open(rejects, encoding="utf-8") as file:
            self.assertEqual({row["id"] for row in csv.DictReader(file)}, {rows[i]["id"] for i in (3, 5, 7, 9)})
        self.assertIn("which files?", self.harrier("backfill", *to, status=64)[1])
        self.assertIn("there is no file", self.harrier("backfill", path + "x", *to, status=66)[1])
        self.assertEqual(server.stop(), 0)
        self.harrier("replay", self.data, "--recorded")

    def test_reports_are_about_work(self):
        """Cut-offs and the shadow report leave history out; thresholds count it."""
        self.write_policy("thresholds.yaml", """\
thresholds:
  - {name: usual, quantile: 0.5, of: amount, over: 30d, minimum: 10, fallback: 1}
budgets:
  - {verdict: review, at_most: 0.1, over: 30d, minimum: 10}
""")
        self.write_policy("rules/velocity.yaml", """\
rules:
  - {name: large, about: large, when: amount > 500.00, then: {score: 400}}
  - {name: huge, about: huge, when: "amount > 5000.00 || amount > thresholds.usual * 1000.0", mode: shadow,
     then: {verdict: decline}}
""")
        rows = [{**self.row("old", 99 + i / 1000), "amount_minor": 900000} for i in range(300)]
        server = self.server().start()
        with server.connect() as connection:
            for i in range(100):
                row = {**self.row("live", 100 + i / 10000), "amount_minor": 60000 if i % 20 == 0 else 1000}
                connection.score([row])
        command = self.start_backfill(server, self.write("rows.csv", rows))
        _, said = command.communicate(timeout=WAIT)
        self.assertEqual(self.counts(said)["recorded"], 300, said)
        self.assertEqual(server.stop(), 0)
        said, _ = self.harrier("rebuild", "--data", self.data)
        report = json.loads(said)
        # The lowest score that at most a tenth reach. With history, three quarters would, and it would be 401.
        self.assertEqual([(one["verdict"], one["after"]) for one in report["cutoffs"]], [("review", 1)])
        self.assertEqual(report["thresholds"][0]["samples"], 400)
        said, _ = self.harrier("shadow", "report", self.data, "--json")
        self.assertEqual(json.loads(said)["all"]["transactions"], 100)

    def test_a_full_overlay_waits_for_the_tables(self):
        """Decisions go on; after a rebuild the command does, too."""
        rows = [self.row("old", self.random.uniform(5, 95)) for _ in range(20000)]
        for i, row in enumerate(rows):
            row["card"] = f"c{i}"
        server = self.server("--overlay_limit=4MiB").start()
        command = self.start_backfill(server, self.write("rows.csv", rows))
        said = []
        reader = threading.Thread(target=lambda: said.extend(command.stderr), daemon=True)
        reader.start()
        rounds = 0
        while command.poll() is None:
            deadline = time.monotonic() + WAIT
            while command.poll() is None and not server.metric("harrierd_rebuild_wanted"):
                self.assertLess(time.monotonic(), deadline, said)
                time.sleep(0.02)
            if command.poll() is None:
                self.assertEqual(server.status()["state"], "ready")
                self.live(server, 5, 100 + rounds / 10)
                self.rebuild_beside(server)
                rounds += 1
        reader.join(WAIT)
        command.stderr.close()
        self.assertEqual(command.returncode, 0, said)
        self.assertGreater(rounds, 0)
        self.assertIn("history goes on after the next `harrier rebuild`", "".join(said))
        self.assertEqual(self.counts("".join(said))["recorded"], len(rows))
        self.assertEqual(server.stop(), 0)
        self.harrier("verify", self.data)


if __name__ == "__main__":
    unittest.main(verbosity=2)
