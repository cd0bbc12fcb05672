"""What every scenario needs: a driver, servers, and what answers must say. The scenarios themselves are in
scenarios.py, amend_scenarios.py, analyst_scenarios.py, rolling_scenarios.py, standby_scenarios.py and
tls_scenarios.py."""

import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from driver import Driver  # noqa: E402
from fake_server import FakeServer, approve  # noqa: E402
from server import POLICY, WAIT, Server, ServerTest  # noqa: E402  (found by the line before)

HARRIER = os.environ["HARRIER"]
COMMAND = []  # of the driver; scenarios.py sets it

# How much later than its deadline a call may end here. The contract says 10 ms, but on a busy machine a thread may have
# to wait far longer for its turn.
LATE_MS = 60000
LONG_MS = 200000  # the deadline of calls that are answered, however slow the machine is


class ScenarioTest(ServerTest):
    """A driver, and servers as a scenario needs them."""

    def setUp(self):
        super().setUp()
        self.driver = Driver(COMMAND)
        self.addCleanup(self.end_driver)

    def end_driver(self):
        self.assertEqual(self.driver.end(), 0, "the driver's exit status")

    def needs(self, *abilities):
        missing = [ability for ability in abilities if ability not in self.driver.can]
        if missing:
            self.skipTest(f"the {self.driver.hello['driver']} client does not have: {', '.join(missing)}")

    def open(self, *servers, **options):
        """servers: servers or addresses."""
        addresses = [server if isinstance(server, str) else server.address for server in servers]
        answer = self.driver.do("open", options={"addresses": addresses, **options})
        self.assertNotIn("error", answer)

    def fake(self, name, answer=approve):
        server = FakeServer(os.path.join(self.folder, f"{name}.sock"), answer)
        self.addCleanup(server.close)
        return server

    def second_server(self):
        """A server on a folder of its own: it shares nothing with the first."""
        folder = os.path.join(self.folder, "second")
        for name, text in POLICY.items():
            path = os.path.join(folder, "policy", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        server = Server(folder)
        self.servers.append(server)
        return server

    def pause(self, server):
        """Stops the server, and waits until it is stopped: a signal takes its time."""
        server.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, server.process.pid, os.WSTOPPED | os.WNOWAIT)

    def await_connection(self, **members):
        """Waits until a call is answered."""
        self.assertIn("status", self.driver.do("status", deadline_ms=LONG_MS, **members))

    def await_preferred(self, fake):
        """Waits until calls go to the first address: another one may be connected before it."""
        deadline = time.monotonic() + WAIT
        while not fake.asked("status"):
            self.assertLess(time.monotonic(), deadline, "the first address is not preferred")
            self.await_connection()

    def counted(self, name, **labels):
        """The metric's sum so far, over the labels that are not given."""
        reported = self.driver.do("metrics")["metrics"]
        return sum(value for kind, reported_name, value, reported_labels in reported
                   if kind == "count" and reported_name == name and labels.items() <= reported_labels.items())

    def decision(self, answer):
        self.assertIn("results", answer)
        self.assertEqual(len(answer["results"]), 1)
        self.assertIn("decision", answer["results"][0])
        return answer["results"][0]["decision"]

    def assert_fails(self, answer, code, decided=False):
        """decided: what the error must say, for clients whose errors say it."""
        self.assertIn("error", answer)
        self.assertEqual(answer["error"]["code"], code, answer)
        self.assertNotEqual(answer["error"]["message"], "")
        if "decided" in self.driver.can:
            self.assertIs(answer["error"]["decided"], decided, answer)

    def assert_took(self, answer, least_ms, most_ms):
        self.assertGreaterEqual(answer["ms"], least_ms - 2)  # timers of a millisecond
        self.assertLessEqual(answer["ms"], most_ms + LATE_MS)

    def score_in_vain(self, *transactions, deadline_ms=100):
        """A call that the server gets and never answers. Its deadline is short; on a machine that is too busy to send
        the request within it, it is tried again with a longer one, until the request was sent."""
        while True:
            answer = self.driver.score(*transactions, deadline_ms=deadline_ms)
            failure = answer.get("error", {})
            was_sent = failure.get("code") == "deadline" and failure.get("decided", None) is None
            if was_sent or deadline_ms >= LONG_MS:
                break
            deadline_ms *= 4
        self.assert_fails(answer, "deadline", decided=None)
        self.assert_took(answer, deadline_ms, deadline_ms)

    def archived(self, server):
        """{id: positions in the archive}; a list, because there could be more than one."""
        done = subprocess.run(
            [HARRIER, "inspect", server.archive, "--json", "--quiet", "--type", "transaction"],
            check=True, capture_output=True, text=True,
        )
        found = {}
        for line in done.stdout.splitlines():
            record = json.loads(line)
            found.setdefault(record["id"], []).append(record["position"])
        return found

    def assert_archived_once(self, server, decisions):
        """Of the answered transactions, none is lost and none is there twice."""
        found = self.archived(server)
        doubled = {key: positions for key, positions in found.items() if len(positions) != 1}
        self.assertEqual(doubled, {}, "in the archive more than once")
        wrong = {
            key: (decision["position"], found.get(key))
            for key, decision in decisions.items()
            if found.get(key) != [decision["position"]]
        }
        self.assertEqual(wrong, {}, "answered, but not in the archive at that position")
