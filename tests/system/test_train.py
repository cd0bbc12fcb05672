#!/usr/bin/env python3
"""harrier train on an archive that this test makes: its figures are those of a replay of the written policy, its margins
those of the library, the same command gives the same bytes, it knows no more than it could have known, and it never writes
over anything."""
import contextlib
import csv
import json
import math
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from server import WAIT
from xgboost_again import Library, auc_and_precision, sample, train_again

HARRIER = os.environ["HARRIER"]
DAYS = 20
TRAIN, TEST = "2026-01-02..2026-01-12", "2026-01-13..2026-01-21"
RANGE = ("--train", TRAIN, "--test", TEST)
CHANNELS = ["ecom", "pos", "atm", "moto"]

POLICY = {
    "policy.yaml": """\
policy:
  name: taught
  base_currency: EUR
  cutoffs: {review: 300}
  currency_rates:
    - {currency: USD, from: 2020-01-01, rate: "0.9"}
    - {currency: GBP, from: 2020-01-01, rate: "1.2"}
""",
    "schema.yaml": "fields:\n  card: {required: true}\n",
    "features.yaml": """\
entities:
  card: {key: card}
  merchant: {key: merchant}
features:
  card:
    - {name: count_1h, aggregate: count, window: 1h}
    - {name: count_1d, aggregate: count, window: 1d}
    - {name: mean_10d, aggregate: mean, of: amount, window: 10d, exclude_current: true}
    - {name: frauds_10d, aggregate: count, where: "outcome in ['fraud', 'chargeback']", window: 10d}
  merchant:
    - {name: sum_1h, aggregate: sum, of: amount, window: 1h}
values:
  - {name: price, value: amount} # in the base currency
  - {name: code, value: "channel == 'ecom' ? 0 : channel == 'pos' ? 1 : channel == 'atm' ? 2 : channel == 'moto' ? 3 : -1"}
""",
    "rules/model.yaml": """\
rules:
  - {name: likely, when: models.fraud > 0.2, then: {score: 400}, reason: "fraud with {models.fraud}"}
""",
    "cases/all.yaml": """\
cases:
  - name: "a usual one"
    transaction: {card: c1, amount: 5.00, currency: EUR}
    expect: {verdict: approve}
""",
}
INPUTS = """\
      amount: amount
      fast: card.count_1h
      many: card.count_1d
      mean: card.mean_10d
      frauds: card.frauds_10d
      takings: merchant.sum_1h
      channel: {value: channel, categories: [ecom, pos, atm, moto]}
"""
MODELS = f"""\
models:
  # A comment stays.
  - name: fraud
    about: As the test declares it
    file: models/old.json # gone
    inputs:
{INPUTS}    train: {{rounds: 60, early_stopping: 15, max_depth: 4, class_weight: balanced, subsample: 0.8}}
    reasons: {{top: 2}}

  - name: card
    scorecard: {{points: {{amount: [{{below: 20, points: 25.5}}, {{points: 0}}]}}}}
"""


def times(text):
    return text + ("T00:00:00Z" if len(text) == 10 else "")


NAMES = ["amount", "fast", "many", "mean", "frauds", "takings", "channel"]
COLUMNS = ["price", "card.count_1h", "card.count_1d", "card.mean_10d", "card.frauds_10d", "merchant.sum_1h", "code"]
TYPES = ["q"] * 6 + ["c"]


def values_of(row):
    return [float(row[column]) if row[column] not in ("", "-1") else math.nan for column in COLUMNS]



class TrainTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.root = cls.stack.enter_context(tempfile.TemporaryDirectory())
        cls.archive, cls.day = os.path.join(cls.root, "archive"), os.path.join(cls.root, "all.csv")
        cls.policy = cls.write_policy("policy")
        cls.call("simulate", f"--days={DAYS}", "--transactions-per-day=600", "--customers=300", "--fraud-rate=0.05",
                 f"--out={cls.day}")
        cls.without = cls.write_policy("without", models=None)
        os.remove(os.path.join(cls.without, "rules/model.yaml"))
        cls.call("import", "--quiet", cls.archive, cls.day, f"--policy={cls.without}")
        cls.out = os.path.join(cls.root, "trained")
        cls.done = cls.train(cls.out, check=False)
        if cls.done.returncode == 69:
            assert "libxgboost" in cls.done.stderr, cls.done.stderr
            raise unittest.SkipTest(cls.done.stderr.strip())
        assert cls.done.returncode == 0, cls.done.stderr

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    @classmethod
    def write_policy(cls, name, models=MODELS):
        folder = os.path.join(cls.root, name)
        for path, content in {**POLICY, **({"models.yaml": models} if models else {})}.items():
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                file.write(content)
        return folder

    @classmethod
    def call(cls, *arguments, check=True):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{arguments}: {done.returncode} {done.stderr}")
        return done

    @classmethod
    def train(cls, out, *more, policy=None, model="fraud", ranges=RANGE, check=True, archive=None):
        return cls.call("train", archive or cls.archive, f"--policy={policy or cls.policy}", f"--model={model}", *ranges,
                        f"--out={out}", "--json", "--quiet", *more, check=check)

    def card(self, folder=None):
        with open(os.path.join(folder or self.out, "models/fraud.card.json"), encoding="utf-8") as file:
            return json.load(file)

    def refused(self, status, message, *more, **options):
        out = os.path.join(self.root, "none")
        done = self.train(out, *more, check=False, **options)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertRegex(done.stderr, message)
        self.assertFalse(os.path.exists(out))

    def known_rows(self, ranges, known_before=None):
        """Of the file that was imported: rows of a range, and whether each is fraud as far as was known."""
        begin, end = (times(moment) for moment in ranges.split(".."))
        with open(self.day, encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if begin <= row["event_time"] < end:
                    known = row["outcome"] and (not known_before or row["outcome_time"] < times(known_before))
                    yield row, bool(known and row["outcome"] in ("fraud", "chargeback")), bool(known)

    # ---- what is written ----

    def test_the_folder_is_a_policy_with_the_model(self):
        files = {os.path.relpath(os.path.join(at, name), self.out) for at, _, names in os.walk(self.out) for name in names}
        self.assertEqual(files, {*POLICY, "models.yaml", "models/fraud.ubj", "models/fraud.reference.json",
                                 "models/fraud.card.json", "models/fraud.card.md"})
        with open(os.path.join(self.out, "models.yaml"), encoding="utf-8") as file:
            lines = file.read().splitlines()
        added = [line for line in lines if line not in MODELS.splitlines()]
        self.assertEqual([re.sub(r"\{.*", "", line).strip() for line in added],
                         ["calibration:", "reference: models/fraud.reference.json", "file: models/fraud.ubj"])
        self.assertEqual([line for line in MODELS.splitlines() if line not in lines],
                         ["    file: models/old.json # gone"])
        self.call("check", self.out)
        self.assertEqual(self.done.stdout, json.dumps(self.card(), separators=(",", ":"), ensure_ascii=False) + "\n")
        with open(os.path.join(self.out, "models/fraud.card.md"), encoding="utf-8") as file:
            markdown = file.read()
        self.assertTrue(markdown.startswith("# Model fraud\n\nAs the test declares it\n"), markdown)
        self.assertIn(f"| AUC | {self.card()['tested']['metrics']['auc']['value']:.4f} |", markdown)

    def test_the_same_command_gives_the_same_bytes(self):
        again = os.path.join(self.root, "again")
        self.train(again, "--threads=1")
        for at, _, names in os.walk(self.out):
            for name in names:
                path = os.path.relpath(os.path.join(at, name), self.out)
                with open(os.path.join(self.out, path), "rb") as one, open(os.path.join(again, path), "rb") as other:
                    self.assertEqual(one.read(), other.read(), path)
        seeded = os.path.join(self.root, "seeded")
        self.train(seeded, "--seed=2")
        with open(os.path.join(self.out, "models/fraud.ubj"), "rb") as one, \
                open(os.path.join(seeded, "models/fraud.ubj"), "rb") as other:
            self.assertNotEqual(one.read(), other.read())
        self.assertEqual(self.card(seeded)["trained"]["rows_sha256"], self.card()["trained"]["rows_sha256"])

    # ---- what it learned from ----

    def test_it_knows_what_was_known(self):
        rows = list(self.known_rows(TRAIN, known_before="2026-01-13"))
        later = list(self.known_rows(TRAIN))
        trained = self.card()["trained"]
        self.assertEqual(trained["transactions"], len(rows))
        self.assertEqual(trained["frauds"], sum(fraud for _, fraud, _ in rows))
        self.assertLess(trained["frauds"], sum(fraud for _, fraud, _ in later), "no outcome came later")
        self.assertEqual(sum(part["rows"] for part in trained["slices"].values()), trained["rows"])
        self.assertEqual(sum(part["frauds"] for part in trained["slices"].values()), trained["frauds"])
        self.assertEqual(list(trained["slices"]), ["fit", "validation", "calibration"])
        starts = [part["from"] for part in trained["slices"].values()]
        self.assertEqual(starts, sorted(starts))
        with open(os.path.join(self.out, "models/fraud.reference.json"), encoding="utf-8") as file:
            reference = json.load(file)
        self.assertEqual(reference["rows"], len(rows))
        self.assertEqual([column["name"] for column in reference["inputs"]], NAMES)
        self.assertEqual(sum(reference["score"]["counts"]), len(rows))

    def test_young_transactions_are_left_out_when_asked(self):
        """Whether their outcomes are known or not: else the youngest rows would be known frauds alone."""
        out = os.path.join(self.root, "grown")
        self.train(out, "--outcomes-after=3d")
        rows = list(self.known_rows(TRAIN, known_before="2026-01-13"))
        old = [fraud for row, fraud, _ in rows if row["event_time"] <= "2026-01-10T00:00:00Z"]
        young = [fraud for row, fraud, _ in rows if row["event_time"] > "2026-01-10T00:00:00Z"]
        card = self.card(out)
        self.assertGreater(sum(young), 0)
        trained = card["trained"]
        self.assertEqual((trained["too_young"], trained["rows"], trained["frauds"]), (len(young), len(old), sum(old)))
        # The test has all of its transactions, and says how many might turn out to be fraud yet.
        tested, newest = card["tested"], max(row["event_time"] for row, _, _ in self.known_rows("2026-01-01..2026-03-01"))
        later = list(self.known_rows(TEST))
        limit = newest.replace("2026-01-20T", "2026-01-17T")
        self.assertNotEqual(limit, newest)
        self.assertEqual((tested["rows"], tested["frauds"]), (len(later), sum(fraud for _, fraud, _ in later)))
        self.assertEqual(tested["too_young"], sum(row["event_time"] > limit and not known for row, _, known in later))
        self.assertEqual(self.card()["tested"]["too_young"], 0)
        with open(os.path.join(out, "models/fraud.card.md"), encoding="utf-8") as file:
            self.assertRegex(file.read(), r"[0-9,]+ transactions have no outcome and are younger than 3 d")
        self.refused(66, "too young for their outcomes to be known", "--outcomes-after=30d")

    # ---- what it is worth ----

    def replayed(self, folder, ranges=TEST):
        path = os.path.join(self.root, "features.csv")
        self.call("replay", self.archive, f"--policy={folder}", f"--features={path}", "--with-fields", "--from",
                  ranges.split("..", maxsplit=1)[0], "--to", ranges.split("..")[1], "--quiet")
        with open(path, encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_figures_and_margins_are_those_of_a_replay(self):
        rows = self.replayed(self.out)
        card = self.card()
        labels = [row["outcome"] in ("fraud", "chargeback") for row in rows]
        probabilities = [float(row["models.fraud"]) for row in rows]
        tested = card["tested"]
        self.assertEqual((tested["rows"], tested["frauds"]), (len(rows), sum(labels)))
        auc, precision = auc_and_precision(probabilities, labels)
        self.assertAlmostEqual(tested["metrics"]["auc"]["value"], auc, places=12)
        self.assertAlmostEqual(tested["metrics"]["ap"]["value"], precision, places=12)
        self.assertGreater(auc, 0.7, "it has learned nothing")
        self.assertLess(tested["metrics"]["auc"]["low"], auc)
        self.assertGreater(tested["metrics"]["auc"]["high"], auc)
        brier = sum((p - label) ** 2 for p, label in zip(probabilities, labels)) / len(rows)
        self.assertAlmostEqual(tested["probability"]["brier"], brier, places=12)
        self.assertAlmostEqual(tested["probability"]["mean"], sum(probabilities) / len(rows), places=12)
        # The library's own margins, and the calibration that models.yaml has.
        library = Library(NAMES, TYPES, os.path.join(self.out, "models/fraud.ubj"))
        margins = library.margins(library.matrix([values_of(row) for row in rows]))
        a, b = card["calibration"]["a"], card["calibration"]["b"]
        self.assertGreater(len(set(margins)), 50)
        for margin, probability in zip(margins, probabilities):
            self.assertAlmostEqual(1 / (1 + math.exp(-(a * margin + b))), probability, places=14)
        self.assertAlmostEqual(sum(card["importance"].values()), 1)

    def assert_trained_again(self, out, more=0, most=None):
        """The same model by the library, the rows and labels that were known, and another sample, stopping and
        calibration. more: inputs that are always 1."""
        known = {row["id"]: fraud for row, fraud, _ in self.known_rows(TRAIN, known_before="2026-01-13")}
        rows = self.replayed(self.out, TRAIN)
        level, weights = sample([(row["transaction_id"], known[row["transaction_id"]]) for row in rows], most or len(rows), 1)
        kept = [(row["event_time"], int(row["position"]), known[row["transaction_id"]], weight, values_of(row) + [1.0] * more)
                for row, weight in zip(rows, weights) if weight]
        kept.sort(key=lambda row: row[:2])
        names, types = NAMES + [f"one_{i}" for i in range(more)], TYPES + ["q"] * more
        again = train_again(names, types, [(row[0], *row[2:]) for row in kept], {
            "max_depth": 4, "max_bin": 256, "eta": 0.1, "subsample": 0.8, "seed": 1, "min_child_weight": 1, "lambda": 1}, 60, 15)
        card = self.card(out)
        self.assertEqual((card["trained"]["rows"], card["trained"]["rows_weight_without_fraud"]), (len(kept), 1 << level))
        self.assertEqual([(part["rows"], part["frauds"]) for part in card["trained"]["slices"].values()], again["slices"])
        self.assertEqual(card["parameters"]["class_weight"], again["fraud_weight"])
        self.assertEqual((card["fitted"]["rounds"], card["fitted"]["rounds_tried"]), (again["rounds"], again["tried"]))
        self.assertAlmostEqual(card["fitted"]["validation_metric"], again["precision"], places=12)
        library = Library(names, types, os.path.join(out, "models/fraud.ubj"))
        self.assertEqual(library.margins(library.matrix([row[3] for row in again["last"]])), again["margins"])
        self.assertAlmostEqual(card["calibration"]["a"], again["a"], places=6)
        self.assertAlmostEqual(card["calibration"]["b"], again["b"], places=6)
        return level

    def test_the_library_makes_the_same_model_of_the_same_rows(self):
        self.assertEqual(self.assert_trained_again(self.out), 0)

    def test_a_sample_weighs_as_much_as_all(self):
        more = 200
        ones = "".join(f"      one_{i}: 1.0\n" for i in range(more))
        policy = self.write_policy("wide", MODELS.replace("    train:", ones + "    train:"))
        out = os.path.join(self.root, "wide_out")
        self.train(out, "--memory=16M", policy=policy)
        most = (16 << 20) // (24 * (len(NAMES) + more) + 112)
        self.assertGreater(self.assert_trained_again(out, more, most), 0)
        with open(os.path.join(out, "models/fraud.reference.json"), encoding="utf-8") as file:
            reference, trained = json.load(file), self.card(out)["trained"]
        self.assertEqual(reference["rows"], trained["frauds"] +
                         (trained["rows"] - trained["frauds"]) * trained["rows_weight_without_fraud"])

    def test_inputs_in_the_order_of_input_names(self):
        turned = f"    input_names: [{', '.join(reversed(NAMES))}]\n"
        # Another model with a file stands before it: its names are not touched.
        files = MODELS.replace("models:\n", f"models:\n  - name: first\n    file: models/first.ubj\n    inputs:\n{INPUTS}")
        policy = self.write_policy("turned", files.replace("    about:", turned + "    about:"))
        os.makedirs(os.path.join(policy, "models"))
        shutil.copy(os.path.join(self.out, "models/fraud.ubj"), os.path.join(policy, "models/first.ubj"))
        out = os.path.join(self.root, "turned_out")
        self.train(out, policy=policy)
        card = self.card(out)
        self.assertEqual(list(card["importance"]), NAMES[::-1])
        self.assertGreater(card["tested"]["metrics"]["auc"]["value"], 0.7)
        self.call("check", out)
        first = [row["models.first"] for row in self.replayed(out)]
        self.assertEqual(len(set(first)) > 50 and first, [row["models.fraud"] for row in self.replayed(self.uncalibrated())])

    def uncalibrated(self):
        """The policy without the calibration, as models.first above."""
        folder = os.path.join(self.root, "uncalibrated")
        shutil.copytree(self.out, folder)
        with open(os.path.join(folder, "models.yaml"), encoding="utf-8") as file:
            yaml = file.read()
        with open(os.path.join(folder, "models.yaml"), "w", encoding="utf-8") as file:
            file.write(re.sub("    calibration: .*\n", "", yaml))
        return folder

    def test_isotonic_margin_and_no_early_stopping(self):
        models = MODELS.replace("subsample: 0.8", "calibration: isotonic, early_stopping: 0").replace(
            "early_stopping: 15, ", "")
        policy, out = self.write_policy("isotonic", models), os.path.join(self.root, "isotonic_out")
        self.train(out, policy=policy)
        card = self.card(out)
        self.assertEqual(card["calibration"]["kind"], "isotonic")
        self.assertEqual((card["fitted"]["rounds"], card["fitted"]["rounds_tried"]), (60, 60))
        self.assertEqual(list(card["trained"]["slices"]), ["fit", "calibration"])
        self.call("check", out)
        # Trained again, from what was written: the calibration of the old model goes.
        with open(os.path.join(out, "models.yaml"), encoding="utf-8") as file:
            yaml = file.read()
        with open(os.path.join(out, "models.yaml"), "w", encoding="utf-8") as file:
            file.write(yaml.replace("calibration: isotonic", "calibration: none"))
        os.remove(os.path.join(out, "models/fraud.ubj"))
        again = os.path.join(self.root, "isotonic_again")
        self.train(again, policy=out)
        self.assertEqual(self.card(again)["calibration"]["kind"], "none")
        with open(os.path.join(again, "models.yaml"), encoding="utf-8") as file:
            self.assertNotIn("isotonic", file.read())

    # ---- what is refused ----

    def test_nothing_is_written_over(self):
        before = self.card()
        done = self.train(self.out, check=False)
        self.assertEqual(done.returncode, 64)
        self.assertIn("it exists and is not written over", done.stderr)
        self.assertEqual(self.card(), before)

    def test_command_lines(self):
        self.refused(64, "--test begins before --train ends", ranges=("--train", TRAIN, "--test", "2026-01-11..2026-01-21"))
        self.refused(64, "does not end after it begins", ranges=("--train", "2026-01-05..2026-01-05", "--test", TEST))
        self.refused(64, "is not a range", ranges=("--train", "2026-01-05", "--test", TEST))
        self.refused(78, 'models.yaml: no model "fruad"; did you mean "fraud"', model="fruad")
        self.refused(78, 'has no model "fraud": it has no models.yaml', policy=self.without)
        scorecard = self.write_policy("scorecard", "models:" + MODELS[MODELS.index("\n  - name: card"):])
        os.remove(os.path.join(scorecard, "rules/model.yaml"))
        self.refused(64, "card is a scorecard", model="card", policy=scorecard)
        self.refused(64, "which model of the policy", model="")
        self.refused(64, "expected a number a day", "--reviews=100")
        self.refused(66, "there is no such archive", archive=os.path.join(self.root, "nowhere"))

    def test_policies(self):
        def policy(name, old, new):
            return self.write_policy(name, MODELS.replace(old, new))
        self.refused(78, "unknown key", policy=policy("wrong_key", "max_depth", "max_dpeth"))
        self.refused(78, "all of them|expected \"inputs\"", policy=policy("no_inputs", f"    inputs:\n{INPUTS}", ""))
        self.refused(78, "an input's name has 0 bytes; expected 1 to 256", policy=policy("no_name", "amount: amount\n", '"": amount\n'))
        self.refused(78, "an input's name has 257 bytes",
                     policy=policy("long_name", "amount: amount\n", f"{257 * 'a'}: amount\n"))
        self.refused(78, 'no file "models/later.ubj"; declare this model when the other one is trained', policy=policy(
            "two", "  - name: card\n", "  - name: later\n    file: models/later.ubj\n    train: {}\n  - name: card\n"))
        self.refused(78, "without { }", policy=self.write_policy(
            "brackets", "models:\n  - {name: fraud, file: models/a.ubj, inputs: {amount: amount}}\n"))
        self.refused(66, "greater margins are not more often fraud", policy=self.write_policy("same", MODELS.replace(
            INPUTS, "      amount: 1.0\n")))
        self.refused(78, "an input fails for .* first: amount of transaction .*: division by zero",
                     policy=policy("failing", "amount: amount\n", "amount: 5 / (card.count_1h - card.count_1h)\n"))

    def test_other_models_stay_as_they_are(self):
        """The file of another model is not written over, and what says when that one was trained comes along."""
        def policy(name, more, old="models/fraud.ubj", new="models/fraud.ubj"):
            folder = os.path.join(self.root, name)
            shutil.copytree(self.out, folder)
            with open(os.path.join(folder, "models.yaml"), encoding="utf-8") as file:
                yaml = file.read().replace(old, new)
            with open(os.path.join(folder, "models.yaml"), "w", encoding="utf-8") as file:
                file.write(yaml + more)
            return folder
        other = f"  - name: raw\n    output: margin\n    file: models/fraud.ubj\n    inputs:\n{INPUTS}"
        self.refused(78, 'models.yaml:.*: models/fraud.ubj is a file of model "raw"', policy=policy("shared", other))
        lent = policy("lent", other + "    reference: models/fraud.reference.json\n", new="models/mine.ubj")
        shutil.copy(os.path.join(lent, "models/fraud.ubj"), os.path.join(lent, "models/mine.ubj"))
        self.refused(78, 'models/fraud.ubj is a file of model "raw"', policy=lent)
        beside = policy("beside", other.replace("fraud.ubj", "raw.ubj"))
        shutil.copy(os.path.join(beside, "models/fraud.ubj"), os.path.join(beside, "models/raw.ubj"))
        card = '{"trained": {"from": "2025-01-01T00:00:00Z", "until": "2025-07-01T00:00:00Z"}}'
        for name, content in (("raw.card.json", card), ("raw.card.md", "# raw\n")):
            with open(os.path.join(beside, "models", name), "w", encoding="utf-8") as file:
                file.write(content)
        out = os.path.join(self.root, "beside_out")
        self.train(out, "--seed=3", policy=beside)
        for name in ("raw.ubj", "raw.card.json", "raw.card.md"):
            with open(os.path.join(beside, "models", name), "rb") as one, open(os.path.join(out, "models", name), "rb") as two:
                self.assertEqual(one.read(), two.read(), name)
        self.assertEqual(self.card(out)["parameters"]["seed"], 3)
        with open(os.path.join(beside, "models/raw.card.json"), "w", encoding="utf-8") as file:
            file.write("{")
        self.refused(78, "raw.card.json: line 1", policy=beside)

    def test_ranges_without_enough(self):
        self.refused(66, "training range has no transactions", ranges=("--train", "2025-01-01..2025-02-01", "--test", TEST))
        self.refused(66, "test range has no transactions", ranges=("--train", TRAIN, "--test", "2027-01-01..2027-02-01"))
        self.refused(66, "too few frauds", ranges=("--train", "2026-01-02..2026-01-04", "--test", TEST))
        bare = os.path.join(self.root, "bare.csv")
        with open(self.day, encoding="utf-8") as file, open(bare, "w", encoding="utf-8") as to:
            rows = csv.DictReader(file)
            writer = csv.DictWriter(to, [name for name in rows.fieldnames if not name.startswith(("outcome", "label"))],
                                    extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        archive = os.path.join(self.root, "bare")
        self.call("import", "--quiet", archive, bare, f"--policy={self.without}")
        self.refused(66, "no transaction that was known to be fraud", archive=archive)


FOREST = f"""\
models:
  - name: fraud
    file: models/none.iforest
    output: score
    inputs:
{INPUTS}    train: {{algorithm: isolation-forest, trees: 40, depth: 6}}
    reasons: {{top: 2}}
"""
FOREST_RULES = """\
rules:
  - {name: unlike, when: models.fraud > 600, then: {score: 300}, reason: "unlike the others"}
"""


class IsolationTest(unittest.TestCase):
    """A forest needs neither a library, nor outcomes, nor a range to be tested on."""

    def setUp(self):
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        self.root = stack.enter_context(tempfile.TemporaryDirectory())
        self.archive, day = os.path.join(self.root, "archive"), os.path.join(self.root, "all.csv")
        self.write("without", {path: text for path, text in POLICY.items() if path != "rules/model.yaml"})
        self.write("policy", {**POLICY, "models.yaml": FOREST, "rules/model.yaml": FOREST_RULES})
        self.harrier("simulate", "--days=4", "--transactions-per-day=500", "--customers=200", "--fraud-rate=0.05",
                     f"--out={day}")
        bare = os.path.join(self.root, "bare.csv")
        with open(day, encoding="utf-8") as file, open(bare, "w", encoding="utf-8") as to:
            rows = csv.DictReader(file)
            writer = csv.DictWriter(to, [name for name in rows.fieldnames if not name.startswith(("outcome", "label"))],
                                    extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        self.harrier("import", "--quiet", self.archive, bare, f"--policy={self.root}/without")

    def write(self, name, files):
        for path, content in files.items():
            os.makedirs(os.path.dirname(os.path.join(self.root, name, path)), exist_ok=True)
            with open(os.path.join(self.root, name, path), "w", encoding="utf-8") as file:
                file.write(content)

    def harrier(self, *arguments, status=0):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def train(self, out, *more, status=0):
        return self.harrier("train", self.archive, f"--policy={self.root}/policy", "--model=fraud",
                            "--train=2026-01-01..2026-02-01", f"--out={self.root}/{out}", "--json", "--quiet", *more,
                            status=status)

    def forest(self, folder):
        with open(os.path.join(self.root, folder, "models/fraud.iforest"), encoding="utf-8") as file:
            return file.read()

    def walked(self, forest, row):
        """The score by a walk over the file."""
        def usual(rows):
            return 0 if rows < 2 else 1 if rows == 2 else 2 * (math.log(rows - 1) + 0.5772156649015329) - 2 * (rows - 1) / rows
        total = 0
        for tree in forest["trees"]:
            node = depth = 0
            while tree["left"][node] >= 0:
                value = row[tree["input"][node]]
                is_left = tree["missing_left"][node] if value is None else value < tree["limit"][node]
                node, depth = tree["left"][node] + (not is_left), depth + 1
            total += depth + usual(tree["rows"][node])
        return 1000 * 2 ** (-total / len(forest["trees"]) / usual(forest["sample"]))

    def test_from_an_archive_without_outcomes(self):
        card = json.loads(self.train("trained").stdout)
        self.train("again", "--threads=1")
        self.train("other", "--seed=2")
        self.assertEqual(self.forest("trained"), self.forest("again"))
        self.assertNotEqual(self.forest("trained"), self.forest("other"))
        self.assertEqual(card["parameters"], {"algorithm": "isolation-forest", "seed": 1, "trees": 40, "sample": 256,
                                              "depth": 6})
        self.assertEqual((card["trained"]["rows"], card["trained"]["frauds"]), (card["trained"]["transactions"], 0))
        self.assertFalse({"tested", "importance"} & set(card))
        self.harrier("check", f"{self.root}/trained")
        rows = os.path.join(self.root, "rows.csv")
        self.harrier("replay", self.archive, f"--policy={self.root}/trained", "--features", rows)
        forest, fired = json.loads(self.forest("trained")), 0
        with open(rows, encoding="utf-8") as file:
            for row in csv.DictReader(file):
                inputs = [float(row[column]) if row[column] else None for column in COLUMNS]
                inputs[-1] = None if inputs[-1] == -1 else inputs[-1]
                score = int(row["models.fraud"])
                self.assertLess(abs(self.walked(forest, inputs) - score), 0.5 + 1e-6, row)
                self.assertEqual("unlike" in row["rules"], score > 600, row)
                if score > 600:
                    self.assertRegex(row["reasons"], "unlike the others: [a-z]+ is .*; [a-z]+ is ")
                    fired += 1
        self.assertGreater(fired, 5)

    def test_one_transaction_is_not_enough(self):
        with open(os.path.join(self.root, "all.csv"), encoding="utf-8") as file:
            moments = sorted({row["event_time"] for row in csv.DictReader(file)})
        done = self.harrier("train", self.archive, f"--policy={self.root}/policy", "--model=fraud", "--quiet",
                            f"--train={moments[0]}..{moments[1]}", f"--out={self.root}/one", status=66)
        self.assertIn("one transaction that can be used; expected at least 2", done.stderr)

    def test_a_range_to_test_on_may_be_given(self):
        self.train("tested", "--test=2026-02-01..2026-03-01", status=66)  # the archive ends before it
        done = self.harrier("train", self.archive, f"--policy={self.root}/policy", "--model=fraud",
                            "--train=2026-01-01..2026-01-03", "--test=2026-01-03..2026-02-01",
                            f"--out={self.root}/tested", "--json", "--quiet")
        tested = json.loads(done.stdout)["tested"]
        self.assertGreater(tested["rows"], 500)
        self.assertEqual(tested["frauds"], 0)
        self.assertIsNone(tested["metrics"]["auc"]["value"])


if __name__ == "__main__":
    unittest.main()
