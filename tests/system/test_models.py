#!/usr/bin/env python3
"""Models in a policy, from the folder to the archive: what they give for the rows of tests/golden/models must be what
the libraries gave, in the server, after a reload to other models, and when decisions are derived again after the folder
is gone."""
import concurrent.futures
import csv
import json
import math
import os
import re
import shutil
import subprocess
import threading
import time
import unittest

from server import START_US, ServerTest

HARRIER = os.environ["HARRIER"]
GOLDEN = os.path.join(os.environ["HARRIER_ROOT"], "tests/golden/models")
CHANNELS = ["ecom", "pos", "atm", "moto"]
LANDS = [f"land{code}" for code in range(40)]

POLICY = {
    "schema.yaml": """\
attributes:
  items: {type: int, required: false}
  ratio: {type: double, required: false}
  hour: {type: int, required: false}
  land: {type: string, required: false}
  channel_code: {type: int, required: false}
  land_code: {type: int, required: false}
""",
    "features.yaml": """\
entities:
  card: {key: card}
features:
  card:
    - {name: count_30d, aggregate: count, window: 30d}
values:
  - {name: count, value: "items + 0"}
""",
    "rules/velocity.yaml": """\
rules:
  - {name: likely, when: "models.fraud > 0.5", then: {verdict: decline}, reason: "fraud with {models.fraud}"}
  - {name: points, when: "models.card >= 520", then: {score: 100}}
""",
}
NUMBERS = "{channel: channel_code, country: land_code}"
TEXTS = f"{{channel: {{value: channel, categories: {CHANNELS}}}, country: {{value: land, categories: {LANDS}}}}}"
MODELS = """\
models:
  - name: fraud
    file: models/a.ubj
    inputs: %s
  - name: raw
    file: models/second
    format: lightgbm
    output: margin
    inputs: %s
  - name: kind
    file: models/classes.ubj
    classes: [usual, odd, bad]
    inputs: %s
  - name: adjusted
    file: models/a.ubj
    inputs: %s
    calibration: {isotonic: [[0.1, 0.05], [0.5, 0.2], [0.75, 0.2], [0.9, 1]]}
  - name: card
    scorecard:
      base: 500
      points:
        amount: [{missing: true, points: -10}, {below: 20, points: 25.5}, {points: 0}]
        channel: [{in: [pos, atm], points: 10}, {points: -5}]
"""


ONNX = f"""\
models:
  - {{name: boosting, file: models/boosting.onnx, input_names: [amount, count, ratio, hour, channel, country], inputs: {NUMBERS}}}
  - {{name: linear, file: models/linear.onnx, inputs: {NUMBERS}}}
  - name: forest
    file: models/forest.onnx
    input_names: [amount, count, ratio, hour, channel, country]
    inputs: {NUMBERS}
    classes: [usual, odd, bad]
  - name: logistic
    file: models/logistic.onnx
    input_names: [amount, count, ratio, hour, channel, country]
    inputs: {NUMBERS}
    reasons: {{top: 2}}
  - name: beyond
    file: models/logistic.onnx
    inputs: {{f0: "1e300", f1: "0", f2: "0", f3: "0", f4: "0", f5: "0"}}
"""


def read_rows(name):
    with open(os.path.join(GOLDEN, name), encoding="ascii") as file:
        return [[float(cell) if cell else None for cell in row] for row in csv.reader(file)]


def transaction(number, row):
    amount, items, ratio, hour, channel, land = row
    attributes = [{"name": name, kind: value if kind == "number" else int(value)} for name, kind, value in (
        ("items", "integer", items), ("ratio", "number", ratio), ("hour", "integer", hour),
        ("channel_code", "integer", channel), ("land_code", "integer", land)) if value is not None]
    sent = {"id": f"t{number}", "event_time_us": START_US + number * 1000000, "card": f"c{number}"}
    if amount is not None:
        sent |= {"amount_minor": round(amount * 100), "currency": "EUR"}
    if channel is not None:
        sent["channel"] = CHANNELS[int(channel)] if channel < len(CHANNELS) else "fax"
    if land is not None:
        attributes.append({"name": "land", "text": LANDS[int(land)] if land < len(LANDS) else "elsewhere"})
    return sent | {"attributes": attributes}


def points(row):
    amount, channel = row[0], row[4]
    return 500 + (-10 if amount is None else 25.5 if amount < 20 else 0) + (10 if channel in (1, 2) else -5)


def isotonic(p):
    """Between the points of the model "adjusted"."""
    if p <= 0.1:
        return 0.05
    if p <= 0.5:
        return 0.05 + (p - 0.1) / 0.4 * 0.15
    return 0.2 if p <= 0.75 else min(1, 0.2 + (p - 0.75) / 0.15 * 0.8)


class ModelsTest(ServerTest):
    def setUp(self):
        super().setUp()
        for name, text in POLICY.items():
            self.write_policy(name, text)
        self.rows = read_rows("rows.csv")
        self.sent = 0

    def write_models(self, first, second, binding):
        self.write_policy("models.yaml", MODELS % (binding, binding, NUMBERS, binding))
        for source, name in ((first + ".ubj", "a.ubj"), (second + ".txt", "second"), ("xgboost_classes.ubj", "classes.ubj")):
            os.makedirs(f"{self.folder}/policy/models", exist_ok=True)
            shutil.copyfile(os.path.join(GOLDEN, source), f"{self.folder}/policy/models/{name}")

    def harrier(self, *arguments):
        return subprocess.run([HARRIER, *arguments], capture_output=True, text=True, check=False)

    def check_rows(self, connection, first, second, are_texts=False):
        expected = zip(read_rows(first + ".csv"), read_rows(second + ".csv"), read_rows("xgboost_classes.csv"))
        for row, (of_first, of_second, of_classes) in zip(self.rows, expected):
            if are_texts and (row[5] or 0) >= len(LANDS):
                continue  # the libraries were given a code that no text has
            sent = transaction(self.sent, row)
            self.sent += 1
            decision = connection.score([sent], return_features=True)[0]["decision"]
            found = {one["name"]: float(one.get("number", 0)) for one in decision["features"]}
            self.assertAlmostEqual(found["models.fraud"], of_first[1], delta=2e-7)
            self.assertEqual(found["models.raw"], of_second[0])
            self.assertAlmostEqual(found["models.adjusted"], isotonic(of_first[1]), delta=2e-6)
            for i, name in enumerate(("usual", "odd", "bad")):
                self.assertAlmostEqual(found[f"models.kind.{name}"], of_classes[3 + i], delta=2e-7)
            self.assertEqual(found["models.card"], points(row))
            fired = [reason["rule"] for reason in decision.get("reasons", [])]
            self.assertEqual(fired, ["likely"] * (of_first[1] > 0.5) + ["points"] * (points(row) >= 520))

    def test_models_decide_and_are_archived(self):
        self.write_models("xgboost_categories", "lightgbm_categories", TEXTS)
        checked = self.harrier("check", f"{self.folder}/policy")
        self.assertEqual(checked.returncode, 0, checked.stderr)
        server = self.server().start()
        with server.connect() as connection:
            self.check_rows(connection, "xgboost_categories", "lightgbm_categories", are_texts=True)
            self.write_models("xgboost_ubj", "lightgbm_zeros", NUMBERS)  # files of the same names
            self.assertEqual(self.harrier("reload", "--to", server.address, "--wait").returncode, 0)
            self.check_rows(connection, "xgboost_ubj", "lightgbm_zeros")
        self.assertEqual(server.stop(), 0, server.said())
        rebuilt = self.harrier("rebuild", "--quiet", f"--data={self.folder}/data")
        self.assertEqual(rebuilt.returncode, 0, rebuilt.stderr)
        server.start()
        with server.connect() as connection:
            self.check_rows(connection, "xgboost_ubj", "lightgbm_zeros")
        self.assertEqual(server.stop(), 0, server.said())
        shutil.rmtree(f"{self.folder}/policy")
        audit = self.harrier("replay", f"{self.folder}/data", "--recorded")
        self.assertEqual(audit.returncode, 0, audit.stderr)
        self.assertIn("Every decision equals the archived one.", audit.stdout)
        verified = self.harrier("verify", f"{self.folder}/data")
        self.assertEqual(verified.returncode, 0, verified.stderr)
        exported = self.harrier("policy", "export", f"{self.folder}/data", "current", f"{self.folder}/exported")
        self.assertEqual(exported.returncode, 0, exported.stderr)
        with open(os.path.join(GOLDEN, "xgboost_ubj.ubj"), "rb") as one, \
                open(f"{self.folder}/exported/models/a.ubj", "rb") as other:
            self.assertEqual(one.read(), other.read())
        replayed = self.harrier("replay", f"{self.folder}/data", "--policy", f"{self.folder}/exported")
        self.assertEqual(replayed.returncode, 0, replayed.stderr)

    def test_onnx(self):
        """Trees, classes and linear models of ONNX; a sum beyond all numbers fails the rules that read it."""
        self.write_policy("models.yaml", ONNX)
        self.write_policy("rules/velocity.yaml", """\
rules:
  - {name: likely, when: "models.logistic > 0.5", then: {verdict: review}, reason: "{models.logistic}"}
  - {name: beyond, when: "models.beyond > 0.5", then: {score: 1}}
""")
        os.makedirs(f"{self.folder}/policy/models")
        names = ("boosting", "linear", "forest", "logistic")
        for name in names:
            shutil.copyfile(os.path.join(GOLDEN, f"onnx_{name}.onnx"), f"{self.folder}/policy/models/{name}.onnx")
        checked = self.harrier("check", f"{self.folder}/policy")
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertIn("linear: linear, 6 inputs", checked.stdout)
        self.assertIn("forest: 12 trees, 6 inputs, 3 classes", checked.stdout)
        server, explained = self.server().start(), 0
        with server.connect() as connection:
            for number, (row, *expected) in enumerate(zip(self.rows, *(read_rows(f"onnx_{name}.csv") for name in names))):
                boosting, linear, forest, logistic = expected
                decision = connection.score([transaction(number, row)], return_features=True)[0]["decision"]
                found = {one["name"]: float(one.get("number", 0)) for one in decision["features"]}
                self.assertAlmostEqual(found["models.boosting"], boosting[1], delta=2e-7)
                self.assertAlmostEqual(found["models.linear"], linear[1], delta=1e-6 * max(1, abs(linear[1])))
                self.assertEqual([found[f"models.forest.{name}"] for name in ("usual", "odd", "bad")], forest[3:])
                self.assertAlmostEqual(found["models.logistic"], logistic[1], delta=2e-6)
                self.assertEqual(decision["failed_rules"], ["beyond"])
                texts = [reason["text"] for reason in decision.get("reasons", [])]
                self.assertEqual(len(texts), logistic[1] > 0.5)
                explained += sum(" is " in text for text in texts)  # unless no input raised it
        self.assertGreater(explained, 10)
        self.assertEqual(server.stop(), 0, server.said())
        audit = self.harrier("replay", f"{self.folder}/data", "--recorded")
        self.assertEqual(audit.returncode, 0, audit.stderr)
        self.assertIn("Every decision equals the archived one.", audit.stdout)

    def test_swapped_in_the_middle_of_a_stream(self):
        """While another connection scores all the time, the policy's models change: each decision is that of the models
        that it names, and all of them can be derived again."""
        expected = {}
        self.write_models("xgboost_ubj", "lightgbm_zeros", NUMBERS)
        server = self.server().start()
        swapped = threading.Event()
        found = []

        def stream():
            """All rows, again and again, until some have been decided with the other models."""
            with server.connect() as connection:
                beyond = 0
                while beyond < 2:
                    beyond += swapped.is_set()
                    first = len(found)
                    sent = [transaction(first + number, row) for number, row in enumerate(self.rows)]
                    found.extend(result["decision"] for result in connection.score(sent, return_features=True))

        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            streaming = pool.submit(stream)
            try:
                while not found and not streaming.done():
                    time.sleep(0.001)
                self.write_models("xgboost_categories", "lightgbm_categories", NUMBERS)
                self.assertEqual(self.harrier("reload", "--to", server.address, "--wait").returncode, 0)
            finally:
                swapped.set()
            streaming.result()
        for number, decision in enumerate(found):
            values = {one["name"]: float(one.get("number", 0)) for one in decision["features"]}
            expected.setdefault(decision["snapshot_id"], []).append((number % len(self.rows), values["models.raw"]))
        self.assertEqual([len(ids) >= len(self.rows) for ids in expected.values()], [True, True])
        for values, name in zip(expected.values(), ("lightgbm_zeros", "lightgbm_categories")):
            margins = [row[0] for row in read_rows(name + ".csv")]
            self.assertEqual([value for _, value in values], [margins[row] for row, _ in values])
        self.assertEqual(server.stop(), 0, server.said())
        audit = self.harrier("replay", f"{self.folder}/data", "--recorded")
        self.assertEqual(audit.returncode, 0, audit.stderr)
        self.assertIn("Every decision equals the archived one.", audit.stdout)
        self.assertRegex(audit.stdout, rf"transactions +{len(found):,}\n")

    def test_thresholds_of_a_model(self):
        """By nearest rank: one of the values that the library gave."""
        self.write_models("xgboost_ubj", "lightgbm_zeros", NUMBERS)
        self.write_policy("thresholds.yaml", """\
thresholds:
  - {name: half, quantile: 0.5, of: models.fraud, over: 30d, minimum: 1, fallback: 9.0}
""")
        self.write_policy("rules/t.yaml", """\
rules:
  - {name: above, when: models.fraud > thresholds.half, then: {score: 5}}
""")
        server = self.server().start()
        with server.connect() as connection:
            for number, row in enumerate(self.rows):
                connection.score([transaction(number, row)])
        self.assertEqual(server.stop(), 0, server.said())
        rebuilt = self.harrier("rebuild", f"--data={self.folder}/data")
        self.assertEqual(rebuilt.returncode, 0, rebuilt.stderr)
        given = sorted(row[1] for row in read_rows("xgboost_ubj.csv"))
        self.assertAlmostEqual(json.loads(rebuilt.stdout)["thresholds"][0]["overall"],
                               given[math.ceil(0.5 * len(given)) - 1], delta=2e-7)

    def write_manual(self):
        """The policy of docs/MODELS.md, with models of the same inputs."""
        shutil.rmtree(f"{self.folder}/policy")
        self.write_policy("policy.yaml", "policy: {name: manual, base_currency: EUR}\n")
        self.write_policy("features.yaml", """\
entities: {card: {key: card}}
features:
  card:
    - {name: count_1h, aggregate: count, window: 1h}
    - {name: mean_30d, aggregate: mean, of: amount, window: 30d, exclude_current: true}
""")
        with open(os.path.join(os.environ["HARRIER_ROOT"], "docs/MODELS.md"), encoding="utf-8") as manual:
            head = manual.read().split("\n## ", maxsplit=1)[0]
        blocks = re.findall(r"```yaml\n# (\S+)\n(.*?)```", head, re.DOTALL)
        self.assertEqual([name for name, _ in blocks], ["models.yaml", "rules/models.yaml"])
        for name, text in blocks:
            self.write_policy(name, text)
        os.makedirs(f"{self.folder}/policy/models")
        for source, name in (("xgboost_categories.ubj", "fraud.ubj"), ("lightgbm_classes.txt", "kind.txt")):
            shutil.copyfile(os.path.join(GOLDEN, source), f"{self.folder}/policy/models/{name}")

    def test_the_manual_and_its_reasons(self):
        self.write_manual()
        self.write_policy("rules/all.yaml", """\
rules:
  - {name: always, when: models.fraud >= 0.0, then: {verdict: review}, reason: "{models.fraud}"}
  - {name: points, when: models.application <= 1000, then: {verdict: review}, reason: "{models.application} points"}
""")
        checked = self.harrier("check", f"{self.folder}/policy")
        self.assertEqual(checked.returncode, 0, checked.stderr)
        server = self.server().start()
        with server.connect() as connection:
            for number in range(3):
                sent = {"id": f"t{number}", "event_time_us": START_US + number * 1000000, "card": "c",
                        "amount_minor": 90000, "currency": "EUR", "channel": "ecom", "country": "FR"}
                decision = connection.score([sent])[0]["decision"]
                reasons = {reason["rule"]: reason["text"] for reason in decision["reasons"]}
                self.assertEqual(reasons["points"], "535 points: amount is 900; channel is ecom")
                self.check_reason(server, sent["id"], reasons["always"], number + 1)
        self.assertEqual(server.stop(), 0, server.said())

    def check_reason(self, server, transaction_id, text, count):
        """The sentences are those of the inputs that raised the margin most, as explain shows them."""
        explained = self.harrier("explain", "--server", server.address, "--json", transaction_id)
        self.assertEqual(explained.returncode, 0, explained.stderr)
        fraud, *classes, application = json.loads(explained.stdout)["then"]["models"]
        self.assertEqual([model["name"] for model in classes],
                         ["models.kind.usual", "models.kind.stolen", "models.kind.takeover"])
        # 600 - 60 - 5, where shares of 0.6 and 0.4 are expected to give 20 and -5, and three equal bins and one for
        # what is missing the mean of theirs.
        self.assertEqual(application["margin"], 535)
        self.assertAlmostEqual(application["bias"], 600 + (-20 + 35 + 0 - 60) / 4 + 0.6 * 20 - 0.4 * 5)
        self.assertAlmostEqual(fraud["margin"], fraud["bias"] + sum(one["contribution"] for one in fraud["inputs"]))
        self.assertEqual(len(fraud["inputs"]), 6)
        words = {"count": f"{count} purchases within an hour", "ratio": "900 is unusual for this card",
                 "amount": "amount is 900", "hour": "hour is 0", "channel": "channel is ecom", "country": "country is FR"}
        calibrated = 1 / (1 + math.exp(-(0.93 * fraud["margin"] - 1.7)))
        self.assertAlmostEqual(float(text.split(": ")[0]), calibrated, delta=1e-6)
        top = [words[one["name"]] for one in fraud["inputs"] if one["contribution"] > 0][:3]
        self.assertEqual(text.split(": ", 1)[1:], ["; ".join(top)] if top else [])


if __name__ == "__main__":
    unittest.main()
