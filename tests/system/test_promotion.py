#!/usr/bin/env python3
"""harrier policy promote with a candidate: its figures are those of replays of both policies, computed here a second time;
the better policy takes the champion's place whole or not at all, and a worse one or a range of its training never."""
import csv
import datetime
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from server import WAIT

HARRIER = os.environ["HARRIER"]
START = datetime.datetime(2026, 1, 1)
DAYS, A_DAY = 30, 60
FROM, UNTIL = "2026-01-11", "2026-01-29"
RANGE = ("--from", FROM, "--until", UNTIL, "--outcomes-after", "1d")
CARD = {"trained": {"from": "2026-01-01T00:00:00Z", "until": "2026-01-11T00:00:00Z"}}
REVIEWS, CARDS = 3, 2

POLICY = {
    "policy.yaml": "policy:\n  name: payments\n  base_currency: EUR\n",
    "schema.yaml": "fields:\n  card: {required: true}\n  merchant: {required: false}\n",
    "features.yaml": "entities:\n  card: {key: card}\nfeatures:\n  card:\n"
                     "    - {name: count_1d, aggregate: count, window: 1d}\n",
    "rules/amount.yaml": "rules:\n  - {name: large, when: amount > 300.0, then: {verdict: review, score: 300}}\n",
}
BETTER = {**POLICY, "rules/amount.yaml": "rules:\n" + "".join(
    f"  - {{name: above_{limit}, when: amount > {limit}.0, then: {{score: 100}}}}\n" for limit in (60, 100, 150, 200, 300))}
STRICT = {**BETTER, "schema.yaml": POLICY["schema.yaml"].replace("merchant: {required: false}", "merchant: {required: true}")}


def write_policy(folder, files):
    shutil.rmtree(folder, ignore_errors=True)
    for path, content in files.items():
        path = os.path.join(folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
    return folder


def read_policy(folder):
    files = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            with open(path, encoding="utf-8") as file:
                files[os.path.relpath(path, folder)] = file.read()
    return files


def payments():
    """Frauds have greater amounts, most of them above 100."""
    chance = random.Random(11)
    for number in range(DAYS * A_DAY):
        when = START + datetime.timedelta(seconds=number * 86400 // A_DAY)
        fraud = chance.random() < 0.05
        amount = chance.uniform(80, 400) if fraud else chance.lognormvariate(3.7, 0.7)
        label = "fraud" if fraud else "suspected" if chance.random() < 0.01 else ""
        merchant = "" if number % 500 == 7 else "m1"
        yield [f"t{number}", when.isoformat() + "Z", f"{amount:.2f}", "EUR", f"c{chance.randrange(150)}", merchant, label,
               when.isoformat() + "Z" if label else ""]


def auc(rows):
    """By all pairs."""
    positive = [score for score, fraud, *_ in rows if fraud]
    negative = [score for score, fraud, *_ in rows if not fraud]
    return sum((p > n) + (p == n) / 2 for p in positive for n in negative) / (len(positive) * len(negative))


def average_precision(rows):
    total, before = sum(fraud for _, fraud, *_ in rows), 0
    area = 0
    for limit in sorted({score for score, *_ in rows}, reverse=True):
        above = [fraud for score, fraud, *_ in rows if score >= limit]
        area += (sum(above) - before) / total * sum(above) / len(above)
        before = sum(above)
    return area


def by_day(rows):
    days = {}
    for row in rows:
        days.setdefault(row[2], []).append(row)
    return [days[day] for day in sorted(days)]


def reviewed(rows):
    """Precision, recall and share of money, where rows that tie share the places that are left."""
    caught = money = places = 0
    for of_day in by_day(rows):
        left = REVIEWS
        for limit in sorted({score for score, *_ in of_day}, reverse=True):
            tied = [row for row in of_day if row[0] == limit]
            part = min(left, len(tied)) / len(tied)
            caught += part * sum(fraud for _, fraud, *_ in tied)
            money += part * sum(amount for _, fraud, _, amount, *_ in tied if fraud)
            left -= min(left, len(tied))
        places += REVIEWS - left
    fraud = [row for row in rows if row[1]]
    return caught / places, caught / len(fraud), money / sum(row[3] for row in fraud)


def card_precision(rows):
    found, hits = set(), 0
    for of_day in by_day(rows):
        cards = {}  # in the order in which they were first seen
        for score, fraud, _, _, card, _ in of_day:
            if card not in found:
                best, any_fraud = cards.get(card, (0, False))
                cards[card] = (max(best, score), any_fraud or fraud)
        top = sorted(cards, key=lambda card: -cards[card][0])[:CARDS]
        new = {card for card in top if cards[card][1]}
        hits += len(new)
        found |= new
    return hits / (CARDS * len(by_day(rows)))


class Promotion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="harrier-promotion-")
        cls.archive = os.path.join(cls.folder, "archive")
        os.mkdir(cls.archive)
        rows = os.path.join(cls.folder, "rows.csv")
        with open(rows, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["id", "event_time", "amount", "currency", "card", "merchant", "outcome", "outcome_time"])
            table.writerows(payments())
        policy = write_policy(os.path.join(cls.folder, "import"), POLICY)
        subprocess.run([HARRIER, "import", cls.archive, rows, "--policy", policy, "--quiet"], check=True, timeout=WAIT)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.live = write_policy(self.path("live"), POLICY)
        self.candidate = write_policy(self.path("candidate"), {**BETTER, "models/fraud.card.json": json.dumps(CARD)})
        for name in os.listdir(self.folder):
            if name.startswith((".live", "live.")):  # what an earlier test has left, or a kill
                shutil.rmtree(self.path(name))

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def harrier(self, *arguments, status=0):
        run = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(run.returncode, status, run.stdout + run.stderr)
        return run

    def promote(self, *options, status=0):
        return self.harrier("policy", "promote", self.archive, self.live, self.candidate, "--quiet", *options, status=status)

    def assert_untouched(self):
        self.assertEqual(read_policy(self.live), POLICY)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith((".live", "live."))], [])

    def scores(self, policy):
        """(score, is fraud, day, amount, card, verdict) of the mature rows, from a replay of this policy alone."""
        path = self.path("features.csv")
        self.harrier("replay", self.archive, "--policy", policy, "--from", FROM, "--to", UNTIL, "--features", path,
                     "--with-fields", "--quiet")
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        os.unlink(path)
        last = START + datetime.timedelta(seconds=(DAYS * A_DAY - 1) * 86400 // A_DAY)
        mature = (last - datetime.timedelta(days=1)).isoformat()
        rows = [row for row in rows if row["outcome"] != "suspected" and row["event_time"][:19] <= mature]
        return [(int(row["score"]), row["outcome"] == "fraud", row["event_time"][:10], round(float(row["amount"]) * 100),
                 row["card"], row["verdict"]) for row in rows]

    def test_figures(self):
        run = self.promote(*RANGE, "--json", "--dry-run", "--reviews", f"{REVIEWS}/day", "--k", str(CARDS))
        report = json.loads(run.stdout)
        self.assertTrue(report["is_better"])
        self.assert_untouched()
        for side, policy in (("candidate", self.candidate), ("champion", self.live)):
            rows = self.scores(policy)
            self.assertEqual(report["transactions"], len(rows))
            self.assertEqual(report["fraud"], sum(fraud for _, fraud, *_ in rows))
            self.assertEqual(report["fraud_minor"], sum(row[3] for row in rows if row[1]))
            verdicts = {name: sum(row[5] == name for row in rows) for name in ("approve", "review", "challenge", "decline")}
            self.assertEqual(report[side]["verdicts"], verdicts)
            self.assertEqual(report[side]["fraud_with_alert"], sum(row[1] and row[5] != "approve" for row in rows))
            expected = dict(zip(("auc", "ap", "precision", "recall", "money", "cp"),
                                (auc(rows), average_precision(rows), *reviewed(rows), card_precision(rows))))
            for metric, value in expected.items():
                figure = report["metrics"][metric][side]
                self.assertAlmostEqual(figure["value"], value, places=12, msg=metric)
                self.assertTrue(figure["low"] <= value <= figure["high"], metric)
        for metric, of in report["metrics"].items():
            self.assertAlmostEqual(of["difference"]["value"], of["candidate"]["value"] - of["champion"]["value"], places=12,
                                   msg=metric)
        self.assertGreater(report["suspected"], 0)
        self.assertEqual(report["trained_until"], CARD["trained"]["until"])

    def test_the_better_one_takes_the_place(self):
        low = json.loads(self.promote(*RANGE, "--json", "--dry-run").stdout)["metrics"]["ap"]["difference"]["low"]
        margin = f"ap:{low - 1e-6:.8f}"
        self.assertIn("+    - {name: above_60".replace("    ", "  "), self.promote("--beats", margin, *RANGE[2:]).stdout)
        self.assertEqual(read_policy(self.live), {**BETTER, "models/fraud.card.json": json.dumps(CARD)})
        (old,) = [name for name in os.listdir(self.folder) if name.startswith("live.old-")]
        self.assertEqual(read_policy(self.path(old)), POLICY)
        # Once more: it is the champion now, and not better than itself.
        run = self.promote(*RANGE, status=3)
        self.assertIn("not promoted: ap differs by +0.0000 (95 %: +0.0000 to +0.0000)", run.stderr)

    def test_the_worse_one_does_not(self):
        low = json.loads(self.promote(*RANGE, "--json", "--dry-run").stdout)["metrics"]["ap"]["difference"]["low"]
        run = self.promote(*RANGE, "--beats", f"ap:{low + 1e-6:.8f}", status=3)
        self.assertIn("ap better by more than", run.stdout)
        self.assertIn("harrier: not promoted: ap differs", run.stderr)
        self.assert_untouched()
        self.promote(*RANGE, "--beats", "ap:0", "--beats", "cp:0.9", status=3)  # all must hold
        self.assert_untouched()
        self.promote(*RANGE, "--beats", "ap:0.9", "--dry-run", status=3)
        self.live, self.candidate = self.candidate, self.live
        self.promote(*RANGE, status=3)
        self.assertIn("above", read_policy(self.live)["rules/amount.yaml"])

    def test_refuses_training_days(self):
        for options, words in (
            (("--from", "2026-01-10"), "overlaps the training of the candidate, which ends at 2026-01-11T00:00:00Z"),
            (("--until", "2026-01-11"), "the range ends before it begins"),
        ):
            self.assertIn(words, self.promote(*options, "--outcomes-after", "1d", status=64).stderr)
        zoned = {"trained": {"from": "2026-01-01", "until": "2026-01-11T19:00:00-05:30"}}
        write_policy(self.candidate, {**BETTER, "models/fraud.card.json": json.dumps(zoned)})
        self.assertIn("which ends at 2026-01-12T00:30:00Z",
                      self.promote("--from", "2026-01-12T02:29:59+02:00", "--outcomes-after", "1d", status=64).stderr)
        self.promote("--from", "2026-01-12T02:30:00+02:00", *RANGE[2:], "--dry-run")
        write_policy(self.candidate, {**BETTER, "models/fraud.card.json": json.dumps(CARD)})
        reference = {"format": "harrier-reference-1", "from": "2026-01-01T00:00:00Z", "until": "2026-01-20T00:00:00Z"}
        with open(os.path.join(self.candidate, "models", "fraud.reference.json"), "w", encoding="utf-8") as file:
            json.dump(reference, file)
        self.assertIn("2026-01-20T00:00:00Z (models/fraud.reference.json)", self.promote(*RANGE, status=64).stderr)
        with open(os.path.join(self.candidate, "models", "fraud.reference.json"), "w", encoding="utf-8") as file:
            json.dump({"format": "harrier-reference-1"}, file)  # made by hand; it may leave out the times
        self.promote(*RANGE, "--dry-run")
        os.unlink(os.path.join(self.candidate, "models", "fraud.card.json"))
        self.assertIn("--from is missing", self.promote("--outcomes-after", "1d", status=64).stderr)
        shutil.rmtree(os.path.join(self.candidate, "models"))
        self.assertIn("--from is missing", self.promote("--outcomes-after", "1d", status=64).stderr)
        self.assert_untouched()

    def test_a_link_that_is_switched(self):
        """A night switches its link to the newest candidate: policy and card must be of the same one."""
        both = []
        for day in "10", "11":
            card = json.dumps(CARD).replace("-11T", f"-{day}T")
            policy = POLICY["policy.yaml"].replace("payments", f"of_{day}")
            both.append({**BETTER, "models/fraud.card.json": card, "policy.yaml": policy})
            write_policy(self.path(f"of_{day}"), both[-1])
        self.candidate, draft, stop = self.path("latest"), self.path("draft"), threading.Event()

        def switch():
            while not stop.is_set():
                for day in "10", "11":
                    os.symlink(f"of_{day}", draft)
                    os.rename(draft, self.candidate)

        os.symlink("of_10", self.candidate)
        thread = threading.Thread(target=switch)
        thread.start()
        try:
            for _ in range(8):
                write_policy(self.live, POLICY)
                self.promote(*RANGE)
                self.assertIn(read_policy(self.live), both)
        finally:
            stop.set()
            thread.join()
            os.unlink(self.candidate)

    def test_says_if_the_champion_knows_the_days(self):
        for card, expected in (((), False), (("2026-01-01", FROM), False), (("2026-01-01", "2026-01-12"), True),
                               (("2026-01-28", "2026-03-01"), True), ((UNTIL, "2026-03-01"), False), (("2026-01-01",), False)):
            if card:
                write_policy(self.live, {**POLICY, "models/old.card.json": json.dumps(
                    {"trained": dict(zip(("from", "until"), card))})})
            run = self.promote(*RANGE, "--dry-run", "--json")
            self.assertEqual(json.loads(run.stdout)["flatters_champion"], expected, card)
        self.assertNotIn("flatters", self.promote(*RANGE, "--dry-run").stdout)
        write_policy(self.live, {**POLICY, "models/old.card.json": json.dumps(CARD).replace("-11T", "-12T")})
        self.assertIn("flatters", self.promote(*RANGE, "--dry-run").stdout)

    def test_what_a_card_may_be(self):
        path = os.path.join(self.candidate, "models", "fraud.card.json")
        for content, words in (("{", "line 1"), ("[]", "does not say when"), ('{"trained": {"from": "2026-01-01"}}', '"until"'),
                               ('{"trained": {"from": "2026-01-02", "until": "2026-01-01"}}', "ends before it begins")):
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
            run = self.promote(*RANGE, status=65)
            self.assertIn("models/fraud.card.json", run.stderr)
            self.assertIn(words, run.stderr)
        self.assert_untouched()

    def test_too_little_to_say(self):
        self.assertIn("6 days with transactions that count; expected at least 7",
                      self.promote("--from", "2026-01-12", "--until", "2026-01-18", "--outcomes-after", "0s", status=3).stderr)
        self.assertIn("ap is not known: the range has 0 transactions", self.promote("--from", "2027-01-01", status=3).stderr)
        self.assert_untouched()

    def test_a_candidate_that_refuses(self):
        write_policy(self.candidate, STRICT)
        run = self.promote(*RANGE, status=3)
        self.assertRegex(run.stderr, "not promoted: the candidate refuses [1-9] transactions that the champion takes")
        write_policy(self.candidate, {**BETTER, "rules/amount.yaml": "rules: [{name: x}]\n"})
        self.assertIn("this version does not load the candidate", self.promote(*RANGE, status=78).stderr)
        self.assert_untouched()

    def test_command_line(self):
        for options, words in ((("--beats", "f1:0.1"), "auc, ap, precision, recall, money or cp"),
                               (("--beats", "ap"), "METRIC:MARGIN"), (("--beats", "ap:2"), "from -1 to 1"),
                               (("--beats", "ap:nan"), "from -1 to 1"), (("--beats", "ap:0x1"), "from -1 to 1"),
                               (("--beats", "ap:0", "--beats", "ap:0.1"), "ap has a margin already"),
                               (("--reviews", "5"), "N/day"), (("--reviews", "0/day"), "--reviews"),
                               (("--from", "2026-02-01", "--until", "2026-01-01"), "the range is empty")):
            self.assertIn(words, self.promote(*options, status=64).stderr)
        self.assertIn("with a CANDIDATE", self.harrier("policy", "promote", self.archive, self.live, "--beats", "ap:0",
                                                       status=64).stderr)
        self.assertIn('no entity "device"', self.promote(*RANGE, "--card", "device", status=66).stderr)
        self.assert_untouched()

    def test_changed_meanwhile(self):
        """Somebody edits the champion while the two are compared: the edit is not replaced unseen. Whenever it happens, it
        is in the folder or in the one that is kept."""
        started = time.monotonic()
        self.promote(*RANGE, "--dry-run")
        takes = time.monotonic() - started
        edited = {**POLICY, "rules/more.yaml": "rules:\n  - {name: more, when: amount > 900.0, then: {score: 10}}\n"}
        refused = 0
        for attempt in range(60):
            self.setUp()
            process = subprocess.Popen(
                [HARRIER, "policy", "promote", self.archive, self.live, self.candidate, "--quiet", *RANGE],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            time.sleep(takes * (attempt % 20 + 1) / 20)
            try:
                with open(os.path.join(self.live, "rules", "more.yaml.new"), "w", encoding="utf-8") as file:
                    file.write(edited["rules/more.yaml"])
                os.rename(file.name, os.path.join(self.live, "rules", "more.yaml"))
            except FileNotFoundError:  # it has just been put aside, and may not have one
                pass
            _, said = process.communicate(timeout=WAIT)
            kept = [read_policy(self.path(name)) for name in os.listdir(self.folder) if name.startswith("live")]
            if process.returncode == 75:
                self.assertRegex(said, "was changed (during the comparison|meanwhile); nothing was replaced")
                self.assertEqual(kept, [edited])
                refused += 1
                break
            self.assertEqual(process.returncode, 0, said)
        self.assertEqual(refused, 1)

    def test_killed(self):
        """At any moment the folder has all of one policy."""
        chance, after = random.Random(3), {**BETTER, "models/fraud.card.json": json.dumps(CARD)}
        seen = set()
        started = time.monotonic()
        self.promote(*RANGE, "--dry-run")
        takes = time.monotonic() - started
        for kill in range(8):
            write_policy(self.live, POLICY)
            process = subprocess.Popen(
                [HARRIER, "policy", "promote", self.archive, self.live, self.candidate, "--quiet", *RANGE],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(takes * (0.6 + 0.6 * chance.random()) if kill else 0)
            process.send_signal(signal.SIGKILL)
            process.wait(WAIT)
            files = read_policy(self.live)
            self.assertIn(files, (POLICY, after))
            seen.add(files == after)
        self.assertIn(False, seen)  # the first is killed before it can do anything


if __name__ == "__main__":
    unittest.main()
