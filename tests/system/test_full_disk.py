#!/usr/bin/env python3
"""A disk that really is full: that of the tables, of a rebuild's spill files, of the archive."""
import os
import sys
import time
import unittest

from night import Night, NightTest
from server import WAIT, counts, transaction
from small_disk import SmallDisk, enter_namespace, is_possible

MIB = 1 << 20
NO_ROOM = "No space left on device"


class DiskTest(NightTest):
    def disk(self, folder, size):
        disk = SmallDisk(folder, size)
        self.addCleanup(disk.unmount)
        return disk


class TablesTest(DiskTest):
    def sweep(self, disk, most, *flags):
        """Rebuilds with no room, then with a little more each time, until it succeeds. Returns the messages. The server
        scores on, so tables of a slow machine grow meanwhile, faster than by small steps: beyond `most` they double."""
        room, said = 0, []
        while True:
            disk.fill(leave=room)
            night = Night(self.data, "--full", "--keep=1", *flags)
            if night.process.wait(timeout=WAIT) == 0:
                break
            said.append(self.fails(74, NO_ROOM, self.generations, night=night))
            disk.make_room()
            room += most // 16 + 4096 if room < most else room
            self.assertLess(room, 16 * most, "it never had enough")
        night.end()
        disk.make_room()
        return said

    def test_tables(self):
        disk = self.disk(self.generations, 32 * MIB)
        self.begin()
        self.more()
        before = self.harrierd.status()
        self.succeeds("--full")
        # Not what the disk has less of: the server may free older tables meanwhile.
        tables = os.path.getsize(self.current("tables.mdb"))
        self.await_adopted(self.harrierd, before)
        self.more()
        self.assertGreater(len(self.sweep(disk, tables)), 5)
        self.next_night()
        self.end_well()

    def test_what_memory_does_not_hold(self):
        """So many threads and streams that almost all of it has to be spilled."""
        spilling = ("--memory=64M", "--threads=64", "--partitions=8")
        disk = self.disk(self.generations, 64 * MIB)
        self.begin(transactions=20000)
        self.more()
        before = self.harrierd.status()
        report, _ = self.succeeds("--full", *spilling)
        self.assertGreater(report["spilled_bytes"], MIB // 4)
        self.await_adopted(self.harrierd, before)
        self.more()
        said = self.sweep(disk, report["spilled_bytes"] + os.path.getsize(self.current("tables.mdb")), *spilling)
        self.assertTrue(any("cannot write a temporary file" in line for line in said), said)
        self.next_night()
        self.end_well()


class ArchiveTest(DiskTest):
    def setUp(self):
        super().setUp()
        os.makedirs(self.data)
        self.full = self.disk(os.path.join(self.data, "archive"), 8 * MIB)
        self.harrierd = self.server("--lazy_sync_interval=5ms").start()
        self.sent = {}

    def score(self, connection, count=20):
        """Scores, and notes which transactions got a decision; returns the answer."""
        batch = [transaction(len(self.sent) + number, cards=50) for number in range(count)]
        answer = connection.call({"score": {"transactions": batch}})
        for one, result in zip(batch, answer.get("score", {}).get("results", ())):
            if "decision" in result:
                self.sent[one["id"]] = (one, result["decision"])
        return answer

    def run_full(self, connection):
        """Scores until the disk is full. Returns the error."""
        self.full.fill(leave=64 << 10)
        while "error" not in (answer := self.score(connection)):
            refused = [r["error"] for r in answer["score"]["results"] if "error" in r]
            if refused:
                self.assertEqual(len(refused), len(answer["score"]["results"]), "all of a message, or none")
                return refused[0]
        return answer["error"]

    def all_is_there(self):
        """The server has exactly the answered transactions, each with its first decision."""
        with self.harrierd.connect() as connection:
            sent = list(self.sent.values())
            for start in range(0, len(sent), 500):
                part = sent[start : start + 500]
                for (_, first), result in zip(part, connection.score([one for one, _ in part])):
                    again = result["decision"]
                    self.assertTrue(again["duplicate"])
                    for field in ("position", "verdict", "score"):
                        self.assertEqual(again.get(field), first.get(field))
            self.assertEqual(connection.status()["transactions"], len(self.sent))

    def is_unavailable(self, connection, error):
        self.assertEqual(error["code"], "ERROR_UNAVAILABLE")
        self.assertIn("the archive could not be written", error["message"])
        self.assertIn(NO_ROOM, error["message"])
        self.assertIn("try again with the same ids", error["message"])
        self.await_unavailable(connection)
        self.assertGreaterEqual(self.harrierd.metric("harrierd_archive_write_failures_total"), 1)
        self.harrierd.await_said(NO_ROOM)

    def await_unavailable(self, connection=None):
        """The server says so and why, with the metric. An attempt to go on first folds the archive again, and says that
        instead meanwhile; it may also succeed once more, until the next write."""
        deadline = time.monotonic() + WAIT
        while True:
            try:
                code, why, _ = self.harrierd.http("/readyz")
                if code == 503 and NO_ROOM in why and self.harrierd.metric("harrierd_ready") == 0:
                    return
                if code == 200 and connection:
                    self.score(connection, 1)
            except OSError:  # it has only just been started
                pass
            self.assertLess(time.monotonic(), deadline, self.harrierd.said())
            self.assertIsNone(self.harrierd.process.poll(), self.harrierd.said())
            time.sleep(0.01)

    def stays_unavailable(self, connection):
        """The server retries every second. That write is so small that it may still fit a few times."""
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            if "error" not in self.score(connection, 1):
                until = time.monotonic() + 1.5
            time.sleep(0.02)

    def goes_on_counting(self, connection):
        """Each attempt counts, so that an alert lasts as long as the disk is full."""
        def failures():
            return self.harrierd.metric("harrierd_archive_write_failures_total")

        before, until = failures(), time.monotonic() + WAIT
        while failures() < before + 2:
            self.assertLess(time.monotonic(), until, "the counter stands still")
            self.score(connection, 1)  # an attempt may still have fitted, and the server be ready
            time.sleep(0.05)

    def test_it_comes_back(self):
        with self.harrierd.connect() as connection:
            for _ in range(3):
                error = self.run_full(connection)
                print(f"archive full: {error['message']}".replace(self.folder, "…"))
                self.is_unavailable(connection, error)
                self.stays_unavailable(connection)
                self.goes_on_counting(connection)
                self.full.make_room()
                self.harrierd.await_ready()
                self.all_is_there()
                self.score(connection)
        before = self.await_synced(self.harrierd)
        self.rebuild()
        self.assertEqual(self.verify()[0], 0)
        self.assertEqual(self.harrierd.stop(), 0)
        self.harrierd.start()
        after = self.harrierd.status()
        self.assertEqual(counts(after)["transactions"], counts(before)["transactions"])
        self.all_is_there()

    def test_a_night_on_a_full_archive(self):
        """A night only reads the archive; the server adopts the tables as soon as it can record the adoption."""
        with self.harrierd.connect() as connection:
            self.score(connection, 500)
            self.is_unavailable(connection, self.run_full(connection))
            status, report, said = self.night("--full")
            self.assertEqual(status, 0, said)
            self.full.make_room()
            self.harrierd.await_ready()
            self.harrierd.process.send_signal(1)
            status = self.await_adopted(self.harrierd, {})
            self.assertEqual(status["generation_id"], int(report["generation"], 16))
            self.score(connection)
        self.all_is_there()
        self.assertEqual(self.verify()[0], 0)

    def test_started_without_room(self):
        """There are new tables, but the server cannot record their adoption: it waits and keeps trying."""
        with self.harrierd.connect() as connection:
            self.score(connection, 500)
            self.is_unavailable(connection, self.run_full(connection))
            self.full.fill()
            self.stays_unavailable(connection)
        status, report, said = self.night("--full")
        self.assertEqual(status, 0, said)
        self.assertEqual(self.harrierd.stop(), 0, self.harrierd.said())
        self.harrierd.spawn()
        self.await_unavailable()
        time.sleep(1.5)
        self.await_unavailable()
        self.full.make_room()
        self.harrierd.await_ready()
        self.assertEqual(self.harrierd.status()["generation_id"], int(report["generation"], 16))
        self.all_is_there()


if __name__ == "__main__":
    enter_namespace()
    if not is_possible():
        sys.exit(77)  # skipped
    unittest.main()
