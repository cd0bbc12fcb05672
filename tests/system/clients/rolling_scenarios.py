"""Two servers that share nothing, behind one client, restarted in turn under load, as for an upgrade: no call fails.

HARRIER_RESTARTS   how many restarts (default 4)
"""

import json
import os
import subprocess
import threading
import time

from scenario import HARRIER, LONG_MS, ScenarioTest
from server import WAIT, transaction

CALLERS = 8
RESTARTS = int(os.environ.get("HARRIER_RESTARTS", "4"))


class Load:
    """Callers that score one transaction after the other until they are told to end."""

    def __init__(self, driver):
        self.driver = driver
        self.ending = threading.Event()
        self.lock = threading.Lock()
        self.decided, self.failed, self.longest_ms = {}, [], 0
        self.callers = [threading.Thread(target=self._call, args=(number,)) for number in range(CALLERS)]
        for caller in self.callers:
            caller.start()

    def _call(self, caller):
        number = 0
        while not self.ending.is_set():
            name = f"r{caller}-{number}"
            answer = self.driver.score({**transaction(number), "id": name, "card": f"c{caller}"})
            result = answer.get("results", [{}])[0]
            decision = result.get("decision", {})
            number += 1
            with self.lock:
                self.longest_ms = max(self.longest_ms, answer.get("ms", 0))
                if decision.get("transaction_id") != name or decision.get("fallback"):
                    self.failed.append(answer)
                else:
                    self.decided[name] = decision

    def end(self):
        self.ending.set()
        for caller in self.callers:
            caller.join()


class RollingTest(ScenarioTest):
    def await_(self, holds, what):
        deadline = time.monotonic() + WAIT
        while not holds():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.01)

    def archived(self, server):
        """The verdict of each transaction in the server's archive; it holds an id once."""
        listed = subprocess.run([HARRIER, "inspect", server.folder + "/data", "--type", "transaction", "--json"],
                                capture_output=True, text=True, check=True, timeout=WAIT)
        records = [json.loads(line) for line in listed.stdout.splitlines()]
        found = {record["id"]: record["decision"]["verdict"] for record in records}
        self.assertEqual(len(found), len(records))
        return found

    def test_restarts_in_turn(self):
        self.needs("addresses")
        servers = self.server().start(), self.second_server().start()
        self.open(*servers, deadline_ms=LONG_MS)
        self.await_connection()
        load = Load(self.driver)
        gaps = []
        try:
            for number in range(RESTARTS):
                restarted = servers[number % 2]
                # As one upgrades: the other one is ready, and its clients are connected to it.
                for server in servers:
                    self.await_(lambda server=server: server.metric("harrierd_connections") > 0, "nobody is connected")
                count = len(load.decided)
                self.await_(lambda count=count: len(load.decided) > count + 10, "nothing is decided")
                began = time.monotonic()
                self.assertEqual(restarted.stop(), 0, restarted.said())
                restarted.start()
                gaps.append(time.monotonic() - began)
        finally:
            load.end()
        self.assertEqual(load.failed[:3], [])
        self.assertGreater(len(load.decided), RESTARTS * 10)
        self.driver.do("close")
        for server in servers:
            self.assertEqual(server.stop(), 0, server.said())
        archives = [self.archived(server) for server in servers]
        print(f"{RESTARTS} restarts: {len(load.decided)} calls, {len(load.failed)} failed, the longest took "
              f"{load.longest_ms:.0f} ms; stop to ready {min(gaps) * 1000:.0f} to {max(gaps) * 1000:.0f} ms; archives have "
              f"{len(archives[0])} and {len(archives[1])} transactions, {len(archives[0].keys() & archives[1].keys())} in both")
        self.assertTrue(archives[0] and archives[1])
        # Every answer is archived with its verdict. A call that broke off may also be in the other archive, where it was
        # decided first and its answer lost.
        for name, decision in load.decided.items():
            verdicts = [archive[name] for archive in archives if name in archive]
            self.assertIn(decision["verdict"], verdicts, name)
