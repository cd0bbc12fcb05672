#!/usr/bin/env python3
"""TLS as harrier and libharrier speak it: whom they trust, what they show, and what they say when there is no
connection. The scenarios of tests/system/clients hold every client to what must not happen."""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients"))
from server import WAIT, ServerTest, free_port  # noqa: E402
from tls_scenarios import make_certificate, openssl  # noqa: E402

HARRIER = os.environ["HARRIER"]


class TlsTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.certificates = os.path.join(self.folder, "certificates")
        os.mkdir(self.certificates)
        make_certificate(self.certificates, "ca", "server", "DNS:localhost,IP:127.0.0.1")

    def path(self, name):
        return os.path.join(self.certificates, name)

    def start(self, *flags, certificate="server"):
        self.port = free_port()
        return self.server(f"--listen=tls+tcp://127.0.0.1:{self.port}", f"--tls_cert={self.path(certificate)}.pem",
                           f"--tls_key={self.path(certificate)}.key", *flags).start()

    def status(self, *flags, host="127.0.0.1"):
        return subprocess.run([HARRIER, "status", "--to", f"tls+tcp://{host}:{self.port}", *flags],
                              capture_output=True, text=True, timeout=WAIT, check=False)

    def assert_connects(self, *flags, host="127.0.0.1"):
        """However long the machine takes."""
        run = self.status(*flags, "--deadline", "60s", host=host)
        self.assertEqual(run.returncode, 0, run.stderr)

    def assert_refused(self, why, *flags, host="127.0.0.1"):
        run = self.status(*flags, "--deadline", "3s", host=host)
        self.assertEqual(run.returncode, 69, run.stderr)
        self.assertIn(why, run.stderr)

    def test_whom_it_trusts(self):
        self.start()
        ours = ("--tls-ca", self.path("ca.pem"))
        self.assert_connects(*ours)
        self.assert_connects(*ours, host="localhost")
        self.assert_connects(*ours, host="127.1")  # the same number, spelt as only a resolver reads it
        self.assert_refused("its certificate is not accepted: unable to get local issuer certificate")

    def test_names_count_only_where_they_belong(self):
        """RFC 9525: a name in the subject is none."""
        openssl(self.certificates, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                "2", "-subj", "/CN=localhost", "-keyout", "subject.key", "-out", "subject.pem")
        os.chmod(self.path("subject.key"), 0o600)
        self.start(certificate="subject")
        self.assert_refused("hostname mismatch", "--tls-ca", self.path("subject.pem"), host="localhost")

    def test_a_certificate_of_its_own(self):
        make_certificate(self.certificates, "ca", "other", "DNS:client.example")
        with open(self.path("client.ext"), "w", encoding="utf-8") as file:
            file.write("extendedKeyUsage=clientAuth\nauthorityKeyIdentifier=keyid\n")
        openssl(self.certificates, "x509", "-req", "-in", "other.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "1", "-extfile", "client.ext", "-out", "client.pem")
        self.start(f"--tls_client_ca={self.path('ca.pem')}")
        ours = ("--tls-ca", self.path("ca.pem"))
        self.assert_connects(*ours, "--tls-cert", self.path("client.pem"), "--tls-key", self.path("other.key"))
        self.assert_refused("certificate required", *ours)

    def test_the_last_reason_counts(self):
        """A server with a wrong certificate that has gone is gone."""
        server = self.start()
        self.assert_refused("not accepted")
        server.kill()
        self.assert_refused("Connection refused")


if __name__ == "__main__":
    unittest.main()
