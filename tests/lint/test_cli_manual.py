#!/usr/bin/env python3
"""Proves that cli_manual.py can fail."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_manual  # noqa: E402

MANUAL = "# X\n## Asking\n`--to`\n## score\n`--out` and --help\n"


class ManualTest(unittest.TestCase):
    def test_commands(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "harrier")
            with open(program, "w", encoding="utf-8") as file:
                file.write("#!/bin/sh\necho 'Commands:\n  score      send it\n  score-all  send all\n  help       show this'\n")
            os.chmod(program, 0o755)
            self.assertEqual(cli_manual.commands_of(program), ["score", "score-all"])

    def test_what_agrees_is_silent(self):
        self.assertEqual(list(cli_manual.faults_of({"score": {"--to", "--out"}}, MANUAL)), [])

    def test_each_fault_is_found(self):
        self.assertEqual(list(cli_manual.faults_of({"score": {"--out", "--to", "--limit"}}, MANUAL)), ["score: --limit is not described"])
        self.assertEqual(list(cli_manual.faults_of({"score": {"--to"}}, MANUAL)), ["--out is not an option of any command"])
        self.assertEqual(list(cli_manual.faults_of({"score": {"--to", "--out"}, "list": set()}, MANUAL)), ['there is no section "list"'])


if __name__ == "__main__":
    unittest.main()
