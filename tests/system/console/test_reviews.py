#!/usr/bin/env python3
"""harrier-console beside harrierd: every route with every role, requests that are not what they should be, two analysts
and a claim, labels that reach the archive once whatever is killed, and what other sources report."""
import os
import shutil
import socket
import struct
import threading
import time
import unittest

from console_process import Console, Session, wait_for
from console_test import ConsoleTest
from server import transaction

ROLES = ["viewer", "analyst", "author", "approver", "admin"]
# Route, body, the least role that may.
ROUTES = [
    ("GET", "/api/session", None, None),
    ("GET", "/api/live", None, "viewer"),
    ("GET", "/api/reviews", None, "viewer"),
    ("GET", "/api/reviews/one?position=999999", None, "viewer"),
    ("GET", "/api/reviews/work", None, "viewer"),
    ("POST", "/api/reviews/claim", {"position": 999999}, "analyst"),
    ("POST", "/api/reviews/release", {"position": 999999}, "analyst"),
    ("POST", "/api/reviews/decide", {"positions": [999999], "label": "fraud", "note": ""}, "analyst"),
    ("GET", "/api/transaction?id=t1", None, "viewer"),
    ("GET", "/api/transaction/related?id=t1", None, "viewer"),
    ("GET", "/api/transaction/policies", None, "viewer"),
    ("GET", "/api/transaction/other?id=t1&policy=0123456789abcdef", None, "viewer"),
    ("GET", "/api/search", None, "viewer"),
    ("GET", "/api/views", None, "viewer"),
    ("POST", "/api/views/save", {"screen": "live", "name": "mine", "query": "", "shared": False}, "viewer"),
    ("POST", "/api/views/remove", {"id": 999999}, "viewer"),
    ("POST", "/api/settings", {"zone": "", "theme": "system"}, "viewer"),
    ("GET", "/api/entity?name=card&value=c1", None, "viewer"),
    ("GET", "/api/entity/features?name=card&value=c1", None, "viewer"),
    ("GET", "/api/lists?value=c1", None, "viewer"),
    ("POST", "/api/lists/change", {"list": "none", "value": "", "remove": True, "for_s": 0, "reason": ""}, "analyst"),
    ("GET", "/api/status", None, "viewer"),
    ("GET", "/api/rules", None, "viewer"),
    ("GET", "/api/rules/file?path=policy.yaml", None, "viewer"),
    ("GET", "/api/rules/check", None, "viewer"),
    ("GET", "/api/rules/diff", None, "author"),
    ("POST", "/api/rules/draft/begin", {}, "author"),
    ("POST", "/api/rules/draft/edit",
     {"draft": 999, "revision": 0, "path": "rules/x.yaml", "at": 0, "remove": 0, "insert": ""}, "author"),
    ("POST", "/api/rules/draft/remove", {"draft": 999, "revision": 0, "path": "x", "restore": False}, "author"),
    ("POST", "/api/rules/draft/mode", {"draft": 999, "revision": 0, "rule": "x", "mode": "live"}, "author"),
    ("POST", "/api/rules/draft/rebase", {"draft": 999, "resolve": ""}, "author"),
    ("POST", "/api/rules/draft/discard", {"draft": 999}, "author"),
    ("POST", "/api/rules/submit", {"draft": 999, "message": "m"}, "author"),
    ("GET", "/api/rules/submissions", None, "viewer"),
    ("GET", "/api/rules/submission?id=999", None, "viewer"),
    ("POST", "/api/rules/approve", {"submission": 999, "hash": "", "comment": ""}, "approver"),
    ("POST", "/api/rules/reject", {"submission": 999, "comment": "c"}, "approver"),
    ("POST", "/api/rules/withdraw", {"submission": 999, "comment": ""}, "author"),
    ("GET", "/api/rules/history", None, "viewer"),
    ("GET", "/api/rules/compare?position=999999", None, "viewer"),
    ("POST", "/api/rules/rollback", {"position": 999999, "live": "", "reason": "r"}, "approver"),
    ("GET", "/api/performance", None, "viewer"),
    ("GET", "/api/performance/policies", None, "viewer"),
    ("GET", "/api/archive", None, "viewer"),
    ("GET", "/api/tokens", None, "viewer"),
    ("GET", "/api/alerts", None, "viewer"),
    ("POST", "/api/brakes/lift", {"rule": "many", "definition": "", "reason": ""}, "approver"),
    ("GET", "/api/nights", None, "viewer"),
    ("GET", "/api/nights/report?date=2026-01-01", None, "viewer"),
    ("GET", "/api/nights/drift", None, "viewer"),
    ("GET", "/api/nights/thresholds", None, "viewer"),
    ("POST", "/api/nights/accept", {"thresholds": [], "cutoffs": [], "reason": ""}, "approver"),
    ("POST", "/api/nights/take-back", {}, "approver"),
    ("GET", "/api/jobs", None, "viewer"),
    ("POST", "/api/jobs/begin", {"kind": "none"}, "author"),
    ("POST", "/api/jobs/again", {"id": 999999}, "author"),
    ("POST", "/api/jobs/cancel", {"id": 999999}, "author"),
    ("POST", "/api/jobs/draft", {"id": 999999}, "author"),
    ("GET", "/api/jobs/result?id=999999", None, "viewer"),
    ("GET", "/api/jobs/changes?id=999999", None, "viewer"),
    ("GET", "/api/jobs/report?id=999999", None, "viewer"),
    ("GET", "/api/rules/figures", None, "viewer"),
    ("GET", "/api/people", None, "admin"),
    ("POST", "/api/people/create", {"name": "", "role": "viewer"}, "admin"),
    ("POST", "/api/people/update", {"name": "nobody", "role": "viewer", "disabled": True}, "admin"),
    ("GET", "/api/audit", None, "admin"),
    ("POST", "/api/password", {"old": "", "new": ""}, "viewer"),
    ("POST", "/api/sign-out", {}, "viewer"),  # last: it ends the session
]


class TableTest(unittest.TestCase):
    def test_the_table_above_is_whole(self):
        with open(os.path.join(os.environ["HARRIER_ROOT"], "console/api/routes.c"), encoding="utf-8") as source:
            text = source.read().partition("const struct route routes[]")[2].partition("};")[0]
        paths = {line.split('"')[1] for line in text.splitlines() if '"' in line}
        self.assertEqual(paths, {path.partition("?")[0] for _, path, _, _ in ROUTES} | {"/api/sign-in"})


class ReviewsTest(ConsoleTest):
    # ---- who may what ----

    def test_every_route_with_every_role(self):
        self.score(range(1, 3))
        for role in ROLES[2:4] + ["viewer"]:
            self.console.add_person(f"{role}1", role)
        self.console.start()
        names = {"viewer": "viewer1", "analyst": "anna", "author": "author1", "approver": "approver1", "admin": "ada"}
        for role in [None, *ROLES]:
            session = self.console.session(names[role] if role else None)
            for method, path, body, least in ROUTES:
                status, answer, _ = session.ask(method, path, body)
                allowed = least is None or (role is not None and ROLES.index(role) >= ROLES.index(least))
                with self.subTest(role=role, path=path):
                    if allowed:
                        self.assertNotIn(status, (401, 403), answer)
                    else:
                        self.assertEqual(status, 401 if role is None else 403, answer)
                        self.assertEqual(list(answer), ["error"])

    def test_other_methods_with_every_role(self):
        """They reach no route, whoever asks; HEAD is what GET is, without its body."""
        self.console.add_person("viewer1", "viewer")
        self.console.start()
        for name in (None, "viewer1", "anna", "ada"):
            session = self.console.session(name)
            for method, path, body, least in ROUTES:
                if path == "/api/sign-out":
                    continue
                for other in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
                    with self.subTest(name=name, method=other, path=path):
                        status, _, headers = session.ask(other, path)
                        self.assertEqual((status, headers["Allow"]), (405, "GET, HEAD, POST"))
                        self.assertFalse([name for name in headers if name.lower().startswith("access-control-")])
                with self.subTest(name=name, method="the other one", path=path):
                    if method == "GET":
                        self.assertEqual(session.ask("POST", path, {})[0], 405)
                        status, content, headers = session.ask("HEAD", path)
                        self.assertEqual((content, status), (b"", session.ask("GET", path)[0]))
                    else:
                        self.assertEqual(session.ask("GET", path)[0], 405)
                        self.assertEqual(session.ask("HEAD", path)[0], 405)
        self.assertEqual(self.console.stop(), 0)

    def test_hostile_requests(self):
        self.console.start()
        anna, nobody = self.console.session("anna"), self.console.session()
        decide = {"positions": [1], "label": "fraud", "note": ""}
        for headers in ({"X-CSRF-Token": None}, {"X-CSRF-Token": "x" * 43}, {"X-CSRF-Token": anna.csrf[:-1]},
                        {"Origin": "https://evil.example"}, {"Origin": "null"},
                        {"Origin": f"http://127.0.0.1:{self.console.port + 1}"},
                        {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
            with self.subTest(headers=headers):
                self.assertEqual(anna.ask("POST", "/api/reviews/decide", decide, headers)[0], 403)
        for headers in ({"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"},
                        {"Content-Type": None}):
            with self.subTest(headers=headers):
                self.assertEqual(anna.ask("POST", "/api/reviews/decide", decide, headers)[0], 415)
        for body in (b"", b"[]", b"{", b'{"positions": [1], "positions": [2]}', b"\xff\xfe", b"null", b"[" * 50000,
                     b'{"a": "\\u0000"}'):
            with self.subTest(body=body[:20]):
                self.assertEqual(anna.ask("POST", "/api/reviews/decide", body)[0], 400)
        for change in ({"positions": []}, {"positions": [-1]}, {"positions": ["1"]}, {"positions": list(range(1, 202))},
                       {"positions": 1}, {"label": "approve"}, {"label": 1}, {"note": None}):
            with self.subTest(change=change):
                self.assertEqual(anna.ask("POST", "/api/reviews/decide", {**decide, **change})[0], 422)
        self.assertEqual(anna.ask("POST", "/api/reviews/decide", {**decide, "note": "x" * 2001})[0], 413)
        try:  # it may close the connection before all is sent
            self.assertEqual(anna.ask("POST", "/api/reviews/decide", b'{"note": "' + b"x" * (64 << 10) + b'"}')[0], 413)
        except (BrokenPipeError, ConnectionResetError):
            pass
        for path in ("/api/live?limit=501", "/api/live?limit=-1", "/api/live?limit=1e3", "/api/live?verdict=maybe",
                     "/api/live?after=99999999999999999999", "/api/reviews?order=name", "/api/search?from=yesterday",
                     "/api/search?cursor=x", "/api/search?verdict=1", "/api/search?label=x", "/api/search?limit=9999",
                     "/api/transaction", "/api/transaction?id=" + "x" * 129, "/api/search?currency=EURO"):
            with self.subTest(path=path):
                self.assertEqual(anna.ask("GET", path)[0], 422)
        for path in ("/api/", "/api/../people", "/../../etc/passwd", "/api/people/", "/app.js/x.js",
                     "/api/people%2f", "/%2e%2e/etc/passwd.txt"):
            with self.subTest(path=path):
                self.assertEqual(anna.ask("GET", path)[0], 404)
        for method, status in (("PUT", 405), ("DELETE", 405), ("OPTIONS", 405), ("TRACE", 405), ("PATCH", 405)):
            with self.subTest(method=method):
                self.assertEqual(anna.ask(method, "/api/live")[0], status)
        self.assertEqual(anna.ask("GET", "/api/sign-out")[0], 405)
        for cookie in ("harrier_console=", "harrier_console=x", "harrier_console=" + "A" * 43, "x=" + "y" * 4000,
                       anna.cookie[:-1], anna.cookie + "A", ";;;;=;"):
            with self.subTest(cookie=cookie[:30]):
                self.assertEqual(nobody.ask("GET", "/api/live", headers={"Cookie": cookie})[0], 401)
        self.assertEqual(nobody.ask("GET", "/api/live", headers={"Cookie": f"a=b; {anna.cookie}; c=d"})[0], 200)
        for host, status in (("evil.example", 403), (f"evil.example:{self.console.port}", 403), ("127.0.0.1.evil", 403),
                             ("[::2]:80", 403), ("10.0.0.1", 403), ("localhost:9", 200), ("[::1]", 200),
                             ("127.0.0.1", 200)):
            with self.subTest(host=host):
                self.assertEqual(anna.ask("GET", "/api/live", headers={"Host": host})[0], status)
        for raw in (b"GET /api/live HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\nHost: a\r\n\r\n", b"\0\0\0\0\r\n\r\n",
                    b"POST /api/sign-in HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                    b"POST /api/sign-in HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"):
            with self.subTest(raw=raw[:40]):
                with socket.create_connection(("127.0.0.1", self.console.port)) as connection:
                    connection.sendall(raw)
                    self.assertNotIn(b" 200 ", connection.recv(4096)[:20])
        self.assertEqual(self.console.stop(), 0)

    def test_every_answer_has_the_headers(self):
        self.console.start()
        session = self.console.session()
        for method, path in (("GET", "/"), ("HEAD", "/"), ("GET", "/queue"), ("GET", "/app.js"), ("GET", "/api/live"),
                             ("GET", "/nothing.js"), ("PUT", "/")):
            _, body, headers = session.ask(method, path)
            with self.subTest(path=path):
                policy = headers["Content-Security-Policy"]
                self.assertIn("default-src 'none'", policy)
                self.assertNotIn("unsafe", policy)
                self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
                self.assertEqual(headers["X-Frame-Options"], "DENY")
        _, _, headers = session.ask("POST", "/api/sign-in", {"name": "anna", "password": self.console.passwords["anna"]})
        self.assertIn("HttpOnly", headers["Set-Cookie"])
        self.assertIn("SameSite=Strict", headers["Set-Cookie"])
        status, page, headers = session.ask("GET", "/")
        self.assertNotIn(b"<script>", page)
        self.assertNotIn(b"style=", page)
        self.assertEqual(session.ask("GET", "/", headers={"If-None-Match": headers["ETag"]})[0], 304)

    def test_behind_a_proxy(self):
        """Its X-Forwarded-For says who asks, so that one client's failures lock nobody else out."""
        self.console.flags = ("--behind-proxy",)
        self.console.start()
        session = self.console.session()
        sign_in = lambda name, password, forwarded: session.ask(
            "POST", "/api/sign-in", {"name": name, "password": password},
            {"Host": "console.example", "Origin": "https://console.example", "X-Forwarded-For": forwarded})
        for number in range(8):
            self.assertEqual(sign_in("ada", "wrong", f"10.9.9.{number}, 192.0.2.1")[0], 401)
        password = self.console.passwords["ada"]
        self.assertEqual(sign_in("ada", password, "10.0.0.1, 192.0.2.1")[0], 429)
        status, _, headers = sign_in("ada", password, "192.0.2.1, 2001:db8::7")
        self.assertEqual(status, 200)
        self.assertTrue(headers["Set-Cookie"].startswith("__Host-harrier_console="))
        self.assertIn("; Secure", headers["Set-Cookie"])
        ada = Session(self.console.port)
        ada.cookie = headers["Set-Cookie"].split(";")[0]
        entries = ada.get("/api/audit")[1]["entries"]
        self.assertEqual([entry["address"] for entry in entries[:2]], ["2001:db8::7", "192.0.2.1"])
        self.assertEqual(ada.ask("GET", "/api/live", headers={"Cookie": ada.cookie[len("__Host-"):]})[0], 401)

    def test_wrong_command_lines(self):
        for words, message in (([], "which archive?"), (["a", "b"], "archive"), (["--listen=0.0.0.0:80", "a"], "TLS"),
                               (["--listen=x", "a"], "--listen"), (["add-person", "x"], "NAME ROLE"),
                               (["add-person", "x", "boss"], "no role"), (["add-person", "a b", "admin"], "name")):
            done = self.console.run(*words)
            with self.subTest(words=words):
                self.assertIn(done.returncode, (64, 65))
                self.assertIn(message, done.stderr)

    # ---- the queue ----

    def test_two_analysts_and_a_claim(self):
        self.score(range(1, 6))
        self.console.start()
        anna, bob = self.console.session("anna"), self.console.session("bob")
        wait_for(lambda: len(self.reviews(anna)) == 5)
        first, second = self.reviews(anna, order="age")[:2]
        self.assertEqual(anna.post("/api/reviews/claim", position=first["position"])[0], 200)
        status, answer = bob.post("/api/reviews/claim", position=first["position"])
        self.assertEqual((status, "anna" in answer["error"]), (409, True))
        status, answer = bob.post("/api/reviews/decide", positions=[first["position"], second["position"]],
                                  label="fraud", note="both")
        self.assertEqual(answer["decided"], 1)
        self.assertEqual([refused["position"] for refused in answer["refused"]], [first["position"]])
        self.assertEqual(anna.post("/api/reviews/decide", positions=[first["position"]], label="legit", note="")[1],
                         {"refused": [], "decided": 1})
        decided = wait_for(lambda: [row for row in self.reviews(anna, decided=1) if row["reported"]][1:] and
                           self.reviews(anna, decided=1))
        self.assertEqual([(row["label"], row["decided_by"]) for row in decided], [("legit", "anna"), ("fraud", "bob")])
        self.assertEqual(self.label_of(first), [("legit", "console:anna")])
        self.assertEqual(self.label_of(second), [("fraud", "console:bob")])
        shown = anna.get("/api/transaction", id=second["id"])[1]
        self.assertEqual((shown["review"]["note"], shown["explanation"]["equal"]), ("both", True))
        entries = self.console.session("ada").get("/api/audit", action="review")[1]["entries"]
        self.assertEqual([(entry["person"], entry["after"]) for entry in entries], [("anna", "legit"), ("bob", "fraud")])

    def test_labels_reach_the_archive_once_whatever_is_killed(self):
        self.score(range(1, 5))
        self.console.start()
        anna = self.console.session("anna")
        rows = wait_for(lambda: self.reviews(anna, order="age")[3:] and self.reviews(anna, order="age"))
        decide = lambda row: anna.post("/api/reviews/decide", positions=[row["position"]], label="fraud", note="")[0]
        self.assertEqual(decide(rows[0]), 200)
        self.harrierd.kill()
        self.assertEqual(decide(rows[1]), 200)  # the server is gone: it is kept
        self.assertEqual(decide(rows[2]), 200)
        self.console.kill()
        self.harrierd.start()
        self.console.start()
        anna = self.console.session("anna")
        wait_for(lambda: sum(row["reported"] for row in self.reviews(anna, decided=1)) == 3)
        self.assertEqual(decide(rows[3]), 200)
        self.console.kill()  # at once: it may have been reported, or not
        self.console.start()
        anna = self.console.session("anna")
        wait_for(lambda: sum(row["reported"] for row in self.reviews(anna, decided=1)) == 4)
        for row in rows:
            self.assertEqual(self.label_of(row), [("fraud", "console:anna")])
        self.assertEqual(self.reviews(anna), [])

    def test_what_others_report_closes_a_review(self):
        self.score(range(1, 4))
        self.console.start()
        anna = self.console.session("anna")
        wait_for(lambda: len(self.reviews(anna)) == 3)
        with self.harrierd.connect() as connection:
            outcome = {"transaction_id": "t2", "label": "LABEL_CHARGEBACK", "source": "feed"}
            connection.call({"report_outcome": {"outcomes": [outcome]}})
        wait_for(lambda: len(self.reviews(anna)) == 2)
        row = self.reviews(anna, decided=1)[0]
        self.assertEqual((row["id"], row["label"], row["decided_by"]), ("t2", "chargeback", "feed"))

    def test_a_label_that_came_meanwhile_stays(self):
        """Decided while the server is out of reach; before the label can be sent, another source reports one."""
        self.score(range(1, 3))
        self.console.flags = ("--server=tcp://127.0.0.1:1",)
        self.console.start()
        anna = self.console.session("anna")
        rows = wait_for(lambda: self.reviews(anna, order="age")[1:] and self.reviews(anna, order="age"))
        answer = anna.post("/api/reviews/decide", positions=[row["position"] for row in rows], label="legit", note="")
        self.assertEqual(answer[1]["decided"], 2)
        self.console.kill()
        with self.harrierd.connect() as connection:
            outcome = {"transaction_id": "t1", "label": "LABEL_CHARGEBACK", "source": "feed"}
            connection.call({"report_outcome": {"outcomes": [outcome]}})
        self.console.flags = ()
        archive, self.console.archive = self.console.archive, os.path.join(self.folder, "later")
        self.console.start()
        anna = self.console.session("anna")
        wait_for(lambda: "later" in anna.get("/api/live")[1]["archive"]["problem"])
        time.sleep(0.5)  # the server is there, but what the archive has is not known
        self.assertEqual(anna.get("/api/live")[1]["unreported"], 2)
        os.symlink(archive, self.console.archive)
        wait_for(lambda: all(row["reported"] for row in self.reviews(anna, decided=1)))
        problems = {row["id"]: row["problem"] for row in self.reviews(anna, decided=1)}
        self.assertEqual(problems, {"t1": "not sent: meanwhile feed reported chargeback", "t2": ""})
        self.assertEqual(self.label_of(rows[0]), [("chargeback", "feed")])
        self.assertEqual(self.label_of(rows[1]), [("legit", "console:anna")])

    def test_the_end_waits_for_no_server(self):
        """A server that takes calls and never answers."""
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.console.flags = (f"--server=tcp://127.0.0.1:{silent.getsockname()[1]}",)
            self.console.start()
            anna = self.console.session("anna")
            asking = [threading.Thread(target=lambda: anna.get("/api/transaction", id="t1")) for _ in range(10)]
            for thread in asking:
                thread.start()
            time.sleep(0.5)
            started = time.monotonic()
            self.assertEqual(anna.get("/api/live")[0], 200)  # the others have half of the threads
            self.assertEqual(self.console.stop(), 0)
            self.assertLess(time.monotonic() - started, 30)
            for thread in asking:
                thread.join()

    def test_an_archive_that_is_not_there_yet(self):
        console = Console(os.path.join(self.folder, "other"), self.harrierd)
        os.mkdir(console.folder)
        self.addCleanup(console.kill)
        console.add_people((("anna", "analyst"),))
        console.archive = os.path.join(self.folder, "later")
        console.start()
        anna = console.session("anna")
        problem = wait_for(lambda: anna.get("/api/live")[1]["archive"]["problem"] != "starting" and
                           anna.get("/api/live")[1]["archive"]["problem"])
        self.assertIn("later", problem)
        self.score(range(1, 3))
        os.symlink(os.path.join(self.harrierd.folder, "data"), console.archive)
        wait_for(lambda: len(self.reviews(anna)) == 2)
        wait_for(lambda: anna.get("/api/live")[1]["archive"]["problem"] == "")  # of another reader

    def test_the_first_start_takes_the_last_days(self):
        """Days of the archive that are far apart; --days says which of them are read."""
        self.harrierd.stop()
        shutil.rmtree(os.path.join(self.harrierd.folder, "data"))
        shift = os.path.join(self.folder, "shift")
        shifted = {"LD_PRELOAD": os.environ["CLOCK_SHIFT_LIBRARY"], "CLOCK_SHIFT": shift,
                   "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        for number, days in enumerate((300, 40, 5)):
            with open(shift, "wb") as file:
                file.write(struct.pack("=q", -days * 86400 * 1000000))
            self.harrierd.start(environment=shifted)
            self.score(range(10 * number, 10 * number + 2))
            self.harrierd.stop()
        self.harrierd.start()
        for days, count in ((0, 0), (7, 2), (41, 4), (3650, 6)):
            console = Console(os.path.join(self.folder, str(days)), self.harrierd, f"--days={days}")
            os.mkdir(console.folder)
            self.addCleanup(console.kill)
            console.add_people((("anna", "analyst"),))
            console.start()
            anna = console.session("anna")
            wait_for(lambda: anna.get("/api/live")[1]["archive"]["problem"] == "")
            with self.subTest(days=days):
                self.assertEqual(len(self.reviews(anna)), count)
        self.score([90])
        wait_for(lambda: len(self.reviews(anna)) == 7)

    def test_another_archive_in_its_place(self):
        self.console.flags = ("--sandbox=off",)  # in which the new folder would be unknown
        self.score(range(1, 4))
        self.console.start()
        anna = self.console.session("anna")
        wait_for(lambda: len(self.reviews(anna)) == 3)
        self.harrierd.stop()
        data = os.path.join(self.harrierd.folder, "data")
        os.rename(data, data + ".away")
        self.harrierd.start()
        self.score(range(11, 20))
        wait_for(lambda: "different histories" in anna.get("/api/live")[1]["archive"]["problem"])
        row = self.reviews(anna)[0]
        self.assertEqual(anna.post("/api/reviews/decide", positions=[row["position"]], label="fraud", note="")[0], 200)
        self.assertEqual(self.console.stop(), 0)
        self.console.start()
        anna = self.console.session("anna")
        wait_for(lambda: "different histories" in anna.get("/api/live")[1]["archive"]["problem"])
        live = anna.get("/api/live")[1]
        self.assertEqual((live["open"], live["unreported"]), (2, 1))  # nothing is lost, nor sent to another history

    def test_the_live_screen_follows(self):
        self.score(range(1, 4))
        self.console.start()
        anna = self.console.session("anna")
        live = wait_for(lambda: anna.get("/api/live")[1]["last"] and anna.get("/api/live")[1])
        self.assertEqual([row["id"] for row in live["rows"]], ["t3", "t2", "t1"])
        self.assertEqual(sum(minute["review"] for minute in live["minutes"]), 3)
        self.score(range(4, 6), card="other <b>\u202e")
        more = wait_for(lambda: len(anna.get("/api/live", after=live["last"])[1]["rows"]) == 2 and
                        anna.get("/api/live", after=live["last"])[1])
        self.assertEqual([row["id"] for row in more["rows"]], ["t5", "t4"])
        found = anna.get("/api/search", card="other <b>\u202e")[1]["found"]
        self.assertEqual([hit["row"]["id"] for hit in found], ["t5", "t4"])
        self.assertEqual(anna.get("/api/live", verdict="decline")[1]["rows"], [])

    def test_people(self):
        self.console.start()
        ada = self.console.session("ada")
        status, made = ada.post("/api/people/create", name="cleo", role="viewer")
        self.assertEqual(status, 200)
        cleo = Session(self.console.port)
        self.assertEqual(cleo.sign_in("cleo", made["password"]), 200)
        self.assertEqual(cleo.post("/api/password", old=made["password"], new="short")[0], 422)
        self.assertEqual(cleo.post("/api/password", old="wrong", new="a long new password")[0], 422)
        self.assertEqual(cleo.post("/api/password", old=made["password"], new="a long new password")[0], 200)
        self.assertEqual(cleo.get("/api/live")[0], 401)
        self.assertEqual(cleo.sign_in("cleo", made["password"]), 401)
        self.assertEqual(cleo.sign_in("cleo", "a long new password"), 200)
        self.assertEqual(ada.post("/api/people/create", name="cleo", role="viewer")[0], 409)
        self.assertEqual(ada.post("/api/people/update", name="cleo", role="viewer", disabled=True)[0], 200)
        self.assertEqual(cleo.get("/api/live")[0], 401)
        self.assertEqual(ada.post("/api/people/update", name="ada", role="viewer", disabled=False)[0], 422)
        entries = ada.get("/api/audit", action="person")[1]["entries"]
        self.assertEqual([(entry["person"], entry["subject"], entry["before"], entry["after"]) for entry in entries[:2]],
                         [("ada", "cleo", "viewer", "disabled"), ("ada", "cleo", "", "viewer")])
        for _ in range(8):
            self.assertEqual(Session(self.console.port).sign_in("bob", "wrong"), 401)
        self.assertEqual(Session(self.console.port).sign_in("bob", self.console.passwords["bob"]), 429)

    def test_a_damaged_database_is_said_plainly(self):
        path = os.path.join(self.console.data, "console.sqlite")
        self.console.start()
        self.assertEqual(self.console.stop(), 0)
        with open(path, "r+b") as database:
            database.write(b"\0" * 4096)
        done = self.console.run(f"--server={self.harrierd.address}", f"{self.folder}/data")
        self.assertEqual(done.returncode, 65)
        self.assertIn("console.sqlite", done.stderr)
        self.assertIn("backup", done.stderr)


if __name__ == "__main__":
    unittest.main()
