#!/usr/bin/env python3
"""SIGHUP and SIGTERM, and the admin HTTP that shows what they do."""
import glob
import os
import re
import signal
import socket
import threading
import time
import unittest

from server import POLICY, WAIT, ServerTest, transaction


class ReloadTest(ServerTest):
    def reload(self, server, words):
        server.process.send_signal(signal.SIGHUP)
        server.await_said(words)

    def test_broken_policy_keeps_the_old_one(self):
        server = self.server().start()
        before = server.status()
        self.write_policy("rules/velocity.yaml", "rules:\n  - {name: many, about: many, when: amount >}\n")
        self.reload(server, "policy refused")
        after = server.status()
        self.assertEqual(after["snapshot_id"], before["snapshot_id"])
        self.assertEqual(after["position"], before["position"])
        self.assertIn("rules/velocity.yaml:2:", after["reload_error"])
        self.assertIn("rules/velocity.yaml:2:", server.said())
        self.assertEqual(server.metric('harrierd_reloads_total{result="refused"}'), 1)
        with server.connect() as connection:
            self.assertIn("decision", connection.score([transaction(1)])[0])

    def test_good_policy_is_adopted_between_two_decisions(self):
        server = self.server().start()
        with server.connect() as connection:
            before = [r["decision"] for r in connection.score([transaction(n, cards=1) for n in range(4)])]
            self.write_policy("rules/velocity.yaml", POLICY["rules/velocity.yaml"].replace("400", "800"))
            self.reload(server, "adopted")
            while connection.status()["snapshot_id"] == before[0]["snapshot_id"]:
                time.sleep(0.01)
            after = connection.score([transaction(4, cards=1)])[0]["decision"]
        self.assertEqual((before[3]["verdict"], after["verdict"]), ("VERDICT_REVIEW", "VERDICT_DECLINE"))
        self.assertEqual(after["position"], before[3]["position"] + 2)  # the snapshot's record lies between
        self.assertNotIn("reload_error", server.status())

    def test_options_are_read_again(self):
        config = os.path.join(self.folder, "harrierd.conf")

        def write(text):
            with open(config, "w", encoding="utf-8") as file:
                file.write(text)

        write("max_ahead = 1h\n")
        server = self.server(f"--config={config}").start()
        ahead = {**transaction(1), "event_time_us": int((time.time() + 7200) * 1e6)}
        with server.connect() as connection:
            self.assertEqual(connection.score([ahead])[0]["error"]["field"], "event_time_us")
            write("max_ahead = 3h\nmax_requests = 9\n")
            self.reload(server, "changed, but only effective after a restart: max_requests")
            server.await_said("is unchanged")
            self.assertIn("decision", connection.score([ahead])[0])
            write("max_ahaed = 3h\n")
            self.reload(server, "did you mean max_ahead?")
        self.assertIn("harrierd.conf:1:", server.status()["reload_error"])


class EndTest(ServerTest):
    def test_term_when_idle(self):
        server = self.server("--drain_timeout=10m").start()
        began = time.monotonic()
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - began, 60)
        self.assertFalse(os.path.exists(server.address[len("ipc://") :]))

    def test_term_in_traffic(self):
        """Every answered transaction is in the archive, every request got an answer or a closed connection, and the
        server exits with status 0."""
        server = self.server().start()
        answered = [[] for _ in range(4)]
        stopping = threading.Event()

        def send(sender):
            try:
                with server.connect() as connection:
                    for number in range(sender, 10**6, len(answered)):
                        answered[sender].append(connection.score([transaction(number)])[0]["decision"])
            except OSError:
                self.assertTrue(stopping.is_set())

        senders = [threading.Thread(target=send, args=(n,)) for n in range(len(answered))]
        for sender in senders:
            sender.start()
        while min(map(len, answered)) < 50:
            time.sleep(0.005)
        stopping.set()
        self.assertEqual(server.stop(), 0)
        for sender in senders:
            sender.join()
        server.start()
        total = sum(map(len, answered))
        with server.connect() as connection:
            status = connection.status()
            self.assertGreaterEqual(status["transactions"], total)
            self.assertEqual(status["synced_position"], status["position"])
            for n, decisions in enumerate(answered):
                last = connection.score([transaction(n + (len(decisions) - 1) * len(answered))])[0]
                self.assertEqual(last["decision"]["position"], decisions[-1]["position"])
        self.assertNotIn("incomplete record", server.said())

    def test_term_while_starting(self):
        server = self.server().spawn()
        server.await_said("listening on")
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(), 0)

    def test_supervisor_is_told(self):
        path = os.path.join(self.folder, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            supervisor.bind(path)
            supervisor.settimeout(WAIT)
            server = self.server().spawn(environment={"NOTIFY_SOCKET": path}.items())
            self.assertIn(b"READY=1", supervisor.recv(1000).split(b"\n"))
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(supervisor.recv(1000), b"STOPPING=1")
            self.assertEqual(server.wait(), 0)


class AdminTest(ServerTest):
    def test_pages(self):
        server = self.server().start()
        self.assertEqual(server.http("/livez")[:2], (200, "live\n"))
        self.assertEqual(server.http("/readyz")[:2], (200, "ready\n"))
        status, text, headers = server.http("/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        self.assertTrue(text.endswith("\n"))
        names = [line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE")]
        self.assertEqual(len(names), len(set(names)))
        described = set()
        for page in glob.glob(os.path.join(os.environ["HARRIER_ROOT"], "docs", "operations", "*.md")):
            with open(page, encoding="utf-8") as manual:
                described |= set(re.findall(r"\bharrierd_[a-z_]+", manual.read()))
        self.assertEqual(described, set(names))
        self.assertEqual(server.http("/livez", "HEAD")[:2], (200, ""))
        self.assertEqual(server.http("/nothing")[0], 404)
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            status, _, headers = server.http("/metrics", method)
            self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD"))

    def test_metrics_count(self):
        server = self.server().start()
        with server.connect() as connection:
            connection.score([transaction(n, cards=1) for n in range(4)])
            connection.score([transaction(0, cards=1), {"id": ""}])
            connection.report("t1", "fraud")
        for name, value in (
            ('harrierd_transactions_total{verdict="approve"}', 2),
            ('harrierd_transactions_total{verdict="review"}', 2),
            ("harrierd_duplicates_total", 1),
            ('harrierd_errors_total{code="invalid"}', 1),
            ('harrierd_outcomes_total{label="fraud"}', 1),
            ('harrierd_requests_total{call="score"}', 2),
            ('harrierd_request_duration_seconds_count{call="score"}', 2),
            ("harrierd_ready", 1),
            ("harrierd_archive_position", 7),
        ):
            self.assertEqual(server.metric(name), value, name)


if __name__ == "__main__":
    unittest.main()
