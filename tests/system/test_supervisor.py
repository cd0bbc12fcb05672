#!/usr/bin/env python3
"""What harrierd tells the program that started it, by sd_notify's protocol: this test plays systemd.

The watchdog's time is short where datagrams have to come, and only then a matter of luck: waits end on an event. Where
none may come, what is waited for is the server's own line in the log that says so."""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import small_disk

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients"))
from server import HARRIERD, POLICY, WAIT, ServerTest, free_port, transaction  # noqa: E402
from tls_scenarios import make_certificate  # noqa: E402

HARRIER = os.environ["HARRIER"]


class Manager:
    """NOTIFY_SOCKET, and what arrived there. abstract: a name without a file, which systemd may use."""

    def __init__(self, folder, abstract=False):
        self.name = f"@harrier-test-{os.getpid()}-{time.monotonic_ns()}" if abstract else os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.name.replace("@", "\0", 1))
        self.socket.settimeout(WAIT)

    def environment(self, watchdog_ms=None, pid=None):
        found = {"NOTIFY_SOCKET": self.name}
        if watchdog_ms:
            found["WATCHDOG_USEC"] = str(watchdog_ms * 1000)
        if pid:
            found["WATCHDOG_PID"] = str(pid)
        return found

    def receive(self):
        """The next datagram as a dictionary."""
        return dict(line.split("=", 1) for line in self.socket.recv(4096).decode().split("\n"))

    def await_one(self, **wanted):
        """Passes over others until one has these values; returns it."""
        while True:
            got = self.receive()
            if wanted.items() <= got.items():
                return got

    def drain(self):
        """What has arrived so far."""
        self.socket.setblocking(False)
        found = []
        try:
            while True:
                found.append(self.receive())
        except BlockingIOError:
            return found
        finally:
            self.socket.settimeout(WAIT)

    def close(self):
        self.socket.close()


class SupervisorTest(ServerTest):
    def manager(self, **more):
        manager = Manager(self.folder, **more)
        self.addCleanup(manager.close)
        return manager

    def test_life_over_an_abstract_socket(self):
        manager = self.manager(abstract=True)
        server = self.server().spawn(environment=manager.environment())
        self.assertEqual(manager.receive(), {"READY": "1", "STATUS": "ready"})
        self.assertTrue(server.answers())  # it did not say so too early
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.write_policy("policy.yaml", POLICY["policy.yaml"].replace("for tests", "changed"))
        server.process.send_signal(signal.SIGHUP)
        reloading = manager.receive()
        self.assertEqual(reloading["RELOADING"], "1")
        self.assertGreaterEqual(int(reloading["MONOTONIC_USEC"]), before)
        self.assertEqual(manager.receive(), {"READY": "1"})
        self.assertIn("adopted", server.said().split("SIGHUP")[1])  # not before the reload had ended
        # A reload that is refused has ended, too.
        self.write_policy("policy.yaml", "policy: {}\n")
        server.process.send_signal(signal.SIGHUP)
        self.assertEqual(manager.receive()["RELOADING"], "1")
        self.assertEqual(manager.receive(), {"READY": "1"})
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(manager.receive(), {"STOPPING": "1"})
        self.assertEqual(server.wait(), 0)
        self.assertEqual(manager.drain(), [])  # nobody asked for a watchdog

    def test_an_invalid_option_ends_a_reload(self):
        manager = self.manager()
        config = os.path.join(self.folder, "harrierd.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write("log_level = info\n")
        server = self.server(f"--config={config}").spawn(environment=manager.environment())
        manager.await_one(READY="1")
        with open(config, "w", encoding="utf-8") as file:
            file.write("log_level = loud\n")
        server.process.send_signal(signal.SIGHUP)
        self.assertEqual(manager.receive()["RELOADING"], "1")
        self.assertEqual(manager.receive(), {"READY": "1"})

    def test_scoring_feeds_the_watchdog_and_leaves_no_trace(self):
        """Over every address, with tokens, and with a policy that requires fields."""
        self.write_policy("schema.yaml", """\
fields:
  card: {required: true}
  merchant: {required: true}
  country: {required: true}
  ip: {required: true}
  mcc: {required: true}
  amount: {required: true}
attributes:
  items: {type: int, required: true}
  weight: {type: double, required: true}
  price: {type: decimal(2), required: true}
  gift: {type: bool, required: true}
  note: {type: string, required: true}
  due: {type: timestamp, required: true}
  other: {type: string}
""")
        tokens = os.path.join(self.folder, "tokens")
        subprocess.run([HARRIER, "token", "new", "shop", "--tokens", tokens, "--scopes", "score"], check=True,
                       capture_output=True)
        manager = self.manager()
        port = free_port()
        server = self.server(f"--tokens={tokens}", "--watchdog_interval=0", f"--listen=tcp://127.0.0.1:{port}",
                             f"--listen=nng+ipc://{self.folder}/other.sock", f"--rejects={self.folder}/rejects")
        server.spawn(environment=manager.environment(watchdog_ms=1000))
        server.await_ready()
        for _ in range(3):
            manager.await_one(WATCHDOG="1")
        self.assertNotIn("refuses the watchdog's transaction", server.said())
        self.assertEqual(server.metric('harrierd_requests_total{call="score"}'), 0)
        self.assertEqual(server.metric("harrierd_dry_runs_total"), 0)
        self.assertEqual(os.path.getsize(f"{self.folder}/rejects") if os.path.exists(f"{self.folder}/rejects") else 0, 0)
        self.assertEqual(server.metric('harrierd_transactions_total{verdict="approve"}'), 0)
        self.assertEqual(server.stop(), 0)

    def test_a_deaf_listener_starves_the_watchdog(self):
        self.holds_with_time(self.starve, "300", "2000", "15000")

    def starve(self, time_ms):
        manager = Manager(self.folder)
        try:
            server = self.server("--watchdog_interval=0")
            server.spawn(environment=manager.environment(watchdog_ms=int(time_ms)))
            manager.await_one(WATCHDOG="1")
            self.assertNotIn("will end the process", server.said())
            os.unlink(server.address[len("ipc://") :])  # nobody can connect, and nothing opens it again
            server.await_said("the supervisor will end the process")
            manager.drain()
            time.sleep(int(time_ms) / 1000)
            self.assertEqual(manager.drain(), [])
            self.assertIn("no connection is possible", server.said())
            # The process is alive otherwise: systemd would now end it.
            self.assertEqual(server.http("/readyz")[0], 200)
        finally:
            manager.close()
            if os.path.exists(manager.name):
                os.unlink(manager.name)

    def test_a_listener_that_is_reopened_feeds_it_again(self):
        manager = self.manager()
        server = self.server("--watchdog_interval=200ms").spawn(environment=manager.environment(watchdog_ms=1000))
        manager.await_one(WATCHDOG="1")
        os.unlink(server.address[len("ipc://") :])
        server.await_said("had stopped answering requests and was reopened")
        manager.drain()
        manager.await_one(WATCHDOG="1")

    def test_a_listener_that_nng_lost_starves_it(self):
        """nng before 1.6 loses an ipc listener for good when clients connect and close at once (issue 1518)."""
        manager = self.manager()
        server = self.server("--watchdog_interval=0")
        server.listen = f"nng+{server.address}"
        server.spawn(environment=manager.environment(watchdog_ms=2000))
        manager.await_one(WATCHDOG="1")
        if "older than 1.6" not in server.said():
            self.skipTest("this nng keeps its listeners")
        deadline = time.monotonic() + WAIT
        while "the supervisor will end the process" not in server.said():
            self.assertLess(time.monotonic(), deadline, server.said())
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(1)
                try:
                    client.connect(server.address[len("ipc://") :])
                except OSError:
                    pass  # lost, and its queue is full
            time.sleep(0.01)
        self.assertEqual(server.http("/readyz")[0], 200)

    def test_tls_and_websocket_alone(self):
        """Nothing can be asked as a client would: what can be is asked within the process."""
        make_certificate(self.folder, "ca", "server", "DNS:localhost,IP:127.0.0.1")
        for name, listen in (("tls", f"tls+tcp://127.0.0.1:{free_port()}"), ("ws", f"ws://127.0.0.1:{free_port()}/h")):
            with self.subTest(listen):
                manager = self.manager(abstract=True)
                server = self.server(f"--tls_cert={self.folder}/server.pem", f"--tls_key={self.folder}/server.key",
                                     f"--data_dir={self.folder}/data-{name}", name=name)
                server.listen = listen
                server.spawn(environment=manager.environment(watchdog_ms=1000))
                for _ in range(3):
                    manager.await_one(WATCHDOG="1")
                self.assertEqual(server.stop(), 0)

    def test_another_process_is_meant(self):
        manager = self.manager()
        server = self.server().spawn(environment=manager.environment(watchdog_ms=200, pid=1))
        manager.await_one(READY="1")
        time.sleep(0.5)
        self.assertEqual(manager.drain(), [])
        self.assertTrue(server.answers())

    def test_full_server_is_fed(self):
        """Connections beyond max_connections are closed, those of the watchdog, too."""
        manager = self.manager()
        server = self.server("--max_connections=1", "--watchdog_interval=0")
        server.spawn(environment=manager.environment(watchdog_ms=1000))
        manager.await_one(WATCHDOG="1")
        while True:  # until no probe holds the only place
            try:
                held = server.connect()
                held.score([transaction(1)])
                break
            except OSError:
                pass
        with held:
            manager.drain()
            for _ in range(2):
                manager.await_one(WATCHDOG="1")
            self.assertIn("decision", held.score([transaction(2)])[0])

    @unittest.skipUnless(small_disk.is_possible(), "needs a mount namespace")
    def test_full_disk_is_no_reason_to_be_killed(self):
        manager = self.manager()
        disk = small_disk.SmallDisk(os.path.join(self.folder, "data"), "8m")
        self.addCleanup(disk.unmount)
        server = self.server("--watchdog_interval=0").spawn(environment=manager.environment(watchdog_ms=1000))
        manager.await_one(WATCHDOG="1")
        disk.fill()
        with server.connect() as connection:
            number = 0
            while "error" not in (result := connection.score([transaction(number)])[0]) and number < 50000:
                number += 1
        self.assertIn("unavailable", str(result["error"]).lower())
        manager.await_one(STATUS="unavailable")
        manager.drain()
        for _ in range(3):
            manager.await_one(WATCHDOG="1")
        self.assertEqual(server.http("/readyz")[0], 503)
        self.assertNotIn("score refused", server.said())  # a line for each probe would fill the log
        disk.make_room()
        manager.await_one(READY="1")
        server.kill()

    def test_credentials_are_defaults(self):
        """As LoadCredential= passes them: files in a folder that only the service may read."""
        folder = tempfile.mkdtemp(dir=self.folder)
        token = subprocess.run([HARRIER, "token", "new", "shop", "--tokens", f"{folder}/harrierd.tokens",
                                "--scopes", "score"], check=True, capture_output=True, text=True).stdout.split()[-1]
        os.chmod(f"{folder}/harrierd.tokens", 0o400)
        shown = subprocess.run([HARRIERD, "--print-options", "--config=/dev/null"], check=True, capture_output=True,
                               text=True, env={**os.environ, "CREDENTIALS_DIRECTORY": folder}).stdout
        self.assertIn(f"tokens = {folder}/harrierd.tokens\n", shown)
        self.assertIn("tls_key = \n", shown)
        self.assertIn("pseudonym_keys = \n", shown)
        with open(f"{folder}/harrierd.pseudonym_keys", "w", encoding="ascii") as keys:
            keys.write(f"k1 {'5d' * 32}\n")
        os.chmod(keys.name, 0o400)
        shown = subprocess.run([HARRIERD, "--print-options", "--config=/dev/null", "--tokens=/x"], check=True,
                               capture_output=True, text=True,
                               env={**os.environ, "CREDENTIALS_DIRECTORY": folder}).stdout
        self.assertIn("tokens = /x\n", shown)
        self.assertIn(f"pseudonym_keys = {keys.name}\n", shown)
        server = self.server().start(environment={"CREDENTIALS_DIRECTORY": folder}.items())
        with server.connect() as connection:
            request = {"score": {"transactions": [transaction(1)]}}
            self.assertEqual(connection.call(request)["error"]["code"], "ERROR_DENIED")
            self.assertIn("score", connection.call({"token": token, **request}))


if __name__ == "__main__":
    small_disk.enter_namespace()
    unittest.main()
