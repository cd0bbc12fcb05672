"""What the tests of harrier-console share: a server, a console beside it, and three people."""
import json
import os
import subprocess

from console_process import Console, wait_for
from server import POLICY, ServerTest, transaction

HARRIER = os.environ["HARRIER"]


class ConsoleTest(ServerTest):
    PEOPLE = (("anna", "analyst"), ("bob", "analyst"), ("ada", "admin"))
    FILES: dict[str, str] = {}  # of the policy, beside those of all tests

    def setUp(self):
        super().setUp()
        for name, text in self.FILES.items():
            self.write_policy(name, text)
        self.write_policy("rules/velocity.yaml", POLICY["rules/velocity.yaml"].replace(">= 3", ">= 1"))
        self.harrierd = self.server().start()
        self.console = Console(self.folder, self.harrierd)
        self.addCleanup(self.console.kill)
        self.console.add_people(self.PEOPLE)

    def score(self, numbers, **more):
        with self.harrierd.connect() as connection:
            return connection.score([{**transaction(number), **more} for number in numbers])

    def reviews(self, session, **query):
        return session.get("/api/reviews", **query)[1]["reviews"]

    def label_of(self, row):
        """What the archive has, once it is on disk: [(label, source)] in order."""

        def outcomes():
            found = subprocess.run([HARRIER, "explain", "--json", f"{self.folder}/data", row["id"]],
                                   capture_output=True, text=True, check=True)
            return json.loads(found.stdout).get("outcomes")

        return [(outcome["label"], outcome["source"]) for outcome in wait_for(outcomes)]
