#!/usr/bin/env python3
"""Stock clients of nng's protocol against harrierd, over every address of both fronts: pynng and mangos score
transactions with many in flight, through a restart of the server too, and get what the archive has.

usage: stock.py MANGOS      MANGOS: the program in mangos/; pynng and trustme are this interpreter's"""
import collections
import os
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from server import ServerTest, free_port, transaction  # noqa: E402
from wire import decode, encode  # noqa: E402

import trustme  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENTS = {"pynng": [sys.executable, os.path.join(HERE, "pynng_client.py")], "mangos": [sys.argv.pop(1)]}
ADDRESSES = ("tcp", "ipc", "nng+tcp", "nng+ipc")
COUNT, IN_FLIGHT = 400, 32


class StockTest(ServerTest):
    def start_at(self, scheme, *flags):
        server = self.server(*flags)
        if "ipc" not in scheme:
            server.address = f"{scheme}://127.0.0.1:{free_port()}"
        server.listen = server.address if "ipc" not in scheme else f"{scheme}://{self.folder}/harrierd.sock"
        server.address = server.listen.removeprefix("nng+")
        return server.start()

    def spawn(self, client, server, *files):
        return subprocess.Popen(
            [*CLIENTS[client], server.address, str(IN_FLIGHT), *files],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )

    def finish(self, process, requests):
        out, err = process.communicate("".join(request.hex() + "\n" for request in requests), timeout=60)
        self.assertEqual(process.returncode, 0, err)
        return [decode("Response", bytes.fromhex(line)) for line in out.splitlines()]

    def score(self, client, server, first, *files):
        requests = [encode({"score": {"transactions": [transaction(n)]}}) for n in range(first, first + COUNT)]
        answers = self.finish(self.spawn(client, server, *files), requests)
        self.assertEqual(len(answers), COUNT)
        decisions = [answer["score"]["results"][0]["decision"] for answer in answers]
        positions = collections.Counter(decision["position"] for decision in decisions)
        self.assertEqual(len(positions), COUNT)  # each its own: no answer went to another request
        # Again, one by one: the first decision comes back, so each got the answer to its own.
        again = self.finish(self.spawn(client, server, *files), requests)
        for decision, answer in zip(decisions, again):
            repeated = answer["score"]["results"][0]["decision"]
            self.assertEqual((repeated["position"], repeated.get("score")), (decision["position"], decision.get("score")))
            self.assertTrue(repeated["duplicate"])

    def test_every_address(self):
        for scheme in ADDRESSES:
            server = self.start_at(scheme, f"--data_dir={self.folder}/data-{scheme}")
            for i, client in enumerate(CLIENTS):
                with self.subTest(scheme=scheme, client=client):
                    self.score(client, server, i * COUNT)
            self.assertEqual(server.stop(), 0)

    def test_sizes(self):
        """From one transaction a message to a thousand: more than a piece of the server's memory."""
        for scheme in ADDRESSES:
            server = self.start_at(scheme, f"--data_dir={self.folder}/data-{scheme}")
            for i, client in enumerate(CLIENTS):
                with self.subTest(scheme=scheme, client=client):
                    sizes, first, requests = [1, 2, 30, 300, 1000, 7], i * 10000, []
                    for size in sizes:
                        batch = [transaction(n) for n in range(first, first + size)]
                        requests.append(encode({"score": {"transactions": batch}}))
                        first += size
                    answers = self.finish(self.spawn(client, server), requests)
                    self.assertEqual([len(answer["score"]["results"]) for answer in answers], sizes)
            self.assertEqual(server.stop(), 0)

    def test_restart(self):
        """Whoever was connected comes back by himself; nng's clients send again what was not answered."""
        for scheme in ADDRESSES:
            server = self.start_at(scheme, f"--data_dir={self.folder}/data-{scheme}")
            for client in CLIENTS:
                with self.subTest(scheme=scheme, client=client):
                    process = self.spawn(client, server)
                    time.sleep(1)  # connected by now
                    server.kill()
                    server.start()
                    answers = self.finish(process, [encode({"status": {}})] * 50)
                    self.assertEqual({answer["status"]["state"] for answer in answers}, {"ready"})
            self.assertEqual(server.stop(), 0)

    def make_certificates(self):
        def write(name, *blobs):
            path = os.path.join(self.folder, name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(b"".join(blob.bytes() for blob in blobs))
            return path

        authority = trustme.CA()
        server, client = authority.issue_cert("localhost"), authority.issue_cert("shop")
        return (
            write("ca.pem", authority.cert_pem),
            (write("server.pem", *server.cert_chain_pems), write("server.key", server.private_key_pem)),
            (write("client.pem", *client.cert_chain_pems), write("client.key", client.private_key_pem)),
        )

    def test_tls(self):
        """mangos speaks TLS 1.3; what pynng is built with may not, so 1.2 is allowed for it."""
        ca, (certificate, key), own = self.make_certificates()
        flags = [f"--tls_cert={certificate}", f"--tls_key={key}", f"--tls_client_ca={ca}"]
        server = self.start_at("tls+tcp", *flags)
        self.score("mangos", server, 0, ca, *own)
        self.assertEqual(server.stop(), 0)
        server = self.start_at("tls+tcp", *flags, "--tls_version=1.2")
        self.score("pynng", server, COUNT, ca, *own)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
