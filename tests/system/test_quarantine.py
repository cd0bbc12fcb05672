#!/usr/bin/env python3
"""Segments that are damaged or missing: nothing goes over them silently; `harrier archive quarantine` puts them aside,
and then everything works, says what is lost, and loses no more than that."""
import glob
import json
import os
import subprocess
import unittest

from night import HARRIER, SwapTest
from server import transaction


class QuarantineTest(SwapTest):
    @property
    def archive(self):
        return os.path.join(self.data, "archive")

    def harrier(self, *arguments):
        return subprocess.run([HARRIER, *arguments], capture_output=True, text=True, check=False)

    def segments(self):
        return sorted(glob.glob(os.path.join(self.archive, "????-??-??", "*.seg*")))

    def begin(self, transactions=4000):
        self.harrierd = self.server("--lazy_sync_interval=5ms").start()
        self.fill(self.harrierd, 0, transactions)
        self.await_synced(self.harrierd)
        self.assertEqual(self.harrierd.stop(), 0)

    def flip(self, path, at):
        with open(path, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 0x10]))

    def damage_a_record(self, segment):
        """A sync mark may be there instead, which costs nothing."""
        for at in range(os.path.getsize(segment) // 3, os.path.getsize(segment), 100):
            self.flip(segment, at)
            if "1 of its" in self.harrier("archive", "quarantine", "--dry-run", self.archive).stdout:
                return
            self.flip(segment, at)

    def quarantine(self):
        done = self.harrier("archive", "quarantine", "--json", self.archive)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def is_usable(self, lost, first, last):
        """Everything reads it, and says what is missing."""
        done = self.harrier("archive", "verify", "--json", self.archive)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])["by_type"]["lost"], lost)
        said = f"the disk has lost {lost} records of the archive"
        span = f"{first} to {last}" if last > first else f"{first}"
        for command in (["replay", self.archive], ["rebuild", "--data", self.data, "--full"], ["verify", self.data]):
            done = self.harrier(*command)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn(said, done.stderr)
            self.assertIn(span, done.stderr)
        self.harrierd.start()
        self.harrierd.await_said(said)
        self.assertEqual(self.harrierd.metric("harrierd_archive_lost_records"), lost)

    def test_a_record_before_the_last_sync_mark(self):
        self.begin()
        before = self.harrierd.start().status()
        self.assertEqual(self.harrierd.stop(), 0)
        [segment] = self.segments()
        self.damage_a_record(segment)
        # Nothing goes on without the command.
        self.harrierd.spawn()
        self.assertEqual(self.harrierd.wait(), 74)
        self.assertIn(os.path.basename(segment), self.harrierd.said())
        self.assertEqual(self.harrier("rebuild", "--data", self.data).returncode, 65)
        self.assertEqual(self.harrier("replay", self.archive).returncode, 65)
        done = self.harrier("archive", "quarantine", "--dry-run", self.archive)
        self.assertIn("would be lost", done.stdout)
        self.assertEqual(self.segments(), [segment])
        [found] = self.quarantine()
        self.assertEqual(found["lost"], 1, "one flipped bit costs one record")
        self.assertTrue(os.path.exists(os.path.join(self.archive, found["file"])))
        again = self.harrier("archive", "quarantine", self.archive)
        self.assertIn("nothing is damaged", again.stdout)
        done = self.harrier("inspect", self.archive, "--type", "lost", "--json")
        [record] = [json.loads(line) for line in done.stdout.splitlines()]
        self.is_usable(1, record["position"], record["position"])
        after = self.harrierd.status()
        self.assertEqual(after["transactions"], before["transactions"] - 1)
        # The others still have their decisions; the lost one is new.
        with self.harrierd.connect() as connection:
            new = [number for number in range(0, 4000, 500) for result in
                   connection.score([transaction(n, cards=997) for n in range(number, number + 500)])
                   if not result["decision"].get("duplicate")]
        self.assertEqual(len(new), 1)

    def test_an_erasure_finds_what_was_put_aside(self):
        self.begin(1200)
        self.damage_a_record(self.segments()[0])
        [found] = self.quarantine()
        kept = os.path.join(self.archive, found["file"])
        with open(kept, "rb") as file:
            self.assertIn(b"c577", file.read())
        done = self.harrier("rebuild", "--data", self.data, "--full")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.harrier("erase", self.data, "--entity", "card=c577")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertFalse(os.path.exists(kept), done.stdout)
        # Into a sealed one it cannot look.
        with open(kept + ".zst", "wb") as file:
            file.write(b"sealed")
        done = self.harrier("erase", self.data, "--entity", "card=c578")
        self.assertIn(os.path.basename(kept) + ".zst", done.stdout + done.stderr)

    def test_a_server_is_in_the_way(self):
        self.harrierd = self.server().start()
        self.fill(self.harrierd, 0, 10)
        self.assertEqual(self.harrier("archive", "quarantine", self.archive).returncode, 75)


if __name__ == "__main__":
    unittest.main()
