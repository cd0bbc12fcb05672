#!/usr/bin/env python3
"""Drift of a model against its reference: one day as in training, and one with planted shifts (larger amounts, another
mix of channels, a field that a producer leaves out more often). Replay, night and server must name these inputs and no
others, and their indices are those that this script computes."""
import bisect
import datetime
import json
import math
import os
import random
import re
import shutil
import subprocess
import time
import unittest

from server import START_US, WAIT, ServerTest

try:
    import jsonschema
except ImportError:
    jsonschema = None

HARRIER = os.environ["HARRIER"]
DAY_US = 86400 * 1000000
CHANNELS = ["ecom", "pos", "atm", "moto"]
A_DAY = 1500
INPUTS = ["amount", "channel", "ratio", "hour", "steady"]
SHIFTED = {"amount", "channel", "ratio"}

FILES = {
    "schema.yaml": """\
attributes:
  ratio: {type: double, required: false}
  steady: {type: double, required: false}
""",
    "models.yaml": """\
models:
  - name: risk
    reference: models/risk.reference.json
    inputs: {hour: event_time.getHours()}
    scorecard:
      base: 100
      points:
        amount: [{below: 20, points: -40}, {below: 100, points: 0}, {points: 60}]
        channel: [{in: [ecom], points: 30}, {in: [pos], points: -10}, {in: [atm], points: 5}, {points: 0}]
        ratio: [{missing: true, points: 25}, {below: 1, points: -5}, {points: 5}]
        hour: [{below: 6, points: 8}, {points: 0}]
        steady: [{below: 0, points: 1}, {points: 0}]
""",
    "rules/all.yaml": """\
rules:
  - {name: risky, when: models.risk > 150, then: {verdict: review}, reason: "{models.risk}"}
""",
}


def draw(chance, is_shifted):
    """What a transaction says; None: missing."""
    row = {"amount": round(chance.lognormvariate(3.5, 1) * (3 if is_shifted else 1), 2) + 0.01,
           "channel": chance.choices(CHANNELS[:3], [1, 6, 3] if is_shifted else [5, 3, 2])[0],
           "ratio": None if chance.random() < (0.45 if is_shifted else 0.05) else chance.expovariate(1),
           "seconds": chance.randrange(86400), "steady": chance.gauss(0, 1)}
    return row


def inputs_of(row):
    codes = {"ecom": 0, "pos": 1, "atm": 2}
    return {"amount": row["amount"], "channel": codes.get(row["channel"]), "ratio": row["ratio"],
            "hour": row["seconds"] // 3600, "steady": row["steady"]}


def margin(row):
    given = inputs_of(row)
    amount, ratio = given["amount"], given["ratio"]
    return (100 + (-40 if amount < 20 else 0 if amount < 100 else 60) + {0: 30, 1: -10, 2: 5}[given["channel"]] +
            (25 if ratio is None else -5 if ratio < 1 else 5) + (8 if given["hour"] < 6 else 0) + (given["steady"] < 0))


def count(edges, values):
    """[missing, bins…]: a bin begins at its edge."""
    counts = [0] * (len(edges) + 2)
    for value in values:
        counts[0 if value is None else 1 + bisect.bisect_right(edges, value)] += 1
    return counts


def manual():
    """The code of docs/MODELS.md."""
    with open(os.path.join(os.environ["HARRIER_ROOT"], "docs", "MODELS.md"), encoding="utf-8") as file:
        code = re.search(r"```python\n(import bisect.*?)```", file.read(), re.DOTALL)
    names = {}
    exec(code[1], names)  # pylint: disable=exec-used
    return names


def stability(before, now):
    sides = [[(one + 0.5) / (sum(side) + 0.5 * len(side)) for one in side] for side in (before, now)]
    return sum((a - b) * math.log(a / b) for b, a in zip(*sides))


class ModelDriftTest(ServerTest):
    def setUp(self):
        super().setUp()
        chance = random.Random(11)
        training = [draw(chance, False) for _ in range(8000)]
        given = [inputs_of(row) for row in training]
        columns = {name: [math.nan if one[name] is None else one[name] for one in given] for name in INPUTS}
        self.reference = manual()["reference"](columns, [margin(row) for row in training], "2025-10-01T00:00:00Z",
                                               "2025-12-01T00:00:00Z")
        self.write_policy("features.yaml", "entities: {card: {key: card}}\n")
        os.remove(f"{self.folder}/policy/rules/velocity.yaml")
        for name, text in FILES.items():
            self.write_policy(name, text)
        os.makedirs(f"{self.folder}/policy/models")
        self.write_reference()
        self.usual = [draw(chance, False) for _ in range(A_DAY)]
        self.shifted = [draw(chance, True) for _ in range(A_DAY)]

    def write_reference(self):
        self.write_policy("models/risk.reference.json", json.dumps(self.reference))

    def harrier(self, *arguments):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def import_days(self):
        """The usual day, then the shifted one."""
        path = f"{self.folder}/rows.jsonl"
        with open(path, "w", encoding="utf-8") as file:
            for day, rows in enumerate((self.usual, self.shifted)):
                for number, row in enumerate(sorted(rows, key=lambda one: one["seconds"])):
                    attributes = {name: row[name] for name in ("ratio", "steady") if row[name] is not None}
                    time_us = START_US + day * DAY_US + row["seconds"] * 1000000
                    when = datetime.datetime.fromtimestamp(time_us // 1000000, datetime.timezone.utc)
                    file.write(json.dumps({
                        "id": f"d{day}-{number}", "event_time": when.isoformat(), "card": f"c{number % 50}",
                        "amount_minor": round(row["amount"] * 100), "currency": "EUR", "channel": row["channel"],
                        "attributes": attributes}) + "\n")
        self.harrier("import", f"{self.folder}/data", path, "--policy", f"{self.folder}/policy", "--quiet")

    def expected(self, rows):
        """(index, missing) by input; None: the score."""
        found = {None: (stability([self.reference["score"]["missing"], *self.reference["score"]["counts"]],
                                  count(self.reference["score"]["edges"], [margin(row) for row in rows])), 0)}
        for reference in self.reference["inputs"]:
            counts = count(reference["edges"], [inputs_of(row)[reference["name"]] for row in rows])
            index = stability([reference["missing"], *reference["counts"]], counts)
            found[reference["name"]] = (index, counts[0] / len(rows))
        return found

    def check_models(self, models, rows):
        self.assertEqual([(model["model"], model["rows"], model["rows_in_training"]) for model in models],
                         [("risk", len(rows), self.reference["rows"])])
        self.assertEqual([models[0]["trained_from"], models[0]["trained_until"]],
                         [self.reference["from"], self.reference["until"]])
        expected = self.expected(rows)
        self.assertAlmostEqual(models[0]["score"]["stability_index"], expected[None][0], places=9)
        self.assertEqual([found["input"] for found in models[0]["inputs"]], INPUTS)
        for found in models[0]["inputs"]:
            index, missing = expected[found["input"]]
            self.assertAlmostEqual(found["stability_index"], index, places=9)
            self.assertAlmostEqual(found["missing"], missing, places=12)
            bins_in_all = len(self.reference["inputs"][INPUTS.index(found["input"])]["edges"]) + 2
            noise = (bins_in_all - 1) * (1 / len(rows) + 1 / self.reference["rows"])
            self.assertAlmostEqual(found["noise"], noise, places=12)

    def checked(self, path, schema):
        """What is in the file, as the schema wants it."""
        with open(path, encoding="utf-8") as file, \
                open(os.path.join(os.environ["HARRIER_ROOT"], "docs", "schema", schema), encoding="utf-8") as rules:
            report = json.load(file)
            if jsonschema:
                jsonschema.validate(report, json.load(rules))
        return report

    def replay(self, *more):
        path = f"{self.folder}/report.json"
        said = self.harrier("replay", f"{self.folder}/data", "--policy", f"{self.folder}/policy", "--json", path, *more)
        return said, self.checked(path, "replay-report.json")

    def test_replay(self):
        self.import_days()
        said, report = self.replay("--to", "2026-01-02", "--threads", "2")
        self.check_models(report["models"], self.usual)
        self.assertIn("Models: no input and no score has moved since training\n", said)
        page = f"{self.folder}/report.html"
        said, report = self.replay("--from", "2026-01-02", "--html", page)
        self.check_models(report["models"], self.shifted)
        for name in INPUTS:
            self.assertEqual(f"models.risk: {name}, missing" in said, name in SHIFTED, said)
        self.assertIn("models.risk: the score", said)
        with open(page, encoding="utf-8") as file:
            self.assertIn('"missing_in_training":', file.read())
        # A policy whose models have no reference has no drift.
        line = "    reference: models/risk.reference.json\n"
        self.write_policy("models.yaml", FILES["models.yaml"].replace(line, ""))
        said, report = self.replay()
        self.assertEqual((report["models"], "Models" in said), ([], False))

    def test_input_without_edges(self):
        """Of an input that differs from day to day by its nature: only whether it is missing is compared."""
        for name in ("amount", "ratio"):
            of = self.reference["inputs"][INPUTS.index(name)]
            of.update(edges=[], counts=[sum(of["counts"])])
        self.write_reference()
        self.import_days()
        said, report = self.replay("--from", "2026-01-02")
        self.check_models(report["models"], self.shifted)
        for name in INPUTS:
            self.assertEqual(f"models.risk: {name}, missing" in said, name in ("channel", "ratio"), said)

    def night(self, date):
        subprocess.run([HARRIER, "night", "--data", f"{self.folder}/data", "--date", date, "--priority", "normal"],
                       capture_output=True, check=False)

    def test_night(self):
        self.import_days()
        nights = f"{self.folder}/data/nights"
        for date, rows, shifted in (("2026-01-02", self.usual, set()), ("2026-01-03", self.shifted, SHIFTED)):
            self.night(date)
            night = f"{nights}/{date}"
            report = self.checked(f"{night}/report.json", "night-report.json")
            self.check_models(report["drift"]["models"], rows)
            named = {(one["code"], one["subject"]) for one in report["findings"] if one["code"].startswith("model_")}
            self.assertEqual(named, {("model_input_drift", f"risk: {name}") for name in shifted} |
                             ({("model_score_drift", "risk")} if shifted else set()))
            with open(f"{night}/report.html", encoding="utf-8") as file:
                self.assertIn("Models beside their training", file.read())
        # What an earlier attempt of the same night has counted is kept.
        shutil.rmtree(night)
        kept = os.stat(f"{nights}/drift/2026-01-02").st_mtime_ns
        self.night(date)
        self.assertEqual(os.stat(f"{nights}/drift/2026-01-02").st_mtime_ns, kept)
        self.check_models(self.checked(f"{night}/report.json", "night-report.json")["drift"]["models"], self.shifted)

    # ---- the server ----

    def score(self, connection, rows, prefix, cards=1):
        """Returns how many the champion has decided."""
        sent, champions = [], 0
        for number, row in enumerate(rows):
            attributes = [{"name": name, "number": row[name]} for name in ("ratio", "steady") if row[name] is not None]
            sent.append({"id": f"{prefix}{number}", "event_time_us": START_US + row["seconds"] * 1000000,
                         "card": f"c{number % cards}",
                         "amount_minor": round(row["amount"] * 100), "currency": "EUR", "channel": row["channel"],
                         "attributes": attributes})
        for begin in range(0, len(sent), 100):
            results = connection.score(sent[begin:begin + 100])
            champions += sum(result["decision"].get("arm") != "ARM_CHALLENGER" for result in results)
        return champions

    def metrics(self, server):
        """harrierd_model_… by name and labels."""
        lines = [line for line in server.http("/metrics")[1].splitlines() if line.startswith("harrierd_model_")]
        return {line.rsplit(" ", 1)[0].removeprefix("harrierd_model_"): float(line.rsplit(" ", 1)[1]) for line in lines}

    def reload(self, server):
        self.harrier("reload", "--to", server.address, "--wait")

    def test_server(self):
        server = self.server().start()
        decisions = 'drift_decisions{model="risk"}'
        with server.connect() as connection:
            self.score(connection, self.shifted, "a")
            few = self.metrics(server)
            self.assertEqual(set(few), {decisions, 'drift_hours{model="risk"}'})
            self.assertEqual(few['drift_hours{model="risk"}'], 0)
            self.assertLess(abs(few[decisions] - A_DAY / 4), 6 * math.sqrt(A_DAY * 3 / 16))
            for round_ in range(3):
                self.score(connection, self.shifted, f"b{round_}")
            self.write_policy("rules/all.yaml", FILES["rules/all.yaml"].replace("150", "160"))
            self.reload(server)
            kept = self.metrics(server)[decisions]
            self.assertGreater(kept, 1000)
            self.score(connection, self.shifted, "a")  # repeated ids: nothing is decided
            found = self.metrics(server)
            self.assertEqual(found[decisions], kept)
            for name, (index, _) in self.expected(self.shifted).items():
                series = f'input_drift{{model="risk",input="{name}"}}' if name else 'score_drift{model="risk"}'
                self.assertAlmostEqual(found[series], index, delta=0.05 + index / 5)
                self.assertEqual(found[series] > 0.25, name is None or name in SHIFTED, series)
            # New tables keep what was counted.
            self.harrier("rebuild", "--data", f"{self.folder}/data", "--quiet")
            deadline = time.monotonic() + WAIT
            while server.metric("harrierd_generation_position") == 0:
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.05)
            self.score(connection, self.shifted, "c")
            self.assertGreater(self.metrics(server)[decisions], kept)
            # Another reference: everything begins anew.
            self.reference["until"] = "2025-12-02T00:00:00Z"
            self.write_reference()
            self.reload(server)
            self.assertEqual(self.metrics(server)[decisions], 0)
            self.score(connection, self.usual, "d")
            self.assertGreater(self.metrics(server)[decisions], 0)
        self.assertEqual(server.stop(), 0, server.said())
        self.check_exported()

    def test_challenger(self):
        """The champion's decisions alone count: its challenger has the same model, but an engine of its own."""
        shutil.copytree(f"{self.folder}/policy", f"{self.folder}/challenger")
        with open(f"{self.folder}/challenger/rules/all.yaml", "w", encoding="utf-8") as file:
            file.write(FILES["rules/all.yaml"].replace("150", "160"))
        server = self.server(f"--challenger={self.folder}/challenger", "--challenger_share=50%", "--challenger_key=card",
                             "--challenger_name=half").start()
        with server.connect() as connection:
            champions = self.score(connection, self.usual, "a", cards=A_DAY)
        self.assertTrue(A_DAY / 4 < champions < A_DAY * 3 / 4, champions)
        counted = self.metrics(server)['drift_decisions{model="risk"}']
        self.assertLess(abs(counted - champions / 4), 6 * math.sqrt(champions * 3 / 16))
        self.assertEqual(server.stop(), 0, server.said())

    def check_exported(self):
        """The reference is archived and exported with the policy."""
        self.harrier("policy", "export", f"{self.folder}/data", "current", f"{self.folder}/exported")
        with open(f"{self.folder}/exported/models/risk.reference.json", encoding="utf-8") as file:
            self.assertEqual(json.load(file), self.reference)


if __name__ == "__main__":
    unittest.main()
