#!/usr/bin/env python3
"""A few rounds of kills.py; kill_run has many."""
import os
import unittest

from console_test import ConsoleTest
from kills import Kills

ROUNDS = int(os.environ.get("KILL_ROUNDS", "5"))
SEED = int(os.environ.get("KILL_SEED", "1"))


class KillsTest(ConsoleTest):
    def test_no_decision_is_lost_or_doubled(self):
        self.console.start()
        found = Kills(self, SEED).run(ROUNDS)
        print(", ".join(f"{name} {value}" for name, value in found.items()))
        self.assertGreater(found["acknowledged"], 0)


if __name__ == "__main__":
    unittest.main()
