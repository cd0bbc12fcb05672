#!/usr/bin/env python3
"""Bytes that are not a request: the server reports the error or closes that one connection, and keeps running."""
import random
import socket
import struct
import unittest

from server import ServerTest, transaction
from wire import HELLO_REQ, IPC_MESSAGE, decode, encode


class MessagesTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.one = self.server("--max_message_bytes=64KiB").start()

    def assert_alive(self):
        self.assertIsNone(self.one.process.poll(), self.one.said())
        with self.one.connect() as connection:
            self.assertEqual(connection.status()["state"], "ready")

    def error_of(self, body):
        with self.one.connect() as connection:
            return decode("Response", connection.exchange(body))["error"]

    def test_truncated(self):
        whole = encode({"score": {"transactions": [transaction(1), transaction(2)]}})
        with self.one.connect() as connection:
            for length in range(len(whole)):
                answer = decode("Response", connection.exchange(whole[:length]))
                codes = [answer.get("error", {}).get("code")]
                codes += [r.get("error", {}).get("code") for r in answer.get("score", {}).get("results", [])]
                self.assertTrue({"ERROR_INVALID", "ERROR_UNSUPPORTED"} & set(codes), (length, answer))
        self.assertLessEqual(self.one.status().get("transactions", 0), 1)

    def test_garbage(self):
        seed = random.Random(7)
        with self.one.connect() as connection:
            for _ in range(300):
                answer = decode("Response", connection.exchange(seed.randbytes(seed.randrange(1, 400))))
                self.assertIn("error", answer)
                self.assertTrue(answer["error"]["message"])
        self.assert_alive()

    def test_changed_bytes(self):
        seed = random.Random(8)
        whole = encode({"score": {"transactions": [transaction(n) for n in range(5)], "dry_run": True}})
        with self.one.connect() as connection:
            for _ in range(500):
                changed = bytearray(whole)
                for _ in range(seed.randrange(1, 4)):
                    changed[seed.randrange(len(changed))] = seed.randrange(256)
                decode("Response", connection.exchange(bytes(changed)))
        self.assert_alive()

    def test_too_large(self):
        error = self.error_of(b"\x0a" * (64 * 1024 + 1))
        self.assertEqual(error["code"], "ERROR_TOO_LARGE")
        self.assertIn("max_message_bytes", error["message"])

    def test_far_too_large_ends_the_connection(self):
        for claimed in (128 * 1024 + 5, 1 << 40, (1 << 64) - 1):
            with self.one.connect() as connection:
                connection.send_raw(IPC_MESSAGE + struct.pack(">Q", claimed) + b"x" * 100)
                with self.assertRaises(OSError):
                    connection.receive()
        self.assert_alive()

    def test_not_sp(self):
        server = self.server(
            f"--data_dir={self.folder}/other", "--watchdog_interval=300ms", name="other"
        ).start()
        for hello in (b"GET / HTTP/1.1\r\n\r\n", HELLO_REQ[:5], b"\0SP\0\x00\x50\0\0", b"\xff" * 64):
            with self.subTest(hello=hello):
                with socket.socket(socket.AF_UNIX) as raw:
                    raw.connect(server.address[len("ipc://") :])
                    raw.sendall(hello)
                # nng before 1.6 may have lost its listener: then the watchdog opens it again.
                server.await_answer()
        self.assertIsNone(server.process.poll())

    def test_too_many_transactions(self):
        error = self.error_of(encode({"score": {"transactions": [{"id": "x"}] * 1001}}))
        self.assertEqual(error["code"], "ERROR_TOO_LARGE")
        self.assertIn("1,000", error["message"].replace("1000", "1,000"))

    def test_another_protocol(self):
        error = self.error_of(encode({"protocol": 2, "status": {}}))
        self.assertEqual(error["code"], "ERROR_UNSUPPORTED")

    def test_bad_transactions(self):
        """Each has an error of its own, with field and code, and the valid one beside them is scored."""
        good = transaction(0)
        bad = {
            "id": {"id": "x" * 129},
            "currency": {"currency": "QQQ"},
            "amount_minor": {"amount_minor": -1},
            "event_time_us": {"event_time_us": 4102444800 * 1000000},
            "card": {"card": "4111111111111111"},
            "ip": {"ip": "1.2.3.256"},
            "country": {"country": "Germany"},
            "mcc": {"mcc": "12"},
            "colour": {"attributes": [{"name": "colour", "text": "red"}]},
            "location.latitude_e7": {"location": {"latitude_e7": 900000001}},
        }
        batch = [good] + [{**transaction(i + 1), **change} for i, change in enumerate(bad.values())]
        with self.one.connect() as connection:
            results = connection.score(batch)
        self.assertIn("decision", results[0])
        for field, result in zip(bad, results[1:]):
            with self.subTest(field=field):
                self.assertEqual(result["error"]["code"], "ERROR_INVALID", result)
                self.assertEqual(result["error"]["field"], field)
                self.assertTrue(result["error"]["message"])
        self.assertEqual(self.one.status()["transactions"], 1)
        self.assertNotIn("4111111111111111", self.one.said())


if __name__ == "__main__":
    unittest.main()
