#!/usr/bin/env python3
"""Tables that are damaged before a start or under a running server: it says which file, goes on with older tables or
with the archive, and decides as if nothing had been."""
import os
import shutil
import signal
import time
import unittest

from night import SwapTest
from server import WAIT, transaction


class DamagedTablesTest(SwapTest):
    def setUp(self):
        super().setUp()
        self.harrierd = self.server("--lazy_sync_interval=5ms").start()
        self.sent = 0
        for _ in range(2):  # an older generation, and the current one
            self.more()
            before = self.harrierd.status()
            self.await_synced(self.harrierd)
            self.rebuild("--keep=2")
            self.await_adopted(self.harrierd, before)
        self.more()
        self.await_synced(self.harrierd)
        self.before = self.harrierd.status(state_hash=True)

    def more(self, count=1500):
        self.fill(self.harrierd, self.sent, count)
        self.sent += count

    def is_as_before(self):
        after = self.harrierd.status(state_hash=True)
        for field in ("transactions", "outcomes", "newest_event_time_us"):
            self.assertEqual(after.get(field), self.before.get(field), field)
        return after

    def restarts(self, *words):
        """The server starts without the current tables, says so, and has the same states."""
        self.harrierd.start()
        said = self.harrierd.said()
        for word in ("the current tables are damaged", self.link(), *words):
            self.assertIn(word, said)
        self.assertEqual(self.harrierd.metric("harrierd_generation_damaged"), 1)
        after = self.is_as_before()
        self.assertNotEqual(after.get("generation_id"), self.before["generation_id"])
        # Those that are damaged are not adopted either.
        self.await_status(self.harrierd, "refused", lambda status: status["swap_state"] == "refused")
        with self.harrierd.connect() as connection:
            again = connection.score([transaction(3, cards=997)])[0]["decision"]
            self.assertTrue(again["duplicate"])
        # A rebuild mends it.
        self.rebuild("--full", "--keep=1")
        self.await_adopted(self.harrierd, after)
        self.assertEqual(self.harrierd.metric("harrierd_generation_damaged"), 0)
        self.assertEqual(self.verify()[0], 0)

    def link(self):
        return os.readlink(os.path.join(self.generations, "current"))

    def flip(self, path, at):
        with open(path, "r+b") as file:
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 0x10]))

    def test_truncated_before_a_start(self):
        self.assertEqual(self.harrierd.stop(), 0)
        tables = self.current("tables.mdb")
        os.truncate(tables, os.path.getsize(tables) // 2)
        self.restarts("tables.mdb", "but the manifest says", "are used instead")

    def test_missing_and_no_other(self):
        self.assertEqual(self.harrierd.stop(), 0)
        os.unlink(self.current("tables.mdb"))
        for name in os.listdir(self.generations):
            if name.startswith("g-") and name != self.link():
                shutil.rmtree(os.path.join(self.generations, name))
        self.restarts("tables.mdb is missing", "the whole archive is folded instead")

    def test_a_damaged_manifest_and_a_damaged_older_one(self):
        self.assertEqual(self.harrierd.stop(), 0)
        self.flip(self.current("manifest.json"), 40)
        for name in os.listdir(self.generations):
            if name.startswith("g-") and name != self.link():
                path = os.path.join(self.generations, name, "tables.mdb")
                self.flip(path, os.path.getsize(path) - 200)
        self.restarts("manifest.json", "the whole archive is folded instead")

    def test_truncated_under_a_running_server(self):
        """No wrong value: the process ends, says why, and the next start goes on."""
        tables = self.current("tables.mdb")
        os.truncate(tables, 4096)
        deadline = time.monotonic() + WAIT
        number = 0
        while self.harrierd.process.poll() is None and time.monotonic() < deadline:
            try:
                with self.harrierd.connect() as connection:
                    while True:  # ids that only the tables have
                        again = connection.score([transaction(number % 2900, cards=997)])[0]["decision"]
                        self.assertTrue(again["duplicate"])
                        number += 1
                        self.assertLess(number, 10000, "the truncated tables were never read")
            except OSError:
                continue
        self.assertEqual(self.harrierd.wait(), 74)
        said = self.harrierd.said()
        self.assertIn("tables.mdb: the tables in use", said)
        self.restarts("tables.mdb", "but the manifest says")

    def test_flipped_bits(self):
        """Where a bit is flipped decides who finds it: the decoder of a state, LMDB, or reading the file against its
        hash. Whoever it is, the states are right in the end."""
        tables = self.current("tables.mdb")
        whole, size = self.bytes_of(tables), os.path.getsize(tables)
        for part in (0.2, 0.5, 0.9):
            self.harrierd.stop()
            with open(tables, "wb") as file:
                file.write(whole)
            self.flip(tables, int(size * part) + 200)
            for _ in range(3):
                self.harrierd.spawn()
                if self.ends_or_drops():
                    break
            self.harrierd.await_ready()
            after = self.is_as_before()
            self.assertNotEqual(after.get("generation_id"), self.before["generation_id"])
        self.rebuild("--full", "--keep=1")
        self.await_adopted(self.harrierd, after)
        self.assertEqual(self.verify()[0], 0)

    def test_a_crash_makes_them_suspect(self):
        """Damaged bytes may lead LMDB out of its map. The next start must not read them in the same way again."""
        os.kill(self.harrierd.process.pid, signal.SIGSEGV)
        self.assertEqual(self.harrierd.process.wait(WAIT), -signal.SIGSEGV)
        self.assertTrue(os.path.exists(self.current("suspect")), self.harrierd.said())
        self.harrierd.start()
        self.assertEqual(self.is_as_before()["generation_id"], self.before["generation_id"])

    def bytes_of(self, path):
        with open(path, "rb") as file:
            return file.read()

    def ends_or_drops(self):
        """False: the process ended, on purpose or by a failed check. True: it goes on without the tables."""
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            if self.harrierd.process.poll() is not None:
                self.assertIn(self.harrierd.process.returncode, (74, -6, -11), self.harrierd.said())
                return False
            try:
                if self.harrierd.metric("harrierd_generation_damaged") == 1:
                    return True
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError(self.harrierd.said())


if __name__ == "__main__":
    unittest.main()
