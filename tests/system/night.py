"""Nightly rebuilds beside a server that keeps scoring: their result, and what they report."""
import json
import os
import re
import signal
import subprocess
import time

from load import Prober
from server import WAIT, ServerTest, transaction

HARRIER = os.environ["HARRIER"]
ROOT = os.environ["HARRIER_ROOT"]
BATCH = 500
PROBES = 10**6  # numbers of the transactions that are sent all the while begin here


def documented_exits():
    """The statuses that a command may exit with, from docs/CLI.md, "Exit status"."""
    with open(os.path.join(ROOT, "docs", "CLI.md"), encoding="utf-8") as page:
        table = page.read().split("## Exit status")[1].split("\n## ")[0]
    return {int(status) for status in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}


EXITS = documented_exits()


class SwapTest(ServerTest):
    """Rebuilds and swaps, one after the other."""

    @property
    def data(self):
        return os.path.join(self.folder, "data")

    @property
    def generations(self):
        return os.path.join(self.data, "generations")

    def rebuild(self, *more):
        subprocess.run([HARRIER, "rebuild", "--data", self.data, *more], check=True, capture_output=True)

    def verify(self):
        done = subprocess.run([HARRIER, "verify", "--json", self.data], capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    def await_status(self, server, what, holds):
        deadline = time.monotonic() + WAIT
        status = server.status()
        while not holds(status):
            if time.monotonic() > deadline:
                raise AssertionError(f"never {what}: {status}\n{server.said()}")
            time.sleep(0.01)
            status = server.status()
        return status

    def await_adopted(self, server, before, look=True):
        if look:
            server.process.send_signal(signal.SIGHUP)  # to look for tables now, instead of within the second
        return self.await_status(
            server, "adopted",
            lambda status: status.get("generation_id", 0) != before.get("generation_id", 0)
            and status["swap_state"] == "idle")

    def fill(self, server, first, count):
        with server.connect() as connection:
            for start in range(first, first + count, BATCH):
                batch = [transaction(n, cards=997) for n in range(start, min(start + BATCH, first + count))]
                for result in connection.score(batch):
                    self.assertIn("decision", result)

    def await_synced(self, server):
        return self.await_status(server, "synced",
                                 lambda status: status.get("synced_position") == status["position"])

    def current(self, name=""):
        return os.path.join(self.generations, "current", name)


class Night:
    """One run of `harrier rebuild`, in the background."""

    def __init__(self, data, *flags, wrapped=(), **more):
        command = [*wrapped, HARRIER, "rebuild", "--data", data, "--priority=normal", "--progress=none", *flags]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
        )

    def is_stopped(self):
        """Waits for a SIGSTOP to take effect; false if the process ended before."""
        try:
            found = os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            return found.si_code == os.CLD_STOPPED
        except ChildProcessError:  # the end was noticed already
            return False

    def end(self):
        """(status, report, what it said)"""
        out, said = self.process.communicate(timeout=WAIT)
        return self.process.returncode, json.loads(out) if out else {}, said


class NightTest(SwapTest):
    """A server with tables that keeps scoring. A failed night must leave the current tables in place and the server
    running."""

    def begin(self, *flags, transactions=3000, before=0, first_night=()):
        """before: the number of transactions already in the archive; first_night: flags of the first rebuild."""
        self.sent, self.before = 0, before
        self.harrierd = self.server("--lazy_sync_interval=5ms", *flags).start()
        self.more(transactions)
        self.succeeds(*first_night)
        self.await_adopted(self.harrierd, {})
        self.prober = Prober(
            self.harrierd.address,
            lambda number: {"score": {"transactions": [transaction(PROBES + number, cards=97)]}},
            pause=0.005,
        )
        self.prober.__enter__()
        self.addCleanup(self.prober.__exit__)

    def more(self, count=500):
        self.fill(self.harrierd, self.sent, count)
        self.sent += count
        self.await_synced_up_to(self.harrierd.status()["position"])

    def await_synced_up_to(self, position):
        self.await_status(self.harrierd, "synced", lambda status: status.get("synced_position", 0) >= position)

    def link(self):
        try:
            return os.readlink(os.path.join(self.generations, "current"))
        except FileNotFoundError:
            return None

    def night(self, *flags, data=None, **more):
        return Night(data or self.data, *flags, **more).end()

    def fails(self, status, *words, night=None, flags=(), **more):
        """The night exits with this status and reports these words in one line; tables and server are unaffected."""
        before, adopted = self.link(), self.harrierd.status().get("generation_id")
        got, report, said = night.end() if night else self.night(*flags, **more)
        print(f"{self.id().split('.')[-1]}: {got}: {said.strip()}".replace(self.folder, "…"))
        self.assertEqual(got, status, said)
        self.assertIn(status, EXITS)
        self.assertEqual(report, {})
        self.assertEqual(len(said.strip().splitlines()), 1, said)
        self.assertTrue(said.startswith("harrier: "), said)
        for word in words:
            self.assertIn(word, said)
        self.assertEqual(self.link(), before)
        if status != 71:  # as after a kill: the next one clears it away
            self.assertNotIn(".new", os.listdir(self.generations))
        self.serves(adopted)
        return said

    def serves(self, generation_id):
        """The server answers requests, with these tables."""
        answered = len(self.prober.answers)
        deadline = time.monotonic() + WAIT
        while len(self.prober.answers) < answered + 3:
            self.assertIsNone(self.prober.failure)
            self.assertLess(time.monotonic(), deadline, self.harrierd.said())
            time.sleep(0.005)
        self.assertEqual(self.harrierd.status().get("generation_id"), generation_id)
        for answer in self.prober.answers[answered:]:
            self.assertIn("decision", answer["score"]["results"][0], answer)

    def succeeds(self, *flags, **more):
        """A successful night. Returns its report and its messages."""
        status, report, said = self.night(*flags, **more)
        self.assertEqual(status, 0, said)
        return report, said

    def next_night(self, *flags):
        """After the fault is gone: new tables are built, adopted, and equal to the live states."""
        self.more()
        report, said = self.succeeds(*flags)
        self.assertEqual(said, "")
        self.look()
        after = self.await_status(
            self.harrierd, "adopted",
            lambda status: status.get("generation_id") == int(report["generation"], 16)
            and status["swap_state"] == "idle")
        self.assertGreater(after["compared_entities"], 0)
        self.assertEqual(after.get("differing_entities", 0), 0)
        return report

    def look(self):
        """Has the server look for new tables now, instead of within the second."""
        self.harrierd.process.send_signal(signal.SIGHUP)

    def end_well(self):
        """No answered transaction is lost, and the tables equal the archive."""
        self.prober.__exit__()
        self.prober.check_answers()
        self.assertEqual(self.verify()[0], 0)
        status = self.harrierd.status(state_hash=True)
        self.assertEqual(status["transactions"], self.before + self.sent + len(self.prober.answers))
        self.assertEqual(self.harrierd.stop(), 0)
        self.harrierd.start()
        again = self.harrierd.status(state_hash=True)
        self.assertEqual((again["transactions"], again["state_hash"]), (status["transactions"], status["state_hash"]))
