#!/usr/bin/env python3
"""harrier tune on an archive that this test makes: its figures are those of a replay of the written policy, its diff makes
that policy of the present one, it foresees every decision, and it never writes over anything."""
import csv
import datetime
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import unittest

from server import WAIT, is_sanitized

HARRIER = os.environ["HARRIER"]
START = datetime.datetime(2026, 1, 1)
DAYS, A_DAY = 60, 60
TRAIN, TEST = "2026-01-05..2026-02-10", "2026-02-12..2026-03-01"
TRAIN_DAYS = 36
RANGE = ("--train", TRAIN, "--test", TEST)

# Rules of all kinds: groups, suppression, rollouts, periods, shadow, conditions that fail, verdicts of their own.
POLICY = {
    "policy.yaml": """\
# The head stays as it is.
policy:
  name: tuned
  base_currency: EUR
  on_error: skip
  cutoffs: {review: 300, decline: 800} # of the score
groups:
  amount: {score: max}
  pace: {score: sum, at_most: 450}
""",
    "schema.yaml": "fields:\n  card: {required: true}\n",
    "features.yaml": """\
entities:
  card: {key: card}
features:
  card:
    - {name: count_1d, aggregate: count, window: 1d}
    - {name: mean_10d, aggregate: mean, of: amount, window: 10d, exclude_current: true}
    - {name: frauds_20d, aggregate: count, where: "outcome == 'fraud'", window: 20d}
values:
  - {name: often, value: card.count_1d > 4}
""",
    "rules/amount.yaml": """\
rules:
  # far too high: fraud here begins at about 150
  - name: large
    when: amount > 400.0   # ö: not only ASCII
    then: {score: 320}
    group: amount
  - name: unusual
    when: >
      has(card.mean_10d) &&
      amount / card.mean_10d >= 3.0
    then: {score: 250}
    group: amount
  - name: small
    when: "!(amount >= 20.0) || 5.0 > amount"
    then: {score: -60}
  - {name: far, when: has(card.mean_10d) && amount > 9.0 * card.mean_10d, then: {score: 150}}
  - {name: unsteady, when: 10000 / (amount_minor - 4200) >= 7, then: {score: 90}, on_error: review}
""",
    "rules/pace.yaml": """\
rules:
  - name: hurry
    when: card.count_1d >= 3 || often
    then: {score: 200}
    group: pace
    suppress: {by: card, for: 6h}
  - {name: again, when: card.frauds_20d >= 1, then: {score: 310}, group: pace}
  - {name: half, when: amount > 120.0 && card.count_1d >= 2, then: {score: 180}, rollout: {percent: 50%, by: card}}
  - {name: late, when: amount > 90.0, then: {verdict: review, score: 40}, from: 2026-02-20}
  - {name: tried, when: amount > 10.0, then: {verdict: decline}, mode: shadow}
""",
    "cases/large.yaml": """\
cases:
  - name: far above the limit
    transaction: {card: c1, amount: 500.00, currency: EUR}
    expect: {score: 320}
""",
}


def write_policy(folder, files):
    for path, content in files.items():
        path = os.path.join(folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
    return folder


def payments():
    """Most frauds have amounts of 150 and more; some cards are hit again and again."""
    chance = random.Random(7)
    for number in range(DAYS * A_DAY):
        when = START + datetime.timedelta(seconds=number * 86400 // A_DAY)
        card, fraud = chance.randrange(200), chance.random() < 0.04
        if fraud and chance.random() < 0.6:
            card = chance.randrange(20)
        amount = chance.uniform(130, 600) if fraud and chance.random() < 0.8 else chance.lognormvariate(3.5, 0.7)
        if chance.random() < 0.02:
            amount = 42.00  # the difference is 0: the condition of `unsteady` fails
        label = "fraud" if fraud else "legit" if chance.random() < 0.5 else ""
        known = (when + datetime.timedelta(days=chance.choice([1, 4, 15]))).isoformat() + "Z" if label else ""
        yield [f"t{number}", when.isoformat() + "Z", f"{amount:.2f}", "EUR", f"c{card}", label, known]


def read(folder):
    files = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            with open(path, "rb") as file:
                files[os.path.relpath(path, folder)] = file.read()
    return files


class Tune(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="harrier-tune-")
        cls.policy = write_policy(cls.path("policy"), POLICY)
        cls.archive = cls.path("archive")
        os.mkdir(cls.archive)
        with open(cls.path("rows.csv"), "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "event_time", "amount", "currency", "card", "outcome", "outcome_time"])
            rows.writerows(payments())
        cls.run_harrier("import", cls.archive, cls.path("rows.csv"), "--policy", cls.policy, "--quiet")
        cls.first = cls.tune("--out", cls.path("first"), "--flips", cls.path("first.csv"))

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    @classmethod
    def path(cls, *names):
        return os.path.join(cls.folder, *names)

    @staticmethod
    def run_harrier(*arguments, status=0):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT)
        assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stderr if status else done.stdout

    @classmethod
    def tune(cls, *more, policy=None):
        return json.loads(cls.run_harrier("tune", cls.archive, "--policy", policy or cls.policy, *RANGE, "--json", "--quiet",
                                          *more))

    def refuse(self, status, message, *arguments):
        self.assertRegex(self.run_harrier("tune", *arguments, status=status), message)

    def replay(self, policy, against, since=TEST, *options):
        begin, end = since.split("..")
        return json.loads(self.run_harrier("replay", self.archive, "--policy", policy, "--against", against, "--from", begin,
                                           "--to", end, "--quiet", "--json", "-", "--list", "100000", *options))

    def check_figures(self, tuned, side, report):
        verdicts, found = report["verdicts"][side], report["detection"][side]
        self.assertEqual(tuned["alerts"], sum(count for name, count in verdicts.items() if name != "approve"))
        self.assertEqual(tuned["caught"], found["true_positive"])
        self.assertEqual(tuned["missed"], found["false_negative"])
        self.assertEqual(tuned["false_alerts"], found["false_positive"])
        self.assertEqual(tuned["caught_minor"], found["money_caught"])
        self.assertEqual(tuned["missed_minor"], found["money_missed"])

    def test_figures_are_those_of_a_replay_of_the_written_folder(self):
        report = self.replay(self.path("first"), self.policy)
        self.check_figures(self.first["test"]["tuned"], "replayed", report)
        self.check_figures(self.first["test"]["present"], "against", report)
        self.assertEqual(self.first["flips"], report["changed"]["total"])
        with open(self.path("first.csv"), newline="", encoding="utf-8") as file:
            flips = {row["transaction_id"]: (row["present_verdict"], row["tuned_verdict"]) for row in csv.DictReader(file)}
        self.assertEqual(len(flips), self.first["flips"])
        for row in report["changed"]["listed"]:
            self.assertEqual(flips[row["id"]], (row["against"]["verdict"], row["replayed"]["verdict"]))

    def test_labels_are_those_known_when_the_test_begins(self):
        (since, until), (begin, end) = (part.split("..") for part in (TRAIN, TEST))
        frauds = [row for row in payments() if row[5] == "fraud"]
        trained = [row for row in frauds if since <= row[1] < until]
        known = [row for row in trained if row[6] < begin]
        self.assertLess(len(known), len(trained))
        self.assertEqual(self.first["training"]["frauds"], len(known))
        self.assertEqual(self.first["test"]["frauds"], sum(begin <= row[1] < end for row in frauds))

    def test_young_ones_are_left_out(self):
        """Whatever is known of them, or the frauds, which are known first, would be too many."""
        age = datetime.timedelta(days=8)
        options = "--outcomes-after", "8d"
        tuned = self.tune(*options, "--only", "cutoffs", "--out", self.path("mature"))
        rows = [(datetime.datetime.fromisoformat(row[1][:-1]), row) for row in payments()]
        begin = datetime.datetime.fromisoformat(TEST.split("..", maxsplit=1)[0])
        for part, span, now in (("training", TRAIN, begin), ("test", TEST, rows[-1][0])):
            since, until = (datetime.datetime.fromisoformat(text) for text in span.split(".."))
            known = begin if part == "training" else datetime.datetime.max
            frauds = [at for at, row in rows if row[5] == "fraud" and since <= at < until
                      and datetime.datetime.fromisoformat(row[6][:-1]) < known]
            mature = [at for at in frauds if at <= now - age]
            self.assertLess(len(mature), len(frauds))
            self.assertEqual(tuned[part]["frauds"], len(mature))
        written = self.path("mature") if tuned["better"] else self.policy
        report = self.replay(written, self.policy, TEST, *options)
        self.assertGreater(report["outcomes"]["immature"], 100)
        self.check_figures(tuned["test"]["tuned"], "replayed", report)
        self.check_figures(tuned["test"]["present"], "against", report)

    def test_foresees_every_decision(self):
        self.assertEqual(self.first["differences"], {"training": 0, "test_present": 0, "test_tuned": 0})

    def test_improves_what_was_set_badly(self):
        present, tuned = self.first["training"]["present"], self.first["training"]["tuned"]
        self.assertTrue(self.first["better"])
        self.assertGreater(tuned["caught"], present["caught"])
        self.assertLessEqual(tuned["alerts"], present["alerts"])
        self.assertLessEqual(tuned["declined_wrongly"], present["declined_wrongly"])
        present, tuned = self.first["test"]["present"], self.first["test"]["tuned"]
        self.assertGreater((tuned["caught"], -tuned["alerts"]), (present["caught"], -present["alerts"]))

    def test_diff_makes_the_tuned_policy(self):
        copy = self.path("patched")
        shutil.copytree(self.policy, copy)
        subprocess.run(["patch", "-p1", "--silent"], cwd=copy, input=self.first["diff"], text=True, check=True)
        self.assertEqual(read(copy), read(self.path("first")))

    def test_changes_numbers_and_nothing_else(self):
        before, after = read(self.policy), read(self.path("first"))
        self.assertEqual(before.keys(), after.keys())
        changed = 0
        for path, content in before.items():
            old, new = (re.split(r"(\d+(?:\.\d+)?)", text.decode()) for text in (content, after[path]))
            self.assertEqual(len(old), len(new), path)
            self.assertEqual(old[::2], new[::2], path)
            changed += sum(a != b for a, b in zip(old, new))
        self.assertEqual(changed, len(self.first["changes"]))
        for change in self.first["changes"]:
            line = after[change["file"]].decode().splitlines()[change["line"] - 1]
            self.assertIn(str(change["to"]), line)

    def test_is_the_same_again_with_other_threads(self):
        self.assertEqual(self.tune("--threads", "1"), self.tune("--threads", "3"))

    @unittest.skipIf(is_sanitized(), "the other tests run the same code, and these runs take long")
    def test_targets(self):
        precise = self.tune("--target", "precision >= 0.4", "--budget", "8/day")
        self.assertGreaterEqual(precise["training"]["tuned"]["precision"], 0.4)
        self.assertLessEqual(precise["training"]["tuned"]["alerts_per_day"], 8)
        money = self.tune("--max-money-missed", "200.50/day", "--catch", "money")
        self.assertLessEqual(money["training"]["tuned"]["missed_minor"], 20050 * TRAIN_DAYS)
        for result in (precise, money):
            self.assertTrue(result["reached"])
            self.assertEqual(set(result["differences"].values()), {0})
            points = [point["training"]["alerts"] for point in result["curve"]]
            self.assertEqual(points, sorted(set(points)))

    @unittest.skipIf(is_sanitized(), "the other tests run the same code, and these runs take long")
    def test_an_aim_that_is_missed_on_the_test_range_is_reported(self):
        reached = {}
        for rate in (12, 16):
            result = self.tune("--budget", f"{rate}/day")
            reached[rate] = result["test"]["tuned"]["alerts_per_day"] <= rate
            self.assertEqual(result["reached_on_test"], reached[rate])
            if not reached[rate] and result["better"]:
                text = self.run_harrier("tune", self.archive, "--policy", self.policy, *RANGE, "--quiet", "--budget",
                                        f"{rate}/day")
                self.assertIn("It reaches the aim on the training range, but not on the test range.", text)
        self.assertEqual(set(reached.values()), {True, False}, reached)

    def test_factors_below_0_are_decided_as_the_policy_does(self):
        """Then a value is above one limit and below the other, and no single number stands for both."""
        policy = write_policy(self.path("factors"), {
            "policy.yaml": POLICY["policy.yaml"].split("groups:")[0],
            "schema.yaml": POLICY["schema.yaml"],
            "features.yaml": "entities:\n  card: {key: card}\nfeatures:\n  card:\n"
                             "    - {name: count_1d, aggregate: count, window: 1d}\n"
                             "values:\n  - {name: above, value: amount - 90.0}\n  - {name: half, value: amount / 2.0 - 40.0}\n",
            "rules/amount.yaml": "rules:\n  - {name: far, when: above > 4.0 * half, then: {score: 200}}\n"
                                 "  - {name: near, when: above > 1.0 * half, then: {score: 150}}\n"
                                 "  - {name: large, when: amount > 400.0, then: {score: 320}}\n",
        })
        self.assertEqual(self.tune(policy=policy)["differences"]["training"], 0)

    def test_only_what_is_chosen_changes(self):
        result = self.tune("--rules", "large,unusual", "--only", "limits")
        self.assertTrue(result["better"])
        for change in result["changes"]:
            self.assertEqual((change["kind"], change["rule"] in ("large", "unusual")), ("limit", True))
        self.assertEqual(set(result["differences"].values()), {0})

    def test_says_so_when_nothing_is_better(self):
        again = self.tune("--rules", "small", "--only", "scores", "--out", self.path("never"))
        self.assertFalse(again["better"])
        self.assertEqual((again["changes"], again["diff"], again["flips"]), ([], "", 0))
        self.assertEqual(again["test"]["tuned"], again["test"]["present"])
        self.assertFalse(os.path.exists(self.path("never")))
        text = self.run_harrier("tune", self.archive, "--policy", self.policy, *RANGE, "--quiet", "--rules", "small",
                                "--only", "scores")
        self.assertIn("The policy stays as it is.", text)

    def test_cases_that_fail_are_counted(self):
        self.assertEqual(self.first["cases"], 1)
        done = subprocess.run([HARRIER, "test", self.path("first")], capture_output=True, text=True, timeout=WAIT)
        self.assertEqual(self.first["failed_cases"], 0 if done.returncode == 0 else 1)

    def test_never_writes_over_anything(self):
        before = read(self.policy)
        folder, file = self.path("taken"), self.path("taken.csv")
        os.mkdir(folder)
        with open(file, "w", encoding="utf-8") as taken:
            taken.write("mine")
        base = (self.archive, "--policy", self.policy, *RANGE, "--quiet")
        self.refuse(64, "--out .*taken: it exists and is not written over", *base, "--out", folder)
        self.refuse(64, "--out .*policy: it exists", *base, "--out", self.policy)
        self.refuse(64, "--flips .*taken.csv: it exists and is not written over", *base, "--flips", file)
        self.assertEqual(os.listdir(folder), [])
        with open(file, encoding="utf-8") as taken:
            self.assertEqual(taken.read(), "mine")
        self.assertEqual(read(self.policy), before)

    def test_mistakes(self):
        base = (self.archive, "--policy", self.policy)
        self.refuse(64, r'no rule "larg"; did you mean "large"\?', *base, *RANGE, "--rules", "larg")
        self.refuse(64, "tried is in shadow .*expected a live rule", *base, *RANGE, "--rules", "large,tried")
        self.refuse(64, "expected precision>=P or recall>=P", *base, *RANGE, "--target", "precision=0.9")
        self.refuse(64, "expected precision>=P or recall>=P", *base, *RANGE, "--target", "recall>=1.5")
        for wrong in ("200", "0/day", "-1/day", "0x10/day", "5/week", "1.2.3/day", "nan/day"):
            self.refuse(64, "expected a number of alerts a day, above 0: 200/day", *base, *RANGE, f"--budget={wrong}")
        self.refuse(74, "--out .*nowhere/tuned: cannot open the folder", *base, *RANGE, "--out", self.path("nowhere", "tuned"))
        self.refuse(64, "expected an amount a day", *base, *RANGE, "--max-money-missed", "12")
        self.refuse(64, "--max-money-missed in EUR", *base, *RANGE, "--max-money-missed", "1.234/day")
        self.refuse(64, "expected scores, limits or cutoffs", *base, *RANGE, "--only", "limits,names")
        self.refuse(64, "is not a range", *base, "--train", "2026-01-05", "--test", TEST)
        self.refuse(64, "does not end after it begins", *base, "--train", "2026-01-05..2026-01-05", "--test", TEST)
        self.refuse(64, "--test begins before --train ends", *base, "--train", TRAIN, "--test", "2026-02-09..2026-03-01")
        self.refuse(64, "on which later transactions", *base, "--train", TRAIN)
        self.refuse(66, "nothing to learn from", *base, "--train", "2026-01-01..2026-01-02", "--test",
                    "2026-01-02..2026-01-03")
        self.refuse(66, "no transactions that the policy decides", *base, "--train", "2025-01-01..2025-02-02", "--test", TEST)
        self.refuse(66, "no transactions that both policies decide", *base, "--train", TRAIN, "--test",
                    "2027-01-01..2027-02-01")
        self.refuse(64, "at least 16", *base, *RANGE, "--memory", "1M")
        self.refuse(66, "nowhere", self.archive, "--policy", self.path("nowhere"), *RANGE)
        broken = write_policy(self.path("broken"), {**POLICY, "rules/pace.yaml": "rules: 5\n"})
        self.refuse(78, "rules", self.archive, "--policy", broken, *RANGE)

    def test_a_failure_leaves_no_file(self):
        self.refuse(66, "no transactions", self.archive, "--policy", self.policy, "--train", TRAIN, "--test",
                    "2027-01-01..2027-02-01", "--flips", self.path("gone.csv"), "--out", self.path("gone"))
        self.assertFalse(os.path.exists(self.path("gone.csv")))
        self.assertFalse(os.path.exists(self.path("gone")))


if __name__ == "__main__":
    unittest.main()
