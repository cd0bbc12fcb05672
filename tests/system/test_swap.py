#!/usr/bin/env python3
"""A new generation while the server runs: adopted without a pause, or refused; and the messages when none comes."""
import os
import signal
import subprocess
import time
import unittest

from load import IS_STRICT, WAIT_MS_MAX, Prober
from night import HARRIER, SwapTest
from server import transaction


class LoadTest(SwapTest):
    def test_nobody_waits(self):
        """Four clients keep scoring, each transaction on a busy card and a busy merchant."""
        server = self.server().start()
        self.fill(server, 0, 20000)

        def probers(stretch):
            def request(prober, number):
                n = 20000 + (stretch * 4 + prober) * 100000 + number
                return {"score": {"transactions": [transaction(n, cards=97) | {"event_time_us": 1767250000000000}]}}

            return [Prober(server.address, lambda number, prober=prober: request(prober, number))
                    for prober in range(4)]

        def run(stretch, work):
            group = probers(stretch)
            for prober in group:
                prober.__enter__()
            try:
                work()
            finally:
                for prober in group:
                    prober.__exit__()
            return group

        before = run(0, lambda: time.sleep(2 if IS_STRICT else 0.3))  # to compare with

        def swap():
            status = server.status()
            self.rebuild()
            self.await_adopted(server, status)

        during = run(1, swap)
        for prober in during:
            prober.check()
        locked = server.metric("harrierd_swap_locked_seconds_sum") * 1000
        self.assertLess(locked, WAIT_MS_MAX)
        print(f"without a swap: {before[0].words()}\nduring a swap: {during[0].words()}; "
              f"longest of all clients {max(p.worst_ms for p in during):.1f} ms "
              f"(without {max(p.worst_ms for p in before):.1f} ms); decisions stood still for {locked:.1f} ms")
        status = server.status(state_hash=True)
        self.assertGreater(status["compared_entities"], 900)
        self.assertNotIn("differing_entities", status)
        sent = 20000 + sum(len(p.waits_ms) for p in before + during)
        self.assertEqual(status["transactions"], sent)
        self.assertEqual(self.verify()[0], 0)
        # From the tables, and from the archive alone, the state is the same.
        server.stop()
        server.start()
        self.assertEqual(server.status(state_hash=True)["state_hash"], status["state_hash"])
        server.stop()
        os.unlink(os.path.join(self.folder, "data", "generations", "current"))
        server.start()
        self.assertEqual(server.status(state_hash=True)["state_hash"], status["state_hash"])


class RefusedTest(SwapTest):
    def test_a_broken_one_is_refused_until_it_is_whole(self):
        server = self.server().start()
        self.fill(server, 0, 500)
        self.await_synced(server)
        self.rebuild()
        first = self.await_adopted(server, {})
        self.fill(server, 500, 500)
        self.await_synced(server)
        # Properly published, but damaged before the server can have read it.
        os.kill(server.process.pid, signal.SIGSTOP)
        self.rebuild()
        with open(self.current("tables.mdb"), "r+b") as tables:
            tables.seek(9000)
            byte = tables.read(1)
            tables.seek(9000)
            tables.write(bytes([byte[0] ^ 1]))
        os.kill(server.process.pid, signal.SIGCONT)
        status = self.await_status(server, "refused", lambda status: status["swap_state"] == "refused")
        self.assertIn("tables.mdb", status["swap_reason"])
        self.assertEqual(status["generation_id"], first["generation_id"])
        self.assertEqual(server.metric('harrierd_swaps_total{result="refused"}'), 1)
        self.assertEqual(server.metric('harrierd_swap_state{state="refused"}'), 1)
        self.assertIn("the old one stays", server.said())
        self.assertEqual(self.verify()[0], 65)
        self.fill(server, 1000, 10)
        with open(self.current("tables.mdb"), "r+b") as tables:
            tables.seek(9000)
            tables.write(byte)
        server.process.send_signal(signal.SIGHUP)  # look again
        status = self.await_adopted(server, first)
        self.assertEqual(status["position"], first["position"] + 500 + 10 + 1)
        code, report = self.verify()
        self.assertEqual((code, report["equal"]), (0, True))
        self.assertEqual({e["entity"]: e["different"] for e in report["entities"]}, {"card": 0, "merchant": 0})

    def test_verify_wants_what_belongs_together(self):
        server = self.server().start()
        self.fill(server, 0, 50)
        self.assertEqual(self.verify()[0], 66)  # no generation yet
        self.await_synced(server)
        self.rebuild()
        self.assertEqual(self.verify()[0], 0)
        other = self.server(f"--data_dir={self.folder}/other", name="other").start()
        self.fill(other, 1000, 60)
        done = subprocess.run(
            [HARRIER, "verify", os.path.join(self.folder, "other"), "--generation",
             os.path.realpath(os.path.join(self.folder, "data", "generations", "current"))],
            capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 66)
        self.assertIn("built from another archive than", done.stderr)


class FreshnessTest(SwapTest):
    def test_stale_tables_are_said(self):
        server = self.server("--stale_after=1s").start()
        self.fill(server, 0, 50)
        self.await_synced(server)
        self.rebuild()
        self.await_adopted(server, {})
        self.await_status(server, "stale", lambda status: status.get("stale", False))
        with server.connect() as connection:
            decision = connection.score([transaction(60)])[0]["decision"]
        self.assertTrue(decision["degraded"])
        self.assertIn("stale", decision["degraded_reason"])
        self.assertEqual(server.metric("harrierd_generation_stale"), 1)
        self.assertGreater(server.metric("harrierd_generation_age_seconds"), 1)
        self.assertEqual(server.metric("harrierd_generation_lag_records"), 2)  # the adoption, t60
        server.await_said("run `harrier rebuild`")

    def test_the_overlay_is_bounded(self):
        server = self.server("--overlay_limit=1MiB").start()
        self.assertEqual(server.metric("harrierd_rebuild_wanted"), 0)
        number = 0
        with server.connect() as connection:

            def score():
                return connection.call({"score": {"transactions": [transaction(number, cards=10**6)]}})

            while "score" in (answer := score()):
                number += 1
                self.assertLess(number, 100000)
            self.assertEqual(answer["error"]["code"], "ERROR_UNAVAILABLE")
            self.assertIn("overlay_limit", answer["error"]["message"])
            status, reason, _ = server.http("/readyz")
            self.assertEqual(status, 503)
            self.assertIn("overlay_limit", reason)
            self.assertEqual(server.metric("harrierd_rebuild_wanted"), 1)
            self.assertGreater(server.metric("harrierd_overlay_memory_bytes"), 1 << 20)
            before = connection.status(state_hash=True)
            self.await_synced(server)
            self.rebuild()
            server.await_ready()
            self.assertIn("score", score())
            after = connection.status(state_hash=True)
        self.assertEqual(after["transactions"], before["transactions"] + 1)
        self.assertEqual(after["overlay_entities"], 2)  # a card and a merchant


if __name__ == "__main__":
    unittest.main()
