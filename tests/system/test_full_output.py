#!/usr/bin/env python3
"""Every command that writes to standard output: if it cannot, its status is 74, whatever else went well. A reader that
has enough of a report (`| head`) is no failure."""
import csv
import datetime
import os
import subprocess
import unittest

from server import WAIT, ServerTest, transaction

HARRIER = os.environ["HARRIER"]
HAS_ZONES = os.path.exists("/usr/share/zoneinfo/Europe/Berlin")
LIST = """\
lists:
  blocked: {about: cards that were reported lost}
"""
USES_LIST = """\
rules:
  - {name: blocked, when: card in lists.blocked, then: {verdict: decline}}
"""
CASES = """\
cases:
  - {name: one, transaction: {amount: 1}, expect: {verdict: approve}}
"""


class FullOutputTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.write_policy("lists.yaml", LIST)
        self.write_policy("rules/lists.yaml", USES_LIST)
        self.write_policy("cases/one.yaml", CASES)
        self.data, self.policy = os.path.join(self.folder, "data"), os.path.join(self.folder, "policy")
        self.imported, self.tokens = os.path.join(self.folder, "imported"), os.path.join(self.folder, "tokens")
        self.rows = os.path.join(self.folder, "rows.csv")
        with open(self.rows, "w", encoding="utf-8", newline="") as file:
            rows = [transaction(number) for number in range(100)]
            for row in rows:
                time = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=row.pop("event_time_us"))
                row["event_time"] = time.isoformat() + "Z"
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        if HAS_ZONES:
            self.run_command("zones", self.policy, "--add=Europe/Berlin")
        self.harrierd = self.server("--lazy_sync_interval=5ms").start()
        with self.harrierd.connect() as connection:
            connection.score([transaction(number) for number in range(100)])
        self.run_command("token", "new", "shop", "--scopes=score", f"--tokens={self.tokens}",
                         f"--out={self.folder}/shop.token")
        self.run_command("list", "add", "blocked", "c1", f"--to={self.harrierd.address}")
        self.run_command("brake", "pull", "many", f"--to={self.harrierd.address}")
        self.run_command("rebuild", f"--data={self.data}")

    def run_command(self, *arguments, status=0, output=subprocess.DEVNULL):
        run = subprocess.run([HARRIER, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.PIPE,
                             text=True, timeout=WAIT, check=False)
        self.assertEqual(run.returncode, status, (arguments, run.stderr))
        return run.stderr

    def reports(self):
        """The command lines, each with the forms of its report. Those that change something can be run again."""
        to = f"--to={self.harrierd.address}"
        both, one = ((), ("--json",)), ((),)
        return [
            (("list", "show", to), both),
            (("list", "show", "blocked", to), both),
            (("list", "add", "blocked", "c1", to), one),
            (("brake", "list", to), both),
            (("brake", "pull", "many", to), one),
            (("entity", "card", "c1", to), both),
            (("status", to), both),
            (("reload", "--wait", to), both),
            (("token", "list", f"--tokens={self.tokens}"), both),
            (("simulate", "--days=2"), one),
            (("eval", "1 + 1"), one),
            (("check", self.policy), both),
            (("test", self.policy, "--verbose"), both),
            (("rebuild", f"--data={self.data}"), ((), ("--force",))),
            (("replay", self.data, "--recorded"), one),
            (("explain", self.data, "t5"), both),
            (("shadow", "report", self.data), both),
            (("verify", self.data), both),
            (("import", self.imported, self.rows, f"--policy={self.policy}"), one),
            (("archive", "list", self.data), both),
            (("archive", "verify", self.data), both),
            (("archive", "seal", self.data), both),
            (("inspect", self.data), both),
            (("inspect", self.data, "--count"), both),
            (("amend", "t5", "capture", "7", to), one),
            (("policy", "list", self.data), both),
            (("policy", "show", self.data, "current"), both),
            (("policy", "show", self.data, "current", "policy.yaml"), one),
            (("help",), one),
        ] + ([(("zones", self.policy), one)] if HAS_ZONES else [])

    def commands(self):
        return [(*command, *form) for command, forms in self.reports() for form in forms]

    def subtest(self, command):
        return self.subTest(" ".join(command).replace(self.folder, "…"))

    @unittest.skipUnless(os.path.exists("/dev/full"), "no /dev/full")
    def test_a_full_disk(self):
        data = [("score", self.rows, f"--to={self.harrierd.address}", "--dry-run"),
                ("replay", self.data, "--recorded", "--json=-"), ("export", self.data, "--out=-"), ("find", self.data)]
        for command in self.commands() + data:
            with self.subtest(command), open("/dev/full", "w", encoding="utf-8") as full:
                said = self.run_command(*command, status=74, output=full)
                self.assertEqual(said.count("No space left on device"), 1, said)
                self.assertIn("cannot write", said)

    def test_a_reader_that_has_enough(self):
        for command in self.commands():
            read, write = os.pipe()
            os.close(read)
            try:
                with self.subtest(command):
                    said = self.run_command(*command, output=write)
                    self.assertNotIn("Broken pipe", said)
            finally:
                os.close(write)


if __name__ == "__main__":
    unittest.main()
