#!/usr/bin/env python3
"""Amendments through the whole system: voids, captures and refunds in random order, through the wire, the command and
HTTP, beside a model that keeps every transaction as it is by now. Kills, restarts, a rebuild and an import keep them.

HARRIER_SEED gives other ones."""
import csv
import datetime
import json
import os
import random
import signal
import subprocess
import time
import unittest
import urllib.request

from server import START_US, WAIT, ServerTest, counts, free_port, transaction

HARRIER = os.environ["HARRIER"]
SEED = int(os.environ.get("HARRIER_SEED", "20260101"))
HOUR_US = 3600 * 10**6
FEATURES = """\
entities:
  card: {key: card}
  merchant: {key: merchant}
features:
  card:
    - {name: count_1h, aggregate: count, window: 1h}
    - {name: sum_1h, aggregate: sum, of: amount, window: 1h}
    - {name: max_1h, aggregate: max, of: amount, window: 1h}
    - {name: merchants_1h, aggregate: distinct, of: merchant, window: 1h}
    - {name: refunded_30d, aggregate: sum, of: refunded, window: 30d}
    - {name: refunds_30d, aggregate: count, where: "refunded > 0.0", window: 30d}
    - {name: fraud_30d, aggregate: count, where: "outcome == 'fraud'", window: 30d}
  merchant:
    - {name: cards_1d, aggregate: distinct, of: card, window: 1d}
"""
CARDS = 7
# Two thirds of an hour apart from t0 to t1199: windows of an hour lose their first ones on the way.
STEP_US = 5 * 10**6


def stamp(time_us):
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=time_us)
    return at.isoformat() + "Z"


def payment(number):
    sent = transaction(number, CARDS)
    return {**sent, "event_time_us": START_US + number * STEP_US, "amount_minor": 100 + number * 37 % 900}


class Model:
    """Every transaction as it is by now; the rules of amendments written a second time."""

    def __init__(self):
        self.payments = {}  # by id: what was sent
        self.now = {}  # by id: (voided, amount, refunded)
        self.label = {}

    def add(self, sent):
        self.payments[sent["id"]] = sent
        self.now[sent["id"]] = (False, sent["amount_minor"], 0)

    def amend(self, name, kind, amount):
        """What the transaction is then; None if it is refused."""
        voided, taken, refunded = self.now[name]
        if kind == "VOID":
            after = (True, taken, refunded)
        elif kind == "RESTORE":
            after = (False, taken, refunded)
        elif voided:
            return None
        elif kind == "CAPTURE":
            if amount < refunded:
                return None
            after = (False, amount, refunded)
        elif amount > taken:
            return None
        else:
            after = (False, taken, amount)
        self.now[name] = after
        return after

    def features(self, asked):
        """As this transaction sees them, with itself."""
        card, at_us = asked["card"], asked["event_time_us"]
        hour = [(asked["amount_minor"], 0, asked["merchant"], None)]
        month = [*hour]
        for name, sent in self.payments.items():
            voided, taken, refunded = self.now[name]
            if sent["card"] != card or voided:
                continue
            one = (taken, refunded, sent["merchant"], self.label.get(name))
            if at_us - HOUR_US < sent["event_time_us"] <= at_us:
                hour.append(one)
            if at_us - 720 * HOUR_US < sent["event_time_us"] <= at_us:
                month.append(one)
        return {
            "card.count_1h": len(hour),
            "card.sum_1h": sum(one[0] for one in hour) / 100,
            "card.max_1h": max(one[0] for one in hour) / 100,
            "card.merchants_1h": len({one[2] for one in hour}),
            "card.refunded_30d": sum(one[1] for one in month) / 100,
            "card.refunds_30d": sum(one[1] > 0 for one in month),
            "card.fraud_30d": sum(one[3] == "FRAUD" for one in month),
        }


class AmendTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.write_policy("features.yaml", FEATURES)
        self.model = Model()
        self.random = random.Random(SEED)
        self.kinds = set()

    def harrier(self, *arguments, **more):
        return subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False, **more)

    def score(self, connection, first, last):
        """In any order, so that many come late, and some of them repeatedly."""
        sent = [payment(number) for number in range(first, last)]
        self.random.shuffle(sent)
        for one, result in zip(sent, connection.score(sent), strict=True):
            self.assertFalse(result["decision"].get("duplicate"))
            self.model.add(one)
        repeated = self.random.sample(sent, 1 + len(sent) // 10)
        for result in connection.score(repeated):
            self.assertTrue(result["decision"].get("duplicate"))

    def random_amendment(self):
        name = self.random.choice(sorted(self.model.payments))
        kind = self.random.choice(["VOID", "CAPTURE", "CAPTURE", "REFUND", "REFUND", "REFUND", "RESTORE"])
        voided = sorted(one for one, now in self.model.now.items() if now[0])
        if kind in ("VOID", "RESTORE") and voided and self.random.random() < 0.4:
            name = self.random.choice(voided)
        most = self.model.payments[name]["amount_minor"]
        return name, kind, self.random.randrange(0, most + 50) if kind in ("CAPTURE", "REFUND") else 0

    def check_answer(self, amendment, result):
        """Of a server: as the model has it."""
        name, kind, amount = amendment
        before = self.model.now[name]
        after = self.model.amend(name, kind, amount)
        if after is None:
            self.assertIn("error", result, (amendment, before))
            self.assertEqual(result["error"]["code"], "ERROR_INVALID")
            self.kinds.add(("refused", kind))
            return
        self.assertIn("accepted", result, (amendment, before, result))
        accepted = result["accepted"]
        now = accepted["now"]
        self.assertEqual(
            (bool(now.get("voided")), int(now.get("amount_minor", 0)), int(now.get("refunded_minor", 0))), after)
        self.assertEqual(bool(accepted.get("changed")), after != before)
        self.assertEqual(int(accepted.get("position", 0)) > 0, after != before)
        self.kinds.add((kind, after != before))

    def amend_by_wire(self, server, count):
        amendments = [self.random_amendment() for _ in range(count)]
        with server.connect() as connection:
            answer = connection.call({"amend": {"amendments": [
                {"transaction_id": name, "kind": f"AMENDMENT_{kind}", "amount_minor": amount, "source": "settlement"}
                for name, kind, amount in amendments]}})
        for amendment, result in zip(amendments, answer["amend"]["results"], strict=True):
            self.check_answer(amendment, result)

    def amend_by_http(self, server, count):
        amendments = [self.random_amendment() for _ in range(count)]
        body = {"amendments": [{"transaction_id": name, "kind": f"AMENDMENT_{kind}", "amount_minor": amount}
                               for name, kind, amount in amendments]}
        request = urllib.request.Request(f"http://{self.http_address}/v1/amendments", json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=WAIT) as answer:
            results = json.load(answer)["results"]
        for amendment, result in zip(amendments, results, strict=True):
            self.check_answer(amendment, result)

    def amend_by_command(self, server, count):
        amendments = [self.random_amendment() for _ in range(count)]
        path = os.path.join(self.folder, "amendments.csv")
        with open(path, "w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "amendment", "amendment_amount_minor"])
            rows.writerows((name, kind.lower(), amount if kind in ("CAPTURE", "REFUND") else "")
                           for name, kind, amount in amendments)
        refused = sum(self.model.amend(*amendment) is None for amendment in amendments)
        done = self.harrier("amend", path, "--to", server.address, "--deadline", "60s")
        self.assertEqual(done.returncode, 1 if refused else 0, done.stderr)

    def outcomes(self, server, count):
        with server.connect() as connection:
            for _ in range(count):
                name = self.random.choice(sorted(self.model.payments))
                label = self.random.choice(["FRAUD", "LEGIT"])
                self.assertIn("accepted", connection.report(name, label))
                self.model.label[name] = label

    def check_features(self, server, at_number):
        """By dry runs, of every card."""
        asked = [{**payment(at_number), "id": f"ask-{card}", "card": f"c{card}"} for card in range(CARDS)]
        with server.connect() as connection:
            results = connection.score(asked, dry_run=True, return_features=True)
        for one, result in zip(asked, results, strict=True):
            seen = {feature["name"]: feature.get("integer", feature.get("number"))
                    for feature in result["decision"]["features"]}
            for name, value in self.model.features(one).items():
                self.assertAlmostEqual(seen[name], value, places=9, msg=(name, one["card"]))

    def everything(self, server, at_number):
        self.amend_by_wire(server, 120)
        self.outcomes(server, 5)
        self.amend_by_http(server, 40)
        self.check_features(server, at_number)
        self.amend_by_command(server, 60)
        self.check_features(server, at_number)

    def await_synced(self, server):
        """A rebuild reads no further."""
        deadline = time.monotonic() + WAIT
        while (status := server.status())["position"] > status.get("synced_position", 0):
            self.assertLess(time.monotonic(), deadline, server.said())
            time.sleep(0.01)

    def await_generation(self, server, position):
        server.process.send_signal(signal.SIGHUP)  # to look for tables now, instead of within the second
        deadline = time.monotonic() + WAIT
        while int(server.status().get("generation_position", 0)) <= position:
            self.assertLess(time.monotonic(), deadline, server.said())
            time.sleep(0.05)

    def start(self):
        self.http_address = f"127.0.0.1:{free_port()}"
        return self.server(f"--http_listen={self.http_address}").start()

    def test_random_amendments(self):
        server = self.start()
        with server.connect() as connection:
            self.score(connection, 0, 500)
        self.everything(server, 500)
        before = counts(server.status(state_hash=True))
        server.kill()
        server.start()
        self.assertEqual(counts(server.status(state_hash=True)), before)
        with server.connect() as connection:
            self.score(connection, 500, 1000)
        self.everything(server, 1000)

        self.await_synced(server)
        rebuilt = self.harrier("rebuild", "--data", os.path.dirname(server.archive))
        self.assertEqual(rebuilt.returncode, 0, rebuilt.stderr)
        before = server.status(state_hash=True)["state_hash"]
        self.await_generation(server, 0)
        self.assertEqual(server.status(state_hash=True)["state_hash"], before)
        self.check_features(server, 1000)
        self.everything(server, 1000)  # of transactions that lie in the tables
        before = counts(server.status(state_hash=True))
        server.kill()
        server.start()
        after = counts(server.status(state_hash=True))
        self.assertGreaterEqual(after.pop("position"), before.pop("position"))  # which tables it runs on is a record
        self.assertEqual(after, before)
        self.check_features(server, 1000)

        seen = {(kind, changed) for kind in ("VOID", "RESTORE", "CAPTURE", "REFUND") for changed in (True, False)}
        self.assertLessEqual({*seen, ("refused", "CAPTURE"), ("refused", "REFUND")} - {("CAPTURE", False), ("REFUND", False)},
                             self.kinds)
        self.assertEqual(server.stop(), 0)
        self.check_archive(server)

    def check_archive(self, server):
        data = os.path.dirname(server.archive)
        verified = self.harrier("verify", data, "--json")
        self.assertEqual(verified.returncode, 0, verified.stdout + verified.stderr)
        self.assertTrue(json.loads(verified.stdout)["equal"])
        checked = self.harrier("archive", "verify", data)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        recorded = self.harrier("replay", data, "--recorded")
        self.assertEqual(recorded.returncode, 0, recorded.stdout + recorded.stderr)
        voided = next(name for name, now in self.model.now.items() if now[0])
        explained = self.harrier("explain", data, voided, "--json")
        self.assertEqual(explained.returncode, 0, explained.stderr)
        document = json.loads(explained.stdout)
        self.assertTrue(document["equal"])
        self.assertTrue(document["amendments"][-1]["now"]["voided"], document["amendments"])

    def test_another_currency(self):
        """An amount of yen is no amount of euros: 500 would be 5.00."""
        server = self.start()
        with server.connect() as connection:
            self.score(connection, 0, 3)
        path = os.path.join(self.folder, "refunds.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("id,amendment,amendment_amount,currency\n"
                       "t0,refund,1,JPY\nt1,refund,0.50,EUR\nt2,refund,0.5,XXY\nt2,void,,JPY\n")
        done = self.harrier("amend", path, "--to", server.address, "--deadline", "60s")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("refunds.csv:2: currency is JPY, but the transaction's is EUR; expected an amount in EUR",
                      done.stderr)
        self.assertIn('refunds.csv:4: currency: "XXY" is not a currency', done.stderr)
        self.assertRegex(done.stderr, r"rows +4\naccepted +2\nchanged +2\nfailed +2\n")

    def amended_rows(self, count):
        """Payments of which half are amended later, at most twice, each with a row for every amendment."""
        rows = []
        for number in range(count):
            sent = payment(number)
            row = {**sent, "event_time": stamp(sent["event_time_us"])}
            known_us = sent["event_time_us"]
            rows.append(row)
            for _ in range(self.random.choice([0, 0, 1, 2])):
                kind = self.random.choice(["void", "capture", "refund", "restore"])
                known_us += self.random.randrange(1, 900) * 10**6
                amount = self.random.randrange(sent["amount_minor"] + 1) if kind in ("capture", "refund") else ""
                if "amendment" in row:
                    row = {**row}
                    rows.append(row)
                row.update(amendment=kind, amendment_amount_minor=amount, amendment_time=stamp(known_us), known_us=known_us)
        return rows

    def write_rows(self, name, rows):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8", newline="") as file:
            columns = ["id", "event_time", "amount_minor", "currency", "card", "merchant", "amendment",
                       "amendment_amount_minor", "amendment_time"]
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        return path

    def expect_scored(self, rows, waiting):
        """What each first decision sees, beside the model, and how many amendments that refuses. waiting: (time, number,
        row), of which those that are due are taken out."""
        seen, refused, newest_us = [], 0, 0
        for number, row in enumerate(rows):
            newest_us = max(newest_us, row["event_time_us"])
            for due in sorted(one for one in waiting if one[0] <= newest_us):
                waiting.remove(due)
                amount = due[2]["amendment_amount_minor"] or 0
                refused += self.model.amend(due[2]["id"], due[2]["amendment"].upper(), amount) is None
            if row["id"] not in self.model.payments:
                seen.append(self.model.features(row))
                self.model.add(row)
            if "amendment" in row:
                waiting.append((row["known_us"], number, row))
        return seen, refused

    def test_score(self):
        """They are sent at their time, so each decision sees what was known before it; also those of an earlier file."""
        rows = self.amended_rows(500)
        cut = next(i for i, row in enumerate(rows) if row["id"] == payment(250)["id"])
        days = [self.write_rows("first.csv", rows[:cut]), self.write_rows("second.csv", rows[cut:])]
        server = self.start()
        waiting = []
        for part, options in ((rows[:cut], ()), (rows[cut:], ("--outcomes-of", days[0]))):
            expected, refused = self.expect_scored(part, waiting)
            path = days.pop(0)
            rejects = path + ".rejects"
            done = self.harrier("score", path, "--to", server.address, "--deadline", "60s", "--features", "--batch",
                                "64", "--rejects", rejects, *options)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertGreater(refused, 0)
            self.assertRegex(done.stderr, rf"\nfailed +{refused}\n")
            self.assertRegex(done.stderr, rf"\nnot yet due +{len(waiting)} amendments left out; --outcomes-of")
            decisions = list(csv.DictReader(done.stdout.splitlines()))
            seen = [{name: float(one[name]) for name in expected[0]} for one in decisions if one["duplicate"] == "false"]
            for one, wanted in zip(seen, expected, strict=True):
                for name, value in wanted.items():
                    self.assertAlmostEqual(one[name], value, places=9, msg=name)
            with open(rejects, encoding="utf-8") as file:
                kept = list(csv.DictReader(file))
            if not options:  # those of the earlier file are not kept
                self.assertEqual(len(kept), refused)
                self.assertTrue(all(one["amendment"] for one in kept))
        self.check_features(server, 500)

    def test_import(self):
        """History with amendments on its rows, as they are by the end: a server goes on with them."""
        path = os.path.join(self.folder, "history.csv")
        end_us = START_US + 400 * STEP_US
        with open(path, "w", encoding="utf-8", newline="") as file:
            rows = csv.DictWriter(file, ["id", "event_time", "amount_minor", "currency", "card", "merchant", "amendment",
                                         "amendment_amount_minor", "amendment_time"])
            rows.writeheader()
            for number in range(400):
                sent = payment(number)
                self.model.add(sent)
                row = {**sent, "event_time": stamp(sent["event_time_us"])}
                del row["event_time_us"]
                name, kind, amount = sent["id"], self.random.choice(["", "VOID", "CAPTURE", "REFUND", "RESTORE"]), 0
                if kind in ("CAPTURE", "REFUND"):
                    amount = row["amendment_amount_minor"] = self.random.randrange(sent["amount_minor"] + 1)
                if kind:
                    row["amendment"] = kind.lower()
                    known_us = min(sent["event_time_us"] + self.random.randrange(600) * 10**6, end_us)
                    row["amendment_time"] = stamp(known_us) if number % 3 else ""
                    self.assertIsNotNone(self.model.amend(name, kind, amount))
                rows.writerow(row)
        done = self.harrier("import", os.path.join(self.folder, "data"), path, "--policy",
                            os.path.join(self.folder, "policy"))
        self.assertEqual(done.returncode, 0, done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["transactions"], 400)
        self.assertEqual(report["amendments"], sum(now != (False, self.model.payments[name]["amount_minor"], 0)
                                                   for name, now in self.model.now.items()))
        server = self.start()
        self.check_features(server, 400)
        self.everything(server, 400)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(self.harrier("rebuild", "--data", os.path.dirname(server.archive)).returncode, 0)
        self.check_archive(server)


if __name__ == "__main__":
    unittest.main()
