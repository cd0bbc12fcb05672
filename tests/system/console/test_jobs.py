#!/usr/bin/env python3
"""Jobs of the console: a backtest has the figures of `harrier replay` by the command line, a tuning those of `harrier
tune`; and the queue, cancelling, limits, crashes, a full disk and the bounds of results, with a program in the place of
`harrier` that does what the test says."""
import contextlib
import datetime
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

import small_disk
from console_process import HARRIER, wait_for
from console_test import ConsoleTest
from server import POLICY, transaction

# In the place of harrier: says its process id and goes on until the file `go` is there, with progress.
FAKE = """#!{python} -IS
import json, os, signal, sys, time
folder = {folder!r}
name = os.path.basename(os.getcwd())
open(f"{{folder}}/ran", "a").write(f"{{name}} {{sys.argv[1]}} {{os.getpid()}} {{os.nice(0)}}\\n")
if sys.argv[1] == "policy":
    os.mkdir(sys.argv[-1])
    sys.exit(0)
if os.path.exists(f"{{folder}}/stubborn"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:  # it has the same process group
        open(f"{{folder}}/ran", "a").write(f"{{name}} child {{os.getpid()}} {{os.nice(0)}}\\n")
        time.sleep(600)
done = 0
while not os.path.exists(f"{{folder}}/go"):
    done += 1
    print(json.dumps({{"phase": "replay", "done": done, "total": 1000000}}), file=sys.stderr, flush=True)
    time.sleep(0.02)
if os.path.exists(f"{{folder}}/fail"):
    print("harrier: the first line\\nharrier: no luck <b>", file=sys.stderr)
    sys.exit(65)
try:
    with open("report.json", "w") as report:
        json.dump({{"changed": {{"total": 0, "listed": []}}}}, report)
except OSError as error:
    print(f"harrier: {{error}}", file=sys.stderr)
    sys.exit(74)
"""


def is_alive(pid):
    """A child that has ended and whose parent died is nobody's for a moment: a zombie is dead."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def at(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class JobsTest(ConsoleTest):
    PEOPLE = (("eve", "author"), ("vera", "viewer"), ("ada", "admin"))

    def begin(self, **more):
        """The new job's id."""
        asked = {"kind": "backtest", "policy": "current", "against": "served", **more}
        status, body = self.eve.post("/api/jobs/begin", **asked)
        self.assertEqual(status, 200, body)
        return body["id"]

    def job(self, number):
        return next((job for job in self.eve.get("/api/jobs")[1]["jobs"] if job["id"] == number), None)

    def ended(self, number):
        return wait_for(lambda: (job := self.job(number)) and job["state"] not in ("queued", "running") and job)

    def start(self, *flags):
        self.console.flags = flags
        self.console.start()
        self.eve = self.console.session("eve")


class RealJobs(JobsTest):
    """With harrier itself."""

    def setUp(self):
        super().setUp()
        self.score(range(1, 301))
        for number in range(2, 300, 5):
            self.report(number, "fraud" if number % 2 else "legit")
        # A second policy comes into force: what would it have decided about what the first one has seen?
        changed = POLICY["rules/velocity.yaml"].replace(">= 3", ">= 20").replace("score: 400", "score: 800")
        self.write_policy("rules/velocity.yaml", changed)
        subprocess.run([HARRIER, "reload", "--wait", "--to", self.harrierd.address], check=True,
                       capture_output=True)
        self.score(range(301, 321))
        self.start()

    def report(self, number, label):
        with self.harrierd.connect() as connection:
            connection.report(f"t{number}", label)

    def replay(self, *words):
        folder = os.path.join(self.folder, "by-hand")
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        for policy in ("current", "previous"):
            subprocess.run([HARRIER, "policy", "export", self.console.archive, policy, f"{folder}/{policy}"], check=True,
                           capture_output=True)
        report = f"{folder}/report.json"
        done = subprocess.run([HARRIER, "replay", f"--json={report}", "--list=5000", "--quiet",
                               *[word.replace("@", folder) for word in words], self.console.archive],
                              capture_output=True, text=True, check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)
        with open(report, encoding="utf-8") as file:
            return json.load(file)

    def changes(self, number, **query):
        found, at = [], 0
        while True:
            status, page = self.eve.get("/api/jobs/changes", id=number, at=at, limit=7, **query)
            self.assertEqual(status, 200, page)
            self.assertLessEqual(len(page["changes"]), 7)
            found += page["changes"]
            if "next" not in page:
                return found
            at = page["next"]

    def same_report(self, number, expected):
        status, body = self.eve.get("/api/jobs/result", id=number)
        self.assertEqual((status, body["job"]["state"]), (200, "done"), body)
        listed = expected["changed"].pop("listed")
        self.assertEqual(body["report"]["changed"].pop("count"), len(listed))
        for report in (expected, body["report"]):
            for machine in ("seconds", "transactions_per_second"):
                report.pop(machine)
            for side in ("policy", "against"):
                report[side].pop("folder", None)
        self.assertEqual(body["report"], expected)
        found = self.changes(number)
        for change in found:
            change["amount"] = round(float(change["amount"]) * 100)
        self.assertEqual(found, listed)
        return listed

    def test_a_backtest_is_the_replay_of_the_command_line(self):
        listed = self.same_report(self.ended(self.begin())["id"], self.replay("--policy=@/current"))
        self.assertGreater(len(listed), 20)
        number = self.begin(policy="current", against="previous", **{"from": "2026-01-01T00:01:00Z"},
                            to="2026-01-01T00:04:00Z")
        self.assertEqual(self.ended(number)["state"], "done")
        listed = self.same_report(number, self.replay("--policy=@/current", "--against=@/previous",
                                                      "--from=2026-01-01T00:01:00Z", "--to=2026-01-01T00:04:00Z"))
        # Filters by direction.
        order = ["approve", "review", "challenge", "decline"]
        steps = [(change["against"]["verdict"], change["replayed"]["verdict"]) for change in listed]
        stricter = [step for step in steps if order.index(step[0]) < order.index(step[1])]
        self.assertTrue(0 < len(stricter) < len(steps), steps)
        self.assertEqual(len(self.changes(number, step="stricter")), len(stricter))
        self.assertEqual(len(self.changes(number, step="milder")), len(steps) - len(stricter))
        self.assertEqual(len(self.changes(number, before="review", after="approve")),
                         steps.count(("review", "approve")))
        for wrong in ({"step": "x"}, {"at": 1}, {"at": 10**12}, {"before": "x"}, {"limit": 201}, {"id": -1}):
            self.assertEqual(self.eve.get("/api/jobs/changes", **{"id": number, **wrong})[0], 422, wrong)
        status, page, headers = self.eve.ask("GET", f"/api/jobs/report?id={number}")
        self.assertEqual(status, 200)
        self.assertIn(b"</html>", page)
        self.assertIn("attachment", headers["Content-Disposition"])
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])

    def test_a_tuning_is_that_of_the_command_line(self):
        # What was known when the test began counts, and all of it was reported just now: so it begins in a while.
        begins = time.time() + 600
        self.score(range(1000, 1050), event_time_us=int((begins + 60) * 1000000))
        for number in range(1000, 1010):
            self.report(number, "fraud")
        ranges = {"train_from": "2026-01-01T00:00:00Z", "train_until": "2026-01-01T00:06:00Z",
                  "test_from": at(begins), "test_until": at(begins + 600)}
        number = self.begin(kind="tune", policy="previous", target="precision>=0.2", rules="many", **ranges)
        job = self.ended(number)
        self.assertEqual(job["state"], "done", job)
        tuning = self.eve.get("/api/jobs/result", id=number)[1]["tuning"]
        folder = os.path.join(self.folder, "present")
        subprocess.run([HARRIER, "policy", "export", self.console.archive, "previous", folder], check=True,
                       capture_output=True)
        done = subprocess.run([HARRIER, "tune", f"--policy={folder}", "--json", "--quiet", "--rules=many",
                               "--target=precision>=0.2",
                               f"--train={ranges['train_from']}..{ranges['train_until']}",
                               f"--test={ranges['test_from']}..{ranges['test_until']}", self.console.archive],
                              capture_output=True, text=True, check=True)
        self.assertEqual(tuning, json.loads(done.stdout))
        self.assertEqual(self.eve.get("/api/jobs/report", id=number)[0], 404)
        # What it does not take is said by it.
        job = self.ended(self.begin(kind="tune", budget="many", **ranges))
        self.assertEqual(job["state"], "failed")
        self.assertIn("--budget", job["problem"])

    def given(self, number):
        """The draft that a job was given: {path: content}."""
        folder = f"{self.console.data}/jobs/{number}/given/policy"
        found = {}
        for where, _, names in os.walk(folder):
            for name in names:
                with open(os.path.join(where, name), encoding="utf-8") as file:
                    found[os.path.relpath(os.path.join(where, name), folder)] = file.read()
        return found

    def submits_with_its_own_backtest(self, draft, tuned, tested):
        """Not with one of another policy, even if only its last byte differs."""
        def submit(number):
            return self.eve.post("/api/rules/submit", draft=draft, message="better", backtest=number)

        def edit(**more):
            revision = self.eve.get("/api/rules", draft=draft)[1]["draft"]["revision"]
            body = {"draft": draft, "revision": revision, "path": "policy.yaml", "at": 0, "remove": 0, "insert": "", **more}
            self.assertEqual(self.eve.post("/api/rules/draft/edit", **body)[0], 200)

        archived = self.begin()
        self.assertEqual(self.ended(archived)["state"], "done")
        for number in (tuned, archived):
            status, answer = submit(number)
            self.assertEqual((status, "backtest" in answer.get("error", "")), (422, True), answer)
        edit(insert="#\n")
        status, answer = submit(tested)
        self.assertEqual((status, "another policy" in answer["error"]), (422, True), answer)
        edit(remove=2)
        status, answer = submit(tested)
        self.assertEqual(status, 200, answer)
        self.assertEqual(self.eve.get("/api/rules/submission", id=answer["submission"])[1]["backtest"], tested)

    def test_drafts(self):
        self.console.kill()
        self.start(f"--policy={self.folder}/policy")
        # What was tuned becomes a draft, unless the draft has other changes there.
        begins = time.time() + 600
        for number in range(1, 301):
            self.report(number, "fraud" if number % 3 == 0 else "legit")
        self.score(range(1000, 1100), event_time_us=int((begins + 60) * 1000000))
        for number in range(1000, 1100):
            self.report(number, "fraud" if number > 1030 else "legit")
        ranges = {"train_from": "2026-01-01T00:00:00Z", "train_until": "2026-01-01T00:06:00Z",
                  "test_from": at(begins), "test_until": at(begins + 600)}
        tuned = self.begin(kind="tune", policy="current", target="recall>=0.5", **ranges)
        self.assertEqual(self.ended(tuned)["state"], "done")
        tuning = self.eve.get("/api/jobs/result", id=tuned)[1]["tuning"]
        self.assertTrue(tuning["changes"], tuning)
        status, body = self.eve.post("/api/jobs/draft", id=tuned)
        self.assertEqual(status, 200, body)
        draft = body["draft"]
        number = self.begin(policy=None, draft=draft, against="current")
        self.assertEqual(self.ended(number)["state"], "done")
        folder = f"{self.console.data}/jobs/{tuned}/tuned"
        for path, content in self.given(number).items():
            with open(f"{folder}/{path}", encoding="utf-8") as file:
                self.assertEqual(content, file.read(), path)
        self.assertEqual(self.eve.post("/api/jobs/draft", id=tuned)[0], 409)
        self.assertEqual(self.eve.post("/api/jobs/draft", id=number)[0], 404)
        self.submits_with_its_own_backtest(draft, tuned, number)
        # A rule in shadow: the same as by hand, and as a replay by hand.
        self.console.add_person("eva", "author")
        self.eve = self.console.session("eva")
        status, answer = self.eve.post("/api/jobs/begin", kind="backtest", draft=draft, against="current")
        self.assertEqual(status, 404, answer)  # another's draft
        body = self.eve.post("/api/rules/draft/begin")[1]
        change = {"draft": body["draft"], "revision": 0, "mode": "shadow"}
        self.assertEqual(self.eve.post("/api/rules/draft/mode", rule="none", **change)[0], 404)
        self.assertEqual(self.eve.post("/api/rules/draft/mode", rule="many", **change)[0], 200)
        number = self.begin(policy=None, draft=body["draft"], against="current")
        self.assertEqual(self.ended(number)["state"], "done")
        by_hand = os.path.join(self.folder, "shadow")
        shutil.copytree(f"{self.folder}/policy", by_hand)
        with open(f"{by_hand}/rules/velocity.yaml", "r+", encoding="utf-8") as file:
            text = file.read().replace("  - name: many\n", "  - name: many\n    mode: shadow\n")
            self.assertIn("shadow", text)
            file.seek(0)
            file.write(text)
        self.assertEqual(self.given(number)["rules/velocity.yaml"], text)
        self.same_report(number, self.replay(f"--policy={by_hand}", "--against=@/current"))

    def test_what_cannot_be_asked_for(self):
        for body in ({"kind": "x"}, {"policy": "../etc"}, {"policy": ""}, {"policy": "abc"}, {"against": "x"},
                     {"from": "yesterday"}, {"to": 1}, {"outcomes_after": "1d\n--html=/etc/x"}, {"policy": "current\n"},
                     {"kind": "tune"}, {"kind": "tune", "train_from": "2026-01-01T00:00:00Z"},
                     {"outcomes_after": "x" * 300}):
            with self.subTest(body=body):
                status, answer = self.eve.post("/api/jobs/begin", **{"kind": "backtest", "policy": "current",
                                                                    "against": "served", **body})
                self.assertIn(status, (413, 422), answer)
        self.assertEqual(self.eve.get("/api/jobs")[1]["jobs"], [])
        self.assertEqual(os.listdir(f"{self.console.data}/jobs"), [])


class FakeJobs(JobsTest):
    def setUp(self):
        super().setUp()
        self.score(range(1, 3))
        self.console.harrier = os.path.join(self.folder, "fake-harrier")
        with open(self.console.harrier, "w", encoding="utf-8") as file:
            file.write(FAKE.format(folder=self.folder, python=sys.executable))
        os.chmod(self.console.harrier, 0o755)
        self.addCleanup(self.touch, "go")  # whatever failed, nothing stays

    def start(self, *flags):
        super().start("--sandbox=off", *flags)  # python is not harrier

    def test_one_at_a_time(self):
        self.start()
        for check in (self.check_queue, self.check_stubborn, self.check_problem):
            self.afresh()
            check()

    def test_two_at_a_time(self):
        for check in (self.check_two_at_once, self.check_crash, self.check_orderly_end, self.check_time):
            self.afresh()
            check()
            self.touch("go")
            self.console.kill()

    def afresh(self):
        for name in ("ran", "go", "stubborn", "fail"):
            if os.path.exists(path := os.path.join(self.folder, name)):
                os.unlink(path)

    def touch(self, name):
        if os.path.isdir(self.folder):
            open(os.path.join(self.folder, name), "w", encoding="utf-8").close()

    def ran(self, command="replay"):
        """The process ids by job, of those that have begun."""
        try:
            with open(os.path.join(self.folder, "ran"), encoding="utf-8") as file:
                lines = [line.split() for line in file]
        except FileNotFoundError:
            return {}
        return {int(words[0]): int(words[2]) for words in lines if words[1] == command}

    def pid(self, number, command="replay"):
        return wait_for(lambda: self.ran(command).get(number))

    def progress(self, number):
        return self.job(number).get("progress", {}).get("done", 0)

    def check_queue(self):
        first, second, third = (self.begin() for _ in range(3))
        pid = self.pid(first)
        self.assertEqual(self.job(second)["state"], "queued")
        before = wait_for(lambda: self.progress(first))
        wait_for(lambda: self.progress(first) > before)
        progress = self.job(first)["progress"]
        self.assertEqual((progress["step"], progress["steps"], progress["phase"], progress["total"]),
                         (2, 2, "replay", 1000000))
        with open(f"{self.folder}/ran", encoding="utf-8") as file:
            self.assertEqual({line.split()[3] for line in file}, {"19"})
        # Cancelled in the middle, and while it waits; a viewer may neither.
        vera = self.console.session("vera")
        self.assertEqual(vera.post("/api/jobs/cancel", id=first)[0], 403)
        self.assertEqual(self.eve.post("/api/jobs/cancel", id=second)[0], 200)
        self.assertEqual(self.eve.post("/api/jobs/cancel", id=first)[0], 200)
        self.assertEqual(self.ended(first)["state"], "cancelled")
        self.assertFalse(is_alive(pid))
        self.assertEqual(self.job(second)["state"], "cancelled")
        self.assertEqual(self.eve.post("/api/jobs/cancel", id=first)[0], 409)
        self.pid(third)
        self.touch("go")
        self.assertEqual(self.ended(third)["state"], "done")
        self.assertNotIn(second, self.ran())
        # Again: the same job, from its beginning.
        self.assertEqual(self.eve.post("/api/jobs/again", id=third)[0], 409)
        self.assertEqual(self.eve.post("/api/jobs/again", id=second)[0], 200)
        self.assertEqual(self.ended(second)["state"], "done")
        audit = self.console.session("ada").get("/api/audit", action="job")[1]["entries"]
        self.assertEqual([(entry["subject"], entry["before"], entry["after"]) for entry in audit[:3]],
                         [(f"job {second}", "cancelled", "queued"), (f"job {first}", "running", "cancelled"),
                          (f"job {second}", "queued", "cancelled")])
        self.assertEqual(json.loads(audit[3]["after"]), {"policy": "current", "against": "served"})

    def check_two_at_once(self):
        self.start("--jobs=2")
        numbers = [self.begin() for _ in range(3)]
        self.pid(numbers[0])
        self.pid(numbers[1])
        self.assertEqual(self.job(numbers[2])["state"], "queued")
        for _ in range(19):
            self.begin()
        self.assertEqual(self.eve.post("/api/jobs/begin", kind="backtest", policy="current", against="served")[0], 503)
        self.assertEqual(len(self.ran()), 2)
        self.touch("go")
        wait_for(lambda: all(job["state"] == "done" for job in self.eve.get("/api/jobs")[1]["jobs"]))

    def check_stubborn(self):
        self.touch("stubborn")
        number = self.begin()
        pids = [self.pid(number), self.pid(number, "child")]
        self.eve.post("/api/jobs/cancel", id=number)
        self.assertEqual(self.ended(number)["state"], "cancelled")
        wait_for(lambda: not any(map(is_alive, pids)))

    def check_time(self):
        for seconds in (1, 4, 16, 64):  # until the program had begun its work by then
            self.start(f"--job-time={seconds}s")
            number = self.begin()
            job = self.ended(number)
            self.assertEqual(job["state"], "failed")
            self.assertIn("--job-time", job["problem"])
            if pid := self.ran().get(number):
                break
            self.console.kill()
        self.assertTrue(pid)
        self.assertFalse(is_alive(pid))

    def check_problem(self):
        self.touch("go")
        self.touch("fail")
        job = self.ended(self.begin())
        self.assertEqual((job["state"], job["problem"]),
                         ("failed", "harrier: the first line\nharrier: no luck <b>"))
        self.assertEqual(self.eve.get("/api/jobs/changes", id=job["id"])[0], 404)
        os.unlink(self.console.harrier)
        self.assertEqual(self.ended(self.begin())["state"], "failed")

    def check_crash(self):
        self.start("--jobs=2")
        numbers = [self.begin() for _ in range(3)]
        pids = [self.pid(number) for number in numbers[:2]]
        left = f"{self.console.data}/jobs/{numbers[0]}/half.html"
        with open(left, "w", encoding="utf-8") as file:
            file.write("x" * 1000000)
        self.console.process.send_signal(signal.SIGKILL)
        self.console.process.wait()
        wait_for(lambda: not any(map(is_alive, pids)))
        self.touch("go")
        self.start()
        states = [self.job(number)["state"] for number in numbers[:2]]
        self.assertEqual(states, ["interrupted", "interrupted"])
        self.assertFalse(os.path.exists(left))
        self.assertEqual(self.ended(numbers[2])["state"], "done")  # it waited, and it does
        self.assertEqual(self.eve.post("/api/jobs/again", id=numbers[0])[0], 200)
        self.assertEqual(self.ended(numbers[0])["state"], "done")

    def check_orderly_end(self):
        self.start()
        number = self.begin()
        pid = self.pid(number)
        # It ends where the database takes nothing more, as on a full disk.
        with contextlib.closing(sqlite3.connect(f"{self.console.data}/console.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            self.assertEqual(self.console.stop(), 0)
        self.assertFalse(is_alive(pid))
        self.start()
        self.assertEqual(self.job(number)["state"], "interrupted")

    def test_results_are_bounded(self):
        self.touch("go")
        self.start()
        first = self.begin()
        self.ended(first)
        self.assertEqual(self.console.stop(), 0)
        folder, now = f"{self.console.data}/jobs", int(time.time() * 1000000)
        day = 86400 * 1000000
        with sqlite3.connect(f"{self.console.data}/console.sqlite") as database:
            def add(ended_us, size):
                number = database.execute(
                    "INSERT INTO jobs (kind, person, state, request, commands, bytes, made_us, ended_us) "
                    "VALUES ('backtest', 'eve', 'done', '{}', '', ?, 1, ?)", [size, ended_us]).lastrowid
                os.mkdir(f"{folder}/{number}")
                return number
            old = add(now - 91 * day, 10)
            big = add(now, 500 << 20)
            new = [add(now, 1 << 20) for _ in range(13)]
        os.mkdir(f"{folder}/123456")  # of no job
        self.start()
        wait_for(lambda: self.job(big) is None)
        self.assertEqual([job["id"] for job in self.eve.get("/api/jobs")[1]["jobs"]], new[::-1])
        self.assertEqual(sorted(map(int, os.listdir(folder))), new)
        with sqlite3.connect(f"{self.console.data}/console.sqlite") as database:
            database.executemany("INSERT INTO jobs (kind, person, state, request, commands, made_us, ended_us) "
                                 "VALUES ('backtest', 'eve', 'done', '{}', '', 1, ?)", [[now]] * 120)
        last = self.begin()
        self.ended(last)
        wait_for(lambda: len(self.eve.get("/api/jobs", limit=200)[1]["jobs"]) == 50)
        self.assertEqual(self.eve.get("/api/jobs")[1]["jobs"][0]["id"], last)
        self.assertIsNone(self.job(old))

    @unittest.skipUnless(small_disk.is_possible(), "no mount namespaces")
    def test_a_full_disk(self):
        disk = small_disk.SmallDisk(f"{self.console.data}/jobs", "4M")
        self.addCleanup(disk.unmount)
        self.start()
        first = self.begin()
        self.pid(first)
        disk.fill()
        self.touch("go")
        job = self.ended(first)
        self.assertEqual(job["state"], "failed")
        self.assertIn("No space left", job["problem"])
        self.assertEqual(self.eve.get("/api/status")[0], 200)
        disk.make_room()
        self.assertEqual(self.eve.post("/api/jobs/again", id=first)[0], 200)
        self.assertEqual(self.ended(first)["state"], "done")


if __name__ == "__main__":
    small_disk.enter_namespace()
    unittest.main()
