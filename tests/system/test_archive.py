#!/usr/bin/env python3
"""What a restart finds: after kill -9, after a torn write, after damage."""
import hashlib
import os
import threading
import time
import unittest

from server import ServerTest, counts, transaction


def fill(connection, first, last):
    for start in range(first, last, 50):
        batch = [transaction(number) for number in range(start, min(start + 50, last))]
        for result in connection.score(batch):
            assert "decision" in result, result
        connection.report(f"t{start}", "fraud")


def fingerprint(folder):
    """The hash of every file below the folder."""
    found = {}
    for where, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(where, name)
            with open(path, "rb") as file:
                found[path] = hashlib.sha256(file.read()).hexdigest()
    return found


class ArchiveTest(ServerTest):
    def test_kill_and_restart(self):
        server = self.server().start()
        with server.connect() as connection:
            fill(connection, 0, 500)
            before = connection.status(state_hash=True)
        server.kill()
        server.start()
        after = server.status(state_hash=True)
        self.assertEqual(counts(after), counts(before))
        self.assertEqual(after["transactions"], 500)
        self.assertEqual(after["outcomes"], 10)
        with server.connect() as connection:
            results = connection.score([transaction(number) for number in range(500)])
            self.assertTrue(all(result["decision"]["duplicate"] for result in results))
            self.assertEqual(counts(connection.status(state_hash=True)), counts(before))

    def test_kill_in_the_middle_of_traffic(self):
        """Every answered transaction is there; after all are sent again, each one is there once."""
        server = self.server().start()
        answered = []

        def send():
            try:
                with server.connect() as connection:
                    for start in range(0, 100000, 20):
                        batch = [transaction(number) for number in range(start, start + 20)]
                        answered.extend(r["decision"] for r in connection.score(batch))
            except OSError:
                pass

        sender = threading.Thread(target=send)
        sender.start()
        while len(answered) < 400:
            time.sleep(0.005)
        server.kill()
        sender.join()
        server.start()
        total = len(answered) + 40
        with server.connect() as connection:
            self.assertGreaterEqual(connection.status()["transactions"], len(answered))
            for start in range(0, total, 20):
                results = connection.score([transaction(number) for number in range(start, start + 20)])
                for number, result in enumerate(results, start):
                    if number < len(answered):
                        first = answered[number]
                        again = result["decision"]
                        self.assertTrue(again.get("duplicate"))
                        for field in ("transaction_id", "verdict", "score", "position", "snapshot_id"):
                            self.assertEqual(again.get(field), first.get(field))
            self.assertEqual(connection.status()["transactions"], total)

    def test_torn_tail(self):
        server = self.server().start()
        with server.connect() as connection:
            fill(connection, 0, 100)
            before = connection.status(state_hash=True)
        self.assertEqual(server.stop(), 0)
        (segment,) = self.segments(server)
        whole = os.path.getsize(segment)
        with open(segment, "ab") as file:
            file.write(os.urandom(100))  # a write that the machine did not finish
        server.start()
        self.assertIn("the archive ended in an incomplete record: 100 bytes after position", server.said())
        self.assertEqual(counts(server.status(state_hash=True)), counts(before))
        server.kill()
        self.assertGreaterEqual(os.path.getsize(segment), whole)
        kept = [name for name in os.listdir(os.path.dirname(segment)) if not name.endswith(".seg")]
        self.assertEqual(len(kept), 1, kept)
        self.assertEqual(os.path.getsize(os.path.join(os.path.dirname(segment), kept[0])), 100)

    def test_damaged_middle(self):
        server = self.server().start()
        with server.connect() as connection:
            fill(connection, 0, 200)
        self.assertEqual(server.stop(), 0)
        (segment,) = self.segments(server)
        with open(segment, "r+b") as file:
            file.seek(os.path.getsize(segment) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 0x10]))
        before = fingerprint(server.archive)
        server.spawn()
        self.assert_ends(server, 74, os.path.basename(segment), "byte ")
        after = fingerprint(server.archive)
        lock = os.path.join(server.archive, "lock")
        before.pop(lock, None), after.pop(lock, None)
        self.assertEqual(after, before)

    def test_synced_answers(self):
        server = self.server("--durability=synced").start()
        with server.connect() as connection:
            for number in range(20):
                decision = connection.score([transaction(number)])[0]["decision"]
                self.assertGreaterEqual(connection.status()["synced_position"], decision["position"])
            before = connection.status(state_hash=True)
        self.assertEqual(server.stop(), 0)
        server.start()
        self.assertEqual(counts(server.status(state_hash=True)), counts(before))

    def test_what_a_kill_left_unsynced_is_synced_after_the_restart(self):
        """A repeated id waits for the disk, too, even if no new record has to be written."""
        server = self.server("--lazy_sync_interval=1m").start()
        with server.connect() as connection:
            fill(connection, 0, 50)
            self.assertEqual(connection.status().get("synced_position", 0), 0)
        server.kill()
        server.flags = ("--durability=synced",)
        server.start()
        with server.connect() as connection:
            for result in connection.score([transaction(number) for number in range(50)]):
                self.assertTrue(result["decision"]["duplicate"])
            status = connection.status()
        self.assertEqual(status["synced_position"], status["position"])


if __name__ == "__main__":
    unittest.main()
