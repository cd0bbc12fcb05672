#!/usr/bin/env python3
"""Who reaches harrier-console, and as whom: TLS of its own, plain HTTP beyond this machine, and a proxy's single
sign-on."""
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import unittest
import unittest.mock

sys.path.insert(0, os.path.join(os.environ["HARRIER_ROOT"], "tests/system/clients"))
from console_process import Session, wait_for  # noqa: E402
from console_test import ConsoleTest  # noqa: E402
from tls_scenarios import make_certificate  # noqa: E402

USER = "X-Forwarded-User"


class DoorsTest(ConsoleTest):
    def test_the_log_as_json(self):
        self.console.flags = ("--log-format=json",)
        self.console.start()
        wait_for(lambda: self.console.session("anna").get("/api/live")[1]["rows"] is not None)
        self.assertEqual(self.console.stop(), 0)
        rows = [json.loads(line) for line in self.console.said().splitlines() if line != "--start--"]
        self.assertEqual([row["level"] for row in rows if "the console is at" in row["message"]], ["info"])
        done = self.console.run("--log-level=loud", f"{self.folder}/data")
        self.assertEqual(done.returncode, 64)
        self.assertIn('--log-level: "loud" (expected one of: error, warning, info, debug)', done.stderr)

    # ---- TLS ----

    def certificate(self, name, names="DNS:localhost,IP:127.0.0.1"):
        folder = os.path.join(self.folder, "certificates")
        os.makedirs(folder, exist_ok=True)
        make_certificate(folder, "ca", name, names)
        return os.path.join(folder, name)

    def trusting(self):
        return ssl.create_default_context(cafile=os.path.join(self.folder, "certificates", "ca.pem"))

    def shown(self):
        """The serial number of the certificate that a new connection sees."""
        with socket.create_connection(("127.0.0.1", self.console.port)) as connection:
            with self.trusting().wrap_socket(connection, server_hostname="localhost") as secured:
                return secured.getpeercert()["serialNumber"]

    def use(self, name):
        """Puts another certificate in place, the key last, as tools that renew one do."""
        for ending in (".pem", ".key"):
            path = os.path.join(self.folder, "served" + ending)
            shutil.copy(os.path.join(self.folder, "certificates", name + ending), path + ".new")
            os.chmod(path + ".new", 0o600)
            os.rename(path + ".new", path)

    def test_tls(self):
        self.certificate("first")
        self.certificate("second")
        self.use("first")
        served = os.path.join(self.folder, "served")
        # On every address: with TLS that needs no other permission. The later --listen counts.
        self.console.flags = (f"--tls-cert={served}.pem", f"--tls-key={served}.key",
                              f"--listen=0.0.0.0:{self.console.port}")
        self.console.start()
        self.assertIn(f"https://0.0.0.0:{self.console.port}/", self.console.said())
        anna = Session(self.console.port, self.trusting())
        status, body, headers = anna.begin({"name": "anna", "password": self.console.passwords["anna"]},
                                           Origin=f"https://localhost:{self.console.port}")
        self.assertEqual((status, body["exposed"], body["sso"]), (200, False, False))
        self.assertTrue(headers["Set-Cookie"].startswith("__Host-harrier_console="))
        self.assertIn("; Secure", headers["Set-Cookie"])
        self.assertEqual(headers["Strict-Transport-Security"], "max-age=31536000")
        self.assertEqual(anna.get("/api/live")[0], 200)
        self.assertGreater(len(anna.ask("GET", "/app.js")[1]), 10000)  # several records
        # The page over plain HTTP of the same name is another site.
        for origin, wanted in ((f"http://localhost:{self.console.port}", 403), (f"https://localhost:{self.console.port}", 200)):
            self.assertEqual(anna.ask("POST", "/api/reviews/release", {"position": 1}, {"Origin": origin})[0], wanted)
        self.assertEqual(anna.ask("GET", "/api/live", headers={"Host": "console.example"})[0], 200)
        with socket.create_connection(("127.0.0.1", self.console.port)) as connection:  # no plain HTTP
            connection.sendall(b"GET /api/session HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertNotIn(b"HTTP/1.1 200", connection.recv(4096))
        for version in ("-tls1_2", "-tls1_3", "-tls1_1"):
            done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{self.console.port}", version, "-cipher",
                                   "ALL:@SECLEVEL=0"], input="", capture_output=True, text=True, check=False)
            with self.subTest(version=version):
                self.assertEqual("alert protocol version" in done.stderr, version == "-tls1_1", done.stderr)
                self.assertEqual(done.returncode, version == "-tls1_1", done.stderr)
        before = self.shown()
        self.use("second")
        wait_for(lambda: self.shown() != before)
        with open(f"{served}.pem", "w", encoding="utf-8") as file:  # a renewal that went wrong: the old one stays
            file.write("nonsense")
        wait_for(lambda: "the old certificate stays in use: tls_cert" in self.console.said())
        self.assertNotEqual(self.shown(), before)
        self.assertEqual(anna.get("/api/live")[0], 200)
        self.assertEqual(self.console.stop(), 0)
        self.console.flags += (f"--tls-cert={self.folder}/none.pem",)
        done = self.console.run(*self.console.flags, "--server=tcp://127.0.0.1:1", f"{self.folder}/data")
        self.assertEqual((done.returncode, "none.pem" in done.stderr), (74, True), done.stderr)

    def test_a_supervisor_is_told_and_passes_secrets(self):
        """As its unit has it: Type=notify, and LoadCredential= of the certificate."""
        self.certificate("passed")
        credentials = os.path.join(self.folder, "credentials")
        os.mkdir(credentials, 0o700)
        for ending, name in ((".pem", "tls_cert"), (".key", "tls_key")):
            shutil.copy(os.path.join(self.folder, "certificates", "passed" + ending),
                        os.path.join(credentials, f"harrier-console.{name}"))
        os.chmod(os.path.join(credentials, "harrier-console.tls_key"), 0o400)
        path = os.path.join(self.folder, "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
            supervisor.bind(path)
            supervisor.settimeout(300)
            with unittest.mock.patch.dict(os.environ, {"NOTIFY_SOCKET": path, "CREDENTIALS_DIRECTORY": credentials}):
                self.console.start()
            self.assertIn(b"READY=1", supervisor.recv(1000).split(b"\n"))
            self.assertTrue(self.shown())  # it speaks TLS by now
            self.console.stop()
            self.assertEqual(supervisor.recv(1000), b"STOPPING=1")

    def test_plain_beyond_this_machine(self):
        """An exception that is stated, in the log and on the page; other sites' names still find nothing."""
        self.console.flags = (f"--listen=0.0.0.0:{self.console.port}", "--insecure-listen")
        self.console.start()
        self.assertIn("without TLS (--insecure-listen)", self.console.said())
        nobody = self.console.session()
        self.assertTrue(nobody.get("/api/session")[1]["exposed"])
        for host, status in (("10.1.2.3:80", 200), ("[fe80::1]", 200), (socket.gethostname(), 200), ("localhost", 200),
                             ("evil.example", 403), ("10.1.2.3.evil.example", 403)):
            with self.subTest(host=host):
                self.assertEqual(nobody.ask("GET", "/api/session", headers={"Host": host})[0], status)

    def test_wrong_command_lines(self):
        proxied = ("--behind-proxy", f"--trusted-header={USER}")
        for words, message in (
            (("--tls-cert=a",), "need each other"), (("--tls-cert=a", "--tls-key=b", "--behind-proxy"), "one of them"),
            ((f"--trusted-header={USER}",), "--behind-proxy"), ((*proxied, "--listen=0.0.0.0:80"), "loopback"),
            ((*proxied, "--listen=proxy.example:80"), "loopback"), (("--sso-role=viewer",), "--trusted-header"),
            ((*proxied, "--sso-role=boss"), "no role"), ((*proxied, "--sso-logout=javascript:alert(1)"), "https://"),
            (("--behind-proxy", "--trusted-header=a b"), "letters"), (("--force",), "restore"),
            (("--metrics=metrics.example:7732",), "--metrics"), (("--metrics=7732",), "--metrics"),
        ):
            done = self.console.run(*words, "archive")
            with self.subTest(words=words):
                self.assertEqual((done.returncode, message in done.stderr), (64, True), done.stderr)

    # ---- single sign-on ----

    def start_behind_sign_on(self, *flags):
        self.console.flags = ("--behind-proxy", f"--trusted-header={USER}", *flags)
        self.console.start()

    def proxied(self, name):
        """A browser behind the proxy, which has checked who uses it."""
        return Session(self.console.port, headers={USER: name, "Host": "console.example", "X-Forwarded-For": "192.0.2.7"})

    def raw(self, *headers, path="/api/live", method="GET", body=b""):
        """(status, body) of a request with exactly these headers."""
        head = [f"{method} {path} HTTP/1.1", "Host: console.example", "Connection: close", *headers]
        if method == "POST":
            head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        with socket.create_connection(("127.0.0.1", self.console.port)) as connection:
            connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            return answer.status, json.loads(answer.read())

    def test_single_sign_on(self):
        self.start_behind_sign_on("--sso-logout=https://login.example/out?a=1&b=2")
        anna = self.proxied("anna")
        session = anna.get("/api/session")[1]
        self.assertEqual((session["person"], session["sso"], session["sso_logout"]),
                         (None, True, "https://login.example/out?a=1&b=2"))
        status, body, headers = anna.begin({})
        self.assertEqual((status, body["person"], body["role"]), (200, "anna", "analyst"))
        self.assertTrue(headers["Set-Cookie"].startswith("__Host-harrier_console="))
        self.assertEqual(anna.get("/api/live")[0], 200)
        # The token against other sites is needed as ever.
        self.assertEqual(anna.ask("POST", "/api/reviews/claim", {"position": 9}, {"X-CSRF-Token": None})[0], 403)
        self.assertEqual(anna.ask("POST", "/api/reviews/claim", {"position": 9}, {"Origin": "https://evil.example"})[0], 403)
        self.assertEqual(anna.post("/api/reviews/claim", position=9)[0], 404)
        # A name alone is no session, and a session is its person's alone.
        self.assertEqual(self.proxied("anna").get("/api/live")[0], 401)
        for other in ("bob", "", "anna2", "ANNA"):
            with self.subTest(other=other):
                self.assertEqual(anna.ask("GET", "/api/live", headers={USER: other})[0], 401)
        self.assertEqual(anna.ask("GET", "/api/live", headers={USER: None})[0], 401)
        # Passwords are off.
        status, body, _ = anna.ask("POST", "/api/password", {"old": self.console.passwords["anna"], "new": "x" * 5 + "y" * 9})
        self.assertEqual((status, "single sign-on" in body["error"]), (409, True))
        stranger = Session(self.console.port, headers={"Host": "console.example"})
        status, body, _ = stranger.begin({"name": "ada", "password": self.console.passwords["ada"]})
        self.assertEqual((status, "does not say who you are" in body["error"]), (401, True))
        ada = self.proxied("ada")
        self.assertEqual(ada.begin({})[0], 200)
        entry = ada.get("/api/audit", action="sign-in")[1]["entries"]
        self.assertEqual([(each["person"], each["address"]) for each in entry], [("ada", "192.0.2.7"), ("anna", "192.0.2.7")])
        status, body = anna.post("/api/sign-out")
        self.assertEqual((status, body["person"], body["sso"]), (200, None, True))
        self.assertEqual(anna.get("/api/live")[0], 401)

    def test_who_is_not_known_or_disabled(self):
        self.start_behind_sign_on()
        ada, bob, carl = self.proxied("ada"), self.proxied("bob"), self.proxied("carl")
        self.assertEqual([ada.begin({})[0], bob.begin({})[0]], [200, 200])
        status, body, _ = carl.begin({})
        self.assertEqual((status, body["error"]), (401, "carl may not use the console: an admin must add this person first"))
        self.assertEqual(ada.post("/api/people/update", name="bob", role="analyst", disabled=True)[0], 200)
        self.assertEqual(bob.get("/api/live")[0], 401)
        status, body, _ = bob.begin({})
        self.assertEqual((status, body["error"]), (401, "bob may not use the console: an admin has disabled this person"))
        failed = ada.get("/api/audit", action="sign-in failed")[1]["entries"]
        self.assertEqual([entry["person"] for entry in failed], ["bob", "carl"])
        self.assertEqual(self.console.stop(), 0)
        self.start_behind_sign_on("--sso-role=viewer")
        status, body, _ = carl.begin({})
        self.assertEqual((status, body["role"]), (200, "viewer"))
        self.assertEqual(bob.begin({})[0], 401)  # disabled stays disabled
        self.assertEqual(ada.begin({})[0], 200)
        entry = ada.get("/api/audit", action="person")[1]["entries"][0]
        self.assertEqual((entry["person"], entry["subject"], entry["after"]), ("", "carl", "viewer"))
        self.assertEqual(self.console.stop(), 0)
        self.console.flags = ()  # without the sign-on, who never had a password has none
        self.console.start()
        for password in ("!", "", "x"):
            self.assertEqual(Session(self.console.port).sign_in("carl", password), 401)

    def test_headers_that_are_not_the_proxy_s(self):
        self.start_behind_sign_on("--sso-role=admin")  # what would be created would show
        for headers, status in (
            ((f"{USER}: ada", f"{USER}: ada"), 400), ((f"{USER}: eve", f"{USER}: ada"), 400),
            ((f"{USER}: ada", f"{USER.lower()}: eve"), 400), ((f"{USER}:",), 401), ((f"{USER}: ",), 401), ((), 401),
            ((f"{USER}: ada, eve",), 401), ((f"{USER}: ada eve",), 401), ((f"{USER}: ada\tx",), 401),
            ((f"{USER}: \u00e4da",), 401), ((f"{USER}: {'x' * 65}",), 401), ((f"{USER}: ada;x=1",), 401),
            ((f"{USER}: \"ada\"",), 401), ((f"{USER}: ada\r\n eve",), 401), ((f"X_Forwarded_User: ada",), 401),
            ((f"{USER}2: ada",), 401), ((f"{USER} : ada",), 400), ((f"{USER}: a\x01da",), 400),
        ):
            for path, method, body in (("/api/sign-in", "POST", b"{}"), ("/api/live", "GET", b"")):
                with self.subTest(headers=headers, path=path):
                    self.assertEqual(self.raw(*headers, path=path, method=method, body=body)[0], status)
        ada = self.proxied("ada")
        self.assertEqual(ada.begin({})[0], 200)
        self.assertEqual([person["name"] for person in ada.get("/api/people")[1]["people"]], ["ada", "anna", "bob"])


if __name__ == "__main__":
    unittest.main()
