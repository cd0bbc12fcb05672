#!/usr/bin/env python3
"""How long ids are known: tables that leave out old ones, what server and import then answer to such an id, and that no
state, audit or later rebuild is the worse for it."""
import csv
import json
import os
import shutil
import subprocess
import time
import unittest

from night import SwapTest
from server import START_US, WAIT, transaction

HARRIER = os.environ["HARRIER"]
DAYS, A_DAY, HORIZON = 60, 20, 40
FIRST, LAST = 50, 10  # days of the two imports
DAY_S = 86400


class IdHorizon(SwapTest):
    """60 days of history; the policy's longest window is 30 days."""

    def harrier(self, *arguments, status=0):
        run = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run.stdout if status == 0 else run.stdout + run.stderr

    @staticmethod
    def row(number):
        """Transaction number 0 to 1199, a few each day."""
        day = number // A_DAY
        return {**transaction(number), "event_time_us": START_US + (day * DAY_S + number % A_DAY * 600) * 1000000}

    def write(self, name, numbers, amended=()):
        path = os.path.join(self.folder, name)

        def at(us):
            return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(us // 1000000))

        with open(path, "w", encoding="utf-8", newline="") as file:
            out = csv.writer(file)
            out.writerow(["id", "event_time", "received_time", "amount_minor", "currency", "card", "merchant", "amendment",
                          "amendment_amount_minor", "amendment_time"])
            for number in numbers:
                one = self.row(number)
                when = at(one["event_time_us"])
                amendment = ["capture", 7, at(START_US + 45 * DAY_S * 1000000)] if number in amended else ["", "", ""]
                out.writerow([one["id"], when, when, one["amount_minor"], "EUR", one["card"], one["merchant"], *amendment])
        return path

    def take(self, data, path, status=0):
        run = subprocess.run([HARRIER, "import", data, path, "--policy", f"{self.folder}/policy"],
                             capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return json.loads(run.stdout), run.stderr

    def build(self, *more, data=None):
        return json.loads(self.harrier("rebuild", "--data", data or self.data, "--no-seal", *more))

    def history(self):
        """The archive, and tables that know the ids of the last 40 days and of the one that is not over."""
        self.take(self.data, self.write("first.csv", range(FIRST * A_DAY), amended=(65,)))
        first = self.build("--id-horizon", f"{HORIZON}d")
        self.assertEqual((first["id_days"], first["transactions"]), (HORIZON, FIRST * A_DAY))
        self.assertEqual(first["ids"], (HORIZON + 1) * A_DAY + 1)  # an amendment has an entry of its own
        self.take(self.data, self.write("last.csv", range(FIRST * A_DAY, DAYS * A_DAY)))
        return self.build()

    def score(self, *rows):
        with self.harrierd.connect() as connection:
            return connection.score(list(rows))

    def call(self, call, message):
        with self.harrierd.connect() as connection:
            return connection.call({call: message})[call]["results"][0]

    def test_tables(self):
        built = self.history()
        self.assertGreater(built["from_position"], 0)  # it went on from the first one, by its horizon
        self.assertEqual((built["id_days"], built["ids"]), (HORIZON, (HORIZON + 1) * A_DAY + 1))
        self.assertEqual(self.verify()[0], 0)
        again = self.build("--full", "--force")
        self.assertEqual((again["from_position"], again["content_hash"]), (0, built["content_hash"]))
        self.assertTrue(self.build()["up_to_date"])

        longer = self.build("--id-horizon", "50d")
        self.assertEqual((longer["from_position"], longer["ids"]), (0, 51 * A_DAY + 1))
        self.assertIn("lacks ids that are wanted again", longer["full_because"])
        every = self.build("--id-horizon", "all")
        self.assertEqual((every["ids"], every["ids_from"], every["id_days"]), (DAYS * A_DAY + 1, 0, 0))
        short = self.build("--id-horizon", "2d")  # less than a window of 30 days and the lateness
        self.assertEqual((short["ids"], short["id_days"]), (32 * A_DAY + 1, 2))
        self.assertIn("ids are kept for 31 days, not 2", short["warning"])
        same = self.build("--id-horizon", "31d")  # the same ids, but the next rebuild goes by this horizon
        self.assertEqual((same["content_hash"], same["id_days"]), (short["content_hash"], 31))
        again = self.build()
        self.assertEqual((again["up_to_date"], again["id_days"]), (True, 31))
        self.assertEqual(self.verify()[0], 0)
        self.assertIn("not a number of days", self.harrier("rebuild", "--data", self.data, "--id-horizon", "36h", status=64))

    def test_answers(self):
        self.history()
        other = os.path.join(self.folder, "other")
        shutil.copytree(self.data, other, symlinks=True)
        self.harrierd = self.server("--lazy_sync_interval=10ms").start()
        old, recent = self.row(65), self.row(1150)  # of the fourth day and of the 58th
        changed = {"amount_minor": 7777}

        known, conflict = self.score(recent, {**recent, **changed})
        self.assertTrue(known["decision"]["duplicate"])
        self.assertEqual(conflict["error"]["code"], "ERROR_ID_CONFLICT")
        for call, message in (("report_outcome", {"outcomes": [{"transaction_id": old["id"], "label": "LABEL_FRAUD"}]}),
                              ("amend", {"amendments": [{"transaction_id": old["id"], "kind": "AMENDMENT_VOID"}]})):
            error = self.call(call, message)["error"]
            self.assertEqual((error["code"], error["field"]), ("ERROR_NOT_FOUND", "transaction_id"))
            self.assertIn("since 2026-01-20", error["message"])
        self.assertIn("since 2026-01-20", self.harrier("explain", "--server", self.harrierd.address, old["id"], status=66))

        # Such an id is new, whatever its content; from then on it is known.
        (first,) = self.score({**old, **changed})
        self.assertNotIn("duplicate", first["decision"])
        again, conflict = self.score({**old, **changed}, old)
        self.assertTrue(again["decision"]["duplicate"])
        self.assertEqual(again["decision"]["position"], first["decision"]["position"])
        self.assertEqual(conflict["error"]["code"], "ERROR_ID_CONFLICT")
        # What was known about the one before is not known about this one.
        amended = self.call("amend", {"amendments": [
            {"transaction_id": old["id"], "kind": "AMENDMENT_CAPTURE", "amount_minor": 7000}]})["accepted"]
        self.assertEqual(amended["previous"]["amount_minor"], 7777)
        labelled = self.call("report_outcome", {"outcomes": [{"transaction_id": old["id"], "label": "LABEL_FRAUD"}]})
        self.assertEqual(labelled["accepted"].get("previous", "LABEL_NONE"), "LABEL_NONE")

        self.await_synced(self.harrierd)
        told = self.harrierd.status(state_hash=True)
        self.harrierd.kill()
        self.harrierd.start()
        self.assertEqual(self.harrierd.status(state_hash=True)["state_hash"], told["state_hash"])
        self.assertTrue(self.score({**old, **changed})[0]["decision"]["duplicate"])

        # A file that is imported again must not double what it brought before.
        taken, said = self.take(other, self.write("again.csv", [65, 1150]), status=1)
        self.assertEqual([taken[key] for key in ("transactions", "duplicates", "failed")], [0, 1, 1], taken)
        self.assertIn("received before 2026-01-20", said)
        self.assertEqual(self.build("--force", data=other)["id_days"], HORIZON)
        self.assertEqual(subprocess.run([HARRIER, "verify", other], capture_output=True, check=False).returncode, 0)
        self.assertIn("Every decision equals the archived one.", self.harrier("replay", other, "--recorded"))

        # The server's new records are of today, so the next tables know only their ids.
        before = self.harrierd.status()
        built = self.build()
        self.assertEqual(built["ids"], 2)  # the transaction and its amendment
        self.await_adopted(self.harrierd, before)
        self.harrierd.await_said("the live states of")
        self.assertNotIn("differ from those of the new generation", self.harrierd.said())
        self.assertEqual(self.harrierd.status(state_hash=True)["state_hash"], told["state_hash"])
        self.assertNotIn("duplicate", self.score(recent)[0]["decision"])
        self.assertTrue(self.score({**old, **changed})[0]["decision"]["duplicate"])
        self.await_synced(self.harrierd)
        self.harrierd.stop()
        self.assertEqual(self.verify()[0], 0)
        self.build()
        self.build("--full", "--force")
        self.assertEqual(self.verify()[0], 0)
        self.assertIn("Every decision equals the archived one.", self.harrier("replay", self.data, "--recorded"))
        # The archive has both transactions with this id.
        found = self.harrier("find", self.data, "--id", old["id"], "--format", "jsonl").splitlines()
        self.assertEqual(sorted(json.loads(line)["amount_minor"] for line in found),
                         sorted([old["amount_minor"], changed["amount_minor"]]))
        # With all ids again, the first record of an id is the known one.
        self.build("--id-horizon", "all")
        self.assertEqual(self.verify()[0], 0)
        self.harrierd.start()
        self.assertTrue(self.score(old)[0]["decision"]["duplicate"])
        self.assertEqual(self.score({**old, **changed})[0]["error"]["code"], "ERROR_ID_CONFLICT")


if __name__ == "__main__":
    unittest.main()
