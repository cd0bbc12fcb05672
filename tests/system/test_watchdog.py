#!/usr/bin/env python3
"""A listener that stopped answering is opened again. A client that connects and closes at once makes nng before 1.6
lose its ipc listener for good (nng issue 1518); any front loses it when the socket's file is removed.

Where nothing must be opened again, the watchdog's interval grows until the machine answers within it."""
import os
import socket
import time
import unittest

from server import WAIT, ServerTest, transaction


class WatchdogTest(ServerTest):
    def knock(self, server):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(server.address[len("ipc://") :])

    def test_lost_listener_of_nng_is_opened_again(self):
        server = self.server("--watchdog_interval=300ms")
        server.listen = f"nng+{server.address}"
        server.start()
        with server.connect() as old:
            old.score([transaction(1)])
            lost = False
            for _ in range(50):
                self.knock(server)
                time.sleep(0.01)
                if not server.answers():
                    lost = True
                    break
            if "older than 1.6" not in server.said():
                self.assertFalse(lost, server.said())
                self.assertEqual(server.metric("harrierd_listener_restarts_total"), 0)
                return
            self.assertTrue(lost, "this nng should have lost its listener")
            server.await_answer()
        self.assertGreaterEqual(server.metric("harrierd_listener_restarts_total"), 1)
        self.assertIn("had stopped answering requests and was reopened", server.said())
        with server.connect() as connection:
            self.assertTrue(connection.score([transaction(1)])[0]["decision"]["duplicate"])

    def test_storm_leaves_the_listener_alone(self):
        self.holds_with_time(self.storm, "300ms", "2s", "30s")

    def storm(self, interval):
        server = self.server(f"--watchdog_interval={interval}").start()
        for _ in range(200):
            self.knock(server)
        self.assertTrue(server.answers(), server.said())
        self.assertEqual(server.metric("harrierd_listener_restarts_total"), 0)
        self.assertNotIn("older than 1.6", server.said())

    def test_removed_socket_is_made_again(self):
        self.holds_with_time(self.remove_socket, "300ms", "2s", "15s")

    def remove_socket(self, interval):
        server = self.server(f"--watchdog_interval={interval}").start()
        with server.connect() as old:
            os.unlink(server.address[len("ipc://") :])
            server.await_said("had stopped answering requests and was reopened")
            server.await_answer()
            self.assertIn("decision", old.score([transaction(1)])[0])  # the old connection stays
        self.assertEqual(server.metric("harrierd_listener_restarts_total"), 1)

    def test_listener_that_answers_is_left_alone(self):
        self.holds_with_time(self.answer_probes, "250ms", "2s", "15s")

    def answer_probes(self, interval):
        server = self.server(f"--watchdog_interval={interval}").start()
        deadline = time.monotonic() + WAIT
        while server.metric('harrierd_requests_total{call="status"}') < 8:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertEqual(server.metric("harrierd_listener_restarts_total"), 0)


if __name__ == "__main__":
    unittest.main()
