#!/usr/bin/env python3
"""What does durability = replicated cost over a bare transaction of Kafka with the same bytes?

usage: replicated_latency.py BUILD [--blocks N] [--brokers 1|3]

BUILD is a build folder with harrierd. One node and its brokers on loopback. In turns, in blocks of 100: payments scored one at a time,
each answered when its transaction is committed; and transactions of librdkafka (by confluent-kafka) with one record of as many bytes,
one at a time, to another topic of the same form. Prints p50 and p99 of both and their ratios.
"""
import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests", "system")]
BLOCK = 100
VALUE, HEADER = bytes(170), [("harrier", bytes(32))]  # about what a payment's record takes


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def measure(call, times, numbers):
    for number in numbers:
        began = time.perf_counter()
        call(number)
        times.append(time.perf_counter() - began)


def run(folder, arguments):
    from confluent_kafka import Producer
    from confluent_kafka.admin import AdminClient, NewTopic
    from kafka_broker import Cluster
    from server import POLICY, Server, transaction

    for name, text in POLICY.items():
        path = os.path.join(folder, "policy", name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    with Cluster(os.path.join(folder, "kafka"), arguments.brokers) as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.brokers, "log_level": 0})
        made = admin.create_topics([NewTopic(name, 1, arguments.brokers) for name in ("log", "bare")])
        for topic in made.values():
            topic.result()
        server = Server(folder, f"--log=kafka://{kafka.brokers}/log", "--durability=replicated", "--slow_after=0")
        server.start()
        try:
            while server.http("/primary")[0] != 200:
                time.sleep(0.05)
            producer = Producer({"bootstrap.servers": kafka.brokers, "transactional.id": "bare", "log_level": 0})
            producer.init_transactions(60)

            def bare(_):
                producer.begin_transaction()
                producer.produce("bare", VALUE, headers=HEADER)
                producer.commit_transaction()

            with server.connect() as connection:
                def score(number):
                    connection.score([transaction(number)])

                times = {"bare": [], "replicated": []}
                for block in range(-2, arguments.blocks):  # two to warm up
                    if block == 0:
                        times = {"bare": [], "replicated": []}
                    numbers = range((block + 2) * BLOCK, (block + 3) * BLOCK)
                    measure(bare, times["bare"], numbers)
                    measure(score, times["replicated"], numbers)
        finally:
            server.kill()
    for name, values in times.items():
        print(f"{name:11} p50 {statistics.median(values) * 1e3:7.2f} ms  p99 {percentile(values, .99) * 1e3:7.2f} ms  {len(values)} times")
    for part, label in ((.5, "p50"), (.99, "p99")):
        print(f"{label}: replicated is {percentile(times['replicated'], part) / percentile(times['bare'], part):.2f} times a bare transaction")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--blocks", type=int, default=20)
    parser.add_argument("--brokers", type=int, default=1)
    arguments = parser.parse_args()
    os.environ.setdefault("HARRIERD", os.path.abspath(os.path.join(arguments.build, "server", "harrierd")))
    os.environ.setdefault("HARRIER_ROOT", ROOT)
    folder = tempfile.mkdtemp(prefix="harrier-latency-")
    try:
        run(folder, arguments)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
