#!/usr/bin/env python3
"""harrier export: every column against what was sent and answered, and the file read again by score and import."""
import csv
import datetime
import decimal
import json
import os
import subprocess
import unittest

try:
    import pyarrow
    import pyarrow.parquet
except ImportError:  # no distribution has it
    pyarrow = None

from server import POLICY, START_US, WAIT, ServerTest, transaction

HARRIER = os.environ["HARRIER"]
SCHEMA = """\
attributes:
  note: {type: string}
  items: {type: int}
  weight: {type: double}
  gift: {type: bool}
"""
RULES = """\
rules:
  - {name: gifts, about: gifts, when: "gift", then: {verdict: decline}}
  - {name: tried, about: tried, when: "items > 5", then: {verdict: decline}, mode: shadow}
  - {name: broken, about: fails on some, when: "10 / items > 3", then: {score: 1}}
"""
RATES = """\
  currency_rates:
    - {currency: JPY, from: 2020-01-01, rate: "0.006"}
    - {currency: KWD, from: 2020-01-01, rate: "3"}
"""
TEXTS = {
    "customer": "c ü \"1\"", "account": "a,b", "terminal": "t", "device": "d", "ip": "2001:db8::1", "country": "DE",
    "mcc": "0742", "channel": "ecom", "email": "a@example.com", "phone": "+4930123456",
}
ATTRIBUTES = [
    [{"name": "note", "text": "a, \"b\" €"}, {"name": "items", "integer": 9223372036854775807}],
    [{"name": "weight", "number": 3.0}, {"name": "gift", "flag": False}],
    [{"name": "weight", "number": 1e-7}, {"name": "gift", "flag": True}, {"name": "note", "text": "true"}],
    [{"name": "weight", "number": 1e300}, {"name": "items", "integer": -9223372036854775807}],
    [{"name": "weight", "number": 0.1 + 0.2}, {"name": "items", "integer": 0}],
    [{"name": "weight", "number": -0.0}],
]
DIGITS = {"EUR": 2, "JPY": 0, "KWD": 3}
TYPES = {"note": "string", "items": "int", "weight": "double", "gift": "bool"}
COUNT = 420


def payment(number):
    sent = transaction(number)
    sent["event_time_us"] += number  # not a whole second
    sent["currency"] = ["EUR", "JPY", "KWD"][number % 3] if number % 5 else "EUR"
    if number % 4 == 0:
        sent.update(TEXTS)
        sent["location"] = {"latitude_e7": 488566001, "longitude_e7": -23522007 if number % 8 else -1}
    if number % 7 == 0:
        del sent["amount_minor"], sent["currency"]
    if number % 2 == 0:
        sent["attributes"] = ATTRIBUTES[number // 2 % len(ATTRIBUTES)]
    if number % 3 == 0:
        sent["source"] = "till-7"
        if number % 9 == 0:
            sent["sequence"] = 2**53 + number
    return sent


def microseconds(text):
    """RFC 3339 → µs, exactly."""
    assert text.endswith("Z"), text
    at = datetime.datetime.fromisoformat(text[:-1]) - datetime.datetime(1970, 1, 1)
    return at // datetime.timedelta(microseconds=1)


def major(minor, currency):
    return f"{decimal.Decimal(minor).scaleb(-DIGITS[currency]):f}"


def value_of(attribute):
    return next(attribute[kind] for kind in ("text", "integer", "number", "flag") if kind in attribute)


class ExportTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.write_policy("policy.yaml", POLICY["policy.yaml"] + RATES)
        self.write_policy("schema.yaml", SCHEMA)
        self.write_policy("rules/more.yaml", RULES)
        self.sent = [payment(number) for number in range(COUNT)]

    def harrier(self, *arguments, status=0, **more):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def path(self, name):
        return os.path.join(self.folder, name)

    def export(self, *options, data="data", **more):
        return self.harrier("export", self.path(data), *options, **more)

    def rows(self, *options, **more):
        """CSV by id."""
        text = self.export("--out=-", *options, **more).stdout
        rows = list(csv.DictReader(text.splitlines(keepends=True)))
        self.assertEqual(len({row["id"] for row in rows}), len(rows))
        return {row["id"]: row for row in rows}

    def objects(self, *options, **more):
        text = self.export("--out=-", "--format=jsonl", *options, **more).stdout
        return {row["id"]: row for row in map(json.loads, text.splitlines())}

    def fill(self, further=False):
        """The server's archive: self.decisions, and self.labels and self.now as they are in the end."""
        server = self.server("--lazy_sync_interval=5ms").start()
        self.decisions, self.labels, self.now = {}, {}, {}
        with server.connect() as connection:
            for first in range(0, COUNT, 60):
                for result in connection.score(self.sent[first : first + 60]):
                    self.assertIn("decision", result)
                    self.decisions[result["decision"]["transaction_id"]] = result["decision"]
            self.report(connection)
            self.amend(connection, further)
            self.state = connection.status(state_hash=True)["state_hash"]
        self.assertEqual(server.stop(), 0)
        return server

    def report(self, connection):
        for step, label in ((10, "FRAUD"), (20, "LEGIT"), (30, "CHARGEBACK"), (60, "NONE")):
            outcomes = [{"transaction_id": f"t{number}", "label": f"LABEL_{label}",
                         "known_time_us": START_US + number * 10**6 + 77} for number in range(0, COUNT, step)]
            for result in connection.call({"report_outcome": {"outcomes": outcomes}})["report_outcome"]["results"]:
                self.assertIn("accepted", result)
            self.labels.update((one["transaction_id"], label.lower()) for one in outcomes)

    def amend(self, connection, further):
        """(voided, captured, refunded) of transactions with an amount."""
        amendments = []
        for number in range(3, COUNT, 9):
            amount = self.sent[number].get("amount_minor")
            kind = ["VOID", "CAPTURE", "REFUND"][number // 9 % 3]
            if amount is None:
                continue
            less = 0 if kind == "VOID" else amount - 50
            amendments.append((f"t{number}", kind, less))
            self.now[f"t{number}"] = (kind == "VOID", less if kind == "CAPTURE" else amount,
                                      less if kind == "REFUND" else 0)
            if further and number % 2 and kind == "CAPTURE":  # and another total
                amendments.append((f"t{number}", kind, 7))
                self.now[f"t{number}"] = (False, 7, 0)
            if further and number % 2 and kind == "VOID":
                amendments.append((f"t{number}", "RESTORE", 0))
                self.now[f"t{number}"] = (False, amount, 0)
            if further and number % 2 == 0 and kind == "CAPTURE":
                amendments.append((f"t{number}", "REFUND", 5))
                self.now[f"t{number}"] = (*self.now[f"t{number}"][:2], 5)
        answer = connection.call({"amend": {"amendments": [
            {"transaction_id": name, "kind": f"AMENDMENT_{kind}", "amount_minor": amount}
            for name, kind, amount in amendments]}})
        for result in answer["amend"]["results"]:
            self.assertIn("accepted", result)

    def check_transaction(self, sent, row, attributes):
        """Numbers and times as text, as both formats can give them."""
        self.assertEqual(microseconds(row["event_time"]), sent["event_time_us"])
        currency = sent.get("currency", "")
        self.assertEqual(row["currency"], currency)
        self.assertEqual(row["amount"], major(sent["amount_minor"], currency) if currency else "")
        self.assertEqual(row["amount_minor"], str(sent["amount_minor"]) if currency else "")
        for name in (*TEXTS, "card", "merchant"):
            self.assertEqual(row[name], sent.get(name, ""), name)
        for name, member in (("latitude", "latitude_e7"), ("longitude", "longitude_e7")):
            expected = decimal.Decimal(sent["location"][member]).scaleb(-7) if "location" in sent else None
            self.assertEqual(decimal.Decimal(row[name]) if row[name] else None, expected)
        self.assertEqual((row["source"], row["sequence"]), (sent.get("source", ""), str(sent.get("sequence", ""))))
        expected = {one["name"]: value_of(one) for one in sent.get("attributes", [])}
        self.assertEqual(attributes, expected)
        self.assertEqual({name: repr(value) for name, value in attributes.items()},
                         {name: repr(value) for name, value in expected.items()})

    def check_decision(self, decision, row, rules, failed):
        self.assertEqual(row["verdict"], decision["verdict"].removeprefix("VERDICT_").lower())
        self.assertEqual(int(row["score"]), int(decision.get("score", 0)))
        self.assertEqual(int(row["position"]), int(decision["position"]))
        self.assertEqual(rules, [reason["rule"] + (":shadow" if reason.get("shadow") else "")
                                 for reason in decision.get("reasons", [])])
        self.assertEqual(int(row["rule_errors"]), int(decision.get("rule_errors", 0)))
        self.assertEqual(failed, decision.get("failed_rules", []))

    def check_later(self, sent, row, outcomes, amendments):
        name = sent["id"]
        label = self.labels.get(name, "none")
        self.assertEqual(row["outcome"], "" if label == "none" else label)
        if label == "none":
            self.assertEqual((row["outcome_time"], row["outcome_known_time"]), ("", ""))
        else:
            self.assertEqual(row["outcome_time"], outcomes[name]["receive_time"])
            self.assertEqual(microseconds(row["outcome_known_time"]), START_US + int(name[1:]) * 10**6 + 77)
        amount = sent.get("amount_minor", 0)
        voided, captured, refunded = self.now.get(name, (False, amount, 0))
        money = lambda minor: major(minor, sent["currency"])
        self.assertEqual(row["voided"], str(voided).lower())
        self.assertEqual(row["captured_amount"], "" if captured == amount else money(captured))
        self.assertEqual(row["refunded_amount"], money(refunded) if refunded else "")
        kinds = [("void", ""), ("capture", captured), ("refund", refunded)]
        done = [one for one, is_so in zip(kinds, (voided, captured != amount, refunded != 0)) if is_so]
        kind, of = done[0] if len(done) == 1 else ("", "")
        self.assertEqual(row["amendment"], kind)
        self.assertEqual(row["amendment_amount"], money(of) if of != "" else "")
        self.assertEqual(row["amendment_time"], amendments[name]["receive_time"] if kind else "")

    def told(self, kind):
        """The last record of each transaction."""
        text = self.harrier("inspect", self.path("data"), "--json", "--type", kind).stdout
        return {one["transaction_id"]: one for one in map(json.loads, text.splitlines())}

    def test_columns(self):
        self.fill(further=True)
        outcomes, amendments = self.told("outcome"), self.told("amendment")
        received = {one["id"]: one for one in map(json.loads, self.harrier(
            "inspect", self.path("data"), "--json", "--type", "transaction").stdout.splitlines())}
        rows, objects = self.rows(), self.objects()
        self.assertEqual(list(rows), [one["id"] for one in self.sent])
        self.assertEqual(list(objects), list(rows))
        reading = {"string": str, "int": int, "double": float, "bool": lambda text: {"true": True, "false": False}[text]}
        seen = set()
        for sent in self.sent:
            row, member = rows[sent["id"]], objects[sent["id"]]
            cells = {name: reading[kind](row[f"attributes.{name}:{kind}"]) for name, kind in TYPES.items()
                     if row[f"attributes.{name}:{kind}"]}
            self.check_transaction(sent, row, cells)
            decision = self.decisions[sent["id"]]
            self.check_decision(decision, row, row["rules"].split(), row["failed_rules"].split())
            self.check_later(sent, row, outcomes, amendments)
            self.assertEqual(row["received_time"], received[sent["id"]]["receive_time"])
            self.assertEqual(row["snapshot_id"], received[sent["id"]]["decision"]["snapshot_id"])
            self.assertEqual((row["degraded"], row["degraded_reason"]), ("false", ""))
            self.assertEqual(row["reasons"], "; ".join(
                reason["text"] + (" (shadow)" if reason.get("shadow") else "") for reason in decision.get("reasons", [])))
            seen |= {decision["verdict"], row["outcome"], row["amendment"], *row["rules"].split(), *row["failed_rules"].split()}
            # JSON: the same, with types.
            self.assertEqual(member.get("attributes", {}), cells)
            self.assertEqual(member.get("rules", []), row["rules"].split())
            self.assertEqual(member.get("failed_rules", []), row["failed_rules"].split())
            for name in set(row) - {"rules", "failed_rules", *(f"attributes.{one}:{kind}" for one, kind in TYPES.items())}:
                value = member.get(name, "")
                if isinstance(value, float):
                    self.assertEqual(decimal.Decimal(repr(value)), decimal.Decimal(row[name]), name)
                else:
                    self.assertEqual(json.dumps(value) if isinstance(value, (bool, int)) else value, row[name], name)
        self.assertLessEqual({"VERDICT_APPROVE", "VERDICT_DECLINE", "fraud", "legit", "chargeback", "", "void", "capture",
                              "refund", "gifts", "tried:shadow", "broken", "many"}, seen)

    def test_options(self):
        self.fill()
        names = ["card", "id", "attributes.items", "verdict", "attributes.absent:bool"]
        rows = self.rows("--columns", ",".join(names))
        self.assertEqual(list(rows["t0"]), ["card", "id", "attributes.items:int", "verdict", "attributes.absent:bool"])
        self.assertEqual({row["attributes.absent:bool"] for row in rows.values()}, {""})
        self.assertEqual(self.objects("--columns=id,attributes.note")["t0"],
                         {"id": "t0", "attributes": {"note": "a, \"b\" €"}})
        declined = {name for name, one in self.decisions.items() if one["verdict"] == "VERDICT_DECLINE"}
        self.assertEqual(set(self.rows("--verdict=decline")), declined)
        self.assertEqual(set(self.rows("--verdict=approve,decline,review", "--verdict=challenge")), set(self.decisions))
        part = self.rows("--from=2026-01-01T00:01:00Z", "--to=2026-01-01T00:02:00Z")
        whole = self.rows()
        self.assertEqual(list(part), [one["id"] for one in self.sent if 60 <= (one["event_time_us"] - START_US) / 10**6 < 120])
        for name, row in part.items():
            self.assertEqual(row, whole[name])
        self.assertEqual(self.rows("--to=2025-01-01"), {})
        done = self.export("--out", self.path("out.jsonl"), "--columns=id")
        self.assertEqual(done.stderr, f"{COUNT} transactions\n")
        with open(self.path("out.jsonl"), encoding="utf-8") as file:
            self.assertEqual([json.loads(line)["id"] for line in file], list(whole))
        self.assertEqual(self.export("--out", self.path("out.csv"), "--quiet").stderr, "")
        lines = self.export("--out", self.path("out.csv"), "--progress=json", "--quiet").stderr.splitlines()
        self.assertLessEqual({json.loads(line)["phase"] for line in lines}, {"scan", "export"})

    def test_mistakes(self):
        self.fill()
        out = self.path("out.csv")
        with open(out, "w", encoding="utf-8") as file:
            file.write("before")
        for options, words, status in (
            (["--columns=id,amuont"], 'there is no column "amuont"; did you mean "amount"?', 64),
            (["--columns=id,,card"], 'there is no column ""', 64),
            (["--columns=card,id,card"], '"card" is given twice', 64),
            (["--columns=attributes,attributes.items"], '"attributes.items:int" is given twice', 64),
            (["--columns=attributes.itens"], 'has the attribute "itens"; did you mean "items"?', 64),
            (["--columns=attributes.something"], 'has the attribute "something" (with a type', 64),
            (["--columns=attributes.items:string"], 'the attribute "items" is int, not string', 64),
            (["--columns=attributes.items:decimal"], '"decimal" is not a type', 64),
            (["--verdict=declined"], '"declined" is not a verdict', 64),
            (["--format=xml"], "expected", 64),
            (["--from=2026-02-01", "--to=2026-01-01"], "the range is empty", 64),
        ):
            self.assertIn(words, self.export("--out", out, *options, status=status).stderr)
        self.assertIn("needs a file", self.export("--out=-", "--format=parquet", status=64).stderr)
        self.assertIn("which file?", self.export(status=64).stderr)
        self.export("--out", out, data="none", status=66)
        self.export("--out", self.path("no/folder.csv"), status=74)
        with open(out, encoding="utf-8") as file:
            self.assertEqual(file.read(), "before")
        segment = self.segments(self.servers[0])[0]
        with open(segment, "r+b") as file:
            file.seek(os.path.getsize(segment) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        self.assertIn("byte", self.export("--out", out, status=65).stderr)
        with open(out, encoding="utf-8") as file:
            self.assertEqual(file.read(), "before")
        self.assertEqual([name for name in os.listdir(self.folder) if name.endswith(".part")], [])

    def expect_as_csv(self, path, text):
        """A file of Parquet beside the CSV of the same rows, cell by cell."""
        table = pyarrow.parquet.read_table(path)
        rows = list(csv.reader(text.splitlines(keepends=True)))
        names = [name.rsplit(":", 1)[0] for name in rows.pop(0)]
        self.assertEqual((table.column_names, table.num_rows), (names, len(rows)))
        for index, field in enumerate(table.schema):
            texts, column = [row[index] for row in rows], table.column(index)
            read = {"int64": int, "double": float, "bool": {"true": True, "false": False}.get, "string": str,
                    "timestamp[us, tz=UTC]": microseconds, "decimal128(18, 4)": decimal.Decimal}[str(field.type)]
            values = column.cast("int64") if read is microseconds else column
            self.assertEqual(values.to_pylist(), [read(cell) if cell else None for cell in texts], field.name)
        return {field.name: str(field.type) for field in table.schema}

    def test_parquet(self):
        """As CSV has it, with types. Without pyarrow a message says how to get it, and no file is left."""
        self.fill(further=True)
        path = self.path("out.parquet")
        if not pyarrow:
            self.assertIn("Parquet needs pyarrow", self.export("--out", path, status=74).stderr)
            self.assertEqual([name for name in os.listdir(self.folder) if "parquet" in name], [])
            self.skipTest("python3 has no pyarrow: only the message was tested")
        for options in (
            [],
            ["--from=2026-01-01T00:02:00Z", "--to=2026-01-01T00:05:00Z"],
            ["--verdict=decline", "--columns=attributes,verdict,amount,event_time"],
            ["--columns=id,attributes.weight,attributes.none:bool,refunded_amount"],
            ["--from=2027-01-01"],
        ):
            self.export("--out", path, *options)
            types = self.expect_as_csv(path, self.export("--out=-", *options).stdout)
            if not options:
                self.assertEqual([types[name] for name in ("amount", "amount_minor", "event_time", "latitude", "voided")],
                                 ["decimal128(18, 4)", "int64", "timestamp[us, tz=UTC]", "double", "bool"])
                self.assertEqual([types[f"attributes.{name}"] for name in sorted(TYPES)], ["bool", "int64", "string", "double"])
        metadata = json.loads(pyarrow.parquet.read_schema(path).metadata[b"harrier"])
        self.assertEqual(list(metadata), ["harrier"])

    def again(self, path, data):
        """The archive that an import of the file makes: its state."""
        done = self.harrier("import", self.path(data), path, "--policy", self.path("policy"))
        report = json.loads(done.stdout)
        self.assertEqual((report["transactions"], report["failed"], report["waiting"]), (COUNT, 0, 0))
        server = self.server(f"--data_dir={self.path(data)}", name=data).start()
        with server.connect() as connection:
            state = connection.status(state_hash=True)["state_hash"]
        self.assertEqual(server.stop(), 0)
        return state

    def test_imported_again(self):
        """Outcomes, amendments and times of receipt too, so the states are the same."""
        self.fill()
        whole = self.rows()
        for name in ("again.csv", "again.jsonl"):
            path, data = self.path(name), name.replace(".", "-")
            self.assertNotIn("took several", self.export("--out", path).stderr)
            self.assertEqual(self.again(path, data), self.state)
            copy = self.rows(data=data)
            for column in ("position", "outcome_known_time"):  # policies and outcomes lie elsewhere
                for row in [*whole.values(), *copy.values()]:
                    row.pop(column, None)
            self.assertEqual(copy, whole)

    def test_amended_further(self):
        """What one row cannot say is reported, and the rest comes over."""
        self.fill(further=True)
        done = self.export("--out", self.path("again.csv"))
        several = [name for name, now in self.now.items() if now[1] != self.sent[int(name[1:])]["amount_minor"] and now[2]]
        self.assertGreater(len(several), 3)
        self.assertIn(f"{len(several)} of them took several amendments", done.stderr)
        self.assertNotEqual(self.again(self.path("again.csv"), "again"), self.state)

    def test_scored_again(self):
        """Every row is the transaction that was scored: the server knows it, with the same content."""
        server = self.fill()
        for name in ("again.csv", "again.jsonl"):
            self.export("--out", self.path(name))
            server.start()
            decisions = self.path("decisions.csv")
            self.harrier("score", self.path(name), "--to", server.address, "--deadline", "60s", "--out", decisions)
            with open(decisions, encoding="utf-8", newline="") as file:
                answers = list(csv.DictReader(file))
            self.assertEqual([one["transaction_id"] for one in answers], [one["id"] for one in self.sent])
            self.assertEqual({one["duplicate"] for one in answers}, {"true"})
            self.assertEqual(server.stop(), 0)

    def test_types_that_differ(self):
        """After a change of the policy an attribute has another type: one column has room for whole numbers and others,
        and JSON lines keep what was sent."""
        for number, one in enumerate(self.sent):
            weight = {"integer": number} if number < COUNT // 2 else {"number": number + 0.5}
            gift = {"text": "yes"} if number < COUNT // 2 else {"flag": True}
            one["attributes"] = [{"name": "weight", **weight}, {"name": "gift", **gift}]
        for part, (weight, gift) in enumerate((("int", "string"), ("double", "bool"))):
            self.write_policy("schema.yaml", f"attributes:\n  weight: {{type: {weight}}}\n  gift: {{type: {gift}}}\n")
            self.write_policy("rules/more.yaml", "rules: []\n")
            server = self.server("--lazy_sync_interval=5ms").start()
            with server.connect() as connection:
                for result in connection.score(self.sent[part * COUNT // 2 : (part + 1) * COUNT // 2]):
                    self.assertIn("decision", result)
            self.assertEqual(server.stop(), 0)
        rows, objects = self.rows("--columns=id,attributes"), self.objects("--columns=id,attributes")
        self.assertEqual(list(rows["t0"]), ["id", "attributes.gift:string", "attributes.weight:double"])
        for one in self.sent:
            sent = {attribute["name"]: value_of(attribute) for attribute in one["attributes"]}
            row = rows[one["id"]]
            self.assertEqual(row["attributes.weight:double"], str(sent["weight"]))
            self.assertEqual(row["attributes.gift:string"], "yes" if sent["gift"] == "yes" else "true")
            self.assertEqual(repr(objects[one["id"]]["attributes"]["weight"]), repr(sent["weight"]))
            self.assertEqual(objects[one["id"]]["attributes"]["gift"], sent["gift"])
        said = self.export("--out", self.path("out.csv")).stderr
        self.assertIn("attributes.weight has values of several types: its column is double", said)
        self.assertIn("attributes.gift has values of several types: its column is string", said)
        self.assertNotIn("several types", self.export("--out", self.path("out.jsonl")).stderr)
        if pyarrow:
            self.export("--out", self.path("out.parquet"))
            types = self.expect_as_csv(self.path("out.parquet"), self.export("--out=-").stdout)
            self.assertEqual((types["attributes.weight"], types["attributes.gift"]), ("double", "string"))


if __name__ == "__main__":
    unittest.main()
