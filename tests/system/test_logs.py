#!/usr/bin/env python3
"""The log of harrierd as JSON lines, its level and format changed while it runs, and the journal's priorities."""
import json
import os
import re
import signal
import subprocess
import time
import unittest

from server import WAIT, ServerTest, transaction

HARRIER = os.environ["HARRIER"]
LEVELS = {"error": 3, "warning": 4, "info": 6, "debug": 7}


class LogTest(ServerTest):
    def configured(self, text):
        path = os.path.join(self.folder, "conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return f"--config={path}"

    def read(self, server):
        rows = [json.loads(line) for line in server.said().splitlines()]
        for row in rows:
            self.assertRegex(row["time"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
            self.assertIn(row["level"], LEVELS)
            self.assertTrue(row["message"])
        return rows

    def find(self, server, words):
        (row,) = [row for row in self.read(server) if words in row["message"]]
        return row

    def test_every_line_is_an_object(self):
        tokens = os.path.join(self.folder, "tokens")
        made = subprocess.run([HARRIER, "token", "new", "till-7", "--scopes", "score", "--tokens", tokens],
                              capture_output=True, text=True, check=True, timeout=WAIT)
        token = made.stdout.strip()
        server = self.server("--log_format=json", f"--tokens={tokens}").start()
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        with server.connect() as connection:
            connection.call({"traceparent": trace, "score": {"transactions": [transaction(1)]}})
            connection.call({"token": token, "traceparent": trace, "reload": {}})
            connection.call({"token": token, "score": {"transactions": [transaction(1)]}})
        self.write_policy("rules/bad.yaml", 'rules:\n  - name: "\x7f€\\"quoted\\""\n    when: nothing\n')
        server.process.send_signal(signal.SIGHUP)
        server.await_said("policy refused")
        self.assertEqual(server.stop(), 0)

        ready = self.find(server, "transactions, position")
        self.assertEqual((ready["state"], ready["level"], ready["transactions"]), ("ready", "info", 0))
        missing = self.find(server, "token missing")
        self.assertEqual({key: missing[key] for key in ("call", "result", "code", "denial", "trace_id", "span_id")},
                         {"call": "score", "result": "refused", "code": "denied", "denial": "missing",
                          "trace_id": trace[3:35], "span_id": trace[36:52]})
        self.assertGreaterEqual(missing["took_us"], 0)
        scope = self.find(server, "token scope")
        self.assertEqual((scope["call"], scope["token_name"]), ("reload", "till-7"))
        self.assertRegex(scope["token_id"], r"^[0-9a-z]+$")
        refused = self.find(server, "policy refused")
        self.assertEqual(refused["level"], "error")
        self.assertIn(refused["reason"], refused["message"])
        self.assertEqual(self.find(server, "exiting with status")["status"], 0)
        self.assertNotIn(token, server.said())

    def test_level_and_format_change_with_sighup(self):
        server = self.server(self.configured("log_level = warning\n")).start()
        self.assertEqual(server.said(), "")
        self.configured("log_level = info\n")
        server.process.send_signal(signal.SIGHUP)
        server.await_said("is unchanged")
        lines = server.said().splitlines()
        self.assertRegex(lines[0], "info log_level is info from now on; it was warning$")
        self.configured("log_level = error\nlog_format = json\n")
        server.process.send_signal(signal.SIGHUP)
        server.await_said("log_level is error from now on")
        self.assertEqual(server.stop(), 0)
        changed, *rest = [line for line in server.said().splitlines()[len(lines):] if line.startswith("{")]
        self.assertEqual(rest, [])
        row = json.loads(changed)
        self.assertEqual((row["level"], row["log_level"], row["was"]), ("info", "error", "info"))

    def test_a_wrong_word_is_refused(self):
        server = self.server("--log_format=xml").spawn()
        self.assertEqual(server.wait(), 64)
        self.assertRegex(server.said(), 'log_format.*"xml".*text.*json')

    def test_the_journal_gets_priorities(self):
        path = os.path.join(self.folder, "harrierd.err")
        with open(path, "ab"):
            pass
        status = os.stat(path)
        server = self.server("--log_format=json").start(
            environment={"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}.items())
        self.assertEqual(server.stop(), 0)
        for line in server.said().splitlines():
            priority, row = re.fullmatch(r"<(\d)>(\{.*\})", line).groups()
            self.assertEqual(LEVELS[json.loads(row)["level"]], int(priority))

    def test_repeated_lines_stay_limited(self):
        server = self.server("--log_format=json").start()
        deadline = time.monotonic() + WAIT
        with server.connect() as connection:
            for _ in range(100):
                connection.call({"report_outcome": {"outcomes": [{}] * 1001}})
            while not any(row.get("left_out") for row in self.read(server)):
                self.assertLess(time.monotonic(), deadline)
                connection.call({"report_outcome": {"outcomes": [{}] * 1001}})
        left_out = sum(row.get("left_out", 0) for row in self.read(server))
        self.assertGreater(left_out, 0)
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
