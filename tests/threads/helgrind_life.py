"""A server's life with everything that its threads share, short enough for valgrind: clients on each front score, report,
amend and change lists while the server reloads its policy and its tokens, adopts tables, searches, explains, takes in
history, sends events and is asked for its metrics; then it stops.

tests/threads/helgrind runs it with HARRIERD as a script that runs harrierd under helgrind.
"""
import json
import os
import signal
import subprocess
import threading
import time
import unittest
import urllib.request

from event_receiver import Receiver
from night import SwapTest
from server import POLICY, WAIT, free_port, transaction

HARRIER = os.environ["HARRIER"]
SWAPS = 2
CLIENTS = 2
LISTS = "lists:\n  blocked: {about: for tests}\n"
BLOCKS = "rules:\n  - {name: blocked, when: card in lists.blocked, then: {verdict: decline}}\n"


class Traffic(threading.Thread):
    """One connection; every kind of request that changes something, until it is stopped."""

    def __init__(self, connect, first, token):
        super().__init__()
        self.connect, self.number, self.token = connect, first, token
        self.ending = threading.Event()
        self.failure, self.answered = None, 0

    def call(self, connection, **request):
        response = connection.call({**request, **({"token": self.token} if self.token else {})})
        if "error" in response:
            raise AssertionError(response)
        self.answered += 1
        return response

    def run(self):
        try:
            with self.connect() as connection:
                while not self.ending.is_set():
                    self.one(connection)
                    time.sleep(0.02)
        except BaseException as failure:  # pylint: disable=broad-except
            self.failure = failure

    def one(self, connection):
        batch = [transaction(self.number + i) for i in range(5)]
        self.number += 5
        self.call(connection, score={"transactions": batch})
        key = batch[0]["id"]
        self.call(connection, report_outcome={"outcomes": [{"transaction_id": key, "label": "LABEL_FRAUD"}]})
        self.call(connection, amend={"amendments": [{"transaction_id": key, "kind": "AMENDMENT_VOID"}]})
        self.call(connection, change_list={"changes": [{"list": "blocked", "value": f"v{self.number % 50}"}]})
        self.call(connection, score={"transactions": [transaction(1)], "dry_run": True, "return_features": True})

    def stop(self):
        self.ending.set()
        self.join()
        if self.failure:
            raise self.failure
        if self.answered == 0:
            raise AssertionError("a client without an answer")


class LifeTest(SwapTest):
    def setUp(self):
        super().setUp()
        self.write_policy("lists.yaml", LISTS)
        self.write_policy("rules/blocks.yaml", BLOCKS)
        self.token = None

    def begin(self, *flags):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        self.http = free_port()
        self.harrierd = self.server(
            f"--http_listen=127.0.0.1:{self.http}", f"--event_url={receiver.url()}",
            "--events=verdict:review,policy_adopted,generation_adopted", "--lazy_sync_interval=5ms",
            f"--rejects={self.folder}/rejects.jsonl",
            "--watchdog_interval=0",  # it takes a server that valgrind slows down for one that hangs
            *flags).start()

    def call(self, **request):
        with self.harrierd.connect() as connection:
            response = connection.call({**request, **({"token": self.token} if self.token else {})})
        self.assertNotIn("error", response)
        return response

    def status(self, **more):
        return self.call(status=more)["status"]

    def await_that(self, what, holds):
        deadline = time.monotonic() + WAIT
        while not holds():
            self.assertLess(time.monotonic(), deadline, f"never {what}: {self.harrierd.said()}")
            time.sleep(0.05)

    def over_http(self, number):
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = json.dumps({"transactions": [transaction(number), {"id": "refused"}]}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}/v1/score", body, headers)
        with urllib.request.urlopen(request, timeout=WAIT) as answer:
            self.assertEqual(len(json.load(answer)["results"]), 2)

    def reload(self, score):
        before = self.status()["snapshot_id"]
        self.write_policy("rules/velocity.yaml", POLICY["rules/velocity.yaml"].replace("400", str(score)))
        self.harrierd.process.send_signal(signal.SIGHUP)
        self.await_that("reloaded", lambda: self.status()["snapshot_id"] != before)

    def swap(self):
        before = self.status().get("generation_id")
        subprocess.run([HARRIER, "rebuild", "--data", self.data, "--quiet"], check=True, capture_output=True)
        self.harrierd.process.send_signal(signal.SIGHUP)
        self.await_that("adopted", lambda: self.status().get("generation_id") != before
                        and self.status()["swap_state"] == "idle")
        self.assertEqual(self.status().get("differing_entities", 0), 0)

    def ask_for_everything(self, number):
        key = transaction(10**6)["id"]
        self.call(find={"limit": 10})
        self.call(explain={"transaction_id": key})
        self.call(get_entity={"entity": "card", "key": ["c1"]})
        self.call(get_list={"list": "blocked"})
        self.call(backfill={"items": [{"transaction": transaction(number + i)} for i in range(5)]})
        self.status(state_hash=True)
        self.over_http(number + 10)
        for path in ("/metrics", "/readyz", "/livez"):
            self.harrierd.http(path)

    def live(self):
        clients = [Traffic(self.harrierd.connect, 10**6 * (1 + i), self.token) for i in range(CLIENTS)]
        for client in clients:
            client.start()
        try:
            for i in range(SWAPS):
                self.await_that("scored", lambda i=i: self.status().get("transactions", 0) > 30 * (i + 1))
                self.ask_for_everything(1000 * (i + 1))
                self.reload(410 + i)
                self.swap()
        finally:
            for client in clients:
                client.ending.set()
        for client in clients:
            client.stop()
        self.assertEqual(self.harrierd.stop(), 0, self.harrierd.said())

    def test_own_front(self):
        self.begin("--durability=synced")
        self.live()

    def test_front_of_nng_with_tokens(self):
        tokens = os.path.join(self.folder, "tokens")
        made = subprocess.run([HARRIER, "token", "new", "life", "--scopes", "score,outcome,find,backfill,admin", "--tokens", tokens],
                              check=True, capture_output=True, text=True, timeout=WAIT)
        self.token = made.stdout.split()[-1]
        self.harrierd = None
        self.begin_nng(f"--tokens={tokens}")
        self.live()

    def begin_nng(self, *flags):
        """Its own REP socket of nng, at the same address."""
        server = self.server
        self.server = lambda *more: self.listening_by_nng(server(*more))
        try:
            self.begin(*flags)
        finally:
            self.server = server

    @staticmethod
    def listening_by_nng(server):
        server.listen = f"nng+{server.address}"
        return server


if __name__ == "__main__":
    unittest.main()
