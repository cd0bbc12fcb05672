#!/usr/bin/env python3
"""A server under load that is killed again and again, with clients that send again until they have an answer.

Three clients at once send transactions (some of them repeated, some under a known id with other content), outcomes,
amendments and changes of lists. Meanwhile the server is killed with SIGKILL, some times while it still starts; its
policy is reloaded, its tables are rebuilt, nights run, and some of those are killed, too. Every few kills the clients
pause with everything answered, and then the archive must have exactly what was acknowledged: each id in one row, with
its first decision, its last label and its last amendment, and the server's states must have the hash of a fresh fold.

HARRIER_KILLS (8) is the number of kills, HARRIER_SEED (1) chooses the traffic; threads make no two runs equal. A
thousand take ten minutes: HARRIER_KILLS=1000 meson test -C BUILD system/kills --timeout-multiplier 0
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import unittest
from collections import Counter

from server import POLICY, START_US, WAIT, ServerTest
from wire import decode, encode

HARRIER = os.environ["HARRIER"]
KILLS = int(os.environ.get("HARRIER_KILLS", "8"))
SEED = int(os.environ.get("HARRIER_SEED", "1"))
CLIENTS = 3
EACH_CHECK = 25  # kills between two comparisons
LABELS = ("NONE", "LEGIT", "FRAUD", "CHARGEBACK", "SUSPECTED")
KINDS = ("VOID", "RESTORE", "CAPTURE", "CAPTURE", "REFUND", "REFUND")
SECOND = 10**6
FIRST_DECISION = ("position", "verdict", "score", "snapshot_id")  # what a repeated id gets again
LISTS = "lists:\n  blocked: {about: what the clients add}\n"
BLOCKS = "rules:\n  - {name: blocked, when: card in lists.blocked, then: {score: 150}}\n"


def amended(kind, amount, before):
    """(voided, taken, refunded) after an amendment; None if it must be refused."""
    voided, taken, refunded = before
    if kind == "VOID":
        return True, taken, refunded
    if kind == "RESTORE":
        return False, taken, refunded
    if voided or (kind == "CAPTURE" and amount < refunded) or (kind == "REFUND" and amount > taken):
        return None
    return (False, amount, refunded) if kind == "CAPTURE" else (False, taken, amount)


class Client(threading.Thread):
    """Sends one request after the other, each until it is answered, and knows what follows from the answers. Ids and
    entries of lists are its own, so nobody else changes them."""

    def __init__(self, name, address, gate):
        super().__init__(name=name)
        self.address, self.gate = address, gate
        self.random = random.Random(f"{SEED}-{name}")
        self.connection = None
        self.failure = None
        self.made = 0
        self.sent, self.first = {}, {}  # by id: the transaction; its first decision
        self.label, self.money = {}, {}  # by id
        self.entries = set()  # of the list
        self.outcomes = self.resent = self.answered = 0

    # ---- sending ----

    def disconnect(self):
        if self.connection:
            self.connection.socket.close()
        self.connection = None

    def ask(self, call, body):
        """(answer, whether the request was on its way more than once)"""
        request = encode({call: body})
        attempts = 0
        while not self.gate.ended.is_set():
            try:
                if not self.connection:
                    self.connection = self.gate.connect()
                attempts += 1
                response = decode("Response", self.connection.exchange(request))
            except OSError:
                self.disconnect()
                time.sleep(0.005)
                continue
            if response.get("error", {}).get("code") == "ERROR_UNAVAILABLE" or self.is_unavailable(response, call):
                time.sleep(0.005)
                continue
            self.resent += attempts > 1
            self.answered += 1
            return response[call], attempts > 1
        raise InterruptedError

    @staticmethod
    def is_unavailable(response, call):
        results = response.get(call, {}).get("results", ())
        return any(result.get("error", {}).get("code") == "ERROR_UNAVAILABLE" for result in results)

    def run(self):
        try:
            while self.gate.enter():
                self.one()
        except InterruptedError:
            pass
        except BaseException as failure:  # pylint: disable=broad-except
            self.failure = failure
        finally:
            self.disconnect()
            self.gate.leave()

    def one(self):
        kind = self.random.random()
        if kind < 0.65 or len(self.first) < 20:
            self.score()
        elif kind < 0.80:
            self.report()
        elif kind < 0.93:
            self.amend()
        else:
            self.change_list()

    def expect(self, holds, *what):
        if not holds:
            raise AssertionError(f"{self.name}: {what}")

    # ---- transactions ----

    def new(self):
        self.made += 1
        now_us = self.gate.event_time_us()
        return {
            "id": f"{self.name}{self.made}",
            "event_time_us": now_us - self.random.randrange(1800 * SECOND),
            "amount_minor": self.random.randrange(1, 5000),
            "currency": "EUR",
            "card": f"c{self.random.randrange(60)}",
            "merchant": f"m{self.random.randrange(5)}",
        }

    def some_ids(self, most):
        recent = list(self.first)[-self.random.choice((30, 10**9)) :]
        return self.random.sample(recent, min(len(recent), self.random.randrange(1, most + 1)))

    def score(self):
        new = [self.new() for _ in range(self.random.randrange(1, 20))]
        known = [self.sent[key] for key in self.some_ids(3)] if self.first and self.random.random() < 0.3 else []
        others = [{**one, "amount_minor": one["amount_minor"] + 1} for one in known[:1]]
        batch = new + known + others
        answer, is_again = self.ask("score", {"transactions": batch})
        self.expect(len(answer["results"]) == len(batch), answer)
        for one, result in zip(new, answer["results"]):
            self.expect("decision" in result, one, result)
            self.expect(is_again or not result["decision"].get("duplicate"), "new, but known", result)
            self.sent[one["id"]], self.first[one["id"]] = one, result["decision"]
            self.label[one["id"]], self.money[one["id"]] = "NONE", (False, one["amount_minor"], 0)
        for one, result in zip(known, answer["results"][len(new) :]):
            self.expect(result.get("decision", {}).get("duplicate"), "acknowledged, but forgotten", one, result)
            for field in FIRST_DECISION:
                self.expect(result["decision"].get(field) == self.first[one["id"]].get(field), field, one, result)
        for _, result in zip(others, answer["results"][len(new) + len(known) :]):
            self.expect(result.get("error", {}).get("code") == "ERROR_ID_CONFLICT", result)

    # ---- what becomes known later ----

    def report(self):
        labels = {key: self.random.choice(LABELS) for key in self.some_ids(5)}
        outcomes = [{"transaction_id": key, "label": f"LABEL_{label}"} for key, label in labels.items()]
        answer, is_again = self.ask("report_outcome", {"outcomes": outcomes})
        for (key, label), result in zip(labels.items(), answer["results"], strict=True):
            before = self.label[key]
            previous = result["accepted"].get("previous", "LABEL_NONE").removeprefix("LABEL_")
            self.expect(previous == before or (is_again and previous == label), key, before, label, result)
            self.expect(result["accepted"].get("changed", False) == (previous != label), key, result)
            self.outcomes += before != label
            self.label[key] = label

    def amend(self):
        amendments = []
        for key in self.some_ids(5):
            kind = self.random.choice(KINDS)
            amount = self.random.randrange(self.sent[key]["amount_minor"] + 50) if kind in ("CAPTURE", "REFUND") else 0
            amendments.append((key, kind, amount))
        answer, is_again = self.ask("amend", {"amendments": [
            {"transaction_id": key, "kind": f"AMENDMENT_{kind}", "amount_minor": amount}
            for key, kind, amount in amendments]})
        for (key, kind, amount), result in zip(amendments, answer["results"], strict=True):
            before = self.money[key]
            after = amended(kind, amount, before)
            if after is None:
                self.expect(result.get("error", {}).get("code") == "ERROR_INVALID", key, kind, before, result)
                continue
            now = result["accepted"]["now"]
            now = bool(now.get("voided")), int(now.get("amount_minor", 0)), int(now.get("refunded_minor", 0))
            self.expect(now == after, key, kind, amount, before, result)
            changed = bool(result["accepted"].get("changed"))
            self.expect(changed == (before != after) or (is_again and not changed), key, before, result)
            self.money[key] = after

    def change_list(self):
        value, remove = f"{self.name}-{self.random.randrange(40)}", self.random.random() < 0.5
        change = {"list": "blocked", "value": value, "remove": remove}
        answer, is_again = self.ask("change_list", {"changes": [change]})
        changed = answer["results"][0]["changed"].get("changed", False)
        changes = remove == (value in self.entries)
        self.expect(changed == changes or (is_again and not changed), change, answer)
        (self.entries.discard if remove else self.entries.add)(value)


class Gate:
    """Lets the clients pass, or has all of them wait with nothing on its way."""

    def __init__(self, server):
        self.server = server
        self.changed = threading.Condition()
        self.is_open, self.waiting, self.gone = True, 0, 0
        self.ended = threading.Event()
        self.began = time.monotonic()

    def connect(self):
        return self.server.connect(timeout=WAIT)

    def event_time_us(self):
        """A thousand times as fast as the clock."""
        return START_US + int((time.monotonic() - self.began) * 1000 * SECOND)

    def enter(self):
        with self.changed:
            self.waiting += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.is_open or self.ended.is_set())
            self.waiting -= 1
        return not self.ended.is_set()

    def leave(self):
        with self.changed:
            self.gone += 1
            self.changed.notify_all()

    def close(self):
        with self.changed:
            self.is_open = False
            assert self.changed.wait_for(lambda: self.waiting + self.gone == CLIENTS, timeout=WAIT)

    def open(self):
        with self.changed:
            self.is_open = True
            self.changed.notify_all()

    def end(self):
        self.ended.set()
        self.open()


class KillsTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)
        self.write_policy("lists.yaml", LISTS)
        self.write_policy("rules/blocks.yaml", BLOCKS)
        self.harrierd = self.server("--durability=synced")
        self.data = f"{self.folder}/data"
        self.counts = Counter()
        self.beside = None  # a rebuild or a night under way
        self.addCleanup(self.kill_beside)

    def kill_beside(self):
        if self.beside:
            os.killpg(self.beside.pid, signal.SIGKILL)
            self.beside.communicate()
        self.beside = None

    # ---- what happens beside the kills ----

    def reload(self):
        """To a policy with the same features: the hash of the states does not depend on who decides."""
        score = self.random.choice((200, 400, 800))
        self.write_policy("rules/velocity.yaml", POLICY["rules/velocity.yaml"].replace("400", str(score)))
        self.harrierd.process.send_signal(signal.SIGHUP)
        self.counts["reloads"] += 1

    def start_beside(self):
        if self.random.random() < 0.7:
            command = ["rebuild", "--quiet", f"--data={self.data}"]
            self.counts["rebuilds"] += 1
        else:
            command = ["night", f"--data={self.data}", "--again", "--drift=none", "--retries=0"]
            self.counts["nights"] += 1
        # A night has children: all of them are killed with it.
        self.beside = subprocess.Popen([HARRIER, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                       start_new_session=True)

    def look_at_beside(self):
        if self.random.random() < 0.2:
            self.kill_beside()
            self.counts["killed rebuilds and nights"] += 1
        elif self.beside.poll() is not None:  # 2: a night with alerts, and so short a day has some
            out, said = self.beside.communicate()
            self.assertIn(self.beside.returncode, (0, 2) if "night" in self.beside.args else (0,), out + said)
            self.beside = None

    def round(self):
        """One kill, or two: the second while the server starts."""
        time.sleep(self.random.random() * 0.15)
        if self.random.random() < 0.1:
            self.reload()
            time.sleep(self.random.random() * 0.01)
        if self.beside:
            self.look_at_beside()
        elif self.random.random() < 0.08:
            self.start_beside()
        self.kill()
        if self.counts["kills"] < KILLS and self.random.random() < 0.15:
            self.harrierd.spawn()
            time.sleep(self.random.random() * 0.05)
            self.kill()
            self.counts["kills of a starting server"] += 1
        self.harrierd.start()

    def kill(self):
        self.harrierd.kill()
        self.counts["kills"] += 1

    # ---- the comparison ----

    def check_clients(self):
        for client in self.clients:
            if client.failure:
                raise client.failure

    def harrier(self, *arguments):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, check=False, timeout=WAIT)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def synced_status(self):
        deadline = time.monotonic() + WAIT
        status = self.harrierd.status(state_hash=True)
        while status.get("synced_position") != status["position"]:
            self.assertLess(time.monotonic(), deadline, "never synced")
            status = self.harrierd.status(state_hash=True)
        return status

    def check_status(self, status):
        labels = Counter("LABEL_" + label for client in self.clients for label in client.label.values()
                         if label != "NONE")
        self.assertEqual(status["transactions"], sum(len(client.first) for client in self.clients))
        self.assertEqual(status.get("outcomes", 0), sum(client.outcomes for client in self.clients))
        self.assertEqual({each["label"]: each["transactions"] for each in status.get("labels", [])}, labels)

    def check_list(self):
        with self.harrierd.connect() as connection:
            shown = connection.call({"get_list": {"list": "blocked"}})["get_list"].get("entries", [])
        values = [entry["value"] for entry in shown]
        self.assertEqual(len(values), len(set(values)))
        self.assertEqual(set(values), set().union(*(client.entries for client in self.clients)))

    def check_fold(self, status):
        fresh = os.path.join(self.folder, "fresh")
        shutil.rmtree(fresh, ignore_errors=True)
        os.mkdir(fresh)
        os.symlink(self.harrierd.archive, f"{fresh}/archive")
        self.harrier("rebuild", "--quiet", "--priority=normal", f"--data={fresh}")
        with open(f"{fresh}/generations/current/manifest.json", encoding="utf-8") as file:
            manifest = json.load(file)
        self.assertEqual(manifest["position"], status["position"])
        self.assertEqual(int(manifest["state_hash"], 16), status["state_hash"])

    def check_rows(self):
        """Each acknowledged id has one row, and there are no others."""
        path = os.path.join(self.folder, "rows.jsonl")
        self.harrier("export", self.data, "--quiet", "--out", path, "--columns",
                     "id,position,verdict,score,outcome,voided,captured_amount,refunded_amount")
        left = {key: client for client in self.clients for key in client.first}
        with open(path, encoding="utf-8") as rows:
            for line in rows:
                row = json.loads(line)
                client = left.pop(row["id"], None)  # None: never acknowledged, or there for the second time
                self.assertIsNotNone(client, row)
                self.check_row(row, client, row["id"])
        os.remove(path)
        self.assertEqual(left, {})

    def check_row(self, row, client, key):
        decision = client.first[key]
        self.assertEqual((row["position"], row["verdict"], row["score"]), (
            decision["position"], decision["verdict"].removeprefix("VERDICT_").lower(), decision.get("score", 0)))
        self.assertEqual(row.get("outcome", "none"), client.label[key].lower(), row)
        voided, taken, refunded = client.money[key]
        was = client.sent[key]["amount_minor"]
        self.assertEqual(row.get("voided", False), voided, row)
        self.assertEqual(round(float(row.get("captured_amount", was / 100)) * 100), taken, row)
        self.assertEqual(round(float(row.get("refunded_amount", 0)) * 100), refunded, row)

    def check(self):
        self.gate.close()
        self.check_clients()
        status = self.synced_status()
        self.check_status(status)
        self.check_list()
        self.check_fold(status)
        self.check_rows()
        self.counts["comparisons"] += 1
        self.gate.open()

    def report(self):
        self.counts["transactions"] = sum(len(client.first) for client in self.clients)
        self.counts["requests"] = sum(client.answered for client in self.clients)
        self.counts["requests sent again"] = sum(client.resent for client in self.clients)
        print(", ".join(f"{count} {name}" for name, count in self.counts.items()), file=sys.stderr, flush=True)

    def all_rounds(self):
        next_check = EACH_CHECK
        while self.counts["kills"] < KILLS:
            self.round()
            self.check_clients()
            if self.counts["kills"] >= next_check:
                next_check += EACH_CHECK
                self.check()
                self.report()
        self.check()
        self.gate.close()
        self.kill_beside()
        self.harrier("rebuild", "--quiet", f"--data={self.data}")
        self.harrier("verify", self.data)
        self.assertIn("Every decision equals the archived one.", self.harrier("replay", self.data, "--recorded"))
        self.report()

    def test_exactly_what_was_acknowledged_is_there(self):
        self.harrierd.start()
        self.gate = Gate(self.harrierd)
        self.clients = [Client(name, self.harrierd.address, self.gate) for name in "abc"[:CLIENTS]]
        for client in self.clients:
            client.start()
        try:
            self.all_rounds()
            self.assertEqual(self.harrierd.stop(), 0)
        except BaseException:
            print(f"HARRIER_SEED={SEED}\n{self.harrierd.said()[-2000:]}", file=sys.stderr)
            raise
        finally:
            self.gate.end()
            for client in self.clients:
                client.join()
        self.assertGreaterEqual(self.counts["kills"], KILLS)
        for client in self.clients:
            self.assertGreater(len(client.first), 0)


if __name__ == "__main__":
    unittest.main()
