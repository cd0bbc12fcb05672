#!/usr/bin/env python3
"""Does each record get exactly one committed decision or dead letter, whatever is killed?

usage: stream_kills.py BUILD [--records N] [--kills N] [--instances N] [--seed N]

BUILD is a build folder with harrier and harrierd. Payments are fed into Kafka, 1 % of them broken and 1 % repeated, and outcomes
beside them, while broker, one of the instances of `harrier stream`, and server are killed (SIGKILL) and started again, N times
each, in random order. Then
everything is read back, as a reader of committed records, by another client library (confluent-kafka, from PyPI), and held against
what was fed:

- each record of the input is named by exactly one decision or dead letter (its header harrier.source);
- a decision is of the transaction in that record; the repeated ones have the verdict and position of the first;
- broken records are dead letters with a code and a reason, and no others are;
- the server has as many transactions as there were different ids, and as many outcomes as were fed.

Needs a JDK 17, mvn, and confluent-kafka. Exit status 1 when something is wrong.
"""
import argparse
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kafka_broker import Cluster  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOPICS = {"payments": 4, "outcomes": 1, "decisions": 2, "dead": 1}
BROKEN = [b"", b"{", b'{"id": "long-%d", "device": "' + b"x" * 5000 + b'"}', b'{"id": "x"}', b'{"id": "x-%d", "event_time": "yesterday", "amount_minor": 1, "currency": "EUR"}',
          b'{"id": "y-%d", "event_time": "2026-01-01T00:00:00Z", "amount_minor": 1, "currency": "EURO"}', b"[1]"]


def make_topics(brokers):
    admin = AdminClient({"bootstrap.servers": brokers})
    for made in admin.create_topics([NewTopic(name, count, 1) for name, count in TOPICS.items()]).values():
        made.result()


def time_of(number):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1767225600 + number // 50))


class Feeder(threading.Thread):
    """Feeds at an even rate; librdkafka tries again what a killed broker did not take."""

    def __init__(self, brokers, records, per_second, seed):
        super().__init__(daemon=True)
        self.producer = Producer({"bootstrap.servers": brokers, "enable.idempotence": True, "linger.ms": 20,
                                  "message.timeout.ms": 600000, "log_level": 0})
        self.records, self.per_second, self.random = records, per_second, random.Random(seed)
        self.ids = self.outcomes = 0
        self.failed = 0

    def on_delivery(self, error, _):
        self.failed += error is not None

    def put(self, topic, key, value):
        while True:
            try:
                self.producer.produce(topic, key=key, value=value, on_delivery=self.on_delivery)
                return
            except BufferError:
                self.producer.poll(0.1)

    def payment(self, number):
        draw = self.random.random()
        if draw < 0.01:
            pattern = self.random.choice(BROKEN)
            return None, pattern.replace(b"%d", str(number).encode())
        if draw < 0.02 and self.recent:
            return self.random.choice(self.recent)
        card = f"card-{self.random.randrange(5000)}"
        value = json.dumps({"id": f"pay-{number}", "event_time": time_of(number), "amount_minor": self.random.randrange(50, 90000),
                            "currency": "EUR", "card": card, "merchant": f"shop-{self.random.randrange(300)}",
                            "customer": f"customer-{self.random.randrange(4000)}"}).encode()
        self.ids += 1
        self.recent.append((card, value))
        if number % 50 == 0:
            self.pending.append(f"pay-{number}")
        return card, value

    def run(self):
        self.recent, self.pending = collections.deque(maxlen=2000), collections.deque()
        begun = time.monotonic()
        for number in range(self.records):
            self.put("payments", *self.payment(number))
            # An outcome comes after its payment, as it does in life.
            if len(self.pending) > 20:
                identity = self.pending.popleft()
                self.put("outcomes", None, json.dumps({"id": identity, "outcome": "legit"}).encode())
                self.outcomes += 1
            if number % 100 == 0:
                self.producer.poll(0)
                ahead = number / self.per_second - (time.monotonic() - begun)
                if ahead > 0:
                    time.sleep(ahead)
        while self.producer.flush(10):
            pass


class Program:
    """Something that is killed and started again."""

    def __init__(self, command, log):
        self.command, self.log, self.process = command, log, None

    def start(self):
        with open(self.log, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)

    def ensure(self):
        """A supervisor's work: what ended by itself is started again. Returns its exit status, None while it runs."""
        status = self.process.poll()
        if status is not None:
            self.start()
        return status

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
                raise


def read_all(brokers, topic, committed):
    """All records of a topic, as a reader of committed ones or of all."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": "check", "enable.partition.eof": True, "log_level": 0,
                         "isolation.level": "read_committed" if committed else "read_uncommitted"})
    consumer.assign([TopicPartition(topic, i, 0) for i in range(TOPICS[topic])])
    ended = 0
    while ended < TOPICS[topic]:
        message = consumer.poll(60)
        if message is None:
            raise RuntimeError(f"topic {topic}: nothing came for a minute")
        if message.error():
            ended += 1
        else:
            yield message
    consumer.close()


def header(message, name):
    return dict(message.headers() or [])[name].decode()


def check(brokers, feeder, status):
    """What is wrong, as sentences."""
    inputs = {}
    for topic in ("payments", "outcomes"):
        for message in read_all(brokers, topic, False):
            try:
                identity = json.loads(message.value())["id"] if message.value() else None
                is_good = identity.startswith("pay-")
            except (ValueError, TypeError, AttributeError):
                identity, is_good = None, False
            inputs[f"{topic}/{message.partition()}/{message.offset()}"] = identity if is_good else None
    answers, first = collections.Counter(), {}
    wrong = collections.Counter()
    for message in read_all(brokers, "decisions", True):
        source, decision = header(message, "harrier.source"), json.loads(message.value())
        answers[source] += 1
        identity = decision["transaction_id"]
        wrong["a decision of another transaction than the record's"] += inputs.get(source) != identity
        same = first.setdefault(identity, (decision["verdict"], decision["score"], decision["position"]))
        wrong["a repeated transaction with another decision"] += same != (decision["verdict"], decision["score"],
                                                                        decision["position"])
    for message in read_all(brokers, "dead", True):
        source = header(message, "harrier.source")
        answers[source] += 1
        wrong["a good record as a dead letter"] += inputs.get(source) is not None
        wrong["a dead letter without its reason"] += not header(message, "harrier.reason")
    for source in inputs:
        if source.startswith("payments/"):
            wrong["a record without a consequence"] += answers[source] == 0
            wrong["a record with several consequences"] += answers[source] > 1
    wrong["a consequence of no record"] += sum(source not in inputs for source in answers)
    wrong["records not taken by Kafka"] += feeder.failed
    wrong["transactions in the server, besides those fed"] += abs(status["transactions"] - feeder.ids)
    wrong["outcomes in the server, besides those fed"] += abs(status["outcomes"] - feeder.outcomes)
    print(f"{len(inputs):,} records, {sum(answers.values()):,} consequences, {len(first):,} different transactions, "
          f"{status['outcomes']:,} outcomes")
    return {what: count for what, count in wrong.items() if count}


def kill_all(kills, dice, broker, streams, server, ended):
    """One after the other; ended: counts what ended without being killed."""
    for what in kills:
        time.sleep(dice.uniform(0.5, 4))
        if what == "broker":
            broker.kill()
            time.sleep(dice.uniform(0, 2))
            broker.start()
            broker.wait_ready()
        else:
            program = dice.choice(streams) if what == "stream" else server
            program.kill()
            time.sleep(dice.uniform(0, 1))
            program.start()
        for program in (*streams, server):
            status = program.ensure()
            if status is not None:
                ended[f"{'server' if program is server else 'stream'} {status}"] += 1


def run(options, folder, build, server, dice, address):
    """Feeds, kills and checks; returns what is wrong."""
    harrier = f"{build}/clients/cli/harrier"
    with Cluster(f"{folder}/kafka") as cluster:
        stream_command = [harrier, "stream", "--brokers", cluster.brokers, "--to", address, "--transactions", "payments",
                          "--outcomes", "outcomes", "--decisions", "decisions", "--dead-letters", "dead", "--quiet",
                          "--kafka", "consumer.session.timeout.ms=10000", "--instance"]
        streams = [Program([*stream_command, f"number.{i}"], f"{folder}/stream-{i}.log") for i in range(options.instances)]
        make_topics(cluster.brokers)
        os.mkdir(f"{folder}/data")
        server.start()
        for stream in streams:
            stream.start()
        kills = ["broker", "stream", "server"] * options.kills
        dice.shuffle(kills)
        seconds = options.kills * (12 + 4 + 4)
        feeder = Feeder(cluster.brokers, options.records, options.records / seconds, options.seed)
        feeder.start()
        ended = collections.Counter()
        begun = time.monotonic()
        try:
            kill_all(kills, dice, cluster.nodes[0], streams, server, ended)
            while feeder.is_alive():
                feeder.join(1)
                for program in (*streams, server):
                    program.ensure()
        finally:
            for stream in streams:
                stream.stop()
        fed = time.monotonic() - begun
        subprocess.run([*stream_command, "number.0", "--until-end"], check=True, timeout=900)
        status = json.loads(subprocess.run([harrier, "status", "--json", "--to", address], check=True, capture_output=True,
                                           text=True).stdout)
        print(f"{len(kills)} kills in {fed:.0f} s; ended by itself and started again: {dict(ended) or 'nothing'}")
        return check(cluster.brokers, feeder, status)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--instances", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="keep the logs in this folder")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="harrier-kills-")
    dice = random.Random(options.seed)
    address = f"ipc://{folder}/harrier.sock"
    build = os.path.abspath(options.build)
    server = Program([f"{build}/server/harrierd", f"--policy={ROOT}/rules/card-payments", f"--data_dir={folder}/data",
                      f"--listen={address}", "--admin_listen="], f"{folder}/harrierd.log")
    try:
        wrong = run(options, folder, build, server, dice, address)
    finally:
        server.stop()
        if options.keep:
            shutil.copytree(folder, options.keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("data", "kafka", "*.sock"))
        shutil.rmtree(folder, ignore_errors=True)
    for what, count in wrong.items():
        print(f"WRONG: {what}: {count:,}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
