#!/usr/bin/env python3
"""The archive's disk fails under a running server: what it answers meanwhile, and that nothing is missing afterwards."""
import errno
import os
import shutil
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from server import POLICY, WAIT, Server, counts, transaction

HARRIER = os.environ["HARRIER"]


class Disk:
    """What failing_disk.c reads."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "disk")
        self.set()

    def set(self, write=0, sync=0, hang_ms=0, truncate=0):
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as file:
            file.write(struct.pack("iiii", write, sync, hang_ms, truncate))

    def environment(self):
        return {"LD_PRELOAD": os.environ["FAILING_DISK_LIBRARY"], "FAILING_DISK": self.path,
                "ASAN_OPTIONS": "verify_asan_link_order=0"}.items()


class DiskFaultsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
        self.addCleanup(shutil.rmtree, self.folder)
        for name, content in POLICY.items():
            path = os.path.join(self.folder, "policy", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        os.makedirs(os.path.join(self.folder, "data"))
        self.disk = Disk(self.folder)
        self.first = {}  # id → its first decision
        self.sent = []

    def server(self, *flags):
        server = Server(self.folder, *flags)
        self.addCleanup(server.kill)
        self.harrierd = server
        return server.start(environment=self.disk.environment())

    def score(self, connection, count=5):
        """Scores new transactions; returns the decisions."""
        batch = [transaction(len(self.sent) + i, cards=40) for i in range(count)]
        results = connection.score(batch)
        for one, result in zip(batch, results):
            self.assertIn("decision", result, result)
            self.sent.append(one)
            self.first[one["id"]] = result["decision"]
        return [result["decision"] for result in results]

    def await_degraded(self, connection):
        """Scores until the answers say that they are in memory only."""
        deadline = time.monotonic() + WAIT
        while not (decisions := self.score(connection, 1))[0].get("degraded"):
            self.assertLess(time.monotonic(), deadline, self.harrierd.said())
            time.sleep(0.01)
        return decisions[0]

    def await_metric(self, name, value):
        deadline = time.monotonic() + WAIT
        while self.harrierd.metric(name) != value:
            self.assertLess(time.monotonic(), deadline, self.harrierd.said())
            time.sleep(0.02)

    def is_unsaved(self, decision):
        self.assertTrue(decision["degraded"])
        self.assertIn("archive: the disk fails", decision["degraded_reason"])

    def all_is_there(self, connection):
        """Each transaction has its first decision, once, and no answer is degraded any more."""
        for start in range(0, len(self.sent), 200):
            part = self.sent[start : start + 200]
            for one, result in zip(part, connection.score(part)):
                again, first = result["decision"], self.first[one["id"]]
                self.assertTrue(again["duplicate"])
                self.assertFalse(again.get("degraded"))
                for field in ("position", "verdict", "score"):
                    self.assertEqual(again.get(field), first.get(field), one["id"])
        self.assertEqual(connection.status()["transactions"], len(self.sent))

    def replays(self):
        """The archive is whole, and every decision in it is derived again as it was."""
        archive = os.path.join(self.folder, "data", "archive")
        for command in (["archive", "verify", archive], ["replay", archive, "--recorded"]):
            ran = subprocess.run([HARRIER, *command], capture_output=True, text=True, check=False)
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def outage(self, server, fault):
        with server.connect() as connection:
            self.score(connection, 50)
            self.disk.set(**fault)
            decision = self.await_degraded(connection)
            self.is_unsaved(decision)
            for decision in self.score(connection, 100)[1:]:
                self.is_unsaved(decision)
            self.assertEqual(server.metric("harrierd_archive_degraded"), 1)
            self.assertGreater(server.metric("harrierd_archive_held_bytes"), 0)
            self.assertGreaterEqual(server.metric("harrierd_archive_unsaved_answers_total"), 100)
            self.assertGreaterEqual(server.metric("harrierd_archive_write_failures_total"), 1)
            code, why, _ = server.http("/readyz")
            self.assertEqual(code, 200)
            self.assertIn("degraded: archive", why)
            self.assertIn("degraded: archive", connection.status()["state_reason"])
            # A repeat gets its decision, and the same warning.
            one = self.sent[-1]
            again = connection.score([one])[0]["decision"]
            self.assertTrue(again["duplicate"])
            self.is_unsaved(again)
            # What is no decision cannot say that it may be lost: it is refused.
            answer = connection.call({"report_outcome": {"outcomes": [
                {"transaction_id": self.sent[0]["id"], "label": "LABEL_FRAUD"}]}})
            self.assertEqual(answer["error"]["code"], "ERROR_UNAVAILABLE")
            self.assertIn("only decisions can be made", answer["error"]["message"])
            self.disk.set()
            self.await_metric("harrierd_archive_degraded", 0)
            server.await_said("the archive is complete again")
            self.assertEqual(server.http("/readyz")[1].strip(), "ready")
            self.assertEqual(server.metric("harrierd_archive_held_records"), 0)
            self.all_is_there(connection)

    def endures(self, *flags):
        server = self.server("--archive_failure=degrade", "--archive_failure_after=200ms", *flags)
        self.outage(server, {"write": errno.EIO})
        self.outage(server, {"write": errno.ENOSPC})
        self.outage(server, {"sync": errno.EIO})
        self.outage(server, {"write": errno.EROFS, "truncate": errno.EROFS, "sync": errno.EIO})
        with server.connect() as connection:
            before = counts(connection.status())
        server.kill()
        self.replays()
        server.start(environment=self.disk.environment())
        with server.connect() as connection:
            self.assertEqual(counts(connection.status()), before)
            self.all_is_there(connection)

    def test_written(self):
        self.endures()

    def test_synced(self):
        self.endures("--durability=synced")

    def test_a_disk_that_hangs(self):
        """The answers that wait for it are sent without it."""
        server = self.server("--archive_failure=degrade", "--archive_failure_after=200ms", "--durability=synced")
        with server.connect() as connection:
            self.score(connection, 20)
            self.disk.set(hang_ms=1 << 30)
            self.is_unsaved(self.score(connection, 10)[0])
            self.is_unsaved(self.score(connection, 10)[0])
            self.assertIn("a sync has taken", server.http("/readyz")[1])
            self.disk.set()
            self.await_metric("harrierd_archive_degraded", 0)
            self.all_is_there(connection)
        self.assertEqual(server.stop(), 0)
        self.replays()

    def test_memory_that_is_full_while_the_disk_hangs(self):
        """Whoever waited before is answered, too."""
        server = self.server("--archive_failure=degrade", "--archive_failure_after=2s", "--archive_failure_memory=1MiB",
                             "--durability=synced")
        same = {"event_time_us": transaction(20)["event_time_us"]}  # in whatever order they come, none is late
        batches = [[transaction(1000 * (i + 1) + j) | same for j in range(1000)] for i in range(24)]
        answers = [None for _ in batches]

        def score(i):
            with server.connect() as connection:
                answers[i] = connection.call({"score": {"transactions": batches[i]}})

        with server.connect() as connection:
            self.score(connection, 20)
            self.disk.set(hang_ms=1 << 30)
            waiters = [threading.Thread(target=score, args=(i,), daemon=True) for i in range(len(batches))]
            for waiter in waiters:
                waiter.start()
            deadline = time.monotonic() + 40
            for waiter in waiters:
                waiter.join(max(0, deadline - time.monotonic()))
            for batch, answer in zip(batches, answers):
                self.assertIsNotNone(answer, "its answer waits for the disk")
                for one, result in zip(batch, answer.get("score", {"results": []})["results"]):
                    self.is_unsaved(result["decision"])
                    self.sent.append(one)
                    self.first[one["id"]] = result["decision"]
            self.assertTrue(self.sent[20:])
            self.assertTrue(any("error" in answer for answer in answers), "the memory was never full")
            self.disk.set()
            self.await_metric("harrierd_archive_degraded", 0)
            self.all_is_there(connection)
        self.assertEqual(server.stop(), 0)
        self.replays()

    def test_full_memory(self):
        """The bound holds, the refusal says so, and what was answered before is complete in the end."""
        server = self.server("--archive_failure=degrade", "--archive_failure_memory=1MiB")
        with server.connect() as connection:
            self.score(connection, 20)
            self.disk.set(write=errno.EIO)
            while True:
                batch = [transaction(len(self.sent) + i, cards=40) for i in range(100)]
                answer = connection.call({"score": {"transactions": batch}})
                if "error" in answer:
                    break
                for one, result in zip(batch, answer["score"]["results"]):
                    self.sent.append(one)
                    self.first[one["id"]] = result["decision"]
            self.assertEqual(answer["error"]["code"], "ERROR_UNAVAILABLE")
            self.assertIn("archive_failure_memory is used up", answer["error"]["message"])
            self.assertEqual(server.http("/readyz")[0], 503)
            held = server.metric("harrierd_archive_held_bytes")
            self.assertGreaterEqual(held, 1 << 20)
            self.assertLess(held, (1 << 20) + (256 << 10))
            self.disk.set()
            server.await_ready()
            self.await_metric("harrierd_archive_degraded", 0)
            self.all_is_there(connection)
        self.assertEqual(server.stop(), 0)
        self.replays()

    def test_an_end_in_an_outage(self):
        """What is lost then is said, and everything before is whole."""
        server = self.server("--archive_failure=degrade", "--durability=synced")
        with server.connect() as connection:
            self.score(connection, 20)
            saved = len(self.sent)
            self.disk.set(write=errno.EIO)
            self.is_unsaved(self.await_degraded(connection))
            self.score(connection, 10)
        self.assertEqual(server.stop(), 74)
        self.assertIn("are in memory only, and are lost", server.said())
        self.disk.set()
        server.start(environment=self.disk.environment())
        self.sent = self.sent[:saved]
        with server.connect() as connection:
            self.all_is_there(connection)
        self.assertEqual(server.stop(), 0)
        self.replays()

    def test_stop(self):
        """By default nothing is answered that is not written, and a failed sync ends the process."""
        server = self.server("--durability=synced")
        with server.connect() as connection:
            self.score(connection, 20)
            self.disk.set(write=errno.EIO)
            one = transaction(1000)
            answer = connection.call({"score": {"transactions": [one]}})
            error = answer.get("error") or answer["score"]["results"][0]["error"]
            self.assertEqual(error["code"], "ERROR_UNAVAILABLE")
            self.disk.set()
            server.await_ready()
            self.all_is_there(connection)
            self.disk.set(sync=errno.EIO)
            answer = connection.call({"score": {"transactions": [one]}})
            self.assertEqual(answer["error"]["code"], "ERROR_UNAVAILABLE")
        self.assertEqual(server.wait(), 74)
        self.disk.set()
        server.start(environment=self.disk.environment())
        with server.connect() as connection:
            # It was never acknowledged; that it is there is allowed.
            self.sent.append(one)
            self.first[one["id"]] = connection.score([one])[0]["decision"]
            self.all_is_there(connection)
        server.stop()
        self.replays()


if __name__ == "__main__":
    unittest.main()
