#!/usr/bin/env python3
"""harrier replay --features: the data sent to harrier-parquet, its failures, and the same table as CSV.

A stand-in for harrier-parquet, beside a copy of harrier, takes the batches apart with nothing but Python; the real one is
tested where python3 has pyarrow."""
import csv
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

from server import WAIT

HARRIER = os.environ["HARRIER"]
ROWS, FIRST = 101000, 100000  # more than one batch; of the first policy
FEW = 500
SHIPPED = os.path.join(os.path.dirname(HARRIER), "harrier-parquet")

POLICY = {
    "policy.yaml": """\
policy:
  name: training
  about: a feature of every type
  base_currency: EUR
  cutoffs: {review: 300}
""",
    "schema.yaml": """\
attributes:
  items: {type: int, required: false}
  weight: {type: double, required: false}
  note: {type: string, required: false}
  gift: {type: bool, required: false}
""",
    "features.yaml": """\
entities:
  card: {key: card}
features:
  card:
    - {name: count_1h, aggregate: count, window: 1h}
    - {name: mean_1h, aggregate: mean, of: amount, window: 1h, exclude_current: true}
    - {name: place, aggregate: last, of: country, window: 1h}
    - {name: new_merchant, aggregate: is_new, of: merchant, window: 1d}
    - {name: median_1d, aggregate: quantile, of: amount, q: 0.5, window: 1d, delay: 1m, default: 0}
values:
  - {name: changed, value: "event_time.getHours() < 12"}
  - {name: day, value: "event_time + duration('1h30m')"}
  - {name: left, value: "card.count_1h > 2 ? duration('90s') : duration('1h')"}
""",
    "rules/many.yaml": """\
rules:
  - name: many
    about: many
    when: card.count_1h >= 3
    then: {score: 400}
    reason: '{card.count_1h} in an hour, "many", the mean {card.mean_1h}'
  - name: tried
    about: tried
    when: amount > 90.0
    then: {verdict: decline}
    mode: shadow
""",
}

STAND_IN = """#!{python}
import array, json, os, pickle, signal, struct, sys, time
mode = os.environ["STAND_IN"]
with open(os.environ["STAND_IN_PID"], "w") as file:
    file.write(str(os.getpid()))
if mode == "refuses":
    sys.exit("some library is missing")
source = sys.stdin.buffer
print("a warning that nobody asked for", file=sys.stderr)
print("ready", flush=True)
while mode == "held" and not os.path.exists(os.environ["STAND_IN_PID"] + ".go"):
    time.sleep(0.01)
header = json.loads(source.readline())
if mode == "unread":
    sys.exit("No space left on device")
names = [column["name"] for column in header["columns"]]
table = {{name: [] for name in names}}

def bits(block, at, rows):
    return [bool(block[at + i // 8] >> i % 8 & 1) for i in range(rows)]

def padded(size):
    return (size + 7) // 8 * 8

def column(kind, rows, block, at):
    presence = bits(block, at, rows)
    at += padded((rows + 7) // 8)
    if kind == "bool":
        values, size = bits(block, at, rows), (rows + 7) // 8
    elif kind == "string":
        offsets = array.array("I", bytes(block[at : at + 4 * (rows + 1)]))
        at += padded(4 * (rows + 1))
        values = [str(block[at + a : at + b], "utf-8") for a, b in zip(offsets, offsets[1:])]
        size = offsets[-1]
    else:
        values, size = array.array("d" if kind == "double" else "q", bytes(block[at : at + 8 * rows])), 8 * rows
    return [value if there else None for value, there in zip(values, presence)], at + padded(size)

batches = 0
while True:
    rows, columns, size = struct.unpack("<IIQ", source.read(16))
    if rows == 0:
        break
    assert columns == len(names)
    block, at = memoryview(source.read(size)), 0
    batches += 1
    if mode == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "full":
        sys.exit("No space left on device")
    for description in header["columns"]:
        values, at = column(description["type"], rows, block, at)
        table[description["name"]] += values
    assert at == size, (at, size)
(total,) = struct.unpack("<Q", source.read(8))
assert source.read() == b"" and total == len(table[names[0]])
with open(sys.argv[1], "wb") as file:
    pickle.dump((header, table, batches), file)
if mode == "mute":
    sys.exit(0)
print("done", total + (mode == "miscounts"), flush=True)
sys.exit(mode == "fails")
"""


def stamp(number):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1767225600 + number * 60)) + f".{number % 7:06d}Z"


def seconds_of(text):
    """A duration in CSV's form, in microseconds."""
    whole, _, fraction = text.removesuffix("s").partition(".")
    return int(whole) * 10**6 + int(fraction.ljust(6, "0") or 0)


def micros_of(text):
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return seconds_of(f"{int(time_of(whole))}.{fraction}s")


def time_of(text):
    import calendar

    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))


def attributes_of(number):
    """Cells of items, weight, note and gift: each is missing in some rows, and some rows have none."""
    if number % 5 == 0:
        return ",,,"
    items, weight = number - 50 if number % 2 else "", number / 8 if number % 3 else ""
    return f"{items},{weight},n{number % 4},{'true' if number % 7 else 'false'}"


# A cell of CSV as a value of the column's type.
PARSERS = {
    "bool": lambda text: {"true": True, "false": False}[text],
    "int": int,
    "double": float,
    "string": str,
    "timestamp": micros_of,
    "duration": seconds_of,
}


class TrainingSetTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="harrier-training-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.data = os.path.join(cls.folder, "data")
        cls.few = os.path.join(cls.folder, "few")
        cls.bring(cls.few, POLICY, "first", 0, FEW)
        cls.bring(cls.data, POLICY, "first", 0, FIRST)
        # Another policy for the rest: one feature has another type, and one is new.
        other = POLICY["features.yaml"].replace("event_time.getHours() < 12", "event_time.getHours()")
        other += '  - {name: half, value: "amount / 2.0"}\n'
        cls.bring(cls.data, POLICY | {"features.yaml": other}, "second", FIRST, ROWS)
        cls.csv_path = os.path.join(cls.folder, "set.csv")
        cls.run_harrier([HARRIER, "replay", cls.data, "-q", "--features", cls.csv_path])

    @classmethod
    def bring(cls, data, policy, name, first, last):
        folder = os.path.join(cls.folder, name)
        for path, text in policy.items():
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                file.write(text)
        rows = os.path.join(cls.folder, "rows.csv")
        with open(rows, "w", encoding="utf-8") as file:
            file.write("id,event_time,amount,currency,card,merchant,country,outcome,attributes.items:int,"
                       "attributes.weight:double,attributes.note:string,attributes.gift:bool\n")
            for number in range(first, last):
                country = ("DE", "", "FR")[number % 3]
                label = "fraud" if number % 97 == 0 else ""
                file.write(
                    f"x{number},{stamp(number)},{number % 9973 / 100:.2f},EUR,"
                    f"c{number % 41},m{number * 7 % 1013},{country},{label},{attributes_of(number)}\n"
                )
        cls.run_harrier([HARRIER, "import", data, rows, "--policy", folder])

    @staticmethod
    def run_harrier(command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT)
        assert done.returncode == 0, (command, done.stdout, done.stderr)

    def setUp(self):
        self.place = tempfile.mkdtemp(dir=self.folder)
        self.out = os.path.join(self.place, "out")
        self.path = os.path.join(self.out, "set.parquet")
        os.mkdir(self.out)

    def copy_harrier(self, program=None):
        """A copy of harrier, with the given program as harrier-parquet beside it."""
        copy = os.path.join(self.place, "harrier")
        if not os.path.exists(copy):
            shutil.copy2(HARRIER, copy)
        if program:
            path = os.path.join(self.place, "harrier-parquet")
            with open(path, "w", encoding="utf-8") as file:
                file.write(program)
            os.chmod(path, 0o755)
        return copy

    def start(self, mode, data, *options):
        copy = self.copy_harrier(STAND_IN.format(python=sys.executable))
        self.pid_file = os.path.join(self.place, "pid")
        environment = {**os.environ, "STAND_IN": mode, "STAND_IN_PID": self.pid_file}
        return subprocess.Popen(
            [copy, "replay", data, "-q", "--features", self.path, *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )

    def run_stand_in(self, mode, data, *options):
        process = self.start(mode, data, *options)
        output, said = process.communicate(timeout=WAIT)
        return subprocess.CompletedProcess(process.args, process.returncode, output, said)

    def expect_parsed(self, name, kind, texts, values):
        parse = PARSERS[kind]
        for number, (text, value) in enumerate(zip(texts, values, strict=True)):
            expected = parse(text) if text else None
            self.assertTrue(expected == value and type(expected) is type(value), (name, number, text, value))

    def test_what_is_sent_is_what_csv_has(self):
        done = self.run_stand_in("decodes", self.data)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.listdir(self.out), ["set.parquet"])
        with open(self.path, "rb") as file:
            header, table, batches = pickle.load(file)
        self.assertEqual(batches, 2)
        with open(self.csv_path, newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            names = next(reader)
            rows = list(zip(*reader))
        self.assertEqual(names, list(table))
        kinds = {column["name"]: column["type"] for column in header["columns"]}
        for name, texts in zip(names, rows):
            self.assertEqual(len(texts), ROWS)
            self.expect_parsed(name, kinds[name], texts, table[name])
        self.assertEqual(set(kinds.values()), set(PARSERS))
        self.assertEqual((kinds["changed"], kinds["half"]), ("string", "double"))
        self.assertEqual(set(table["changed"][:FIRST]), {"true", "false"})
        self.assertTrue(all(cell.isdigit() for cell in table["changed"][FIRST:]))
        self.assertEqual(set(table["half"][:FIRST]), {None})
        self.assertNotIn(None, table["half"][FIRST:])
        self.assertIn(None, table["card.place"])

        self.check_metadata(header["metadata"])

    def test_with_fields(self):
        """What was imported, between the outcome and the features; all else is as without."""
        plain, path = os.path.join(self.place, "plain.csv"), os.path.join(self.place, "set.csv")
        self.run_harrier([HARRIER, "replay", self.few, "-q", "--features", plain])
        self.run_harrier([HARRIER, "replay", self.few, "-q", "--features", path, "--with-fields"])
        with open(plain, newline="", encoding="utf-8") as file:
            without = list(csv.reader(file))
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        fields = ["amount", "amount_minor", "currency", "card", "customer", "account", "merchant", "terminal", "device",
                  "ip", "country", "mcc", "channel", "email", "phone", "latitude", "longitude"]
        attributes = {"gift": "bool", "items": "int", "note": "string", "weight": "double"}
        begin = without[0].index("outcome") + 1
        middle = begin + len(fields)
        end = middle + len(attributes)
        self.assertEqual(rows[0][begin:middle], fields)
        self.assertEqual(rows[0][middle:end], [f"attributes.{name}:{kind}" for name, kind in attributes.items()])
        self.assertEqual([row[:begin] + row[end:] for row in rows], without)
        for number, row in enumerate(rows[1:]):
            sent = {"amount": f"{number / 100:.2f}", "amount_minor": str(number), "currency": "EUR",
                    "card": f"c{number % 41}", "merchant": f"m{number * 7 % 1013}", "country": ("DE", "", "FR")[number % 3]}
            self.assertEqual(row[begin:middle], [sent.get(name, "") for name in fields])
            sent = dict(zip(("items", "weight", "note", "gift"), attributes_of(number).split(",")))
            sent["weight"] = sent["weight"].removesuffix(".0")
            row[middle + 3] = row[middle + 3].removesuffix(".0")
            self.assertEqual(row[middle:end], [sent[name] for name in attributes])
        # Parquet gets the same, typed.
        done = self.run_stand_in("decodes", self.few, "--with-fields")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path, "rb") as file:
            header, table, _ = pickle.load(file)
        names = [name.rsplit(":", 1)[0] for name in rows[0]]
        self.assertEqual(list(table), names)
        kinds = {column["name"]: column["type"] for column in header["columns"]}
        for name, texts in zip(names, zip(*rows[1:])):
            self.expect_parsed(name, kinds[name], texts, table[name])
        self.assertEqual([kinds[f"attributes.{name}"] for name in attributes], list(attributes.values()))
        self.assertEqual([kinds[name] for name in fields], ["double", "int", *["string"] * 13, "double", "double"])

    def check_metadata(self, metadata):
        first, second = metadata["policies"]
        self.assertEqual((first["name"], len(first["snapshot"])), ("training", 16))
        self.assertNotEqual(first["snapshot"], second["snapshot"])
        self.assertEqual(
            first["features"]["card.median_1d"],
            {"key": "card", "aggregate": "quantile", "of": "amount:EUR", "window": "86400s", "delay": "60s", "q": 0.5, "default": 0},
        )
        self.assertEqual(first["files"]["features.yaml"], POLICY["features.yaml"])
        self.assertIn("amount / 2.0", second["files"]["features.yaml"])

    def expect_failure(self, done, *words):
        """It fails with one message, and the old file stays."""
        self.assertEqual(done.returncode, 74, done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.startswith(f"harrier: cannot write {self.path}: "), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(os.listdir(self.out), ["set.parquet"])
        with open(self.path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "the one before\n")

    def leave_one(self):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("the one before\n")

    def test_failures(self):
        self.leave_one()
        for mode, words in {
            "refuses": "some library is missing",
            "unread": "No space left on device",
            "full": "No space left on device",
            "killed": "harrier-parquet was ended by signal 9 (Killed)",
            "mute": "harrier-parquet ended without a message",
            "miscounts": f"done {FEW + 1}",
            "fails": "harrier-parquet exited with status 1",
        }.items():
            with self.subTest(mode):
                self.expect_failure(self.run_stand_in(mode, self.few), words)
        for mode in ("killed", "full"):  # with most rows still to come
            with self.subTest(f"{mode}, on the way"):
                self.expect_failure(self.run_stand_in(mode, self.data))

    def run_copy(self, program=None, **environment):
        copy = self.copy_harrier(program)
        return subprocess.run(
            [copy, "replay", self.few, "-q", "--features", self.path],
            capture_output=True, text=True, timeout=WAIT, env={**os.environ, **environment},
        )

    def test_it_is_not_there(self):
        self.leave_one()
        self.expect_failure(self.run_copy(PATH="/nonexistent"), "cannot start harrier-parquet", "No such file")
        no_python = self.run_copy("#!/nonexistent/python3\n", PATH="/nonexistent")
        self.expect_failure(no_python, "cannot start harrier-parquet")
        # Without its interpreter, env reports the error.
        self.expect_failure(self.run_copy("#!/usr/bin/env python3\n", PATH="/nonexistent"), "python3")

    def test_pyarrow_is_not_there(self):
        self.leave_one()
        empty = os.path.join(self.place, "pyarrow.py")
        with open(empty, "w", encoding="utf-8") as file:
            file.write("raise ImportError('none of that name')\n")
        with open(SHIPPED, encoding="utf-8") as file:
            done = self.run_copy(file.read(), PYTHONPATH=self.place)
        self.expect_failure(done, "pip install pyarrow", "none of that name")

    def test_harrier_is_killed(self):
        """Then nothing is published, and no process is left."""
        self.leave_one()
        process = self.start("held", self.data)
        while not os.path.exists(self.pid_file) or not os.path.getsize(self.pid_file):
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        process.kill()
        with open(self.pid_file + ".go", "w", encoding="ascii"):
            pass
        process.communicate(timeout=WAIT)
        with open(self.pid_file, encoding="ascii") as file:
            child = int(file.read())
        deadline = time.monotonic() + WAIT
        while os.path.exists(f"/proc/{child}") and not self.is_zombie(child):
            self.assertLess(time.monotonic(), deadline, "it still runs")
            time.sleep(0.05)
        with open(self.path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "the one before\n")

    @staticmethod
    def is_zombie(pid):
        """Its parent is gone, and there may be no process to reap it."""
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"

    def test_parquet(self):
        """With the shipped program: the same schema and cells."""
        try:
            import pyarrow.parquet
        except ImportError:
            self.skipTest("pyarrow is not installed, and no distribution has it: tests/bench/replay/run compares the formats")
        done = subprocess.run([HARRIER, "replay", self.data, "-q", "--features", self.path], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        file = pyarrow.parquet.ParquetFile(self.path)
        self.assertEqual([file.metadata.row_group(i).num_rows for i in range(2)], [FIRST, ROWS - FIRST])
        self.assertEqual(file.metadata.row_group(0).column(0).compression, "ZSTD")
        metadata = file.schema_arrow.metadata
        self.assertEqual(metadata[b"harrier.policy"], b"training")
        self.assertEqual(len(json.loads(metadata[b"harrier"])["policies"]), 2)
        with open(self.csv_path, newline="", encoding="utf-8") as text:
            reader = csv.reader(text)
            self.assertEqual(next(reader), file.schema_arrow.names)
            columns = list(zip(*reader))
        kinds = {"int64": "int", "large_string": "string"}
        for field, texts in zip(file.schema_arrow, columns):
            kind = kinds.get(str(field.type), str(field.type).split("[")[0])
            values = file.read([field.name]).column(0)
            if kind in ("timestamp", "duration"):
                values = values.cast("int64")
            self.expect_parsed(field.name, kind, texts, values.to_pylist())


if __name__ == "__main__":
    unittest.main()
