#!/usr/bin/env python3
"""The night's steps train and compare, with a program that stands in for the training: a candidate goes into the folder
that a server reads as a shadow policy, and a later night says whether it would be promoted, as harrier policy promote
does; whatever fails there, the rest of the night is complete and the failure is named."""
import csv
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from server import WAIT, ServerTest
from test_promotion import BETTER, POLICY, payments, read_policy, write_policy

try:
    import jsonschema
except ImportError:
    jsonschema = None

HARRIER = os.environ["HARRIER"]
SCHEMA = os.path.join(os.environ["HARRIER_ROOT"], "docs", "schema", "night-report.json")
ALERTS = 2
# Writes a policy and a card, and notes how it was called.
TRAINER = f"""#!{sys.executable}
import json, os, sys, time
with open(os.environ["CALLS"], "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
%s
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
start, end = options["--train"].split("..")
files = json.loads(os.environ["FILES"])
files["models/fraud.card.json"] = json.dumps({{"trained": {{"from": start, "until": end}}}})
for path, content in files.items():
    path = os.path.join(options["--out"], path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(content)
"""

# For harrier train itself.
MODELS = """\
models:
  - name: fraud
    file: models/fraud.ubj
    inputs:
      amount: amount
      count: card.count_1d
    train:
      rounds: 20
      early_stopping: 0
      max_depth: 3
      calibration: none
"""
TRAINED = {**POLICY, "models.yaml": MODELS, "rules/amount.yaml": "rules:\n" + "".join(
    f"  - {{name: above_{limit}, when: models.fraud > 0.{limit:02}, then: {{score: 50}}}}\n" for limit in range(2, 40, 2))}


def is_running(command):
    """A process that has ended, and that nobody waits for, has no arguments."""
    try:
        with open(command, "rb") as file:
            return b"sleep" in file.read()
    except (FileNotFoundError, ProcessLookupError):
        return False


class NightModels(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.rows = list(payments())
        cls.shared = tempfile.mkdtemp(prefix="harrier-night-models-")
        cls.imported = os.path.join(cls.shared, "data")
        cls.bring_in(cls.imported, cls.rows)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.shared)
        super().tearDownClass()

    @classmethod
    def bring_in(cls, data, rows):
        os.mkdir(data)
        path, policy = data + ".csv", write_policy(data + ".policy", POLICY)
        with open(path, "w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["id", "event_time", "amount", "currency", "card", "merchant", "outcome", "outcome_time"])
            table.writerows(rows)
        subprocess.run([HARRIER, "import", data, path, "--policy", policy, "--quiet"], check=True, timeout=WAIT)

    def setUp(self):
        super().setUp()
        self.data = os.path.join(self.folder, "data")
        shutil.copytree(self.imported, self.data)
        self.live = write_policy(os.path.join(self.folder, "live"), POLICY)
        self.calls = os.path.join(self.folder, "calls")
        self.files = BETTER
        self.trainer = self.write_trainer("")

    def write_trainer(self, more):
        path = os.path.join(self.folder, "trainer")
        with open(path, "w", encoding="utf-8") as file:
            file.write(TRAINER % more)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path

    def command(self, date, *options):
        return [HARRIER, "night", "--data", self.data, "--date", date, "--priority", "normal", "--drift", "none", "--verify",
                "none", "--retry-delay", "1ms", "--keep", "36500", "--policy", self.live, "--outcomes-after", "1d", *options]

    def environment(self):
        return {**os.environ, "CALLS": self.calls, "FILES": json.dumps(self.files)}

    def night(self, date, *options, status=0):
        run = subprocess.run(self.command(date, *options), capture_output=True, text=True, timeout=WAIT, check=False,
                             env=self.environment())
        self.assertEqual(run.returncode, status, run.stderr)
        return run

    def train(self, date, *options, status=0):
        return self.night(date, "--train", "fraud", "--train-program", self.trainer, *options, status=status)

    def read(self, *path):
        with open(os.path.join(self.data, *path), encoding="utf-8") as file:
            return json.load(file)

    def report(self, date):
        report = self.read("nights", date, "report.json")
        if jsonschema:
            with open(SCHEMA, encoding="utf-8") as file:
                jsonschema.validate(report, json.load(file))
        return report

    def step(self, date, name):
        return next(step for step in self.read("nights", date, "night.json")["steps"] if step["step"] == name)

    def findings(self, date):
        return {finding["code"]: finding for finding in self.report(date)["findings"]}

    def candidates(self):
        return sorted(os.listdir(os.path.join(self.data, "candidates")))

    def called(self):
        with open(self.calls, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def await_call(self):
        self.await_file(self.calls)

    def await_file(self, path):
        deadline = time.monotonic() + WAIT
        while not os.path.exists(path) or os.path.getsize(path) == 0:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def metric(self):
        server = self.server(f"--policy={self.live}", f"--shadow={self.data}/candidates/latest").start()
        values = server.metric("harrierd_night_models_failed"), server.metric("harrierd_shadow_policies")
        self.assertEqual(server.stop(), 0)
        return values

    def test_trains_and_compares(self):
        self.train("2026-01-25", "--train-days", "10", "--threads", "2", "--memory", "64M")
        (call,) = self.called()
        draft = os.path.join(self.data, "candidates", ".2026-01-25.part")
        self.assertEqual(call, [os.path.join(self.data, "archive"), "--policy", self.live, "--model", "fraud",
                                "--train", "2026-01-07..2026-01-17", "--test", "2026-01-18..2026-01-25", "--outcomes-after",
                                "86400000000us", "--out", draft, "--threads", "2", "--memory", "65536K", "--quiet"])
        self.assertEqual(self.candidates(), ["2026-01-25", "latest"])
        self.assertEqual(os.readlink(os.path.join(self.data, "candidates", "latest")), "2026-01-25")
        self.assertEqual(self.read("nights", "2026-01-25", "night.json")["train"], {"candidate": "2026-01-25"})
        self.assertEqual(self.step("2026-01-25", "compare")["state"], "skipped")
        self.assertIsNone(self.report("2026-01-25")["candidate"])
        self.assertEqual(self.metric(), (0, 1))

        self.night("2026-01-29", "--beats", "ap:0.05", "--beats", "cp:-0.1")
        report = self.report("2026-01-29")
        candidate = report["candidate"]
        self.assertEqual((candidate["candidate_date"], candidate["is_better"]), ("2026-01-25", True))
        finding = self.findings("2026-01-29")["candidate_better"]
        self.assertEqual((finding["severity"], finding["subject"]), ("note", "2026-01-25"))
        self.assertIn("ap +0.", finding["text"])
        self.assertEqual(read_policy(self.live), POLICY)  # never by itself
        run = subprocess.run(
            [HARRIER, "policy", "promote", self.data, self.live, f"{self.data}/candidates/2026-01-25", "--until", "2026-01-29",
             "--outcomes-after", "1d", "--beats", "ap:0.05", "--beats", "cp:-0.1", "--dry-run", "--json"],
            capture_output=True, text=True, timeout=WAIT, check=True)
        self.assertEqual({key: value for key, value in candidate.items() if key != "candidate_date"}, json.loads(run.stdout))
        with open(os.path.join(self.data, "nights", "2026-01-29", "report.html"), encoding="utf-8") as file:
            self.assertIn("It would be promoted.", file.read())

        self.night("2026-01-30", "--beats", "ap:0.9")
        self.assertFalse(self.report("2026-01-30")["candidate"]["is_better"])
        self.assertNotIn("candidate_better", self.findings("2026-01-30"))
        self.assertIn("the interval must lie above +0.9", self.read("nights", "2026-01-30", "night.json")["compare"]["text"])

    def test_server_follows(self):
        """A server that has the link as its shadow policy loads the first candidate, and each that follows."""
        server = self.server(f"--policy={self.live}", f"--shadow={self.data}/candidates/latest", "--watch_policy=yes").start()
        self.assertEqual(server.metric("harrierd_shadow_policies"), 0)
        for date in ("2026-01-25", "2026-01-26"):
            self.files = {**BETTER, "policy.yaml": BETTER["policy.yaml"].replace("payments", f"of-{date}")}
            self.train(date)
            deadline = time.monotonic() + WAIT
            while f"shadow policy of-{date} " not in server.said():
                self.assertLess(time.monotonic(), deadline, server.said())
                time.sleep(0.02)
        self.assertEqual(server.metric("harrierd_shadow_policies"), 1)
        self.assertEqual(server.stop(), 0)

    def test_which_candidate(self):
        """The newest with a week of mature days behind its training; never the one in force."""
        self.night("2026-01-20", "--beats", "ap:0")
        self.assertEqual(self.step("2026-01-20", "compare")["reason"],
                         "no candidate has a week of mature days behind its training")
        for date in ("2026-01-21", "2026-01-23", "2026-01-26"):
            self.train(date)
        self.train("2026-01-24")  # a night of an earlier date makes no candidate that is older than the newest
        self.assertIn("newer candidate, of 2026-01-26", self.step("2026-01-24", "train")["reason"])
        self.night("2026-01-25", "--beats", "ap:0")  # trained until 01-13 and 01-15; mature until 01-24
        self.assertEqual(self.report("2026-01-25")["candidate"]["candidate_date"], "2026-01-23")
        write_policy(self.live, BETTER)
        self.night("2026-01-28", "--beats", "ap:0")
        self.assertEqual(self.step("2026-01-28", "compare")["reason"], "the candidate is in force already")

    def test_kept_and_every(self):
        for day in range(20, 26):
            self.train(f"2026-01-{day}", "--candidates", "2", "--train-every", "2")
        self.assertEqual(self.candidates(), ["2026-01-22", "2026-01-24", "latest"])
        self.assertEqual(os.readlink(os.path.join(self.data, "candidates", "latest")), "2026-01-24")
        self.assertEqual(self.step("2026-01-25", "train")["reason"], "the candidate of 2026-01-24 is young enough")
        self.files = {**BETTER, "policy.yaml": BETTER["policy.yaml"].replace("payments", "again")}
        self.train("2026-01-24", "--again")
        self.assertIn("again", read_policy(os.path.join(self.data, "candidates", "latest"))["policy.yaml"])

    def test_failures(self):
        """Named in the journal, the report, the summary and the metric; hook and report are as ever."""
        hooked = os.path.join(self.folder, "hooked")
        hook = os.path.join(self.folder, "hook")
        with open(hook, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ntouch {hooked}\n")
        os.chmod(hook, 0o755)
        self.trainer = self.write_trainer("print('rows of 2026', file=sys.stderr)\nsys.exit('harrier: no fraud to learn from')")
        run = self.train("2026-01-25", "--hook", hook, status=ALERTS)
        self.assertIn("goes on without it", run.stderr)
        self.assertTrue(os.path.exists(hooked))
        step = self.step("2026-01-25", "train")
        self.assertEqual((step["state"], step["attempts"]), ("failed", 1))
        self.assertTrue(step["reason"].endswith("ended with status 1: harrier: no fraud to learn from"), step)
        self.assertTrue(self.read("nights", "2026-01-25", "night.json")["complete"])
        finding = self.findings("2026-01-25")["training_failed"]
        self.assertEqual(finding["severity"], "alert")
        self.assertIn("no fraud to learn from", finding["text"])
        with open(os.path.join(self.data, "nights", "2026-01-25", "train.log"), encoding="utf-8") as file:
            self.assertIn("rows of 2026", file.read())
        self.assertTrue(self.read("nights", "latest.json")["models_failed"])
        self.assertEqual(self.metric()[0], 1)
        self.train("2026-01-25", status=ALERTS)  # complete: not again
        self.assertEqual(len(self.called()), 1)

        self.trainer = self.write_trainer("os.write(1, b'line\\n\\x1b[31m\\xff\\0<b>\\xc3')\nsys.exit(75)")
        self.train("2026-01-26", "--retries", "2", status=ALERTS)
        self.assertTrue(self.findings("2026-01-26")["training_failed"]["text"].endswith("status 75: ?[31m??<b>?"))
        with open(os.path.join(self.data, "nights", "2026-01-26", "report.html"), encoding="utf-8") as file:
            self.assertIn("?[31m??&lt;b&gt;?", file.read())
        self.assertEqual(self.step("2026-01-26", "train")["attempts"], 3)
        self.trainer = self.write_trainer("time.sleep(600)")
        self.train("2026-01-27", "--train-timeout", "1s", "--retries", "0", status=ALERTS)
        self.assertIn("did not end in time", self.step("2026-01-27", "train")["reason"])
        self.trainer = self.write_trainer("")
        self.files = {**BETTER, "rules/amount.yaml": "rules: [{name: x}]\n"}
        self.train("2026-01-28", status=ALERTS)
        self.assertIn("the trained policy", self.step("2026-01-28", "train")["reason"])
        self.assertEqual(self.candidates(), [".2026-01-28.part"])
        self.trainer = "/no/such/trainer"
        self.train("2026-01-29", status=ALERTS)
        self.assertIn("the training program /no/such/trainer: No such file", self.step("2026-01-29", "train")["reason"])
        self.files, self.trainer = BETTER, self.write_trainer("")
        self.train("2026-01-28", "--again")
        self.assertEqual(self.candidates(), ["2026-01-28", "latest"])
        self.train("2026-01-30")
        self.assertEqual(self.metric(), (0, 1))

    def test_comparison_fails(self):
        self.train("2026-01-22")
        with open(os.path.join(self.data, "candidates/2026-01-22/models/fraud.card.json"), "w", encoding="utf-8") as file:
            file.write("{")
        self.train("2026-01-28", "--beats", "ap:0", status=ALERTS)
        self.assertEqual((self.step("2026-01-28", "compare")["state"], self.step("2026-01-28", "train")["state"]),
                         ("failed", "done"))
        self.assertIn("models/fraud.card.json: line 1", self.findings("2026-01-28")["comparison_failed"]["text"])

    def test_killed(self):
        """The next run trains again, and nothing of the first is left."""
        self.trainer = self.write_trainer("if len(open(os.environ['CALLS']).readlines()) == 1: time.sleep(600)")
        process = subprocess.Popen(self.command("2026-01-25", "--train", "fraud", "--train-program", self.trainer),
                                   env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.await_call()
        process.send_signal(signal.SIGKILL)
        process.wait(WAIT)
        self.assertEqual(self.step("2026-01-25", "train")["state"], "running")
        self.train("2026-01-25")
        self.assertEqual(self.step("2026-01-25", "train")["attempts"], 2)
        self.assertEqual(self.candidates(), ["2026-01-25", "latest"])

    def test_killed_beside_what_the_training_started(self):
        """The kill does not reach it: a second training would write into the same folder."""
        self.trainer = self.write_trainer("import subprocess\n"
                                          "if len(open(os.environ['CALLS']).readlines()) == 1:\n"
                                          "    child = subprocess.Popen(['sleep', '600'])\n"
                                          f"    print(child.pid, file=open({self.calls + '.pid'!r}, 'w'), flush=True)\n"
                                          "    child.wait()")
        process = subprocess.Popen(self.command("2026-01-25", "--train", "fraud", "--train-program", self.trainer),
                                   env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.await_file(self.calls + ".pid")
        process.send_signal(signal.SIGKILL)
        process.wait(WAIT)
        with open(self.calls + ".pid", encoding="utf-8") as file:
            pid = int(file.read())
        try:
            self.train("2026-01-25", "--retries", "1", status=ALERTS)
            step = self.step("2026-01-25", "train")
            self.assertEqual((step["state"], step["attempts"]), ("failed", 3))
            self.assertIn("what the training of an earlier attempt started is still at work", step["reason"])
            self.assertEqual(len(self.called()), 1)
        finally:
            os.kill(pid, signal.SIGKILL)
        self.train("2026-01-25", "--again", "--retry-delay", "100ms", "--retries", "9")
        self.assertEqual(self.candidates(), ["2026-01-25", "latest"])

    def test_killed_behind_the_training(self):
        """Between the candidate's own name and the link to it: it is not trained again, and the link leads to it."""
        self.train("2026-01-24")
        self.train("2026-01-25")
        path, link = os.path.join(self.data, "nights", "2026-01-25", "night.json"), self.data + "/candidates/latest"
        journal = self.read("nights", "2026-01-25", "night.json")
        journal.update(complete=False, ended_us=0)
        next(step for step in journal["steps"] if step["step"] == "train")["state"] = "running"
        for moved in False, True:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(journal, file)
            os.unlink(link)
            os.symlink("2026-01-24", link)
            if moved:  # killed before it got its name, too
                os.rename(self.data + "/candidates/2026-01-25", self.data + "/candidates/.2026-01-25.part")
            self.train("2026-01-25")
            self.assertEqual(os.readlink(link), "2026-01-25")
            self.assertEqual(self.candidates(), ["2026-01-24", "2026-01-25", "latest"])
            self.assertEqual(self.step("2026-01-25", "train")["state"], "done")
            self.assertEqual(len(self.called()), 2)

    def test_again(self):
        """A second attempt trains, though the night has a candidate from before."""
        self.train("2026-01-25")
        self.files = {**BETTER, "policy.yaml": BETTER["policy.yaml"].replace("payments", "again")}
        self.trainer = self.write_trainer("if len(open(os.environ['CALLS']).readlines()) == 2: sys.exit(75)")
        self.train("2026-01-25", "--again", "--retries", "1")
        self.assertEqual(len(self.called()), 3)
        self.assertIn("again", read_policy(os.path.join(self.data, "candidates", "latest"))["policy.yaml"])

    def test_leaves_no_process(self):
        """What the training has started could change the candidate after it was checked."""
        left = os.path.join(self.folder, "left")
        self.trainer = self.write_trainer("import subprocess\n"
                                          f"print(subprocess.Popen(['sleep', '600']).pid, file=open({left!r}, 'w'))")
        self.train("2026-01-25")
        self.assertEqual(self.step("2026-01-25", "train")["state"], "done")
        with open(left, encoding="utf-8") as file:
            command = f"/proc/{int(file.read())}/cmdline"
        deadline = time.monotonic() + WAIT
        while is_running(command):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def test_fills_no_disk(self):
        """Neither with what it prints, nor with what failed nights have begun."""
        self.trainer = self.write_trainer("for _ in range(64): os.write(1, b'x' * (1 << 20))\ntime.sleep(600)")
        self.train("2026-01-25", "--train-timeout", "2m", status=ALERTS)
        self.assertIn("printed more than 16 MiB and was killed", self.step("2026-01-25", "train")["reason"])
        self.trainer = self.write_trainer("os.makedirs(os.path.join(sys.argv[sys.argv.index('--out') + 1], 'models'))\n"
                                          "sys.exit(1)")
        for day in (26, 27):
            self.train(f"2026-01-{day}", status=ALERTS)
            self.assertEqual(self.candidates(), [f".2026-01-{day}.part"])
        self.trainer = self.write_trainer("")
        self.train("2026-01-28")
        self.assertEqual(self.candidates(), ["2026-01-28", "latest"])

    def test_interrupted(self):
        """Not a failure: the next run goes on there."""
        self.trainer = self.write_trainer("if len(open(os.environ['CALLS']).readlines()) == 1: time.sleep(600)")
        process = subprocess.Popen(self.command("2026-01-25", "--train", "fraud", "--train-program", self.trainer),
                                   env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.await_call()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(WAIT), 75)
        self.assertFalse(self.read("nights", "2026-01-25", "night.json")["failed"])
        self.train("2026-01-25")
        self.assertEqual(self.step("2026-01-25", "train")["state"], "done")

    def test_earlier_journals(self):
        """A night that was complete before there were these steps is complete."""
        self.night("2026-01-25")
        path = os.path.join(self.data, "nights", "2026-01-25", "night.json")
        journal = self.read("nights", "2026-01-25", "night.json")
        journal["steps"] = [step for step in journal["steps"] if step["step"] not in ("compare", "train")]
        del journal["compare"], journal["train"]
        with open(path, "w", encoding="utf-8") as file:
            json.dump(journal, file)
        self.train("2026-01-25")
        self.assertEqual(self.read("nights", "2026-01-25", "night.json"), journal)

    def test_with_harrier_train(self):
        """The first model has learned from labels by chance; the night's takes its place."""
        declared, first = write_policy(os.path.join(self.folder, "declared"), TRAINED), os.path.join(self.folder, "first")
        chance = os.path.join(self.folder, "chance")
        self.bring_in(chance, [row[:6] + (["fraud", row[1]] if number % 17 == 0 else ["", ""])
                               for number, row in enumerate(self.rows)])
        run = subprocess.run([HARRIER, "train", chance, "--policy", declared, "--model", "fraud", "--train",
                              "2026-01-01..2026-01-13", "--test", "2026-01-14..2026-01-21", "--out", first, "--quiet"],
                             capture_output=True, text=True, timeout=WAIT, check=False)
        if run.returncode == 69:
            self.skipTest(run.stderr)
        self.assertEqual(run.returncode, 0, run.stderr)
        shutil.rmtree(self.live)
        shutil.copytree(first, self.live)
        self.night("2026-01-22", "--train", "fraud", "--train-days", "12")
        latest = os.path.join(self.data, "candidates", "latest")
        with open(os.path.join(latest, "models", "fraud.card.json"), encoding="utf-8") as file:
            trained = json.load(file)["trained"]
        self.assertEqual((trained["from"], trained["until"]), ("2026-01-02T00:00:00Z", "2026-01-14T00:00:00Z"))
        with open(os.path.join(self.data, "nights", "2026-01-22", "train.log"), encoding="utf-8") as file:
            self.assertIn("fraud", file.read())
        self.assertEqual(self.metric(), (0, 1))
        self.night("2026-01-30", "--beats", "ap:0", "--train", "fraud", "--train-days", "12")
        self.assertEqual(self.candidates(), ["2026-01-22", "2026-01-30", "latest"])
        candidate = self.report("2026-01-30")["candidate"]
        self.assertEqual((candidate["candidate_date"], candidate["from"]), ("2026-01-22", trained["until"]))
        self.assertTrue(candidate["is_better"], candidate["metrics"]["ap"])
        run = subprocess.run([HARRIER, "policy", "promote", self.data, self.live, f"{self.data}/candidates/2026-01-22",
                              "--outcomes-after", "1d", "--quiet"], capture_output=True, text=True, timeout=WAIT, check=True)
        self.assertIn("ap better by more than 0: yes", run.stdout)
        for name in ("fraud.ubj", "fraud.card.json", "fraud.card.md", "fraud.reference.json"):
            with open(f"{self.live}/models/{name}", "rb") as new, open(f"{self.data}/candidates/2026-01-22/models/{name}",
                                                                     "rb") as made:
                self.assertEqual(new.read(), made.read(), name)

    def test_command_line(self):
        data = shutil.copytree(self.data, self.data + "2")
        for options, words in ((("--train", "fraud"), "--policy FOLDER"), (("--beats", "ap:0"), "--policy FOLDER"),
                               (("--train-program", "x"), "--train MODEL"), (("--beats", "ap"), "METRIC:MARGIN"),
                               (("--candidates", "0"), "--candidates"), (("--train-days", "x"), "--train-days")):
            run = subprocess.run([HARRIER, "night", "--data", data, *options], capture_output=True, text=True, timeout=WAIT,
                                 check=False)
            self.assertEqual(run.returncode, 64)
            self.assertIn(words, run.stderr)
        self.assertFalse(os.path.exists(os.path.join(data, "nights")))


if __name__ == "__main__":
    unittest.main()
