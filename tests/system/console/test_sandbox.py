#!/usr/bin/env python3
"""harrier-console in its sandbox: jobs, approving with a commit, a backup, and what is denied. That all else works in it is
shown by the other tests, whose consoles are in it as well; its parts are tested by tests/unit/server/sandbox."""
import os
import re
import shutil
import struct
import subprocess
import unittest
import unittest.mock

from confinement import elsewhere, has_landlock, status_of
from console_process import HARRIER, wait_for
from console_test import ConsoleTest
from server import is_sanitized

RULE = "rules/velocity.yaml"
DENIED = ("Permission denied", "Operation not permitted", "Function not implemented")


class SandboxTest(ConsoleTest):
    PEOPLE = (("amy", "author"), ("art", "approver"), ("ada", "admin"))

    def setUp(self):
        super().setUp()
        self.score(range(1, 101))
        self.policy = os.path.join(self.folder, "policy")
        self.git("init", "-q")
        self.git("add", ".")
        self.git("-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "begin")

    def git(self, *words):
        return subprocess.run(["git", "-C", self.policy, *words], capture_output=True, text=True, check=True).stdout

    def start(self, *flags):
        self.console.flags = (f"--policy={self.policy}", *flags)
        self.console.start()
        self.amy, self.art = self.console.session("amy"), self.console.session("art")

    def job(self, **more):
        """Once it has ended."""
        status, body = self.amy.post("/api/jobs/begin", **{"kind": "backtest", "policy": "current", "against": "served", **more})
        self.assertEqual(status, 200, body)

        def ended():
            jobs = {job["id"]: job for job in self.amy.get("/api/jobs")[1]["jobs"]}
            return jobs[body["id"]]["state"] not in ("queued", "running") and jobs[body["id"]]

        return wait_for(ended)

    def approve(self):
        """A change of the policy, put in place."""
        draft = self.amy.post("/api/rules/draft/begin")[1]["draft"]
        revision = self.amy.get("/api/rules", draft=draft)[1]["draft"]["revision"]
        edit = {"draft": draft, "revision": revision, "path": RULE, "at": 0, "remove": 0, "insert": "# clearer\n"}
        self.assertEqual(self.amy.post("/api/rules/draft/edit", **edit)[0], 200)
        status, answer = self.amy.post("/api/rules/submit", draft=draft, message="Say what it is for")
        self.assertEqual(status, 200, answer)
        version = self.amy.get("/api/rules/submission", id=answer["submission"])[1]["version"]
        return self.art.post("/api/rules/approve", submission=answer["submission"], hash=version, comment="yes")

    def test_what_people_do_works(self):
        home = elsewhere(self)
        os.mkdir(f"{home}/git")
        for name, text in ((".gitconfig", "[include]\npath = ~/git/more\n"), ("git/more", "[user]\nname = x\n")):
            with open(f"{home}/{name}", "w", encoding="utf-8") as file:
                file.write(text)
        with unittest.mock.patch.dict(os.environ, HOME=home):
            self.start()
        pid = self.console.process.pid
        said = self.console.said()
        self.assertRegex(said, "sandbox: .*no new privileges")
        self.assertEqual("files (Landlock" in said, has_landlock(), said)
        before = status_of("self")["Seccomp"]  # a container may have a filter of its own
        for task in os.listdir(f"/proc/{pid}/task"):
            status = status_of(task)
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", before if is_sanitized() else "2"))
        self.assertEqual(self.job()["state"], "done")
        tuning = self.job(kind="tune", target="precision>=0.2", rules="many",
                          train_from="2026-01-01T00:00:00Z", train_until="2026-01-01T00:01:00Z",
                          test_from="2026-01-01T00:01:00Z", test_until="2026-01-01T00:02:00Z")
        self.assertNotIn("Permission", tuning["problem"])
        status, answer = self.approve()
        self.assertEqual((status, answer.get("state")), (200, "approved"), answer)
        self.assertNotIn("could not be committed", answer["result"])
        if self.amy.get("/api/rules")[1]["git"]:
            self.assertEqual(self.git("log", "-1", "--format=%an/%cn/%s"), "amy/art/Say what it is for\n")
            self.assertEqual(self.git("status", "--porcelain"), "")
        # The next change has the folder that was exchanged before.
        self.assertEqual(self.job(policy="previous")["state"], "done")
        status, found = self.amy.get("/api/search", card="c1")
        self.assertEqual(status, 200, found)
        done = self.console.run("backup", f"{self.folder}/kept")
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in DENIED:
            self.assertNotIn(words, self.console.said())

    def link_elsewhere(self, folder):
        shutil.copy(f"{self.policy}/{RULE}", folder)
        os.remove(f"{self.policy}/{RULE}")
        os.symlink(f"{folder}/{os.path.basename(RULE)}", f"{self.policy}/{RULE}")

    @unittest.skipUnless(has_landlock(), "the kernel has no Landlock")
    def test_what_no_option_names_is_hidden(self):
        self.start()
        folder = elsewhere(self)
        self.assertEqual(self.amy.get("/api/rules")[0], 200)
        self.link_elsewhere(folder)
        status, answer = self.amy.get("/api/rules")
        self.assertEqual((status, "Permission denied" in answer["error"]), (500, True), answer)
        for flags in (f"--sandbox-read={self.folder},{folder}",), ("--sandbox=off",), ():  # a link that is there counts
            self.console.stop()
            self.start(*flags)
            status, answer = self.amy.get("/api/rules")
            self.assertEqual(status, 200, answer)
        self.assertIn("sandbox: off", self.console.said())

    def score_yesterday(self):
        """So that there is a closed segment: of that, the index has a file."""
        self.harrierd.stop()
        shutil.rmtree(f"{self.folder}/data")
        with open(f"{self.folder}/shift", "wb") as file:
            file.write(struct.pack("=q", -86400 * 10**6))
        self.harrierd.start(environment={
            "LD_PRELOAD": os.environ["CLOCK_SHIFT_LIBRARY"], "CLOCK_SHIFT": f"{self.folder}/shift",
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"})
        self.score(range(1, 101))
        self.harrierd.stop()
        self.harrierd.start()
        self.score([101])

    def test_the_index_is_written(self):
        index = f"{self.folder}/data/index"
        self.score_yesterday()
        self.harrierd.stop()  # it writes one, too
        shutil.rmtree(index, ignore_errors=True)
        self.console.start()  # without a policy: it could write in the folder around one, which is around the index, too
        wait_for(lambda: "the index of searches" in self.console.said() or any(name.endswith(".find") for name in os.listdir(index)))
        self.assertNotIn("the index of searches", self.console.said())

    @unittest.skipUnless(has_landlock(), "the kernel has no Landlock")
    def test_another_archive_in_its_place(self):
        """The sandbox knows the folder that was there; who looks for something is told what to do."""
        self.console.start()  # without a policy, whose folder's neighbours it could read
        self.amy = self.console.session("amy")
        wait_for(lambda: self.amy.get("/api/live")[1]["archive"]["problem"] == "")
        self.harrierd.stop()
        data = os.path.join(self.harrierd.folder, "data")
        os.rename(data, data + ".away")
        self.harrierd.start()
        self.score([200], card="of-the-new-one")
        says = f"{data} is not the folder that was there when the console started.*: restart the console"
        wait_for(lambda: re.match(says, self.amy.get("/api/live")[1]["archive"]["problem"]))
        wait_for(lambda: re.match(says, self.amy.get("/api/performance")[1]["read"]["problem"]))
        status, answer = self.amy.get("/api/search", card="of-the-new-one")
        self.assertEqual(status, 500)
        self.assertRegex(answer["error"], says)
        self.assertRegex(self.console.said(), f"cannot follow the archive: {says}")
        self.assertEqual(self.console.stop(), 0)
        self.console.start()
        self.amy = self.console.session("amy")
        wait_for(lambda: self.amy.get("/api/search", card="of-the-new-one")[1].get("found"))

    @unittest.skipUnless(has_landlock(), "the kernel has no Landlock")
    def test_jobs_run_harrier_and_nothing_else(self):
        """A script in its place would be run by a shell."""
        script = os.path.join(self.folder, "harrier-script")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec {HARRIER} "$@"\n')
        os.chmod(script, 0o755)
        self.console.harrier = script
        self.start()
        job = self.job()
        self.assertEqual((job["state"], "a script, that needs --sandbox=off" in job["problem"]), ("failed", True), job)
        self.console.stop()
        self.start("--sandbox=off")
        self.assertEqual(self.job()["state"], "done")


if __name__ == "__main__":
    unittest.main()
