#!/usr/bin/env python3
"""The examples of docs/HTTP.md, run as they are printed, but for the port."""
import json
import os
import re
import shutil
import subprocess
import unittest

from server import WAIT, ServerTest, free_port

ROOT = os.environ["HARRIER_ROOT"]
OTHER_EACH_TIME = {"server_us", "snapshot_id"}  # the policy that ships may change; harrier test is for that


def masked(value):
    if isinstance(value, dict):
        return {name: None if name in OTHER_EACH_TIME else masked(part) for name, part in value.items()}
    return [masked(part) for part in value] if isinstance(value, list) else value


class ManualTest(ServerTest):
    def test_examples(self):
        with open(os.path.join(ROOT, "docs", "HTTP.md"), encoding="utf-8") as manual:
            text = manual.read()
        port = free_port()
        blocks = re.findall(r"```(sh|json)\n(.*?)```", text.replace(":7780", f":{port}"), re.DOTALL)
        (_, start), *examples = blocks
        # The server is started by the harness, with the options of the printed command.
        self.assertTrue(start.startswith("harrierd "))
        flags = [flag for flag in start.split()[1:] if not flag.startswith(("--policy", "--data_dir", "--listen"))]
        shutil.rmtree(os.path.join(self.folder, "policy"))
        shutil.copytree(os.path.join(ROOT, "rules", "card-payments"), os.path.join(self.folder, "policy"))
        self.assertEqual(flags, [f"--http_listen=127.0.0.1:{port}"])
        self.server(*flags).start()
        self.assertEqual(len(examples) % 2, 0)
        for (kind, command), (form, expected) in zip(examples[::2], examples[1::2]):
            self.assertEqual((kind, form), ("sh", "json"))
            said = subprocess.run(["sh", "-ec", command], capture_output=True, text=True, timeout=WAIT, check=True)
            self.assertEqual(masked(json.loads(said.stdout)), masked(json.loads(expected)), command)
        self.assertGreaterEqual(len(examples), 6)


if __name__ == "__main__":
    if not shutil.which("curl"):
        print("curl is not installed")
        raise SystemExit(77)
    unittest.main()
