#!/usr/bin/env python3
"""The examples of all clients, run one after the other against one harrierd with the policy that ships.

usage: test_examples.py C_EXAMPLE [what unittest takes]

The clients' own suites run their examples too, but against servers that approve everything. Here each gets the decision of
a real policy. The programs of the READMEs are run as they are printed, except for the deadline of a call, which a busy
machine may need more of. A client whose toolchain or packages are missing is skipped, with the reason; nothing is
downloaded.
"""
import os
import re
import shutil
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

sys.path[:0] = [os.path.dirname(os.path.dirname(os.path.abspath(__file__)))]

import own_suites
from server import WAIT, ServerTest

ROOT = os.environ["HARRIER_ROOT"]
CLIENTS = os.path.join(ROOT, "clients")
VERDICT = "(approve|review|challenge|decline)"
GO_ENVIRONMENT = {"GOPROXY": "off", "GOFLAGS": "-mod=readonly"}

c_example = None


def readme_program(client, language, deadline, longer):
    """The first program of a client's README, with a longer deadline."""
    with open(os.path.join(CLIENTS, client, "README.md"), encoding="utf-8") as readme:
        program = re.search(rf"^```{language}\n(.*?)^```$", readme.read(), re.MULTILINE | re.DOTALL)[1]
    if program.count(deadline) != 1:
        raise AssertionError(f"the program in clients/{client}/README.md has no {deadline}")
    return program.replace(deadline, longer)


def ids_in(text):
    return set(re.findall(r"\border-\d{4,}\b", text))


class ExamplesTest(ServerTest):
    def setUp(self):
        super().setUp()
        shutil.rmtree(os.path.join(self.folder, "policy"))
        shutil.copytree(os.path.join(ROOT, "rules", "card-payments"), os.path.join(self.folder, "policy"))

    def run_program(self, command, cwd=None, **environment):
        """What it prints. It must succeed, without a word on standard error."""
        done = subprocess.run(command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True,
                              timeout=240, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), f"{command}: {done.stdout}")
        return done.stdout

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def test_all(self):
        server = self.server().start()
        for client in (self.c, self.python, self.go, self.typescript, self.c):
            before = server.status().get("transactions", 0)
            with self.subTest(client=client.__name__):
                reason = client(server.address)
                if reason:
                    print(f"{client.__name__}: skipped: {reason}")
                    continue
                print(f"{client.__name__}: {server.status().get('transactions', 0) - before} transactions")
        self.assertEqual(server.stop(), 0, server.said())

    def c(self, address):
        # Run twice, first and last: sending the same transaction again gets the first decision.
        self.assertRegex(self.run_program([c_example, address]), f"^{VERDICT}\n$")

    def python(self, address):
        reason = own_suites.python_lacks("pynng", "google.protobuf")
        if reason:
            return reason
        path = self.write("example.py", readme_program("python", "python", "deadline=0.1", "deadline=10.0"))
        printed = self.run_program([sys.executable, path, address], PYTHONPATH=os.path.join(CLIENTS, "python", "src"))
        self.assertRegex(printed, rf"^{VERDICT} \d+ \[.*\]\n$")
        return None

    def go(self, address):
        folder = os.path.join(CLIENTS, "go")
        reason = own_suites.go_lacks(folder)
        if reason:
            return reason
        program = readme_program("go", "go", "100*time.Millisecond", "10*time.Second")
        programs = {
            "readme": self.write("main.go", program),
            "outcome": "./examples/outcome",
            "batch": "./examples/batch",
        }
        for name, source in programs.items():
            self.run_program(["go", "build", "-o", os.path.join(self.folder, name), source], folder, **GO_ENVIRONMENT)
        printed = self.run_program([os.path.join(self.folder, "readme"), "-to", address])
        self.assertRegex(printed, rf"^{VERDICT} \d+ \[.*\]\n$")
        (transaction_id,) = ids_in(program)
        printed = self.run_program([os.path.join(self.folder, "outcome"), "-to", address, transaction_id])
        self.assertEqual(printed, "changed: true before: none\n")
        printed = self.run_program([os.path.join(self.folder, "batch"), "-to", address])
        for number in range(5):
            self.assertRegex(printed, rf"(?m)^order-{number} &\{{order-{number} {VERDICT} .*<nil>$")
        return None

    def typescript(self, address):
        folder = os.path.join(CLIENTS, "typescript")
        reason = own_suites.typescript_lacks(folder)
        if reason:
            return reason
        self.run_program(["node", "build.mjs", "test"], folder)
        # As a project of its own, in which the package is installed.
        os.mkdir(os.path.join(self.folder, "node_modules"))
        os.symlink(folder, os.path.join(self.folder, "node_modules", "harrier-client"))
        path = self.write("example.mjs", readme_program("typescript", "ts", "deadlineMs: 100,", "deadlineMs: 10_000,"))
        self.assertRegex(self.run_program(["node", path, address]), rf"^{VERDICT} \d+ .*\n$")
        self.web_shop(folder, address)
        return None

    def web_shop(self, folder, address):
        """It asks with a deadline of 150 ms, so on a busy machine it may answer without Harrier; then it is asked again."""
        main = os.path.join(folder, "build", "examples", "web-shop", "main.js")
        with subprocess.Popen(["node", main, "0", address], stdout=subprocess.PIPE, text=True) as shop:
            try:
                port = int(re.match(r"listening on (\d+)\n", shop.stdout.readline())[1])
                deadline = time.monotonic() + WAIT
                for number in range(1000):
                    body = f'{{"order": "5{number:03}", "product": "lamp", "quantity": 1, "card": "tok_shop", "email": "h:5d41402a"}}'
                    answer = checkout(port, body)
                    if '"checked":true' in answer or time.monotonic() > deadline:
                        break
                self.assertIn('"checked":true', answer)
            finally:
                shop.terminate()
                shop.stdout.read()
        self.assertEqual(shop.returncode, 0)

    def test_ids(self):
        """No two programs send the same id, so they can run against one server in any order."""
        programs = [os.path.join(CLIENTS, "c", "example.c"), os.path.join(CLIENTS, "c", "libharrier.3"),
                    os.path.join(CLIENTS, "go", "example_test.go")]
        programs += [os.path.join(CLIENTS, client, "README.md") for client in ("python", "go", "typescript")]
        seen = {}
        for path in programs:
            with open(path, encoding="utf-8") as file:
                for found in ids_in(file.read()):
                    self.assertNotIn(found, seen, f"{path} and {seen.get(found)} both have {found}")
                    seen[found] = path
        self.assertGreaterEqual(len(seen), len(programs))


def checkout(port, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}/checkout", body.encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=WAIT) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:  # declined, or to be confirmed: also an answer
        with error:
            return error.read().decode()


if __name__ == "__main__":
    c_example = os.path.abspath(sys.argv.pop(1))
    unittest.main()
