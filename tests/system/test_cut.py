#!/usr/bin/env python3
"""What a node of a cluster has cut off is printed as it was, and sent again with the commands of docs/CLUSTER.md."""
import csv
import io
import json
import os
import shutil
import subprocess
import unittest

from server import START_US, WAIT, ServerTest, transaction

HARRIER, CUT_ARCHIVE = os.environ["HARRIER"], os.environ["CUT_ARCHIVE"]
SCHEMA = """\
attributes:
  note: {type: string}
  items: {type: int}
  weight: {type: double}
  gift: {type: bool}
"""
# Everything that a transaction can have, and numbers that JSON's readers like to change.
EVERYTHING = {
    "customer": "c ü \"1\"", "account": "a", "terminal": "t", "device": "d", "ip": "2001:db8::1", "country": "DE",
    "mcc": "5411", "channel": "ecom", "email": "a@example.com", "phone": "+4930123456",
    "location": {"latitude_e7": 488566001, "longitude_e7": -23522007}, "source": "shop \"7\"", "sequence": 9007199254740993,
}
ATTRIBUTES = [
    [{"name": "note", "text": "a, \"b\" €"}, {"name": "items", "integer": 9223372036854775807}],
    [{"name": "weight", "number": 3.0}, {"name": "gift", "flag": False}],
    [{"name": "weight", "number": 1e-7}, {"name": "gift", "flag": True}, {"name": "note", "text": "true"}],
    [{"name": "weight", "number": 1e300}, {"name": "items", "integer": -9223372036854775807}],
    [{"name": "weight", "number": 0.1 + 0.2}, {"name": "items", "integer": 0}],
    [{"name": "weight", "number": -0.0}],
]


def payment(number):
    sent = transaction(number)
    sent["event_time_us"] += number  # not a whole second
    if number % 3 == 0:
        sent.update(EVERYTHING)
    if number % 7 == 0:
        del sent["amount_minor"], sent["currency"]
    if number % 2 == 0:
        sent["attributes"] = ATTRIBUTES[number // 2 % len(ATTRIBUTES)]
    return sent


def outcome(number, label, source):
    return {"transaction_id": f"t{number}", "label": f"LABEL_{label}", "source": source,
            "known_time_us": START_US + 1000000 * number}


def told(record):
    """What a client said, without what the server made of it."""
    return {name: value for name, value in record.items()
            if name not in ("position", "receive_time", "decision", "transaction_position", "previous", "known_time")}


# Of transactions before the cut and behind it; each changes something.
AMENDMENTS = [("t3", "VOID", 0), ("t40", "CAPTURE", 90), ("t40", "REFUND", 30), ("t40", "REFUND", 90), ("t42", "VOID", 0),
              ("t3", "RESTORE", 0), ("t5", "CAPTURE", 0)]


class CutTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.write_policy("schema.yaml", SCHEMA)

    def harrier(self, *arguments, status=0, **more):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr if status else done.stdout

    def inspect(self, folder, *options, **more):
        return self.harrier("inspect", folder, *options, **more).splitlines()

    def records(self, folder, *options):
        return [json.loads(line) for line in self.inspect(folder, "--json", *options)]

    def cut(self, server, position):
        done = subprocess.run([CUT_ARCHIVE, server.archive, str(position)], capture_output=True, text=True,
                              timeout=WAIT, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        folder = done.stdout.strip()
        self.assertEqual(os.path.dirname(folder), os.path.join(server.archive, "cut"))
        return folder

    def fill(self, server):
        """60 transactions. The outcomes that come last are about some of the first and some of the last."""
        with server.connect() as connection:
            def report(*outcomes):
                results = connection.call({"report_outcome": {"outcomes": outcomes}})["report_outcome"]["results"]
                self.assertEqual([result for result in results if "error" in result], [])

            def score(first, end):
                results = connection.score([payment(number) for number in range(first, end)])
                self.assertEqual([result for result in results if "error" in result], [])
            score(0, 20)
            report(outcome(3, "FRAUD", "feed"), outcome(4, "FRAUD", "feed"))
            score(20, 30)
            score(30, 60)
            report(outcome(3, "NONE", "analyst:7"), outcome(5, "CHARGEBACK", "feed"), outcome(40, "LEGIT", "analyst:7"),
                   outcome(41, "SUSPECTED", "feed"), outcome(41, "FRAUD", "analyst:7"), outcome(42, "FRAUD", "feed"))
            answer = connection.call({"amend": {"amendments": [
                {"transaction_id": name, "kind": f"AMENDMENT_{kind}", "amount_minor": amount, "source": "feed"}
                for name, kind, amount in AMENDMENTS]}})
            self.assertEqual([result for result in answer["amend"]["results"] if "error" in result], [])

    def cut_one(self, durability):
        """(server, all records before the cut, the position after which they were cut, the folder)"""
        shutil.rmtree(os.path.join(self.folder, "data"), ignore_errors=True)
        server = self.server(f"--durability={durability}").start()
        self.fill(server)
        server.stop()
        whole = self.records(server.archive)
        after = next(record["position"] for record in whole if record.get("id") == "t29")
        return server, whole, after, self.cut(server, after)

    def test_it_is_printed_as_it_was(self):
        for durability in ("written", "synced"):
            server, whole, after, folder = self.cut_one(durability)
            self.assertEqual(self.records(server.archive), whole[:after])
            cut = self.records(folder)
            self.assertEqual(cut, whole[after:])
            self.assertEqual([record["type"] for record in cut], ["transaction"] * 30 + ["outcome"] * 6 + ["amendment"] * 7)
            self.assertEqual(self.records(folder + "/"), cut)
            self.assertEqual(self.inspect(".", cwd=folder), self.inspect(folder))
            self.assertEqual([line.split()[0] for line in self.inspect(folder)],
                             [str(record["position"]) for record in cut])
            self.assertEqual(self.records(folder, "--type", "outcome"), cut[30:36])
            self.assertEqual(self.records(folder, "--from", str(after + 4), "--limit", "3"), cut[3:6])
            framed = self.records(folder, "--frames")
            self.assertEqual([record["frame"]["file"][-24:] for record in framed], [f"{after + 1:020}.seg"] * 43)
            (counts,) = self.records(folder, "--count")
            self.assertEqual((counts["transactions"], counts["transaction_ids"], counts["outcomes"]), (30, 30, 6))
            self.assertEqual(counts["labels"], {"none": 27, "legit": 1, "fraud": 2, "chargeback": 0, "suspected": 0})
            self.assertEqual(counts["position"], whole[-1]["position"])
            self.assertEqual(counts["chain"], framed[-1]["frame"]["chain"])
            self.assertIn("transactions     30", self.inspect(folder, "--count"))

    def test_only_such_a_folder_may_begin_late(self):
        _, _, after, folder = self.cut_one("written")
        elsewhere = os.path.join(self.folder, "elsewhere")
        os.rename(folder, elsewhere)
        self.assertIn(f"records 1 to {after} before it are missing", self.harrier("inspect", elsewhere, status=65))
        os.rename(elsewhere, os.path.join(self.folder, f"{after:020}-1"))
        self.assertIn(f"it begins with record {after + 1}",
                      self.harrier("inspect", os.path.join(self.folder, f"{after:020}-1"), status=65))
        os.rename(os.path.join(self.folder, f"{after:020}-1"), os.path.join(self.folder, os.path.basename(folder)))
        self.assertEqual(len(self.inspect(os.path.join(self.folder, os.path.basename(folder)))), 43)

    def send_again(self, server, folder):
        """The decisions."""
        lost = self.harrier("inspect", folder, "--type", "transaction", "--json")
        to = ("--to", server.address, "--deadline", "60s")
        decisions = list(csv.DictReader(io.StringIO(self.harrier("score", "-", *to, input=lost))))
        mapping = os.path.join(self.folder, "outcomes.yaml")
        with open(mapping, "w", encoding="utf-8") as file:
            file.write("{id: transaction_id, outcome: label}\n")
        outcomes = self.harrier("inspect", folder, "--type", "outcome", "--json")
        self.harrier("outcome", "-", "--map", mapping, "--source", "resent", *to, input=outcomes)
        mapping = os.path.join(self.folder, "amendments.yaml")
        with open(mapping, "w", encoding="utf-8") as file:
            file.write("{id: transaction_id, amendment: amendment, amendment_amount_minor: amendment_amount_minor}\n")
        amendments = self.harrier("inspect", folder, "--type", "amendment", "--json")
        self.harrier("amend", "-", "--map", mapping, "--source", "resent", *to, input=amendments)
        return decisions

    def test_it_is_sent_again(self):
        server, whole, after, folder = self.cut_one("written")
        server.start()
        decisions = self.send_again(server, folder)
        self.assertEqual([row["transaction_id"] for row in decisions], [f"t{number}" for number in range(30, 60)])
        self.assertEqual({decision["duplicate"] for decision in decisions}, {"false"})
        server.stop()
        again = [told(record) for record in self.records(server.archive, "--from", str(after + 1))]
        sent = [told(record) for record in whole[after:]]
        self.assertEqual([record for record in again if record["type"] == "transaction"], sent[:30])
        self.assertEqual([record for record in again if record["type"] == "outcome"],
                         [{**record, "source": "resent"} for record in sent[30:36]])
        self.assertEqual([record for record in again if record["type"] == "amendment"],
                         [{**record, "source": "resent"} for record in sent[36:]])
        position = self.records(server.archive)[-1]["position"]
        server.start()
        decisions = self.send_again(server, folder)  # a second time it is known
        self.assertEqual({decision["duplicate"] for decision in decisions}, {"true"})
        server.stop()
        self.assertEqual([record["type"] for record in self.records(server.archive, "--from", str(position + 1))
                          if record["type"] == "transaction"], [])


if __name__ == "__main__":
    unittest.main()
