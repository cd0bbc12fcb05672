#!/usr/bin/env python3
"""Random traffic, killed at random moments, compared with a model that only knows the answers.

Transactions (some repeated, some under a known id with other content, some twice in a message), outcomes that go
back and forth, reloads to other policies, rebuilds beside the server and without it, with and without --policy,
kill -9 with requests on the way. After all of it: whatever was answered is there once, with its first decision and
its last label, and the states are those of a fresh fold of the whole archive.

HARRIER_CRASH_SEED and HARRIER_CRASH_ROUNDS for other and longer runs.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import unittest
from collections import Counter

from server import POLICY, START_US, WAIT, ServerTest
from wire import decode, encode

HARRIER = os.environ["HARRIER"]
SEED = int(os.environ.get("HARRIER_CRASH_SEED", "1"))
ROUNDS = int(os.environ.get("HARRIER_CRASH_ROUNDS", "24"))
LABELS = ("NONE", "LEGIT", "FRAUD", "CHARGEBACK", "SUSPECTED")
SECOND, DAY = 10**6, 86400 * 10**6
FIRST_DECISION = (  # what a repeated id gets again
    *("position", "verdict", "score", "reasons", "snapshot_id", "generation_id"),
    *("degraded", "degraded_reason", "rule_errors"),
)


def policies():
    """Of the same name as their folder; all but `harsh` with a plan of their own."""
    more = """\
    - {name: max_2d, aggregate: max, of: amount, window: 2d}
    - {name: last_7d, aggregate: last, of: merchant, window: 7d}
    - {name: reviews_7d, aggregate: count, where: "verdict == 'review'", window: 7d}
"""
    pairs = """\
  pair:
    - {name: count_10d, aggregate: count, window: 10d}
    - {name: fraud_share, aggregate: share, of: "outcome == 'fraud'", window: 20d, delay: 1d}
"""
    features = POLICY["features.yaml"]
    larger = features.replace("  merchant:\n    -", more + "  merchant:\n    -")
    largest = larger.replace("features:\n", "  pair: {key: [card, merchant]}\nfeatures:\n" + pairs)
    rules = POLICY["rules/velocity.yaml"]
    made = {
        "system": POLICY,
        "harsh": {**POLICY, "rules/velocity.yaml": rules.replace("score: 400", "score: 800")},
        "larger": {**POLICY, "features.yaml": larger},
        "largest": {**POLICY, "features.yaml": largest},
    }
    for name, files in made.items():
        made[name] = {**files, "policy.yaml": POLICY["policy.yaml"].replace("name: system", f"name: {name}")}
    return made


class Model:
    """The state that follows from the answers so far."""

    def __init__(self, test):
        self.test = test
        self.sent = {}  # id → transaction
        self.first = {}  # id → its first decision
        self.label = {}  # id → label now
        self.outcomes = 0

    def take_decision(self, transaction, result):
        """The result for a transaction with its first content: a repeated id gets its first decision."""
        self.test.assertIn("decision", result)
        decision, key = result["decision"], transaction["id"]
        self.test.assertEqual(decision.get("duplicate", False), key in self.first, key)
        if key not in self.first:
            self.learn(transaction, decision)
        for field in FIRST_DECISION:
            self.test.assertEqual(decision.get(field), self.first[key].get(field), f"{field} of {key}")

    def learn(self, transaction, decision):
        key = transaction["id"]
        self.sent[key], self.first[key], self.label[key] = transaction, decision, "NONE"

    def take_outcome(self, key, label, accepted):
        self.test.assertEqual(accepted.get("previous", "LABEL_NONE"), "LABEL_" + self.label[key], key)
        self.test.assertEqual(accepted.get("changed", False), label != self.label[key], key)
        self.outcomes += label != self.label[key]
        self.label[key] = label

    def check_status(self, status):
        labels = Counter("LABEL_" + label for label in self.label.values() if label != "NONE")
        self.test.assertEqual(status.get("transactions", 0), len(self.first))
        self.test.assertEqual(status.get("outcomes", 0), self.outcomes)
        self.test.assertEqual({each["label"]: each["transactions"] for each in status.get("labels", [])}, labels)


class CrashTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.model = Model(self)
        self.harrierd = self.server("--lazy_sync_interval=2ms")
        self.policies = policies()
        for name, files in self.policies.items():
            for file, text in files.items():
                self.write_policy(f"../policies/{name}/{file}", text)
        self.rules = self.plan = "system"
        self.snapshots = {}  # id → policy
        self.now_us, self.made = START_US, 0
        self.open_transactions, self.open_outcomes = [], []  # sent, never answered

    # ---- traffic ----

    def new(self):
        self.made += 1
        self.now_us += self.random.randrange(60 * SECOND)
        return {
            "id": f"t{self.made}",
            "event_time_us": self.now_us - self.random.randrange(1800 * SECOND),
            "amount_minor": self.random.randrange(1, 5000),
            "currency": "EUR",
            "card": f"c{self.random.randrange(40) + self.made // 100}",
            "merchant": f"m{self.random.randrange(5)}",
        }

    def any_id(self):
        return self.random.choice(list(self.model.sent)[-self.random.choice((50, 10**9)) :])

    def one(self, batch):
        """The next transaction of a batch, and whether it reuses an id with other content."""
        kind = self.random.random()
        if kind < 0.1 and batch and not batch[-1][1]:
            return batch[-1]
        if kind < 0.25 and self.model.sent:
            known = self.model.sent[self.any_id()]
            other = kind < 0.15
            return ({**known, "amount_minor": known["amount_minor"] + 1} if other else known), other
        return self.new(), False

    def score(self, connection):
        batch = []
        for _ in range(self.random.randrange(1, 30)):
            batch.append(self.one(batch))
        results = connection.score([transaction for transaction, _ in batch])
        self.assertEqual(len(results), len(batch))
        for (transaction, other), result in zip(batch, results):
            if other:
                self.assertEqual(result["error"]["code"], "ERROR_ID_CONFLICT")
            else:
                self.model.take_decision(transaction, result)

    def report(self, connection):
        key, label = self.any_id(), self.random.choice(LABELS)
        self.model.take_outcome(key, label, connection.report(key, label)["accepted"])

    def traffic(self, connection, batches):
        for _ in range(batches):
            self.score(connection)
            connection.score([self.new() for _ in range(3)], dry_run=True)  # leaves no trace
            for _ in range(self.random.randrange(4)):
                self.report(connection)

    # ---- what happens to a server ----

    def reload(self, connection):
        self.rules = self.random.choice(list(self.policies))
        shutil.rmtree(f"{self.folder}/policy")
        shutil.copytree(f"{self.folder}/policies/{self.rules}", f"{self.folder}/policy")
        self.harrierd.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + WAIT
        while connection.status()["policy_name"] != self.rules:
            self.assertLess(time.monotonic(), deadline, self.harrierd.said())
            time.sleep(0.002)
        self.snapshots[connection.status()["snapshot_id"]] = self.rules

    def start_rebuild(self, policy, data):
        """policy None: the last one in the archive."""
        command = [HARRIER, "rebuild", "--quiet", f"--data={data}"]
        if policy:
            command.append(f"--policy={self.folder}/policies/{policy}")
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def finish_rebuild(self, process, policy, data):
        messages = process.communicate(timeout=WAIT)[1]
        self.assertEqual(process.returncode, 0, messages)
        manifest = self.manifest(data)
        if policy:
            self.snapshots[int(manifest["snapshot_id"], 16)] = policy
        return manifest

    def manifest(self, data):
        with open(f"{data}/generations/current/manifest.json", encoding="utf-8") as file:
            return json.load(file)

    def kill_midway(self):
        """Kills the server while several messages are under way."""
        connections, batches = [], []
        for _ in range(self.random.randrange(1, 6)):
            batches.append([self.new() for _ in range(self.random.randrange(1, 200))])
            connections.append(self.harrierd.connect())
            connections[-1].send(encode({"score": {"transactions": batches[-1]}}))
        self.open_outcomes = list({self.any_id(): self.random.choice(LABELS) for _ in range(5)}.items())
        connections.append(self.harrierd.connect())
        outcomes = [{"transaction_id": key, "label": "LABEL_" + label} for key, label in self.open_outcomes]
        connections[-1].send(encode({"report_outcome": {"outcomes": outcomes}}))
        time.sleep(self.random.random() * 0.006)
        self.harrierd.kill()
        for connection, batch in zip(connections, batches):
            try:
                results = decode("Response", connection.receive()[1])["score"]["results"]
            except OSError:
                self.open_transactions += batch
                continue
            for transaction, result in zip(batch, results):
                self.model.take_decision(transaction, result)
        for connection in connections:
            connection.socket.close()

    def start(self):
        generation = None
        if os.path.islink(f"{self.folder}/data/generations/current"):
            manifest = self.manifest(f"{self.folder}/data")
            generation = int(manifest["id"], 16)
            self.plan = self.snapshots[int(manifest["snapshot_id"], 16)]
        self.harrierd.start()
        status = self.harrierd.status()
        self.assertEqual(status.get("generation_id"), generation)
        self.assertEqual(status["policy_name"], self.rules)
        self.snapshots[status["snapshot_id"]] = self.rules

    def send_again(self, connection):
        """Transactions without an answer may be in the archive or not; after this they are, once."""
        for transaction in self.open_transactions:
            decision = connection.score([transaction])[0]["decision"]
            self.model.learn(transaction, decision)
        for key, label in self.open_outcomes:
            accepted = connection.report(key, label)["accepted"]
            self.model.outcomes += accepted.get("changed", False) or label != self.model.label[key]
            self.model.label[key] = label
        self.open_transactions, self.open_outcomes = [], []

    # ---- the comparison ----

    def verify(self):
        deadline = time.monotonic() + WAIT
        status = self.harrierd.status(state_hash=True)
        while status.get("synced_position") != status["position"]:
            self.assertLess(time.monotonic(), deadline, "never synced")
            status = self.harrierd.status(state_hash=True)
        self.model.check_status(status)
        fresh = os.path.join(self.folder, "fresh")
        shutil.rmtree(fresh, ignore_errors=True)
        os.mkdir(fresh)
        os.symlink(self.harrierd.archive, f"{fresh}/archive")
        manifest = self.finish_rebuild(self.start_rebuild(self.plan, fresh), self.plan, fresh)
        self.assertEqual(manifest["position"], status["position"])
        self.assertEqual(int(manifest["state_hash"], 16), status["state_hash"], f"with the plan of {self.plan}")
        self.assertEqual(manifest["tally"]["transactions"], len(self.model.first))

    def round(self):
        self.now_us += self.random.randrange(DAY)
        data = f"{self.folder}/data"
        policy = self.random.choice((None, "system", "larger", "largest"))
        rebuild = None
        with self.harrierd.connect(timeout=WAIT) as connection:
            self.send_again(connection)
            self.verify()
            if self.random.random() < 0.4:
                rebuild = self.start_rebuild(policy, data)
            self.traffic(connection, self.random.randrange(1, 10))
            for _ in range(self.random.choice((0, 0, 1, 2))):
                self.reload(connection)
                self.traffic(connection, self.random.randrange(5))
        if self.random.random() < 0.7:
            self.kill_midway()
        else:
            self.assertEqual(self.harrierd.stop(), 0)
        if not rebuild and self.random.random() < 0.2:
            rebuild = self.start_rebuild(policy, data)
        if rebuild:
            self.finish_rebuild(rebuild, policy, data)
        self.start()

    def all_rounds(self):
        self.start()
        for _ in range(ROUNDS):
            self.round()
        with self.harrierd.connect(timeout=WAIT) as connection:
            self.send_again(connection)
            self.verify()
            keys = list(self.model.sent)
            for start in range(0, len(keys), 500):
                batch = [self.model.sent[key] for key in keys[start : start + 500]]
                for transaction, result in zip(batch, connection.score(batch)):
                    self.model.take_decision(transaction, result)
            self.model.check_status(connection.status())

    def test_nothing_is_lost_or_counted_twice(self):
        try:
            self.all_rounds()
        except BaseException:
            print(f"HARRIER_CRASH_SEED={SEED}\n{self.harrierd.said()[-2000:]}", file=sys.stderr)
            raise


if __name__ == "__main__":
    unittest.main()
