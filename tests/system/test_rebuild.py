#!/usr/bin/env python3
"""harrier rebuild as a process: its output, its exit status, and that kill -9 never leaves half a generation.

HARRIER_KILLS says how often it is killed here (an acceptance run: 50)."""
import fcntl
import json
import os
import random
import resource
import signal
import subprocess
import time
import unittest

from server import WAIT, ServerTest, transaction

HARRIER = os.environ["HARRIER"]
KILLS = int(os.environ.get("HARRIER_KILLS", "6"))
BATCH = 1000


class RebuildTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.data = f"{self.folder}/data"
        self.sent = 0
        self.harrierd = self.server().start()
        self.score(20 * BATCH)
        self.harrierd.stop()

    def score(self, count):
        with self.harrierd.connect() as connection:
            for first in range(self.sent, self.sent + count, BATCH):
                connection.score([transaction(i, cards=5000) for i in range(first, first + BATCH)])
        self.sent += count

    def another_night(self):
        self.harrierd.start()
        self.score(2 * BATCH)
        self.harrierd.stop()

    def command(self, *flags):
        return [HARRIER, "rebuild", f"--data={self.data}", "--priority=normal", *flags]

    def rebuild(self, *flags, status=0, **more):
        run = subprocess.run(self.command(*flags), capture_output=True, text=True, timeout=WAIT, check=False, **more)
        self.assertEqual(run.returncode, status, run.stderr)
        return run

    def report(self, *flags):
        return json.loads(self.rebuild(*flags).stdout)

    def current(self):
        try:
            return os.readlink(f"{self.data}/generations/current")
        except FileNotFoundError:
            return None

    def test_tells_in_json_what_it_does(self):
        run = self.rebuild("--progress=json")
        report = json.loads(run.stdout)
        phases = [json.loads(line)["phase"] for line in run.stderr.splitlines()]
        main = ("prepare", "scan", "fold", "verify", "publish")
        self.assertEqual([phase for phase in dict.fromkeys(phases) if phase in main], list(main))
        self.assertEqual(report["transactions"], self.sent)
        self.assertIn("no generation yet", report["full_because"])
        self.assertTrue(self.report()["up_to_date"])
        self.another_night()
        incremental = self.report()
        self.assertEqual(incremental["from_position"], report["position"])
        full = self.report("--force", "--full", "--threads=3", "--memory=64M", "--partitions=7")
        self.assertEqual(full["content_hash"], incremental["content_hash"])
        self.assertEqual(full["generation"], incremental["generation"])
        self.assertEqual(self.rebuild("--quiet", "--force").stdout, "")
        self.assertNotIn("{", self.rebuild("--force").stderr)  # lines for people
        self.assertIn('"soon" (expected auto, plain, json or none)', self.rebuild("--progress=soon", status=64).stderr)

    def test_keeps_as_many_as_asked(self):
        kept = []
        for _ in range(3):
            self.report("--keep=2")
            kept.append(self.current())
            self.another_night()
        there = sorted(name for name in os.listdir(f"{self.data}/generations") if name.startswith("g-"))
        self.assertEqual(there, sorted(kept[1:]))

    def test_a_command_line_that_is_wrong(self):
        for flags, words in (
            (["--memory=2"], "not an amount of memory"),
            (["--memory=1M"], "too small (expected at least "),
            (["--threads=0"], "not a number from 1"),
            (["--keep=0"], "not a number from 1"),
            (["--priority=high"], '"high" (expected idle or normal)'),
        ):
            self.assertIn(words, self.rebuild(*flags, status=64).stderr)
        self.assertIsNone(self.current())

    def test_two_at_once(self):
        self.rebuild()
        with open(f"{self.data}/generations/lock", "r+", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            said = self.rebuild("--force", status=75).stderr
        self.assertIn("another process", said)
        self.assertIn("builds a generation here", said)
        self.rebuild("--force")

    def test_a_full_disk(self):
        self.rebuild()
        before = self.current()
        self.another_night()
        said = self.rebuild(
            status=74, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300000, 300000))
        ).stderr
        self.assertRegex(said, "No space left|File too large")
        self.assertEqual(self.current(), before)
        self.rebuild()
        self.assertNotEqual(self.current(), before)

    def test_a_damaged_archive(self):
        self.rebuild()
        before = self.current()
        segments = []
        for folder, _, names in os.walk(self.harrierd.archive):
            segments += [os.path.join(folder, name) for name in names if name.endswith(".seg")]
        with open(sorted(segments)[0], "r+b") as segment:
            segment.seek(100000)
            byte = segment.read(1)[0]
            segment.seek(100000)
            segment.write(bytes([byte ^ 4]))
        said = self.rebuild("--force", "--full", status=65).stderr
        self.assertIn(".seg", said)
        self.assertIn("byte ", said)
        self.assertEqual(self.current(), before)

    def test_killed_it_leaves_a_whole_generation(self):
        chance = random.Random(1)
        begin = time.monotonic()
        self.rebuild()
        takes = time.monotonic() - begin
        killed = 0
        while killed < KILLS:
            before = self.current()
            self.another_night()
            process = subprocess.Popen(self.command("--quiet", "--full", "--threads=2"))
            time.sleep(chance.random() * takes * 1.1)
            process.send_signal(signal.SIGKILL)
            killed += process.wait(timeout=WAIT) == -signal.SIGKILL
            left = self.current()
            # An incremental rebuild reads it whole: a damaged one would cause a full rebuild.
            self.another_night()
            report = self.report()
            if left == before:
                self.assertEqual(report["from_position"], int(before.split("-")[1]))
            self.assertGreater(report["from_position"], 0)
            self.assertNotIn(".new", os.listdir(f"{self.data}/generations"))
        full = self.report("--force", "--full")
        self.assertEqual(full["generation"], report["generation"])


if __name__ == "__main__":
    unittest.main()
