#!/usr/bin/env python3
"""harrier replay --resume: interrupted at several places, it gives the same bytes as an uninterrupted run.

Only the same replay resumes: a difference is named, and no file is touched."""
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import unittest

from server import WAIT
from test_replay_report import CALM, NEW, OLD, Policy, without_clock

HARRIER = os.environ["HARRIER"]
DAYS, EACH_DAY = 20, 1500
MODELS = """\
models:
  - {name: size, scorecard: {points: {amount: [{below: 40, points: 1}, {points: 2}]}}, reference: models/size.json}
"""
REFERENCE = {"format": "harrier-reference-1", "rows": 100,
             "inputs": [{"name": "amount", "missing": 0, "edges": [10, 40, 100], "counts": [20, 30, 30, 20]}],
             "score": {"missing": 0, "edges": [1.5], "counts": [50, 50]}}
DEMANDING = Policy("demanding")  # wants a field that nobody sends


class World:
    """Made once: an archive, and the policies to replay."""

    def __init__(self):
        # pylint: disable-next=consider-using-with
        self.keeper = tempfile.TemporaryDirectory()
        self.folder = self.keeper.name
        rows = self.path("rows.csv")
        run("simulate", "--days", str(DAYS), "--transactions-per-day", str(EACH_DAY), "--customers", "2000",
            "--fraud-rate", "0.03", "-o", rows)  # fmt: skip
        for policy in (OLD, NEW, CALM, DEMANDING):
            policy.write(self.path(policy.name))
        with open(self.path("demanding", "schema.yaml"), "a", encoding="utf-8") as file:
            file.write("attributes:\n  loyalty: {type: int, required: true}\n")
        os.makedirs(self.path("new", "models"))
        for name, text in (("models.yaml", MODELS), ("models/size.json", json.dumps(REFERENCE))):
            with open(self.path("new", name), "w", encoding="utf-8") as file:
                file.write(text)
        run("import", self.path("data"), rows, "--policy", self.path("calm"), "--quiet")

    def path(self, *names):
        return os.path.join(self.folder, *names)


WORLD = None


def setUpModule():
    global WORLD  # pylint: disable=global-statement
    WORLD = World()


def tearDownModule():
    WORLD.keeper.cleanup()


def run(*arguments, status=0):
    done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done


def read(path):
    with open(path, "rb") as file:
        return file.read()


def messages(stderr):
    """The lines that are not progress."""
    return [line for line in stderr.splitlines() if not line.startswith("{")]


def without_seconds(summary):
    return re.sub(r"(?m)^seconds .*$", "", summary)


class ResumeTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=WORLD.folder)
        self.file = os.path.join(self.folder, "go-on")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def files(self):
        return sorted(os.listdir(self.folder))

    def content(self):
        return {name: read(os.path.join(self.folder, name)) for name in self.files()}

    def command(self, *options, archive="data"):
        return [HARRIER, "replay", WORLD.path(archive), *options, "--resume", self.file]

    def interrupt(self, command, delay=0.0, by=signal.SIGINT):
        """Interrupts the command once decisions have begun and `delay` seconds more, unless it ends before. (status,
        output, messages)"""
        with subprocess.Popen([*command, "--progress=json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            said = ""
            for line in process.stderr:
                said += line
                if line.startswith("{") and json.loads(line)["phase"] == "replay":
                    break
            time.sleep(delay)
            process.send_signal(by)
            out, more = process.communicate(timeout=WAIT)
        return process.returncode, out, said + more

    def interrupt_surely(self, command, by=signal.SIGINT):
        """On a busy machine the command may end before the signal comes: then it is repeated. Returns the messages."""
        before = self.files()
        for _ in range(20):
            status, _, said = self.interrupt(command, by=by)
            if status == 75:
                break
            for name in set(self.files()) - set(before):
                os.remove(os.path.join(self.folder, name))
        self.assertEqual(status, 75, said)
        return said

    def begin(self, *options, **where):
        """The command, interrupted for the first time."""
        command = self.command(*options, **where)
        said = self.interrupt_surely(command)
        self.assertIn("the same command resumes from there", said)
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        return command

    def expect_same(self, *options, features=False, as_json=True, status=0):
        """The same bytes without an interruption and with some."""
        whole, pieces = os.path.join(self.folder, "whole"), os.path.join(self.folder, "pieces")
        common = [*options, "--features", "FOLDER.csv"] if features else list(options)
        common += ["--json", "FOLDER.json"] if as_json else []

        def named(name):
            return [option.replace("FOLDER", name) for option in common]

        begun = time.monotonic()
        expected = run("replay", WORLD.path("data"), *named(whole), status=status)
        seconds = time.monotonic() - begun
        command = self.begin(*named(pieces))
        self.assertFalse(os.path.exists(pieces + ".csv") or os.path.exists(pieces + ".json"))
        # Interrupted while it folds the records before the checkpoint: the file stays.
        before = read(self.file)
        found, out, said = self.interrupt(command)
        if found == 75 and "still resumes from" in said:
            self.assertEqual(read(self.file), before)
        for share in (0.5, 0.8, None):
            if found != 75:
                break
            if share is None:
                last = subprocess.run([*command, "--progress=json"], capture_output=True, text=True, timeout=WAIT, check=False)
                found, out, said = last.returncode, last.stdout, last.stderr
            else:
                found, out, said = self.interrupt(command, share * seconds)
        self.assertEqual(found, status, said)
        self.assertEqual(messages(said), [])
        self.assertEqual(without_seconds(out), without_seconds(expected.stdout))
        names = [name for name, wanted in ((".csv", features), (".json", as_json)) if wanted]
        for name in names:
            one, other = read(whole + name), read(pieces + name)
            if name == ".json":
                one, other = without_clock(one.decode()), without_clock(other.decode())
            self.assertTrue(one == other, name)
        self.assertEqual(self.files(), sorted(stem + name for stem in ("whole", "pieces") for name in names))
        for name in self.files():
            os.remove(os.path.join(self.folder, name))

    # ---- the same bytes ----

    def test_a_policy(self):
        for threads in ("1", "3"):
            self.expect_same("--policy", WORLD.path("new"), "--threads", threads)
        whole = os.path.join(self.folder, "whole.json")
        run("replay", WORLD.path("data"), "--policy", WORLD.path("new"), "--json", whole)
        drift = json.loads(read(whole))["models"][0]  # what is to be the same includes that
        self.assertGreater(drift["rows"], DAYS * EACH_DAY / 2)
        self.assertGreater(drift["inputs"][0]["stability_index"], 0)

    def test_the_audit(self):
        for threads in ("1", "3"):
            self.expect_same("--recorded", "--threads", threads, as_json=False)
            self.expect_same("--recorded", "--threads", threads)

    def test_training_sets(self):
        for threads in ("1", "3"):
            self.expect_same("--policy", WORLD.path("new"), "--threads", threads, features=True)
        self.expect_same("--recorded", "--threads", "2", features=True, as_json=False)

    def test_two_policies(self):
        policies = ("--policy", WORLD.path("new"), "--against", WORLD.path("old"))
        for threads in ("1", "3"):
            self.expect_same(*policies, "--threads", threads)

    def test_verdicts_that_follow(self):
        self.expect_same("--policy", WORLD.path("calm"), "--counterfactual", features=True)

    def test_the_order_of_event_times(self):
        for threads in ("1", "3"):
            self.expect_same("--policy", WORLD.path("new"), "--known", "now", "--threads", threads, features=True)

    def test_thresholds_on_the_way(self):
        self.expect_same("--policy", WORLD.path("new"), "--walk-forward", features=True)

    def test_a_range_and_blocked_cards(self):
        self.expect_same("--policy", WORLD.path("new"), "--from", "2026-01-03", "--to", "2026-01-18",
                         "--blocked-from", "2026-01-01", "--blocked-after", "2d", "--k", "7",
                         "--outcomes-after", "5d", features=True)  # fmt: skip

    def test_what_was_told_is_told_again(self):
        """Every transaction is refused; the first ten are reported."""
        self.expect_same("--policy", WORLD.path("demanding"), status=1)

    def test_by_sigterm(self):
        self.interrupt_surely(self.command("--policy", WORLD.path("new")), by=signal.SIGTERM)
        self.assertEqual(self.files(), ["go-on"])

    def test_without_resume_nothing_stays(self):
        table = os.path.join(self.folder, "table.csv")
        command = [HARRIER, "replay", WORLD.path("data"), "--policy", WORLD.path("new"), "--features", table]
        said = self.interrupt_surely(command)
        self.assertEqual(messages(said), ["harrier: the replay was interrupted"])
        self.assertEqual(self.files(), [])

    def test_uninterrupted_it_writes_nothing(self):
        run(*self.command("--policy", WORLD.path("new"))[1:])
        self.assertEqual(self.files(), [])

    # ---- and nothing else goes on ----

    def refuse(self, *options, words, status=64, archive="data"):
        before = self.content()
        done = run(*self.command(*options, archive=archive)[1:], status=status)
        self.assertIn(words, done.stderr)
        self.assertEqual(self.content(), before)

    def test_another_replay(self):
        table = ("--features", os.path.join(self.folder, "table.csv"))
        policy = ("--policy", WORLD.path("new"))
        self.begin(*policy, *table)
        self.refuse("--policy", WORLD.path("old"), *table, words="it belongs to another replay: the policy was new ")
        self.refuse(*table, words="the policy was new ")
        self.refuse(*policy, *table, "--against", WORLD.path("old"),
                    words="the second policy was the archive's and is old ")  # fmt: skip
        self.refuse(*policy, *table, "--counterfactual", words="--counterfactual was not given and is given")
        self.refuse(*policy, *table, "--known", "now", words="--known now was not given and is given")
        self.refuse(*policy, *table, "--k", "50", words="--k was 100 and is 50")
        self.refuse(*policy, *table, "--from", "2026-01-02", words="--from was not given and is 2026-01-02")
        self.refuse(*policy, words="--features was ")
        self.refuse(*policy, *table, "--quiet", words="the report was wanted and is not wanted")
        # A file of the policy differs.
        changed = os.path.join(WORLD.folder, "changed")
        shutil.copytree(WORLD.path("new"), changed)
        self.addCleanup(shutil.rmtree, changed)
        with open(os.path.join(changed, "schema.yaml"), "a", encoding="utf-8") as file:
            file.write("# changed\n")
        self.refuse("--policy", changed, *table, words="the policy was new ")
        # Threads, and output that is only made at the end, do not matter.
        run(*self.command(*policy, *table, "--threads", "1", "--html", os.path.join(self.folder, "page.html"),
                          "--list", "10", "--review-price", "7")[1:])  # fmt: skip
        self.assertEqual(self.files(), ["page.html", "table.csv"])

    def test_another_archive(self):
        policy = ("--policy", WORLD.path("new"))
        self.begin(*policy)
        rows = os.path.join(WORLD.folder, "other.csv")
        run("simulate", "--days", "3", "--transactions-per-day", "100", "-o", rows)
        run("import", WORLD.path("other"), rows, "--policy", WORLD.path("calm"), "--quiet")
        self.refuse(*policy, archive="other", words="it belongs to another archive")
        shutil.rmtree(WORLD.path("other"))

    def test_a_longer_archive(self):
        """Records that a server added since are left out, as without the interruption."""
        data = WORLD.path("growing")
        shutil.copytree(WORLD.path("data"), data)
        self.addCleanup(shutil.rmtree, data)
        policy = ("--policy", WORLD.path("new"), "--json", os.path.join(self.folder, "out.json"))
        run("replay", data, *policy)
        expected = read(os.path.join(self.folder, "out.json")).decode()
        self.begin(*policy, archive="growing")
        rows = WORLD.path("later.csv")
        run("simulate", "--days", "2", "--transactions-per-day", "500", "--from", "2026-03-01", "--seed", "2",
            "-o", rows)  # fmt: skip
        run("import", data, rows, "--policy", WORLD.path("calm"), "--quiet")
        run(*self.command(*policy, archive="growing")[1:])
        found = read(os.path.join(self.folder, "out.json")).decode()
        self.assertEqual(without_clock(found), without_clock(expected))
        # A new run reads them.
        run("replay", data, *policy)
        self.assertNotEqual(
            json.loads(read(os.path.join(self.folder, "out.json")))["archive"], json.loads(expected)["archive"]
        )

    def test_attributes_that_come_later(self):
        """The columns are those of the records up to the interrupted run's end."""
        data, table = WORLD.path("growing"), os.path.join(self.folder, "table.csv")
        shutil.copytree(WORLD.path("data"), data)
        self.addCleanup(shutil.rmtree, data)
        options = ("--policy", WORLD.path("new"), "--features", table, "--with-fields")
        run("replay", data, *options)
        expected = read(table)
        os.remove(table)
        self.begin(*options, archive="growing")
        rows = WORLD.path("later.csv")
        with open(rows, "w", encoding="utf-8") as file:
            file.write("id,event_time,amount,currency,card,customer,merchant,attributes.loyalty:int\n"
                       "later,2026-03-01T00:00:00Z,1.00,EUR,c,c,m,7\n")
        run("import", data, rows, "--policy", WORLD.path("demanding"), "--quiet")
        run(*self.command(*options, archive="growing")[1:])
        self.assertEqual(read(table), expected)
        run("replay", data, *options, status=1)  # the new row is refused: the policy has no such attribute
        self.assertIn(b",attributes.loyalty:int,", read(table).splitlines()[0])

    def test_damage(self):
        policy = ("--policy", WORLD.path("new"))
        self.begin(*policy)
        whole = read(self.file)
        for at in range(0, len(whole), len(whole) // 9):
            with open(self.file, "wb") as file:
                file.write(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
            words = "go-on: not a file written by --resume" if at == 0 else "go-on: it is damaged"
            self.refuse(*policy, words=words, status=65)
            with open(self.file, "wb") as file:
                file.write(whole[:at])
            self.refuse(*policy, words=words, status=65)

    def test_rows_that_are_gone(self):
        options = ("--policy", WORLD.path("new"), "--features", os.path.join(self.folder, "table.csv"))
        command = self.begin(*options)
        draft = os.path.join(self.folder, next(name for name in self.files() if name.endswith(".part")))
        rows = read(draft)
        os.remove(draft)
        self.refuse(*options, words=draft + " is gone", status=66)
        with open(draft, "wb") as file:
            file.write(rows[:-1])
        self.refuse(*options, words="does not have the rows that were written", status=65)
        with open(draft, "wb") as file:
            file.write(rows[:100] + b"!" + rows[101:])
        self.refuse(*options, words="does not have the rows that were written", status=65)
        # What a killed run wrote after the checkpoint is cut off.
        with open(draft, "wb") as file:
            file.write(rows + b"half a ro")
        run(*command[1:])
        found = read(os.path.join(self.folder, "table.csv"))
        run("replay", WORLD.path("data"), *options)
        self.assertEqual(self.files(), ["table.csv"])
        self.assertTrue(found == read(os.path.join(self.folder, "table.csv")))

    def test_what_cannot_be_gone_on_with(self):
        table = os.path.join(self.folder, "table")
        self.refuse("--features", table + ".parquet", words="Parquet cannot be resumed")
        self.refuse("--features", "-", words="standard output cannot be resumed")
        self.refuse("--json", self.file, words="two of them name")
        self.refuse("--features", "/dev/null", words="--resume: /dev/null cannot be resumed")
        for path, words, status in (("-", "cannot resume from standard output", 64), ("/dev/null", "not a regular file", 64),
                                    (self.folder, "not a regular file", 64),
                                    (self.folder + "/none/x", "cannot write", 74)):  # fmt: skip
            done = run("replay", WORLD.path("data"), "--resume", path, status=status)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
