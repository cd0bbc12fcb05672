"""TLS with any client: tls+tcp:// addresses of harrierd itself, and servers that a client must not trust."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from scenario import LONG_MS, ScenarioTest  # isort: skip  (sets the path for the others)
from server import WAIT, free_port, transaction
from wire import HELLO_REP

HANDSHAKE = 0x16  # the first byte that a client sends with TLS
PATIENCE_MS = 1000  # the deadline of calls that must fail: long enough for several handshakes


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_certificate(folder, authority, name, subject_alt_name):
    """name.pem and name.key, signed by authority.pem, which is made first if it is not there."""
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    if not os.path.exists(os.path.join(folder, f"{authority}.pem")):
        openssl(folder, "req", "-x509", *new_key, "-days", "2", "-subj", f"/CN={authority}", "-addext",
                "keyUsage=critical,keyCertSign,cRLSign", "-keyout", f"{authority}.key", "-out", f"{authority}.pem")
    openssl(folder, "req", *new_key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    with open(os.path.join(folder, f"{name}.ext"), "w", encoding="utf-8") as file:
        file.write(f"subjectAltName={subject_alt_name}\nextendedKeyUsage=serverAuth\nauthorityKeyIdentifier=keyid\n")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key",
            "-CAcreateserial", "-days", "1", "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    os.chmod(os.path.join(folder, f"{name}.key"), 0o600)


class Eavesdropper:
    """Accepts connections and keeps what arrives on each; answers nothing, or what `greeting` holds."""

    def __init__(self, greeting=b""):
        self.heard = []
        self._greeting = greeting
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(0.2)
                heard = bytearray()
                try:
                    connection.sendall(self._greeting)
                    while piece := connection.recv(65536):
                        heard += piece
                except OSError:
                    pass
                self.heard.append(bytes(heard))


@unittest.skipUnless(shutil.which("openssl"), "openssl is not installed")
class TlsTest(ScenarioTest):
    def setUp(self):
        super().setUp()
        self.needs("tls")
        self.certificates = os.path.join(self.folder, "certificates")
        os.mkdir(self.certificates)
        make_certificate(self.certificates, "ca", "server", "DNS:localhost,IP:127.0.0.1")

    def path(self, name):
        return os.path.join(self.certificates, name)

    def start(self, certificate="server", *flags):
        """A server on a tls+tcp:// address; address: by the certificate's IP address."""
        self.port = free_port()
        self.address = f"tls+tcp://127.0.0.1:{self.port}"
        return self.server(f"--listen={self.address}", f"--tls_cert={self.path(certificate)}.pem",
                           f"--tls_key={self.path(certificate)}.key", *flags).start()

    def assert_unavailable(self, address, authority="ca", **options):
        self.open(address, tls_ca_file=self.path(f"{authority}.pem"), **options)
        answer = self.driver.score(transaction(1), deadline_ms=PATIENCE_MS)
        self.assert_fails(answer, "unavailable")
        self.assert_took(answer, 0, PATIENCE_MS)
        self.driver.do("close")

    def test_score(self):
        server = self.start()
        for address in (self.address, f"tls+tcp://localhost:{self.port}"):
            with self.subTest(address):
                self.open(address, tls_ca_file=self.path("ca.pem"), deadline_ms=LONG_MS)
                kind = "ip" if address is self.address else "name"
                calls = [self.driver.start("score", transactions=[{**transaction(number), "id": f"{kind}{number}"}])
                         for number in range(50)]
                decisions = {f"{kind}{number}": self.decision(call.answer()) for number, call in enumerate(calls)}
                self.assert_archived_once(server, decisions)
                self.driver.do("close")

    def test_large_messages(self):
        """More than one record of TLS each way, and several at once."""
        self.start()
        self.open(self.address, tls_ca_file=self.path("ca.pem"), deadline_ms=LONG_MS)
        batches = [[{**transaction(number), "id": f"b{batch}-{number}"} for number in range(1000)]
                   for batch in range(4)]
        calls = [self.driver.start("score", transactions=batch) for batch in batches]
        for batch, call in zip(batches, calls):
            self.assertEqual([result["decision"]["transaction_id"] for result in call.answer()["results"]],
                             [one["id"] for one in batch])

    def test_connects_again(self):
        server = self.start()
        # On a busy machine the server reads its archive for longer than the usual retries take.
        self.open(self.address, tls_ca_file=self.path("ca.pem"), deadline_ms=LONG_MS, retries_max=50)
        self.decision(self.driver.score(transaction(1)))
        server.kill()
        call = self.driver.start("score", transactions=[transaction(2)])
        server.start()
        decisions = {"t2": self.decision(call.answer()), "t3": self.decision(self.driver.score(transaction(3)))}
        self.assert_archived_once(server, decisions)

    def test_deadlines_that_pass_while_nothing_is_read(self):
        """More is sent than the socket holds, and the calls end: what is half written must be finished all the same, or
        nothing behind it could be read."""
        self.needs("metrics")
        server = self.start()
        self.open(self.address, tls_ca_file=self.path("ca.pem"), deadline_ms=LONG_MS)
        self.decision(self.driver.score(transaction(1)))
        self.pause(server)
        batches = [[{**transaction(number), "id": f"b{batch}-{number}", "attributes": [{"name": "note", "text": "x" * 500}]}
                    for number in range(1000)] for batch in range(20)]
        calls = [self.driver.start("score", transactions=batch, deadline_ms=500) for batch in batches]
        for call in calls:
            self.assertIn(call.answer()["error"]["code"], ("deadline", "unavailable"))
        os.kill(server.process.pid, signal.SIGCONT)
        self.decision(self.driver.score(transaction(2)))
        self.decision(self.driver.score(transaction(3)))
        again = [one for one in self.driver.do("metrics")["metrics"] if one[1] == "harrier_client_retries_total"]
        self.assertEqual(again, [], "the server gave the connection up")

    def test_another_authority(self):
        make_certificate(self.certificates, "other", "unused", "IP:127.0.0.1")
        server = self.start()
        self.assert_unavailable(self.address, "other")
        self.assertEqual(server.status().get("transactions", 0), 0)
        self.open(self.address, tls_ca_file=self.path("ca.pem"), deadline_ms=LONG_MS)
        self.decision(self.driver.score(transaction(2)))

    def test_no_trust_by_default(self):
        """Without tls_ca_file the machine's own authorities decide, and ours is none of them."""
        server = self.start()
        self.open(self.address)
        self.assert_fails(self.driver.score(transaction(1), deadline_ms=PATIENCE_MS), "unavailable")
        self.assertEqual(server.status().get("transactions", 0), 0)

    def test_another_host_name(self):
        """Signed by the right authority, but for another server."""
        for name, subject in (("by-name", "DNS:other.example"), ("by-ip", "IP:127.0.0.2")):
            with self.subTest(subject):
                make_certificate(self.certificates, "ca", name, subject)
                server = self.start(name)
                for host in ("127.0.0.1", "localhost"):
                    self.assert_unavailable(f"tls+tcp://{host}:{self.port}")
                self.assertEqual(server.status().get("transactions", 0), 0)
                server.kill()

    def test_a_server_without_tls(self):
        """Whatever the server does, nothing is sent without encryption: not the token, not even a greeting."""
        for greeting in (b"", HELLO_REP):
            with self.subTest(greeting):
                with contextlib.closing(Eavesdropper(greeting)) as silent:
                    self.open(f"tls+tcp://127.0.0.1:{silent.port}", tls_ca_file=self.path("ca.pem"),
                              token="k1.c2VjcmV0")
                    deadline = time.monotonic() + WAIT
                    while not any(silent.heard):
                        self.assertLess(time.monotonic(), deadline, "no handshake was tried")
                        self.assert_fails(self.driver.score(transaction(1), deadline_ms=PATIENCE_MS), "unavailable")
                    self.driver.do("close")
                for heard in filter(None, silent.heard):
                    self.assertEqual(heard[0], HANDSHAKE)
                    self.assertNotIn(b"c2VjcmV0", heard)

    def test_harrierd_without_tls(self):
        port = free_port()
        server = self.server(f"--listen=tcp://127.0.0.1:{port}").start()
        self.assert_unavailable(f"tls+tcp://127.0.0.1:{port}")
        self.assertEqual(server.status().get("transactions", 0), 0)

    def test_plain_tcp_to_a_server_with_tls(self):
        """The address decides: tcp:// is never encrypted, and this server refuses it."""
        self.start()
        self.open(f"tcp://127.0.0.1:{self.port}", tls_ca_file=self.path("ca.pem"))
        answer = self.driver.score(transaction(1), deadline_ms=PATIENCE_MS)
        self.assert_fails(answer, "unavailable")

    def test_the_next_address_serves(self):
        self.needs("addresses")
        make_certificate(self.certificates, "ca", "wrong", "DNS:other.example")
        first = self.start("wrong")
        wrong = self.address
        second = self.second_server()
        second.start()
        self.open(wrong, second.address, tls_ca_file=self.path("ca.pem"), deadline_ms=LONG_MS)
        decision = self.decision(self.driver.score(transaction(1)))
        self.assert_archived_once(second, {"t1": decision})
        self.assertEqual(first.status().get("transactions", 0), 0)
