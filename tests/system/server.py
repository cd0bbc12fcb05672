"""harrierd as a process, on a folder of its own that is removed with the test."""
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

from wire import Connection

HARRIERD = os.environ["HARRIERD"]
START_US = 1767225600 * 1000000  # 2026-01-01
# Seconds to wait for anything that must happen: only there to catch a hang. What takes milliseconds on an idle machine
# may take minutes beside a build and under a sanitizer, so no test may fail for less.
WAIT = 300

POLICY = {
    "policy.yaml": """\
policy:
  name: system
  about: for tests
  base_currency: EUR
  lateness: 1h
  on_error: skip
  cutoffs: {review: 300, challenge: 500, decline: 700}
""",
    "features.yaml": """\
entities:
  card: {key: card}
  merchant: {key: merchant}
features:
  card:
    - {name: count_1h, aggregate: count, window: 1h}
    - {name: sum_1h, aggregate: sum, of: amount, window: 1h}
    - {name: fraud_30d, aggregate: count, where: "outcome == 'fraud'", window: 30d}
  merchant:
    - {name: cards_1d, aggregate: distinct, of: card, window: 1d}
""",
    "rules/velocity.yaml": """\
rules:
  - name: many
    about: many
    when: card.count_1h >= 3
    then: {score: 400}
""",
}


def is_sanitized():
    """Whether the programs are built with AddressSanitizer or ThreadSanitizer."""
    with open(HARRIERD, "rb") as file:
        program = file.read()
    return b"__asan_init" in program or b"__tsan_init" in program


def transaction(number, cards=7):
    return {
        "id": f"t{number}",
        "event_time_us": START_US + number * 1000000,
        "amount_minor": 100 + number % 1000,
        "currency": "EUR",
        "card": f"c{number % cards}",
        "merchant": f"m{number % 3}",
    }


def free_port():
    """A free TCP port of loopback, outside the ephemeral range: the kernel might give one of those to a client before
    the server listens. Not from the generator that tests seed: two with the same seed would take the same ports."""
    choice = random.SystemRandom()
    for _ in range(100):
        port = choice.randrange(10240, 32768)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise AssertionError("no free port")


class Server:
    def __init__(self, folder, *flags, name="harrierd"):
        self.folder = folder
        self.flags = flags
        self.address = f"ipc://{folder}/{name}.sock"
        self.listen = None  # the address to listen on, where clients connect to another one
        self.admin_port = free_port()
        self.messages = os.path.join(folder, f"{name}.err")
        self.process = None

    @property
    def archive(self):
        return os.path.join(self.folder, "data", "archive")

    def spawn(self, environment=()):
        command = [
            HARRIERD,
            "--config=/dev/null",
            f"--listen={self.listen or self.address}",
            f"--admin_listen=127.0.0.1:{self.admin_port}",
            f"--policy={self.folder}/policy",
            f"--data_dir={self.folder}/data",
            *self.flags,
        ]
        # Tests reload a policy when they mean to, so that it is loaded exactly once.
        if not any(flag.startswith("--watch_policy") for flag in self.flags):
            command.append("--watch_policy=no")
        with open(self.messages, "ab") as messages:
            self.process = subprocess.Popen(command, stderr=messages, env={**os.environ, **dict(environment)})
        return self

    def start(self, **more):
        self.spawn(**more)
        self.await_ready()
        return self

    def await_ready(self):
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}:\n{self.said()}")
            try:
                if self.http("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.01)
        raise AssertionError(f"not ready in time:\n{self.said()}")

    def wait(self):
        return self.process.wait(timeout=WAIT)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()

    def said(self):
        with open(self.messages, encoding="utf-8") as messages:
            return messages.read()

    def await_said(self, words):
        deadline = time.monotonic() + WAIT
        while words not in self.said():
            if time.monotonic() > deadline:
                raise AssertionError(f'never logged "{words}":\n{self.said()}')
            time.sleep(0.01)

    def connect(self, **more):
        return Connection(self.address, **more)

    def status(self, state_hash=False):
        with self.connect() as connection:
            return connection.status(state_hash)

    def answers(self):
        """A new connection gets an answer to a request."""
        try:
            with self.connect() as connection:
                return connection.status()["state"] == "ready"
        except OSError:
            return False

    def await_answer(self):
        deadline = time.monotonic() + WAIT
        while not self.answers():
            if time.monotonic() > deadline:
                raise AssertionError(f"no longer answers:\n{self.said()}")

    def http(self, path, method="GET"):
        """(status, body, headers)"""
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin_port}{path}", method=method)
        try:
            with urllib.request.urlopen(request, timeout=WAIT) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(), error.headers

    def metric(self, name):
        for line in self.http("/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split(" ")[1])
        raise AssertionError(f"no metric {name}")


def counts(status):
    """What no crash or restart may change."""
    return {
        key: status.get(key)
        for key in ("position", "transactions", "outcomes", "labels", "newest_event_time_us", "state_hash")
    }


class ServerTest(unittest.TestCase):
    """A folder with a policy, and the servers that run in it."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="harrier-system-")
        self.servers = []
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(self.kill_servers)
        for name, text in POLICY.items():
            self.write_policy(name, text)

    def kill_servers(self):
        for server in self.servers:
            server.kill()
            if re.search("AddressSanitizer|runtime error|LeakSanitizer|WARNING: ThreadSanitizer|lock order: ", server.said()):
                self.fail(server.said())

    def holds_with_time(self, attempt, *spans):
        """attempt(span) with one span after the other, until it holds: for what is seen only while a timer of the
        server runs. On a busy machine a short one may have run out before the test gets there, which says nothing
        about the server; the last span is long enough for any machine."""
        for span in spans[:-1]:
            try:
                attempt(span)
                return
            except (AssertionError, OSError) as failure:
                print(f"with {span}: {failure!r}; once more with a longer time", file=sys.stderr)
            self.kill_servers()
            for server in self.servers:
                os.remove(server.messages)
            self.servers.clear()
            shutil.rmtree(os.path.join(self.folder, "data"), ignore_errors=True)
        attempt(spans[-1])

    def server(self, *flags, **more):
        server = Server(self.folder, *flags, **more)
        self.servers.append(server)
        return server

    def write_policy(self, name, text):
        path = os.path.join(self.folder, "policy", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def segments(self, server, sealed=False):
        """The files of its segments in the order of their records; sealed: the sealed ones, too."""
        found = []
        endings = (".seg", ".seg.zst") if sealed else (".seg",)
        for folder, _, files in os.walk(server.archive):
            found += [os.path.join(folder, name) for name in files if name.endswith(endings)]
        return sorted(found)

    def assert_ends(self, server, status, *words):
        self.assertEqual(server.wait(), status, server.said())
        for word in words:
            self.assertIn(word, server.said())
