#!/usr/bin/env python3
"""TLS 1.3 with stunnel as the terminator: the recipe of docs/operations/security.md, with deploy/stunnel-*.conf and certificates made as the
page says. Only paths and ports are the test's own."""
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
import unittest

from server import WAIT, ServerTest, free_port, transaction
from wire import Connection

HARRIER = os.environ["HARRIER"]
ROOT = os.environ["HARRIER_ROOT"]
STUNNEL = shutil.which("stunnel") or shutil.which("stunnel4")
NAME = "harrier.example"


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


@unittest.skipUnless(STUNNEL, "stunnel is not installed (Debian: stunnel4)")
@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class TerminatorTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        commands = re.search(r"```sh\n(# the authority.*?)```", read("docs", "operations", "security.md"), re.DOTALL).group(1)
        cls.commands = commands

    def setUp(self):
        super().setUp()
        self.tls = os.path.join(self.folder, "tls")
        self.make_certificates(self.tls)
        self.stunnels = []
        self.addCleanup(self.end_stunnels)
        self.plain_port, self.tls_port = free_port(), free_port()
        tokens = os.path.join(self.folder, "tokens")
        made = subprocess.run([HARRIER, "token", "new", "shop", "--scopes", "score", "--tokens", tokens],
                              check=True, capture_output=True, text=True)
        self.token = made.stdout.strip()
        self.running = self.server(f"--tokens={tokens}", f"--listen=tcp://127.0.0.1:{self.plain_port}").start()
        self.stunnel("stunnel-server.conf", {"accept": f":::{self.tls_port}",
                                             "connect": f"127.0.0.1:{self.plain_port}"}, self.tls_port)

    def make_certificates(self, folder):
        os.makedirs(folder, exist_ok=True)
        done = subprocess.run(["sh", "-eu"], input=self.commands, cwd=folder, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def stunnel(self, name, settings, port):
        """The file of deploy/ with the test's own paths in it."""
        text = read("deploy", name).replace("/etc/harrier/tls/", self.tls + "/")
        if os.getuid() != 0:  # only root can change the user
            text = re.sub(r"^set[ug]id = .*\n", "", text, flags=re.M)
        for setting, value in settings.items():
            text, count = re.subn(rf"^{setting} = .*$", f"{setting} = {value}", text, flags=re.M)
            self.assertEqual(count, 1, f"{name} has no {setting}")
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        messages = open(path + ".err", "w", encoding="utf-8")
        self.addCleanup(messages.close)
        process = subprocess.Popen([STUNNEL, path], stdout=messages, stderr=messages)
        self.stunnels.append(process)
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            self.assertIsNone(process.poll(), read(path + ".err"))
            try:
                socket.create_connection(("127.0.0.1", port), timeout=WAIT).close()
                return
            except OSError:
                time.sleep(0.02)
        self.fail(read(path + ".err"))

    def end_stunnels(self):
        for process in self.stunnels:
            process.kill()
            process.wait()

    def context(self, client="client", folder=None, **more):
        context = ssl.create_default_context(cafile=os.path.join(self.tls, "ca.pem"))
        for name, value in more.items():
            setattr(context, name, value)
        if client:
            folder = folder or self.tls
            context.load_cert_chain(os.path.join(folder, f"{client}.pem"), os.path.join(folder, f"{client}.key"))
        return context

    def exchange(self, context, request):
        """One request over TLS; the answer and the version that was spoken."""
        plain = socket.create_connection(("127.0.0.1", self.tls_port), timeout=WAIT)
        with context.wrap_socket(plain, server_hostname=NAME) as wrapped:
            connection = Connection.over(wrapped)
            return connection.call(request), wrapped.version()

    def assert_refused(self, context):
        with self.assertRaises((ssl.SSLError, OSError)):
            self.exchange(context, {"token": self.token, "status": {}})

    def test_a_client_with_a_certificate(self):
        answer, version = self.exchange(self.context(), {"token": self.token, "score": {"transactions": [transaction(1)]}})
        self.assertEqual(version, "TLSv1.3")
        self.assertIn("decision", answer["score"]["results"][0])
        answer, _ = self.exchange(self.context(), {"status": {}})
        self.assertEqual(answer["error"]["code"], "ERROR_DENIED", "a certificate is not a token")

    def test_who_is_not_let_in(self):
        other = os.path.join(self.folder, "other")
        self.make_certificates(other)
        for what, context in (
            ("no certificate", self.context(client=None)),
            ("of another authority", self.context(folder=other)),
            ("the server's own, which is for servers", self.context(client="server")),
            ("TLS 1.2", self.context(maximum_version=ssl.TLSVersion.TLSv1_2)),
        ):
            with self.subTest(what):
                self.assert_refused(context)
        with self.subTest("no TLS"), self.assertRaises(OSError), Connection(f"tcp://127.0.0.1:{self.tls_port}") as plain:
            plain.status()
        self.assertEqual(self.running.metric('harrierd_requests_total{call="score"}'), 0)
        answer, _ = self.exchange(self.context(), {"token": self.token, "status": {}})
        self.assertEqual(answer["status"]["state"], "ready")

    def harrier(self, port, deadline):
        return subprocess.run(
            [HARRIER, "status", "--to", f"tcp://127.0.0.1:{port}", "--deadline", deadline],
            capture_output=True, text=True, timeout=WAIT, check=False, env={**os.environ, "HARRIER_TOKEN": self.token},
        )

    def test_a_client_without_tls(self):
        """harrier → stunnel → TLS → stunnel → harrierd; and not to a server of another name."""
        port = free_port()
        self.stunnel("stunnel-client.conf", {"accept": f"127.0.0.1:{port}", "connect": f"127.0.0.1:{self.tls_port}"}, port)
        done = self.harrier(port, "60s")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("ready", done.stdout)
        port = free_port()
        self.stunnel("stunnel-client.conf", {"accept": f"127.0.0.1:{port}", "connect": f"127.0.0.1:{self.tls_port}",
                                             "checkHost": "other.example"}, port)
        self.assertEqual(self.harrier(port, "1s").returncode, 69)


if __name__ == "__main__":
    unittest.main()
