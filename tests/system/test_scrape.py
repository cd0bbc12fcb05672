#!/usr/bin/env python3
"""What a server with all that it can have writes to /metrics is what promtool (package prometheus) takes for good
metrics: types, help, units, names."""
import os
import shutil
import subprocess
import unittest

from server import POLICY, ServerTest, transaction

HARRIER = os.environ["HARRIER"]


@unittest.skipUnless(shutil.which("promtool"), "no promtool: the metrics are not checked")
class ScrapeTest(ServerTest):
    def check(self, text):
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_promtool_takes_the_metrics(self):
        for folder in ("shadow", "challenger"):
            shutil.copytree(os.path.join(self.folder, "policy"), os.path.join(self.folder, folder))
        self.write_policy("../challenger/policy.yaml", POLICY["policy.yaml"].replace("name: system", "name: other"))
        tokens = os.path.join(self.folder, "tokens")
        token = subprocess.run([HARRIER, "token", "new", "shop", "--scopes", "score,admin", "--tokens", tokens],
                               capture_output=True, text=True, check=True).stdout.strip()  # fmt: skip
        server = self.server(f"--tokens={tokens}", f"--shadow={self.folder}/shadow", f"--challenger={self.folder}/challenger",
                             "--challenger_key=card", "--challenger_share=50%").start()  # fmt: skip
        rows = [{**transaction(number, cards=2), "source": "shop", "sequence": number + 1} for number in range(20)]
        with server.connect() as connection:
            connection.call({"token": token, "score": {"transactions": rows}})
            connection.call({"token": "wrong", "status": {}})
            connection.call({"token": token, "change_brake": {"rule": "many", "pull": True}})
        text = server.http("/metrics")[1]
        for name in ("harrierd_token_requests_total{", "harrierd_arm_decisions_total{", "harrierd_shadow_decisions_total{",
                     "harrierd_source_transactions_total{", "harrierd_rule_fires_total{", "harrierd_rule_braked{"):
            self.assertTrue(any(line.startswith(name) for line in text.splitlines()), name)
        self.assertEqual(self.check(text), (0, ""))
        # It can say no.
        self.assertNotEqual(self.check("# TYPE a_total gauge\na_total 1\n")[1], "")


if __name__ == "__main__":
    unittest.main()
