#!/usr/bin/env python3
"""Is anything lost or doubled when nodes and brokers die, stop, wake and are cut off?

usage: failover.py BUILD [--rounds N] [--seed N] [--clients N] [--durability replicated|written]

BUILD is a build folder with harrier and harrierd. Three nodes and three brokers, each in a network namespace of its own; clients of
the Python package score one payment after the other at the nodes' ipc:// addresses, and report outcomes. Each round draws one fault:

    kill      SIGKILL of the primary, started again once another one decides
    stop      SIGSTOP of the primary; with another one deciding it wakes, and is asked at once to decide
    cut       the primary's network is cut until another one decides
    term      SIGTERM of the primary
    hand      SIGUSR2: the primary hands over
    broker    SIGKILL of a broker, started again after some seconds
    isolate   a broker's network is cut for some seconds

A round ends when clients get answers again and all nodes follow. At the end everything is held against the nodes' archives, as
`harrier inspect` reads them, and `harrier archive verify`:

- each acknowledged payment is there once, at the position and with the verdict of the acknowledgement (0 lost);
- no id is there twice; all archives have the same records; all state hashes are equal;
- a zombie that wakes acknowledges nothing that is not there;
- the time from the fault to the first acknowledgement of a payment sent after it: median and worst.

Needs root, a JDK 17, mvn, pynng. Exit status 1 when something is wrong.
"""
import argparse
import collections
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests", "system"), os.path.join(ROOT, "clients", "python", "src")]

from kafka_broker import Cluster  # noqa: E402
from namespaces import Network  # noqa: E402

WAIT = 120  # seconds for anything that must happen
TOPIC = "harrier-log"
# Brokers that notice in seconds what they would notice in tens of seconds.
BROKERS = {
    "default.replication.factor": 3, "min.insync.replicas": 2, "group.min.session.timeout.ms": 500,
    "broker.session.timeout.ms": 2000, "broker.heartbeat.interval.ms": 400, "controller.quorum.election.timeout.ms": 1000,
    "controller.quorum.fetch.timeout.ms": 1500, "replica.lag.time.max.ms": 3000,
    "unclean.leader.election.enable": "false", "num.network.threads": 2, "num.io.threads": 4,
    "replica.socket.timeout.ms": 3000, "replica.fetch.wait.max.ms": 200,
}


def wait_until(what, holds, seconds=WAIT, pause=0.02):
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise AssertionError(f"after {seconds} s: not {what}")
        time.sleep(pause)


class Node:
    """harrierd on a machine."""

    def __init__(self, folder, number, machine, brokers, options):
        from server import POLICY, Server

        for name, text in POLICY.items():
            path = os.path.join(folder, "policy", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        self.number, self.machine = number, machine
        self.server = Server(folder, f"--log=kafka://{brokers}/{TOPIC}", f"--node=n{number}",
                             f"--admin_listen=127.0.0.1:{7732 + number}", *options)
        self.command = os.environ["HARRIERD"]

    def start(self):
        environment = os.environ["HARRIERD"]
        script = os.path.join(self.server.folder, "harrierd")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec {" ".join(self.machine.prefix)} {environment} "$@"\n')
        os.chmod(script, 0o755)
        import server

        server.HARRIERD, kept = script, server.HARRIERD
        try:
            self.server.spawn()
        finally:
            server.HARRIERD = kept

    @property
    def address(self):
        return self.server.address

    def signal(self, number):
        self.server.process.send_signal(number)

    def status(self, state_hash=False):
        try:
            with self.server.connect(timeout=5) as connection:
                return connection.status(state_hash)
        except OSError:
            return {}

    def state(self):
        return self.status().get("state")


class Load:
    """Clients that score one payment after the other until they are stopped."""

    def __init__(self, addresses, clients):
        self.addresses, self.lock = addresses, threading.Lock()
        self.acknowledged, self.times, self.failures, self.given_up = {}, [], collections.Counter(), 0
        self.stopping = threading.Event()
        self.next = 0
        self.threads = [threading.Thread(target=self.work, args=(i,), daemon=True) for i in range(clients)]
        for thread in self.threads:
            thread.start()

    def number(self):
        with self.lock:
            self.next += 1
            return self.next

    def payment(self, number):
        from harrier_client import Transaction

        return Transaction(id=f"p-{number}", event_time=1767225600000000 + number * 1000, amount_minor=100 + number % 900,
                           currency="EUR", card=f"c{number % 500}", merchant=f"m{number % 20}")

    def work(self, index):
        from harrier_client import Client, HarrierError, Label, Outcome

        addresses = self.addresses[index % 3:] + self.addresses[:index % 3]
        with Client(addresses, deadline=60) as client:
            while not self.stopping.is_set():
                number = self.number()
                began = time.monotonic()
                while not self.stopping.is_set():
                    try:
                        decision = client.score(self.payment(number))
                        break
                    except HarrierError as error:  # the same again, as the contract says
                        with self.lock:
                            self.failures[error.code] += 1
                else:
                    break
                with self.lock:
                    self.acknowledged[f"p-{number}"] = (decision.position, decision.verdict.value)
                    self.times.append((began, time.monotonic()))
                if number % 10 == 0:
                    try:
                        client.report_outcome(Outcome(f"p-{number}", Label.FRAUD if number % 20 else Label.LEGIT))
                    except HarrierError as error:
                        with self.lock:
                            self.failures[f"outcome {error.code}"] += 1

    def first_after(self, moment):
        """When the first payment that was sent after this moment was acknowledged; None: none was yet."""
        with self.lock:
            return next((end for began, end in self.times if began >= moment), None)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(WAIT)


class Trial:
    def __init__(self, folder, network, arguments):
        self.arguments, self.random = arguments, random.Random(arguments.seed)
        brokers, nodes = network.machines[:3], network.machines[3:]
        places = [(machine.host, 9092, 9093, machine.prefix) for machine in brokers]
        self.kafka = Cluster(os.path.join(folder, "kafka"), 3, places, BROKERS)
        self.machines = brokers
        options = (f"--durability={arguments.durability}", f"--lease={arguments.lease}", "--log_level=info")
        self.nodes = [Node(os.path.join(folder, f"n{i + 1}"), i + 1, machine, self.kafka.brokers, options)
                      for i, machine in enumerate(nodes)]
        self.gaps, self.done, self.zombies, self.changes = collections.defaultdict(list), collections.Counter(), 0, 0
        self.zombie_answers = collections.Counter()
        self.load = None

    # ---- what is going on ----

    def primary(self):
        for node in self.nodes:
            if node.state() == "ready":
                return node
        return None

    def await_primary(self, but=None):
        found = []

        def is_there():
            found[:] = [node for node in self.nodes if node is not but and node.state() == "ready"]
            return bool(found)

        wait_until("another primary" if but else "a primary", is_there)
        return found[0]

    def await_following(self):
        def follow():
            states = [node.status() for node in self.nodes]
            ready = [s for s in states if s.get("state") == "ready"]
            return (len(ready) == 1 and all(s.get("state") in ("ready", "standby") for s in states)
                    and all(ready[0].get("position", 0) - s.get("position", 0) < 500 for s in states))

        wait_until("one primary that the others follow", follow)

    # ---- faults ----

    def kill(self, primary):
        primary.server.kill()
        yield
        self.await_primary(but=primary)
        primary.start()

    def term(self, primary):
        primary.signal(signal.SIGTERM)
        yield
        primary.server.wait()
        self.await_primary(but=primary)
        primary.start()

    def hand(self, primary):
        primary.signal(signal.SIGUSR2)
        yield
        self.await_primary(but=primary)

    def stop(self, primary):
        primary.signal(signal.SIGSTOP)
        yield
        self.await_primary(but=primary)
        asking = self.ask_zombie(primary)
        primary.signal(signal.SIGCONT)
        asking.join(WAIT)

    def ask_zombie(self, node):
        """Requests that are in its socket when it wakes: what it answers is an acknowledgement like any other."""
        self.zombies += 1
        number = self.load.number()

        def ask():
            try:
                with node.server.connect(timeout=30) as connection:
                    answer = connection.call({"score": {"transactions": [{
                        "id": f"p-{number}", "event_time_us": 1767225600000000 + number * 1000, "amount_minor": 5,
                        "currency": "EUR", "card": "zombie", "merchant": "m1"}]}})
            except OSError as error:
                self.zombie_answers[type(error).__name__] += 1
                return
            if "error" in answer:
                self.zombie_answers[answer["error"]["code"]] += 1
                return
            self.zombie_answers["decision"] += 1
            decision = answer["score"]["results"][0]["decision"]
            with self.load.lock:
                self.load.acknowledged[f"p-{number}"] = (decision["position"], decision["verdict"].removeprefix("VERDICT_").lower())

        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        time.sleep(0.2)
        return thread

    def cut(self, primary):
        primary.machine.cut()
        yield
        try:
            self.await_primary(but=primary)
            asking = self.ask_zombie(primary)
        finally:
            primary.machine.mend()
        asking.join(WAIT)

    def broker(self, _):
        node = self.random.choice(self.kafka.nodes)
        node.kill()
        yield
        time.sleep(self.random.uniform(1, 6))
        node.start()
        node.wait_ready()

    def isolate(self, _):
        machine = self.random.choice(self.machines)
        machine.cut()
        yield
        time.sleep(self.random.uniform(1, 6))
        machine.mend()

    def round(self, name):
        primary = self.await_primary()
        time.sleep(self.random.uniform(0, 0.5))
        began = time.monotonic()
        steps = getattr(self, name)(primary)
        next(steps)
        gap = {}

        def watch():
            wait_until("an answer", lambda: self.load.first_after(began) is not None, pause=0.005)
            gap["s"] = self.load.first_after(began) - began

        watcher = threading.Thread(target=watch)
        watcher.start()
        for _ in steps:
            pass
        watcher.join()
        self.await_following()
        self.gaps[name].append(gap["s"])
        self.done[name] += 1
        self.changes += self.primary() is not primary

    # ---- the whole ----

    def run(self):
        with self.kafka:
            self.make_topic()
            for node in self.nodes:
                node.start()
            self.await_following()
            self.load = Load([node.address for node in self.nodes], self.arguments.clients)
            try:
                self.rounds()
            finally:
                self.load.stop()
            self.await_equal()
            return self.judge()

    def make_topic(self):
        from confluent_kafka.admin import AdminClient, NewTopic

        admin = AdminClient({"bootstrap.servers": self.kafka.brokers, "log_level": 0})
        wait_until("three brokers", lambda: len(admin.list_topics(timeout=10).brokers) == 3)
        made = admin.create_topics([NewTopic(TOPIC, 1, 3, config={"min.insync.replicas": "2"})])
        made[TOPIC].result()

    def rounds(self):
        # Each kind about equally often; those of nodes twice, since they are what is to be survived.
        kinds = self.arguments.only or ["kill", "stop", "cut", "term", "hand", "kill", "stop", "cut", "broker", "isolate"]
        began = time.monotonic()
        for number in range(self.arguments.rounds):
            if number % len(kinds) == 0:
                order = self.random.sample(kinds, len(kinds))
            name = order[number % len(kinds)]
            self.round(name)
            if not (number + 1) % 10:
                print(f"{number + 1} rounds in {time.monotonic() - began:.0f} s, {len(self.load.acknowledged)} payments",
                      flush=True)

    def await_equal(self):
        def equal():
            statuses = [node.status(True) for node in self.nodes]
            return len({(s.get("position"), s.get("state_hash")) for s in statuses}) == 1

        wait_until("the same position and state hash on all nodes", equal, pause=0.5)

    def records(self, node):
        lines = subprocess.run([os.environ["HARRIER"], "inspect", os.path.join(node.server.folder, "data"), "--json"],
                               check=True, capture_output=True, text=True).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def judge(self):
        wrong = []
        archives = [self.records(node) for node in self.nodes]
        if any(archive != archives[0] for archive in archives):
            wrong.append("the archives differ")
        found = collections.defaultdict(list)
        for record in archives[0]:
            if record["type"] == "transaction":
                found[record["id"]].append(record)
        doubled = [key for key, records in found.items() if len(records) > 1]
        lost = [key for key, acknowledged in self.load.acknowledged.items()
                if acknowledged not in [(record["position"], record["decision"]["verdict"]) for record in found[key]]]
        for name, cases in (("doubled", doubled), ("lost", lost)):
            if cases:
                wrong.append(f"{len(cases)} {name}: {cases[:5]}")
        for node in self.nodes:
            verified = subprocess.run([os.environ["HARRIER"], "archive", "verify", os.path.join(node.server.folder, "data")],
                                      capture_output=True, text=True, check=False)
            if verified.returncode:
                wrong.append(f"n{node.number}: harrier archive verify: {verified.stderr.strip()[-300:]}")
        self.report(archives, wrong)
        return wrong

    def report(self, archives, wrong):
        gaps = [gap for kind in self.gaps.values() for gap in kind]
        changes = [gap for kind in ("kill", "stop", "cut", "term", "hand") for gap in self.gaps[kind]]
        print(f"{sum(self.done.values())} rounds {dict(self.done)}, {self.changes} changes of the primary")
        print(f"{len(self.load.acknowledged)} acknowledged payments, {len(archives[0])} records; "
              f"errors that clients saw and repeated: {dict(self.load.failures)}")
        print(f"{self.zombies} zombies asked on waking: {dict(self.zombie_answers)}")
        for kind, values in sorted(self.gaps.items()):
            if values:
                print(f"  gap {kind:8} median {statistics.median(values):6.2f} s, worst {max(values):6.2f} s, {len(values)} times")
        if changes:
            print(f"  gap of all changes of the primary: median {statistics.median(changes):.2f} s, worst {max(changes):.2f} s")
        print(f"  gap of all rounds: median {statistics.median(gaps):.2f} s, worst {max(gaps):.2f} s")
        print("; ".join(wrong) if wrong else "0 lost, 0 doubled, equal archives and state hashes")

    def end(self):
        for node in self.nodes:
            if node.server.process and node.server.process.poll() is None:
                node.signal(signal.SIGCONT)
                node.server.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--durability", default="replicated")
    parser.add_argument("--lease", default="1500ms")
    parser.add_argument("--only", action="append", help="one kind of fault; may be repeated")
    parser.add_argument("--keep", action="store_true", help="keep the folder")
    arguments = parser.parse_args()
    os.environ.setdefault("HARRIERD", os.path.abspath(os.path.join(arguments.build, "server", "harrierd")))
    os.environ.setdefault("HARRIER", os.path.abspath(os.path.join(arguments.build, "clients", "cli", "harrier")))
    os.environ.setdefault("HARRIER_ROOT", ROOT)
    folder = tempfile.mkdtemp(prefix="harrier-failover-")
    wrong = ["it did not end"]
    try:
        with Network(6) as network:
            trial = Trial(folder, network, arguments)
            try:
                wrong = trial.run()
            finally:
                trial.end()
    finally:
        if arguments.keep or wrong:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
