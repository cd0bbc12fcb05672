#!/usr/bin/env python3
"""Requests to harrier-console that are not what they should be: each has its exact refusal, leaves nothing behind, and
the next good request is answered. Behind each malformed one comes a good one that decides a review, on the same
connection: it must not be read as a request of its own. Where there are two statuses, libevent refuses it itself,
depending on its version."""
import http.client
import json
import re
import socket
import sqlite3
import time
import unittest

from console_process import Session, wait_for
from console_test import ConsoleTest
from server import WAIT

TYPE = "Content-Type: application/json"
HOUR_US = 3600 * 1000000


class HostileTest(ConsoleTest):
    def setUp(self):
        super().setUp()
        self.score(range(1, 4))
        self.console.start()
        self.anna, self.bob = self.console.session("anna"), self.console.session("bob")
        self.row = wait_for(lambda: self.reviews(self.anna)[2:] and self.reviews(self.anna))[0]
        self.decision = json.dumps({"positions": [self.row["position"]], "label": "fraud", "note": ""})
        self.count = 0

    def tearDown(self):
        # Nothing was decided, claimed or changed by any of them, and the console ends as it should.
        self.assertEqual(len(self.reviews(self.anna)), 3)
        audit = self.console.session("ada").get("/api/audit", limit=500)[1]["entries"]
        self.assertLessEqual({entry["action"] for entry in audit}, {"sign-in", "sign-in failed", "person", "sign-out"})
        self.assertEqual(self.console.stop(), 0)
        super().tearDown()

    # ---- how they are sent ----

    def head(self, method, path, *headers, version="HTTP/1.1", host="Host: localhost"):
        lines = [f"{method} {path} {version}", *([host] if host else []), *headers, "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def good(self):
        """Decides a review, if it is read."""
        return self.head("POST", "/api/reviews/decide", TYPE, f"Cookie: {self.anna.cookie}", f"X-CSRF-Token: {self.anna.csrf}",
                         f"Content-Length: {len(self.decision)}") + self.decision.encode()

    def raw(self, request, stays_open=False):
        """(statuses, all of the answer, whether the connection was closed). stays_open: what is answered within a second of
        silence, as nobody closes the connection."""
        got = bytearray()
        with socket.create_connection(("127.0.0.1", self.console.port), timeout=WAIT) as connection:
            try:
                connection.sendall(request)
                while data := connection.recv(65536):
                    got += data
                    connection.settimeout(1 if stays_open else WAIT)
                closed = True
            except socket.timeout:
                closed = False
            except (ConnectionResetError, BrokenPipeError):
                closed = True
        return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", got)], bytes(got), closed

    def assert_alive(self):
        self.count += 1
        self.assertEqual(self.anna.get("/api/live", limit=1)[0], 200)

    def refuse_all(self, table):
        """{name: (status, words of the error, method, path, body, headers)}"""
        for name, (status, words, method, path, body, headers) in table.items():
            with self.subTest(name):
                got, answer, _ = self.anna.ask(method, path, body, headers)
                self.assertEqual(got, status, answer)
                if method != "HEAD":
                    self.assertIn(words, answer["error"] if isinstance(answer, dict) else answer.decode())
            self.assert_alive()

    # ---- the tables ----

    def test_what_is_no_request(self):
        post = ("POST", "/api/reviews/decide", TYPE, f"Cookie: {self.anna.cookie}", f"X-CSRF-Token: {self.anna.csrf}")
        chunked = b"2\r\n{}\r\n0\r\n\r\n"
        length = f"Content-Length: {len(self.good())}"
        table = {
            "chunked": (411, self.head(*post, "Transfer-Encoding: chunked") + chunked),
            "a length beside chunks": ((400, 411), self.head(*post, "Content-Length: 2", "Transfer-Encoding: chunked") + chunked),
            "chunks beside a length": ((400, 411), self.head(*post, "Transfer-Encoding: chunked", "Content-Length: 2") + chunked),
            "another coding": ((400, 411), self.head(*post, "Transfer-Encoding: xchunked", "Content-Length: 2") + b"{}"),
            "two lengths": (400, self.head(*post, "Content-Length: 2", "Content-Length: 0") + b"{}"),
            "two equal lengths": (400, self.head(*post, "Content-Length: 2", "Content-Length: 2") + b"{}"),
            "a list of lengths": (400, self.head(*post, "Content-Length: 2, 2") + b"{}"),
            "a length with a sign": (400, self.head(*post, "Content-Length: +2") + b"{}"),
            "a negative length": (400, self.head(*post, "Content-Length: -2") + b"{}"),
            "a length in hexadecimal": (400, self.head(*post, "Content-Length: 0x2") + b"{}"),
            "a folded length": (400, self.head(*post, "Content-Length: 2", " 0") + b"{}"),
            "a length behind a bare line feed": (400, self.head("GET", "/", f"X: y\n{length}")),
            "a bare carriage return": (400, self.head("GET", "/api/live", "X: a\rb")),
            "a space before the colon": (400, self.head(*post, "Content-Length : 2") + b"{}"),
            "no colon": (400, self.head(*post, "Content-Length 2") + b"{}"),
            "a body of GET": (400, self.head("GET", "/api/live", length)),
            "a body of HEAD": (400, self.head("HEAD", "/", length)),
            "a body of TRACE": (405, self.head("TRACE", "/", length)),
            "a body of OPTIONS": (405, self.head("OPTIONS", "/", "Content-Length: 2") + b"{}"),
            "a body of a method that nobody knows": (405, self.head("BREW", "/", length)),
            "a NUL in a header": (400, self.head("GET", "/", "X: a\0b")),
            "a control character in a header": (400, self.head("GET", "/", "X: \x01")),
            "a NUL in the path": (400, self.head("GET", "/\0x")),
            "a header's name that is none": (400, self.head("GET", "/", "X(y): 1")),
            "no host": (400, self.head("GET", "/", host=None)),
            "two hosts": (400, self.head("GET", "/", "Host: localhost")),
            "two cookies' headers": (400, self.head("GET", "/api/live", f"Cookie: {self.anna.cookie}", "Cookie: a=b")),
            "two tokens": (400, self.head(*post, "X-CSRF-Token: x", "Content-Length: 2") + b"{}"),
            "two origins": (400, self.head(*post, "Origin: http://localhost", "Origin: http://evil.example",
                                           "Content-Length: 2") + b"{}"),
            "HTTP/0.9": (400, b"GET /\r\n\r\n"),
            "HTTP/1.2": (505, self.head("GET", "/", version="HTTP/1.2")),
            "HTTP/2 without asking": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            "TLS to a plain door": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
            "nothing but NUL": (400, b"\0" * 64 + b"\r\n\r\n"),
            "headers of 20 KiB": (400, self.head("GET", "/", *(f"X{n}: {'x' * 1000}" for n in range(20)))),
            "a thousand headers": (400, self.head("GET", "/", *(f"X-{n}: {n:12}" for n in range(1000)))),
            "a first line of 20 KiB": (400, self.head("GET", "/" + "x" * 20000)),
            "a cookie of 20 KiB": (400, self.head("GET", "/api/live", "Cookie: " + "x=y; " * 4000)),
            "a length of exabytes": (413, self.head(*post, "Content-Length: 9000000000000000000")),
            "a length beyond 64 bits": ((400, 413), self.head(*post, "Content-Length: 18446744073709551618") + b"{}"),
            "a body beyond the limit": (413, self.head(*post, f"Content-Length: {(64 << 10) + 1}") + b" " * ((64 << 10) + 1)),
            "no such expectation": (417, self.head(*post, "Expect: tea", "Content-Length: 2")),
        }
        for name, (status, request) in table.items():
            with self.subTest(name):
                statuses, got, closed = self.raw(request + self.good())
                self.assertTrue(closed, got)
                wanted = status if isinstance(status, tuple) else (status,)
                self.assertEqual(len(statuses), 1, got)
                self.assertIn(statuses[0], wanted, got)
            self.assert_alive()
        self.assertEqual(self.count, len(table))

    def test_what_asks_for_another(self):
        """Proxies' forms, other hosts, other protocols."""
        table = {
            "CONNECT": (405, self.head("CONNECT", "localhost:22")),
            "another site's address": (403, self.head("GET", "http://evil.example/api/live", host="Host: evil.example")),
            "another name for this machine": (403, self.head("GET", "/api/session", host="Host: rebound.example")),
            "its port": (403, self.head("GET", "/", host=f"Host: rebound.example:{self.console.port}")),
            "a name that begins as ours": (403, self.head("GET", "/", host="Host: localhost.evil.example")),
            "a number that looks like ours": (403, self.head("GET", "/", host="Host: 127.0.0.1.evil.example")),
            "a user before ours": (403, self.head("GET", "/", host="Host: localhost@evil.example")),
            "an asterisk": ((400, 404, 405), self.head("OPTIONS", "*")),
        }
        for name, (status, request) in table.items():
            with self.subTest(name):
                statuses, got, _ = self.raw(request[:-2] + b"Connection: close\r\n\r\n", stays_open=name == "CONNECT")
                self.assertIn(statuses[0], status if isinstance(status, tuple) else (status,), got)
                self.assertEqual(len(statuses), 1)
            self.assert_alive()
        # Not followed: the answer is that of plain HTTP.
        _, got, _ = self.raw(self.head("GET", "/api/session", "Connection: Upgrade, close", "Upgrade: websocket",
                                       "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
                             stays_open=True)
        self.assertTrue(got.startswith(b"HTTP/1.1 200"), got)
        self.assertNotIn(b"Upgrade", got)
        self.assert_alive()

    def test_what_another_site_sends(self):
        port = self.console.port
        decide = json.loads(self.decision)
        path = "/api/reviews/decide"
        token = "the header X-CSRF-Token is missing or wrong"
        site = "the request comes from another site"
        self.refuse_all({
            "no token": (403, token, "POST", path, decide, {"X-CSRF-Token": None}),
            "an empty token": (403, token, "POST", path, decide, {"X-CSRF-Token": ""}),
            "a made-up token": (403, token, "POST", path, decide, {"X-CSRF-Token": "x" * 43}),
            "part of the token": (403, token, "POST", path, decide, {"X-CSRF-Token": self.anna.csrf[:-1]}),
            "more than the token": (403, token, "POST", path, decide, {"X-CSRF-Token": self.anna.csrf + "A"}),
            "another session's token": (403, token, "POST", path, decide, {"X-CSRF-Token": self.bob.csrf}),
            "the cookie as the token": (403, token, "POST", path, decide, {"X-CSRF-Token": self.anna.cookie.split("=")[1]}),
            "another session's cookie": (403, token, "POST", path, decide, {"Cookie": self.bob.cookie}),
            "another origin": (403, site, "POST", path, decide, {"Origin": "http://evil.example"}),
            "no origin to speak of": (403, site, "POST", path, decide, {"Origin": "null"}),
            "another port": (403, site, "POST", path, decide, {"Origin": f"http://127.0.0.1:{port + 1}"}),
            "the same host by TLS": (403, site, "POST", path, decide, {"Origin": f"https://127.0.0.1:{port}"}),
            "a longer origin": (403, site, "POST", path, decide, {"Origin": f"http://127.0.0.1:{port}.evil.example"}),
            "a file's origin": (403, site, "POST", path, decide, {"Origin": "file://"}),
            "cross-site": (403, site, "POST", path, decide, {"Sec-Fetch-Site": "cross-site"}),
            "same-site": (403, site, "POST", path, decide, {"Sec-Fetch-Site": "same-site"}),
            "a sign-in from another site": (403, site, "POST", "/api/sign-in", {"name": "bob", "password": "x"},
                                            {"Origin": "http://evil.example"}),
            "a form": (415, "application/json", "POST", path, b"positions=1", {"Content-Type": "application/x-www-form-urlencoded"}),
            "plain text": (415, "application/json", "POST", path, decide, {"Content-Type": "text/plain"}),
            "no type": (415, "application/json", "POST", path, decide, {"Content-Type": None}),
            "UTF-16": (415, "application/json", "POST", path, decide, {"Content-Type": "application/json; charset=utf-16"}),
            "gzip": (400, "not a JSON object", "POST", path, b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xab\xae\x05\0\x43\xbf\xa6\xa3\x02\0\0\0",
                     {"Content-Encoding": "gzip"}),
        })

    def test_sessions_that_are_none(self):
        """Made up, fixed before the sign-in, thrown in by a neighbour, ended, idle, too old."""
        name, token = self.anna.cookie.split("=")
        first = "sign in first"
        self.refuse_all({
            "none": (401, first, "GET", "/api/live", None, {"Cookie": None}),
            "empty": (401, first, "GET", "/api/live", None, {"Cookie": f"{name}="}),
            "made up": (401, first, "GET", "/api/live", None, {"Cookie": f"{name}={'A' * 43}"}),
            "SQL": (401, first, "GET", "/api/live", None, {"Cookie": f"{name}=' OR 1=1 --"}),
            "one letter less": (401, first, "GET", "/api/live", None, {"Cookie": self.anna.cookie[:-1]}),
            "one letter more": (401, first, "GET", "/api/live", None, {"Cookie": self.anna.cookie + "A"}),
            "thrown in before ours": (401, first, "GET", "/api/live", None, {"Cookie": f"{name}=x; {self.anna.cookie}"}),
            "the name with a prefix": (401, first, "GET", "/api/live", None, {"Cookie": f"__Host-{self.anna.cookie}"}),
            "the name in capitals": (401, first, "GET", "/api/live", None, {"Cookie": f"{name.upper()}={token}"}),
            "its hash": (401, first, "GET", "/api/live", None, {"Cookie": f"{name}={'0' * 64}"}),
        })
        fixed = Session(self.console.port)
        fixed.cookie = f"{name}={'F' * 43}"
        self.assertEqual(fixed.sign_in("bob", self.console.passwords["bob"]), 200)
        self.assertNotIn("F" * 43, fixed.cookie)
        self.assertEqual(self.anna.ask("GET", "/api/live", headers={"Cookie": f"{name}={'F' * 43}"})[0], 401)
        left = self.console.session("bob")
        kept = (left.cookie, left.csrf)
        self.assertEqual(left.post("/api/sign-out")[0], 200)
        left.cookie, left.csrf = kept
        self.assertEqual(left.post("/api/reviews/claim", position=1)[0], 401)
        for column, age_us in (("seen_us", HOUR_US // 2 + 1000000), ("created_us", 12 * HOUR_US + 1000000)):
            aged = self.console.session("bob")
            self.assertEqual(aged.get("/api/live")[0], 200)
            with sqlite3.connect(f"{self.console.data}/console.sqlite", timeout=60) as database:
                database.execute(f"UPDATE sessions SET {column} = ? WHERE csrf = ?",
                                 (int(time.time() * 1e6) - age_us, aged.csrf))
            with self.subTest(column):
                self.assertEqual(aged.get("/api/live")[0], 401)
            self.assert_alive()

    def test_what_is_no_call(self):
        decide, path = json.loads(self.decision), "/api/reviews/decide"
        many = {f"a{number}": number for number in range(3000)}
        bad = lambda **change: {**decide, **change}
        body = "not a JSON object"
        self.refuse_all({
            "nothing": (400, body, "POST", path, b"", None),
            "an array": (400, body, "POST", path, b"[]", None),
            "half an object": (400, body, "POST", path, b"{", None),
            "two objects": (400, body, "POST", path, b"{}{}", None),
            "a member twice": (400, body, "POST", path, b'{"label": "fraud", "label": "legit"}', None),
            "deep arrays": (400, body, "POST", path, b"[" * 60000, None),
            "deep objects": (400, body, "POST", path, b'{"a":' * 10000 + b"1" + b"}" * 10000, None),
            "UTF-8 that is none": (400, body, "POST", path, b'{"note": "\xff\xfe"}', None),
            "overlong UTF-8": (400, body, "POST", path, b'{"note": "\xc0\xaf"}', None),
            "half a surrogate": (400, body, "POST", path, b'{"note": "\\ud800"}', None),
            "a NUL in a text": (400, body, "POST", path, b'{"note": "\\u0000"}', None),
            "a number of 10,000 digits": (400, body, "POST", path, b'{"positions": [' + b"9" * 10000 + b"]}", None),
            "a number beyond 64 bits": (400, body, "POST", path, b'{"positions": [99999999999999999999]}', None),
            "infinity": (400, body, "POST", path, b'{"positions": [1e999]}', None),
            "NaN": (400, body, "POST", path, b'{"positions": [NaN]}', None),
            "many members": (422, "label", "POST", path, many, None),
            "no positions": (422, "positions", "POST", path, bad(positions=[]), None),
            "a negative position": (422, "positions", "POST", path, bad(positions=[-1]), None),
            "a position that is half": (422, "positions", "POST", path, bad(positions=[1.5]), None),
            "a position as a text": (422, "positions", "POST", path, bad(positions=["1"]), None),
            "too many positions": (422, "positions", "POST", path, bad(positions=list(range(1, 202))), None),
            "positions as an object": (422, "positions", "POST", path, bad(positions={"0": 1}), None),
            "a label that is none": (422, "label", "POST", path, bad(label="approve"), None),
            "a label with a direction mark": (422, "label", "POST", path, bad(label="fraud\u202e"), None),
            "a note that is null": (422, "note", "POST", path, bad(note=None), None),
            "a note of 2,001 bytes": (413, "note", "POST", path, bad(note="x" * 2001), None),
            "a person with a direction mark": (403, "admin", "POST", "/api/people/create",
                                               {"name": "a\u202eda", "role": "admin"}, None),
            "a limit beyond the most": (422, "limit", "GET", "/api/live?limit=501", None, None),
            "a limit below nothing": (422, "limit", "GET", "/api/live?limit=-1", None, None),
            "a limit in another notation": (422, "limit", "GET", "/api/live?limit=1e3", None, None),
            "a position beyond 64 bits": (422, "after", "GET", "/api/live?after=99999999999999999999", None, None),
            "an order that is SQL": (422, "order", "GET", "/api/reviews?order=score;DROP%20TABLE%20people", None, None),
            "an id of 129 bytes": (422, "id", "GET", "/api/transaction?id=" + "x" * 129, None, None),
            "a query that is cut": (404, "", "GET", "/api/transaction?id=%", None, None),
        })

    def test_paths_that_lead_elsewhere(self):
        for path in ("/../../etc/passwd", "/..%2f..%2fetc%2fpasswd", "/%2e%2e/%2e%2e/etc/passwd.txt", "/....//etc/passwd.x",
                     "/app.js/../../x.y", "/app.js%00.html", "/app.js.map", "/.git/config", "//app.js", "/app.js/", "/APP.JS",
                     "/api/..%2fapi/people", "/api/people/", "/api//people", "/API/people.x", "/\\..\\app.js",
                     "/index.html\u00a0".encode().decode("latin-1")):
            with self.subTest(path):
                statuses, got, _ = self.raw(self.head("GET", path, "Connection: close"))
                self.assertIn(statuses, ([404], [400]), got)
                self.assertNotIn(b"root:", got)
            self.assert_alive()
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "X" * 1000):
            with self.subTest(method):
                statuses, got, _ = self.raw(self.head(method, "/api/live", "Connection: close"))
                self.assertIn(statuses[0], (400, 405), got)
                self.assertNotIn(b"Access-Control-Allow", got)
            self.assert_alive()

    # ---- many, and slow ----

    def test_floods(self):
        tags = ", ".join(f'"{number}"' for number in range(1000))
        status, _, _ = self.anna.ask("GET", "/app.js", headers={"If-None-Match": tags})
        self.assertEqual(status, 200)
        statuses, _, closed = self.raw(self.head("GET", "/app.js", "If-None-Match: *") * 49 +
                                       self.head("GET", "/app.js", "Connection: close"))
        self.assertEqual((statuses, closed), ([200] * 50, True))  # one after the other
        self.assert_alive()
        # Slow ones hold a connection each, and nobody else.
        slow = []
        for number in range(100):
            connection = socket.create_connection(("127.0.0.1", self.console.port))
            connection.sendall((self.good()[:-1], b"GET / HTTP/1.1\r\nX", b"", b"G")[number % 4])
            slow.append(connection)
        self.assert_alive()
        for connection in slow:
            connection.close()
        for _ in range(300):  # cut off in the middle of an answer
            connection = socket.create_connection(("127.0.0.1", self.console.port))
            connection.sendall(self.head("GET", "/app.js"))
            connection.close()
        # These three hundred may still be at work: the next one may be told to come again, but not for long.
        wait_for(lambda: self.anna.get("/api/live", limit=1)[0] == 200)
        self.assert_alive()


if __name__ == "__main__":
    unittest.main()
