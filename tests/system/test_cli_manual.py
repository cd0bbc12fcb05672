#!/usr/bin/env python3
"""The examples of docs/CLI.md for find, export and policy, run as they are printed on an archive with such
transactions, but for the paths and the address."""
import json
import os
import re
import shlex
import shutil
import subprocess
import unittest

from server import WAIT, ServerTest

HARRIER = os.environ["HARRIER"]
ROOT = os.environ["HARRIER_ROOT"]


def examples(section):
    """The commands of a section: lines that are indented by four spaces and begin with the program's name."""
    with open(os.path.join(ROOT, "docs", "CLI.md"), encoding="utf-8") as manual:
        text = re.split(r"^## ", manual.read(), flags=re.MULTILINE)
    (body,) = [part for part in text if part.startswith(section + "\n")]
    found = re.findall(rf"^    (harrier {section} .*)$", body, flags=re.MULTILINE)
    if not found:
        raise AssertionError(f"no example in the section {section}")
    return [shlex.split(line, comments=True) for line in found]


class ManualTest(ServerTest):
    def setUp(self):
        super().setUp()
        shutil.rmtree(os.path.join(self.folder, "policy"))
        shutil.copytree(os.path.join(ROOT, "rules", "card-payments"), os.path.join(self.folder, "policy"))
        self.data = os.path.join(self.folder, "data")
        path = os.path.join(self.folder, "day.csv")
        self.run_program("simulate", "--transactions-per-day=3000", f"--out={path}")
        self.run_program("import", "--quiet", self.data, path, f"--policy={self.folder}/policy")

    def run_program(self, *arguments, statuses=(0,)):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False,
                              cwd=self.folder)
        self.assertIn(done.returncode, statuses, f"{arguments}: {done.stderr}")
        return done

    def example(self, words, mine=(), **more):
        mine = {"/var/lib/harrier": self.data, **dict(mine)}
        return self.run_program(*[mine.get(word, word) for word in words[1:]], **more)

    def test_find(self):
        server = self.server().start()
        commands = examples("find")
        self.assertGreaterEqual(len(commands), 7)
        found = 0
        for words in commands:
            done = self.example(words, {"tcp://127.0.0.1:7731": server.address})
            found += not re.match("0 transactions", done.stderr)
        self.assertGreaterEqual(found, 4)  # not one by one: the world of simulate may change
        self.assertTrue(os.path.exists(os.path.join(self.folder, "missed.jsonl")))
        self.assertEqual(server.stop(), 0)

    def test_export(self):
        """Parquet only where python3 has pyarrow."""
        for words in examples("export"):
            done = self.example(words, statuses=(0, 74) if words[-1].endswith(".parquet") else (0,))
            if done.returncode == 74:
                self.assertIn("Parquet needs pyarrow", done.stderr)
        with open(os.path.join(self.folder, "transactions.csv"), encoding="utf-8") as file:
            self.assertGreater(len(file.readlines()), 2000)

    def test_policy(self):
        """With two policies, a challenger and a candidate: the second one and the challenger are those of a server that was
        started on the archive. One day is too little to promote the candidate (status 3)."""
        policy = os.path.join(self.folder, "policy")
        shutil.copytree(policy, os.path.join(self.folder, "next"))
        first = json.loads(self.run_program("policy", "list", self.data, "--json").stdout.splitlines()[0])["snapshot_id"]
        self.write_policy("rules/one_more.yaml", "rules:\n  - {name: one_more, about: x, when: amount > 1e6, then: {score: 1}}\n")
        challenger = os.path.join(self.folder, "challenger")
        shutil.copytree(os.path.join(self.folder, "next"), challenger)
        with open(os.path.join(challenger, "rules", "tried.yaml"), "w", encoding="utf-8") as file:
            file.write("rules:\n  - {name: tried, about: x, when: amount > 1e6, then: {score: 2}}\n")
        options = (f"--challenger={challenger}", "--challenger_share=10%", "--challenger_key=card")
        self.assertEqual(self.server(*options).start().stop(), 0)
        candidate = os.path.join(self.folder, "candidate")
        shutil.copytree(os.path.join(self.folder, "next"), candidate)
        os.makedirs(os.path.join(candidate, "models"), exist_ok=True)
        with open(os.path.join(candidate, "models", "fraud.card.json"), "w", encoding="utf-8") as file:
            json.dump({"trained": {"from": "2025-01-01", "until": "2025-06-01"}}, file)
        mine = {"6db3e1da": first[:8], "/srv/policy": policy}
        for words in examples("policy"):
            self.example(words, mine, statuses=(0, 1) if words[2] == "diff" else (3,) if "--beats" in words else (0,))
        self.assertTrue(os.path.exists(os.path.join(self.folder, "before", "policy.yaml")))
        self.assertFalse(os.path.exists(os.path.join(policy, "rules", "one_more.yaml")))
        self.assertTrue(os.path.exists(os.path.join(policy, "rules", "tried.yaml")))  # promoted


if __name__ == "__main__":
    unittest.main()
