"""Starts harrierd, and schemathesis against it: tests/system/http/run."""

import os
import subprocess
import sys
import unittest

from server import ServerTest, free_port, transaction

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = sys.argv.pop() if len(sys.argv) > 1 else "1000"
LISTS = "lists:\n  blocked_cards: {about: for tests}\n"


class DescriptionTest(ServerTest):
    def test_it_holds(self):
        port = free_port()
        self.write_policy("lists.yaml", LISTS)
        server = self.server(f"--http_listen=127.0.0.1:{port}").start()
        with server.connect() as connection:
            connection.score([transaction(n) for n in range(50)])
        command = [
            os.path.join(os.path.dirname(sys.executable), "schemathesis"),
            f"--config-file={HERE}/schemathesis.toml",
            "run",
            f"http://127.0.0.1:{port}/v1/openapi.yaml",
            f"--max-examples={EXAMPLES}",
            "--continue-on-failure",
            "--phases=examples,coverage,fuzzing,stateful",
        ]
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": HERE}
        ended = subprocess.run(command, cwd=self.folder, env=environment, check=False)
        self.assertEqual(ended.returncode, 0)
        with server.connect() as connection:  # it is none the worse for it
            self.assertTrue(all("decision" in result for result in connection.score([transaction(n) for n in range(60)])))
        self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
