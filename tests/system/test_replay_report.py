#!/usr/bin/env python3
"""The report of harrier replay against the same figures computed from rows (replay_figures.py).

A simulated month is imported under several policies, so that each archive holds what its policy
decides. Replaying one policy over another's archive must report what comparing the two archives
row by row gives: to 1e-9, and byte by byte the same with any number of threads.
"""
import collections
import csv
import datetime
import fractions
import json
import os
import re
import subprocess
import tempfile
import unittest

import replay_figures
from server import WAIT

try:
    import jsonschema
except ImportError:
    jsonschema = None

HARRIER = os.environ["HARRIER"]
ROOT = os.environ["HARRIER_ROOT"]
DAYS = int(os.environ.get("REPORT_DAYS", "20"))
RATES = {"EUR": "1", "GBP": "1.16", "USD": "0.92"}

SCHEMA = """\
fields:
  customer: {required: true}
"""
FEATURES = """\
entities:
  card: {key: card}
  customer: {key: customer}
  device: {key: device}
  merchant: {key: merchant}
features:
  card:
    - {name: count_1h, aggregate: count, window: 1h}
    - {name: count_10d, aggregate: count, window: 10d}
    - {name: seen_before, aggregate: is_new, of: merchant, window: 10d}
  customer:
    - {name: mean_10d, aggregate: mean, of: amount, window: 10d, exclude_current: true}
  device:
    - {name: cards_1d, aggregate: distinct, of: card, window: 1d}
  merchant:
    - {name: fraud_10d, aggregate: count, where: "outcome == 'fraud'", window: 10d}
"""
GROUPS = {
    "amount": {"score": "sum", "at_most": 260},
    "haste": {"score": "max", "at_most": None},
}
RULES = {
    "velocity.yaml": [
        ("hurry", "card.count_1h >= 2", 120, None, "haste", "live"),
        ("haste", "card.count_1h >= 3", 250, None, "haste", "live"),
        ("rush", "card.count_1h >= 6", 300, "review", "haste", "live"),
        ("shared", "device.cards_1d >= 2", 350, "challenge", None, "live"),
        ("crowd", "device.cards_1d >= 3", 200, "decline", None, "live"),
    ],
    "amount.yaml": [
        ("dear", "amount > 150.0", 150, None, "amount", "live"),
        ("dearer", "has(customer.mean_10d) && amount > 3.0 * customer.mean_10d", 180, None, "amount", "live"),
        ("abroad", "currency != 'EUR'", 60, None, None, "live"),
        ("new_place", "card.seen_before", 40, None, None, "live"),
        ("regular", "card.count_10d >= 12", -80, None, None, "live"),
        ("bad_place", "merchant.fraud_10d >= 1", 220, None, None, "shadow"),
        ("never", "amount < 0.0", 500, "decline", None, "live"),
    ],
}
CUTOFFS = {"review": 300, "challenge": 480, "decline": 640}


class Policy:
    """A policy as files, and as replay_figures.py needs it."""

    def __init__(self, name, scale=1.0, without=(), cutoffs=None, more=""):
        self.name, self.cutoffs, self.more = name, cutoffs or CUTOFFS, more
        self.files = {
            file: [(n, w, int(s * scale), v, g, m) for n, w, s, v, g, m in rules if n not in without]
            for file, rules in RULES.items()
        }

    @property
    def rules(self):
        return [
            {"name": name, "group": group, "mode": mode, "verdict": verdict}
            for file in sorted(self.files)
            for name, _, _, verdict, group, mode in self.files[file]
        ]

    def write(self, folder):
        os.makedirs(os.path.join(folder, "rules"))
        cutoffs = ", ".join(f"{name}: {score}" for name, score in self.cutoffs.items())
        rates = ", ".join(
            f'{{currency: {name}, from: 2020-01-01, rate: "{rate}"}}' for name, rate in RATES.items() if name != "EUR"
        )
        groups = "".join(
            f"  {name}: {{score: {g['score']}" + (f", at_most: {g['at_most']}" if g["at_most"] else "") + "}\n"
            for name, g in GROUPS.items()
        )
        files = {
            "policy.yaml": f"policy: {{name: {self.name}, base_currency: EUR, currency_rates: [{rates}],\n"
            f"  lateness: 1h, cutoffs: {{{cutoffs}}}}}\ngroups:\n{groups}",
            "schema.yaml": SCHEMA,
            "features.yaml": FEATURES,
        }
        for file, rules in self.files.items():
            text = "rules:\n"
            for name, when, score, verdict, group, mode in rules:
                text += f'  - name: {name}\n    when: "{when}"\n    then: {{score: {score}'
                text += f", verdict: {verdict}}}\n" if verdict else "}\n"
                text += f"    group: {group}\n" if group else ""
                text += "    mode: shadow\n" if mode == "shadow" else ""
                text += f"    reason: {name} of {{amount}}\n"
                text += self.more if name == "hurry" else ""
            files["rules/" + file] = text
        for path, content in files.items():
            with open(os.path.join(folder, path), "w", encoding="utf-8") as file:
                file.write(content)


OLD = Policy("old", without=("new_place", "bad_place"))
NEW = Policy("new", scale=1.2, without=("abroad",), cutoffs={"review": 280, "decline": 600})
CALM = Policy("calm", more="    suppress: {by: card, for: 6h}\n")


def microseconds(text):
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(whole + "+00:00").timestamp()
    return int(seconds) * 10**6 + int(fraction.ljust(6, "0") or 0)


def base_amount(row):
    if row["currency"] not in RATES:
        return None
    return round(row["amount_minor"] * fractions.Fraction(RATES[row["currency"]]))  # ties to even


def side(decision):
    return {
        "verdict": decision["verdict"],
        "score": decision["score"],
        "rules": [
            {
                "rule": reason["rule"],
                "text": reason["text"],
                "score": reason["score"],
                "verdict": reason.get("verdict"),
                "group": reason.get("group"),
                "shadow": reason["shadow"],
                "suppressed": reason.get("suppressed", False),
            }
            for reason in decision["reasons"]
        ],
    }


class World:
    """Made once: transactions, three policies, an archive of each."""

    def __init__(self):
        # pylint: disable-next=consider-using-with
        self.keeper = tempfile.TemporaryDirectory()
        self.folder = self.keeper.name
        rows = os.path.join(self.folder, "rows.csv")
        self.run("simulate", "--days", str(DAYS), "--transactions-per-day", "400", "--customers", "250",
                 "--fraud-rate", "0.03", "-o", rows)  # fmt: skip
        self.records = {}
        for policy in (OLD, NEW, CALM):
            policy.write(self.path(policy))
            self.run("import", self.archive(policy), rows, "--policy", self.path(policy), "--quiet")
            self.records[policy.name] = self.inspect(policy)

    def path(self, policy):
        return os.path.join(self.folder, "policy-" + policy.name)

    def archive(self, policy):
        return os.path.join(self.folder, "data-" + policy.name)

    @staticmethod
    def run(*arguments, status=0):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def inspect(self, policy):
        """(transactions by id, labels by id)"""
        transactions, labels = {}, {}
        for line in self.run("inspect", self.archive(policy), "--json").splitlines():
            record = json.loads(line)
            if record["type"] == "transaction":
                transactions[record["id"]] = record
            elif record["type"] == "outcome":
                labels[record["transaction_id"]] = record["label"]
        return transactions, labels

    def rows(self, archive, replayed, against=None, card="card", first=0, end=2**62):
        """The rows that a replay of a policy over another's archive should see, in order."""
        transactions, labels = self.records[archive.name]
        decided = self.records[replayed.name][0]
        compared = self.records[(against or archive).name][0]
        rows = []
        for name, record in transactions.items():
            at_us = microseconds(record["event_time"])
            if not first <= at_us < end:
                continue
            rows.append(
                {
                    "position": record["position"],
                    "id": name,
                    "event_time_us": at_us,
                    "amount": base_amount(record),
                    "sent": (record["amount_minor"], record["currency"]),
                    "card": record.get(card),
                    "label": labels.get(name, "none"),
                    "replayed": side(decided[name]["decision"]),
                    "against": side(compared[name]["decision"]),
                }
            )
        return sorted(rows, key=lambda row: row["position"])

    def report(self, archive, *options, status=0):
        return self.run("replay", self.archive(archive), "--json", "-", "--quiet", *options, status=status)


WORLD = None


def setUpModule():
    global WORLD  # pylint: disable=global-statement
    WORLD = World()


def tearDownModule():
    WORLD.keeper.cleanup()


def without_clock(text):
    cut, count = re.subn(r',"seconds":\{[^}]*\},"transactions_per_second":\d+', "", text)
    assert count == 1
    return cut


class ReportTest(unittest.TestCase):
    maxDiff = 4000

    def assert_equal(self, got, expected, where):
        """The same shape and numbers: integers exactly, others to 1e-9."""
        if isinstance(expected, dict):
            self.assertEqual(set(got), set(expected), where)
            for key, value in expected.items():
                self.assert_equal(got[key], value, f"{where}/{key}")
        elif isinstance(expected, list):
            self.assertEqual(len(got), len(expected), where)
            for i, value in enumerate(expected):
                self.assert_equal(got[i], value, f"{where}/{i}")
        elif isinstance(expected, float):
            self.assertIsInstance(got, (int, float), where)
            self.assertLessEqual(abs(got - expected), 1e-9 * max(1, abs(expected)), where)
        else:
            self.assertEqual(got, expected, where)

    def assert_figures(self, got, rows, policy, **options):
        expected = replay_figures.figures(rows, policy.rules, GROUPS, policy.cutoffs, **options)
        for key, value in expected.items():
            self.assert_equal(got[key], value, key)
        self.assertEqual(got["archive"]["transactions"], len(rows))
        return expected

    def assert_changes(self, got, rows):
        """All changed decisions, with the reasons of both sides."""

        def told(decision):
            reasons = []
            for rule in decision["rules"]:
                reason = {"rule": rule["rule"], "text": rule["text"]}
                reason.update({flag: True for flag in ("shadow", "suppressed") if rule[flag]})
                reasons.append(reason)
            return {"verdict": decision["verdict"], "score": decision["score"], "reasons": reasons}

        changed = [row for row in rows if row["replayed"]["verdict"] != row["against"]["verdict"]]
        self.assertEqual(got["changed"]["total"], len(changed))
        self.assertFalse(got["changed"]["sampled"])
        self.assertEqual(len(got["changed"]["listed"]), len(changed))
        for listed, row in zip(got["changed"]["listed"], changed):
            self.assertEqual(listed["position"], row["position"])
            self.assertEqual(listed["id"], row["id"])
            self.assertEqual(microseconds(listed["event_time"]), row["event_time_us"])
            self.assertEqual((listed["amount"], listed["currency"]), row["sent"])
            self.assertEqual(listed["outcome"], row["label"])
            self.assertEqual(listed["replayed"], told(row["replayed"]))
            self.assertEqual(listed["against"], told(row["against"]))

    def test_another_policy(self):
        got = json.loads(WORLD.report(OLD, "--policy", WORLD.path(NEW), "--list", "100000"))
        rows = WORLD.rows(OLD, NEW)
        expected = self.assert_figures(got, rows, NEW)
        self.assert_changes(got, rows)
        # The comparison was worth making:
        self.assertGreater(expected["outcomes"]["positive"], 100)
        self.assertGreater(got["changed"]["total"], 200)
        for verdict in ("approve", "review", "decline"):
            self.assertGreater(expected["verdicts"]["replayed"][verdict], 30, verdict)
        self.assertGreater(sum(rule["added_positive"] > 0 for rule in expected["rules"]), 3)
        self.assertGreater(expected["ranking"]["replayed"]["auc"], 0.6)
        shadow = next(rule for rule in expected["rules"] if rule["mode"] == "shadow")
        self.assertGreater(shadow["added_alerts"], 0)
        self.assertEqual(got["policy"]["name"], "new")
        self.assertEqual(got["against"], {"kind": "archived"})

    def test_against_a_second_policy(self):
        """Neither of them is the archive's."""
        options = ("--policy", WORLD.path(NEW), "--against", WORLD.path(OLD), "--list", "100000")
        got = json.loads(WORLD.report(CALM, *options))
        rows = WORLD.rows(CALM, NEW, OLD)
        self.assert_figures(got, rows, NEW)
        self.assert_changes(got, rows)
        self.assertEqual(got["against"]["kind"], "policy")
        self.assertEqual(got["against"]["name"], "old")

    def test_what_was_declined_then(self):
        """That is in the archive, not in what the second policy declines."""
        lenient = Policy("lenient", without=("crowd", "never"), cutoffs={"review": 300})
        lenient.write(WORLD.path(lenient))
        got = json.loads(WORLD.report(OLD, "--policy", WORLD.path(NEW), "--against", WORLD.path(lenient)))
        self.assertEqual(got["verdicts"]["against"]["decline"], 0)
        self.assertIn("declined_outcomes", [caveat["code"] for caveat in got["caveats"]])

    def test_suppression(self):
        """What is suppressed follows the archive, so it is shown where both are the same."""
        got = json.loads(WORLD.report(CALM, "--policy", WORLD.path(CALM)))
        expected = self.assert_figures(got, WORLD.rows(CALM, CALM), CALM)
        self.assertGreater(sum(rule["suppressed"] for rule in expected["rules"]), 20)
        self.assertEqual(got["changed"], {"total": 0, "other_scores": 0, "sampled": False, "listed": []})
        self.assertIn("verdicts_follow_archive", [caveat["code"] for caveat in got["caveats"]])

    def test_as_recorded(self):
        """The archive's own policy, without naming it."""
        got = json.loads(WORLD.report(CALM, "--recorded"))
        self.assert_figures(got, WORLD.rows(CALM, CALM), CALM)
        self.assertEqual(got["policy"]["name"], "calm")
        self.assertNotIn("folder", got["policy"])

    def test_as_recorded_in_another_currency(self):
        """Of the days with an older base currency, only amounts sent in the newest one are known."""
        folder, archive = (os.path.join(WORLD.folder, name) for name in ("pounds", "data-pounds"))
        OLD.write(folder)
        with open(os.path.join(folder, "policy.yaml"), "r+", encoding="utf-8") as file:
            text = file.read().replace("base_currency: EUR", "base_currency: GBP")
            file.seek(0)
            file.write(text.replace("{currency: GBP,", "{currency: EUR,"))
        with open(os.path.join(WORLD.folder, "rows.csv"), encoding="utf-8") as file:
            head, *lines = file.readlines()
        for part, policy in ((lines[:2000], folder), (lines[2000:2500], WORLD.path(OLD))):
            rows = os.path.join(WORLD.folder, "part.csv")
            with open(rows, "w", encoding="utf-8") as file:
                file.writelines([head, *part])
            WORLD.run("import", archive, rows, "--policy", policy, "--quiet")
        got = json.loads(WORLD.run("replay", archive, "--json", "-", "--quiet"))
        transactions, labels = {}, {}
        for line in WORLD.run("inspect", archive, "--json").splitlines():
            record = json.loads(line)
            if record["type"] == "transaction":
                transactions[record["id"]] = record
            elif record["type"] == "outcome":
                labels[record["transaction_id"]] = record["label"]
        sums = collections.Counter()
        for i, record in enumerate(sorted(transactions.values(), key=lambda record: record["position"])):
            if labels.get(record["id"]) not in ("fraud", "chargeback"):
                continue
            sums[i < 2000, record["currency"]] += 1
            sums["money"] += base_amount(record) if i >= 2000 or record["currency"] == "EUR" else 0
        self.assertGreater(min(sums[True, "EUR"], sums[True, "USD"], sums[False, "EUR"]), 0)
        detection = got["detection"]["replayed"]
        self.assertEqual(detection["money_caught"] + detection["money_missed"], sums["money"])
        self.assertIn("without_amount", [caveat["code"] for caveat in got["caveats"]])

    def test_a_range(self):
        """From noon to noon, with whole days of history before."""
        first = microseconds("2026-01-05T12:00:00Z")
        end = microseconds("2026-01-15T12:00:00Z")
        options = ("--from", "2026-01-05T12:00:00Z", "--to", "2026-01-15T12:00:00Z")
        got = json.loads(WORLD.report(OLD, "--policy", WORLD.path(NEW), *options))
        self.assert_figures(got, WORLD.rows(OLD, NEW, first=first, end=end), NEW)
        (warm_up,) = [caveat["text"] for caveat in got["caveats"] if caveat["code"] == "warm_up"]
        self.assertIn("begins 4 d", warm_up)
        self.assertIn("is 10 days", warm_up)

    def test_price_k_card_and_young_outcomes(self):
        options = ("--review-price", "12.5", "--k", "3", "--card", "merchant", "--outcomes-after", "4d")
        got = json.loads(WORLD.report(OLD, "--policy", WORLD.path(NEW), *options))
        rows = WORLD.rows(OLD, NEW, card="merchant")
        newest = max(row["event_time_us"] for row in rows)
        young = newest - 4 * replay_figures.DAY_US
        expected = self.assert_figures(got, rows, NEW, price=1250, k=3, immature_from_us=young)
        self.assertGreater(expected["outcomes"]["immature"], 100)
        self.assertGreater(expected["ranking"]["replayed"]["card_precision"]["value"], 0)
        self.assertEqual(got["card_entity"], "merchant")

    def test_blocked_cards(self):
        """Frauds of the days before the range block cards, too, but no figure has those days."""
        first, begin = microseconds("2026-01-02T00:00:00Z"), microseconds("2026-01-10T00:00:00Z")
        options = ("--blocked-after", "3d", "--blocked-from", "2026-01-02", "--from", "2026-01-10", "--k", "20")
        got = json.loads(WORLD.report(OLD, "--policy", WORLD.path(NEW), *options))
        history = WORLD.rows(OLD, NEW, first=first, end=begin)
        rows = WORLD.rows(OLD, NEW, first=begin)
        expected = self.assert_figures(got, rows, NEW, k=20, history=history, blocked_after_days=3)
        self.assertGreater(expected["blocked"]["transactions"], 50)
        self.assertLess(expected["blocked"]["transactions"], len(rows) / 2)
        # Without the days before there are fewer, but some.
        got = json.loads(WORLD.report(OLD, "--policy", WORLD.path(NEW), *options[:2], *options[4:]))
        fewer = self.assert_figures(got, rows, NEW, k=20, blocked_after_days=3)
        self.assertLess(0, fewer["blocked"]["transactions"])
        self.assertLess(fewer["blocked"]["transactions"], expected["blocked"]["transactions"])

    def test_any_number_of_threads(self):
        options = ("--policy", WORLD.path(NEW), "--list", "100")
        one = WORLD.report(OLD, *options, "--threads", "1")
        for threads in ("2", "3"):
            self.assertEqual(without_clock(WORLD.report(OLD, *options, "--threads", threads)), without_clock(one))

    def test_the_sample_is_stable(self):
        def listed(count):
            got = json.loads(WORLD.report(OLD, "--policy", WORLD.path(NEW), "--list", str(count)))
            self.assertTrue(got["changed"]["sampled"])
            self.assertIn("sampled", [caveat["code"] for caveat in got["caveats"]])
            positions = [change["position"] for change in got["changed"]["listed"]]
            self.assertEqual(positions, sorted(positions))
            self.assertEqual(len(positions), count)
            return set(positions)

        self.assertEqual(listed(0), set())
        few, many = listed(5), listed(50)
        self.assertLess(few, many)
        self.assertNotEqual(sorted(many)[:5], sorted(few))

    def test_the_training_set_has_the_same_decisions(self):
        path = os.path.join(WORLD.folder, "features.csv")
        got = json.loads(WORLD.report(OLD, "--policy", WORLD.path(NEW), "--features", path))
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        expected = WORLD.rows(OLD, NEW)
        self.assertEqual(
            [(row["transaction_id"], row["verdict"], int(row["score"])) for row in rows],
            [(row["id"], row["replayed"]["verdict"], row["replayed"]["score"]) for row in expected],
        )
        self.assert_figures(got, expected, NEW)

    @unittest.skipIf(jsonschema is None, "no jsonschema")
    def test_schema(self):
        with open(os.path.join(ROOT, "docs/schema/replay-report.json"), encoding="utf-8") as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        for options in (
            ("--policy", WORLD.path(NEW)),
            ("--policy", WORLD.path(NEW), "--against", WORLD.path(CALM)),
            ("--policy", WORLD.path(NEW), "--from", "2030-01-01"),
            ("--recorded",),
        ):
            got = json.loads(WORLD.report(OLD, *options))
            self.assertEqual([error.message for error in validator.iter_errors(got)], [], options)
            del got["matrix"][0]
            self.assertTrue(list(validator.iter_errors(got)))


class CommandTest(unittest.TestCase):
    def test_nothing_in_the_range(self):
        got = json.loads(WORLD.report(OLD, "--policy", WORLD.path(NEW), "--from", "2030-01-01"))
        self.assertEqual(got["archive"]["transactions"], 0)
        self.assertIsNone(got["archive"]["from"])
        self.assertEqual(got["days"], [])
        self.assertIsNone(got["detection"]["replayed"]["precision"]["value"])
        self.assertIsNone(got["detection"]["replayed"]["net_interval"])
        self.assertIsNone(got["ranking"]["replayed"]["auc"])
        self.assertIsNone(got["ranking"]["replayed"]["card_precision"]["value"])
        self.assertIn("empty_range", [caveat["code"] for caveat in got["caveats"]])

    def test_refused(self):
        """A policy that requires a field that some transactions lack."""
        folder = os.path.join(WORLD.folder, "strict")
        NEW.write(folder)
        with open(os.path.join(folder, "schema.yaml"), "w", encoding="utf-8") as file:
            file.write("fields:\n  device: {required: true}\n")
        got = json.loads(WORLD.report(OLD, "--policy", folder, status=1))
        transactions = WORLD.records["old"][0].values()
        with_device = sum("device" in record for record in transactions)
        self.assertGreater(with_device, 100)
        self.assertEqual(got["archive"]["transactions"], with_device)
        self.assertEqual(got["archive"]["refused"], len(transactions) - with_device)
        self.assertEqual(sum(day["transactions"] for day in got["days"]), with_device)

    def test_summary(self):
        said = WORLD.run("replay", WORLD.archive(OLD), "--policy", WORLD.path(NEW), "--list", "3")
        rows = WORLD.rows(OLD, NEW)
        changed = sum(row["replayed"]["verdict"] != row["against"]["verdict"] for row in rows)
        self.assertRegex(said, rf"(?m)^transactions +{len(rows):,}$")
        self.assertRegex(said, r"(?m)^precision \(95 %\) +\d+\.\d\d % \(\d+\.\d\d-\d+\.\d\d\) +\d")
        self.assertRegex(said, rf"(?m)^{changed:,} verdicts changed: ")
        self.assertEqual(len(re.findall(r"(?m)^  position \d+  \S+  \w+ \(\d+\) → \w+ \(\d+\)", said)), 3)
        self.assertRegex(said, r"(?m)^Notes$")

    def test_page(self):
        page = os.path.join(WORLD.folder, "report.html")
        WORLD.run("replay", WORLD.archive(OLD), "--policy", WORLD.path(NEW), "--html", page, "--quiet")
        with open(page, encoding="utf-8") as file:
            text = file.read()
        self.assertTrue(text.lower().startswith("<!doctype html>"))
        self.assertIn('"command":"replay"', text)

    def refuse(self, *options, words, status=64):
        done = subprocess.run(
            [HARRIER, "replay", WORLD.archive(OLD), *options], capture_output=True, text=True, timeout=WAIT, check=False
        )
        self.assertEqual(done.returncode, status, (options, done.stderr))
        self.assertIn(words, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_what_does_not_go_together(self):
        new, old = WORLD.path(NEW), WORLD.path(OLD)
        policy = ("--policy", new)
        for options, words in (
            (("--recorded", *policy), "cannot be combined with --policy"),
            (("--recorded", "--known", "now"), "cannot be combined with --known now"),
            (("--against", old), "which one? (--policy DIR)"),
            (("--counterfactual",), "which one? (--policy DIR)"),
            (("--walk-forward",), "which one? (--policy DIR)"),
            ((*policy, "--counterfactual", "--known", "now"), "cannot be combined with --known now"),
            ((*policy, "--counterfactual", "--against", old), "cannot be combined with --against"),
            ((*policy, "--known", "now", "--walk-forward"), "cannot be combined with --known now"),
            ((*policy, "--warm-up", "generations"), "--from is missing"),
            ((*policy, "--from", "2026-01-02", "--to", "2026-01-02"), "the range is empty"),
            (("--to", "1970-01-01"), "the range is empty"),
            (("--from", "yesterday"), "is not a time"),
            (("--known", "never"), "(expected then or now)"),
            (("--json", "-", "--features", "-"), "only one of them"),
            (("--json", "x", "--html", "x"), "two of them name x"),
            (("--json", ""), "--json: which file?"),
            ((*policy, "--card", "planet"), 'has no entity "planet" (it has card, customer, device, merchant)'),
            ((*policy, "--card", "planet", "--quiet"), 'has no entity "planet"'),
            ((*policy, "--review-price", "1.005"), "--review-price in EUR"),
            ((*policy, "--review-price", "-1"), "--review-price"),
            ((*policy, "--k", "0"), "--k"),
            ((*policy, "--blocked-from", "2026-01-02"), "--blocked-from needs --blocked-after"),
            ((*policy, "--blocked-from", "2026-01-02", "--blocked-after", "7d"), "before --from"),
            ((*policy, "--blocked-after", "36h"), "not a whole number of days"),
        ):
            self.refuse(*options, words=words)
        self.refuse("--policy", WORLD.folder + "/none", words="/none", status=66)
        self.refuse(*policy, "--against", WORLD.folder + "/none", words="/none", status=66)
        self.refuse(*policy, "--json", WORLD.folder + "/none/x.json", words="cannot write", status=74)
        self.refuse(*policy, "--warm-up", "generations", "--from", "2026-01-10", words="no folder", status=66)

    def test_files_stay_when_it_fails(self):
        """No half report is published, and the old one stays."""
        path = os.path.join(WORLD.folder, "kept.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write("old\n")
        self.refuse("--policy", WORLD.path(NEW), "--json", path, "--html", "/nowhere/x.html",
                    words="/nowhere/x.html", status=74)  # fmt: skip
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "old\n")
        self.assertEqual([name for name in os.listdir(WORLD.folder) if name.endswith(".part")], [])

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_no_file_appears_when_the_disk_is_full(self):
        """If one of the files does not fit, none of them is published."""
        for full, others in (
            ("--json", ("--html", "--features")),
            ("--html", ("--json", "--features")),
            ("--features", ("--json", "--html")),
        ):
            paths = [os.path.join(WORLD.folder, "full" + option) for option in others]
            options = [word for pair in zip(others, paths) for word in pair]
            self.refuse("--policy", WORLD.path(NEW), full, "/dev/full", *options,
                        words="/dev/full", status=74)  # fmt: skip
            self.assertEqual([path for path in paths if os.path.exists(path)], [], full)
        self.assertEqual([name for name in os.listdir(WORLD.folder) if name.endswith(".part")], [])


if __name__ == "__main__":
    unittest.main()
