#!/usr/bin/env python3
"""Proves that cli_manual.py can fail."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cli_manual  # noqa: E402

MANUAL = "# X\n## Asking\n`--to`\n## score\n`--out` and --help\n"


class ManualTest(unittest.TestCase):
    def test_what_agrees_is_silent(self):
        self.assertEqual(list(cli_manual.faults_of({"score": {"--to", "--out"}}, MANUAL)), [])

    def test_each_fault_is_found(self):
        self.assertEqual(list(cli_manual.faults_of({"score": {"--out", "--to", "--limit"}}, MANUAL)), ["score: --limit is not described"])
        self.assertEqual(list(cli_manual.faults_of({"score": {"--to"}}, MANUAL)), ["--out is not an option of any command"])
        self.assertEqual(list(cli_manual.faults_of({"score": {"--to", "--out"}, "list": set()}, MANUAL)), ['there is no section "list"'])


if __name__ == "__main__":
    unittest.main()
