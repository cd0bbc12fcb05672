"""Two analysts decide reviews, another source reports labels of the same transactions, and harrierd and harrier-console
are killed at random moments. Whatever was acknowledged must be there at the end, once, and alike in both places."""
import http.client
import json
import os
import random
import subprocess
import threading
import time

from console_process import wait_for
from server import transaction

HARRIER = os.environ["HARRIER"]
EACH_ROUND = 12  # transactions, all of them for review
GONE = (OSError, http.client.HTTPException, json.JSONDecodeError)


class Analyst(threading.Thread):
    """Claims and decides whatever is open, until it is told to stop."""

    def __init__(self, session, name, seed):
        super().__init__(daemon=True)
        self.session, self.name, self.random = session, name, random.Random(seed)
        self.decided = {}  # position: label, acknowledged
        self.tried = {}  # position: label, sent without an answer
        self.refused = self.claimed = 0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            try:
                self.work()
            except GONE:
                time.sleep(0.02)  # the console is away

    def work(self):
        status, answer = self.session.get("/api/reviews", order=self.random.choice(("score", "age", "amount")), limit=30)
        if status != 200 or not answer["reviews"]:
            time.sleep(0.02)
            return
        position = self.random.choice(answer["reviews"])["position"]
        if self.random.random() < 0.7:
            self.claimed += self.session.post("/api/reviews/claim", position=position)[0] == 200
        label = self.random.choice(("fraud", "legit"))
        self.tried[position] = label
        status, answer = self.session.post("/api/reviews/decide", positions=[position], label=label, note=self.name)
        if status != 200:
            raise AssertionError(f"{status} {answer}")
        if answer["decided"]:
            # An answer that never came may have been a decision as well: then this one is refused.
            self.decided[position] = label
        else:
            self.refused += 1
        del self.tried[position]


class Feed(threading.Thread):
    """Reports labels of the same transactions, only where there is none."""

    def __init__(self, harrierd, ids, seed):
        super().__init__(daemon=True)
        self.harrierd, self.ids, self.random = harrierd, ids, random.Random(seed)
        self.reported = {}  # id: label, which the server took
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            time.sleep(self.random.uniform(0, 0.15))
            chosen = self.random.choice(self.ids)
            outcome = {"transaction_id": chosen, "label": "LABEL_CHARGEBACK", "source": "feed", "unless_labelled": True}
            try:
                with self.harrierd.connect() as connection:
                    answer = connection.call({"report_outcome": {"outcomes": [outcome]}})
            except Exception:  # it is killed now and then, in the middle of anything
                continue
            result = answer.get("report_outcome", {}).get("results", [{}])[0].get("accepted", {})
            if result.get("changed"):
                self.reported[chosen] = "chargeback"


class Kills:
    """test: a ConsoleTest with its server and console running."""

    def __init__(self, test, seed):
        self.test, self.seed, self.random = test, seed, random.Random(seed)
        self.harrierd, self.console = test.harrierd, test.console
        self.ids, self.kills = [], {"console": 0, "server": 0}
        test.assertEqual(self.console.process.poll(), None)
        # Their sessions go on over all rounds, as browsers' do.
        self.analysts = [Analyst(self.console.session(name), name, seed + number)
                         for number, name in enumerate(("anna", "bob"))]
        self.feed = Feed(self.harrierd, self.ids, seed + 9)

    def new_transactions(self):
        first = len(self.ids)
        new = [transaction(number) for number in range(first, first + EACH_ROUND)]
        with self.harrierd.connect() as connection:
            connection.score(new)
        self.ids.extend(one["id"] for one in new)

    def round(self):
        self.new_transactions()
        time.sleep(self.random.uniform(0, 0.6))
        what = self.random.choice((["console"], ["server"], ["console", "server"], ["server", "console"]))
        for name in what:
            (self.console if name == "console" else self.harrierd).kill()
            self.kills[name] += 1
            time.sleep(self.random.uniform(0, 0.1))
        for name in self.random.sample(what, len(what)):
            (self.console if name == "console" else self.harrierd).start()

    def run(self, rounds):
        self.new_transactions()
        for thread in (*self.analysts, self.feed):
            thread.start()
        for number in range(rounds):
            self.round()
            for analyst in self.analysts:
                self.test.assertTrue(analyst.is_alive(), f"{analyst.name} in round {number}, seed {self.seed}")
        self.settle()
        return self.verify()

    def settle(self):
        """Everything is decided, and reported."""
        session = self.analysts[0].session
        wait_for(lambda: self.live(session).get("open") == 0 and self.live(session)["last"] >= len(self.ids))
        for thread in (*self.analysts, self.feed):
            thread.stopping.set()
        for thread in (*self.analysts, self.feed):
            thread.join()
        wait_for(lambda: self.live(session)["unreported"] == 0)

    @staticmethod
    def live(session):
        try:
            status, answer = session.get("/api/live", limit=1)
        except GONE:
            return {}
        return answer if status == 200 and answer["archive"]["problem"] == "" else {}

    def in_console(self):
        session, rows, offset = self.analysts[0].session, [], 0
        while page := session.get("/api/reviews", decided=1, limit=200, offset=offset)[1]["reviews"]:
            rows.extend(page)
            offset += len(page)
        return {row["id"]: row for row in rows}

    def in_archive(self):
        """id: [(label, source)], read by another program once the server has ended."""
        self.test.assertEqual(self.harrierd.stop(), 0)
        read = subprocess.run([HARRIER, "inspect", "--json", "--type=outcome", os.path.join(self.harrierd.folder, "data")],
                              capture_output=True, text=True, check=True)
        found = {}
        for line in read.stdout.splitlines():
            outcome = json.loads(line)
            found.setdefault(outcome["transaction_id"], []).append((outcome["label"], outcome["source"]))
        return found

    def verify(self):
        test, console = self.test, self.in_console()
        archive = self.in_archive()
        test.assertEqual(sorted(console), sorted(self.ids), self.seed)
        test.assertEqual(sorted(archive), sorted(self.ids), self.seed)
        won = 0
        for name, row in console.items():
            test.assertEqual(len(archive[name]), 1, (self.seed, name, archive[name]))  # none twice
            label, source = archive[name][0]
            if row["problem"]:  # decided here as well, but another came first
                test.assertIn("another source reported" if "another" in row["problem"] else "meanwhile feed", row["problem"])
                test.assertEqual((label, source), ("chargeback", "feed"))
            elif source == "feed":  # it closed the review
                test.assertEqual((row["label"], row["decided_by"]), ("chargeback", "feed"))
            else:
                test.assertEqual((row["label"], "console:" + row["decided_by"]), (label, source), (self.seed, name))
                won += 1
        positions = {row["position"]: row for row in console.values()}
        for analyst in self.analysts:
            for position, label in analyst.decided.items():  # what was acknowledged is there
                row = positions[position]
                test.assertEqual((row["label"], row["decided_by"], row["note"]), (label, analyst.name, analyst.name),
                                 (self.seed, row))
        by_id = {row["id"]: row for row in console.values()}
        for name in self.feed.reported:
            test.assertEqual(archive[name], [("chargeback", "feed")], (self.seed, by_id[name]))
        return {"transactions": len(self.ids), "decided here": won, "by the feed": len(self.ids) - won,
                "acknowledged": sum(len(analyst.decided) for analyst in self.analysts),
                "lost races": sum(bool(row["problem"]) for row in console.values()), **self.kills}
