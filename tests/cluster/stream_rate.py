#!/usr/bin/env python3
"""The steady rate of `harrier stream` beside the server's own, in one run on the same processors.

usage: stream_rate.py BUILD [--records N] [--rounds N]

BUILD is a release build (deploy/build-release) with harrier, harrierd and tests/bench/batches. Each round decides the same payments
three times on a server with an empty archive: in messages of 100 by libharrier (the server's own rate), and through Kafka as
protobuf and as JSON. The rate through Kafka is that of committed decisions between a tenth and nineteen twentieths of the records.
"""
import argparse
import json
import os
import random
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
from kafka_broker import Cluster, free_ports  # noqa: E402

PARTITIONS = 4


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def text(field, value):
    value = value.encode()
    return varint(field << 3 | 2) + varint(len(value)) + value


def make_payments(count, seed):
    """(key, protobuf, JSON) of each: fields as in harrier.proto."""
    dice = random.Random(seed)
    for number in range(count):
        at = 1767225600 + number // 50
        fields = {"card": f"card-{int(dice.paretovariate(0.5)) % 200000}", "customer": f"customer-{dice.randrange(150000)}",
                  "merchant": f"shop-{dice.randrange(20000)}", "device": f"device-{dice.randrange(200000)}"}
        identity, amount = f"payment-{number}", dice.randrange(50, 90000)
        proto = (text(1, identity) + varint(2 << 3) + varint(at * 1_000_000) + varint(3 << 3) + varint(amount) + text(4, "EUR")
                 + text(NUMBERS["card"], fields["card"]) + text(NUMBERS["customer"], fields["customer"])
                 + text(NUMBERS["merchant"], fields["merchant"]) + text(NUMBERS["device"], fields["device"]))
        document = {"id": identity, "event_time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)), "amount_minor": amount,
                    "currency": "EUR", **fields}
        yield fields["card"], proto, json.dumps(document).encode()


def numbers_of_fields():
    with open(os.path.join(ROOT, "proto", "harrier.proto"), encoding="utf-8") as file:
        message = re.search(r"^message Transaction \{(.*?)^\}", file.read(), re.S | re.M)[1]
    return {name: int(number) for name, number in re.findall(r"^\s+string (\w+) = (\d+);", message, re.M)}


NUMBERS = numbers_of_fields()


class Server:
    def __init__(self, build, folder, number):
        self.data = f"{folder}/data-{number}"
        self.address = f"ipc://{folder}/h{number}.sock"
        os.mkdir(self.data)
        self.process = subprocess.Popen([f"{build}/server/harrierd", f"--policy={ROOT}/rules/card-payments",
                                         f"--data_dir={self.data}", f"--listen={self.address}", "--admin_listen="],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run([f"{build}/clients/cli/harrier", "status", "--wait-ready=30s", "-q", "--to", self.address], check=True)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.data)


def committed(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
        lines = page.read().decode()
    return sum(float(value) for value in re.findall(r"^harrier_stream_decisions_total\S* (\S+)", lines, re.M))


def through_kafka(build, brokers, server, records, name, number):
    """Committed decisions a second."""
    port = free_ports(1)[0]
    process = subprocess.Popen([f"{build}/clients/cli/harrier", "stream", "--brokers", brokers, "--to", server.address, "--quiet",
                                "--transactions", name, "--decisions", "decisions", "--dead-letters", "dead", "--format", name,
                                "--group", f"rate-{number}", "--metrics", f"127.0.0.1:{port}", "--deadline", "10s"])
    first = last = None
    try:
        while True:
            time.sleep(0.02)
            try:
                done = committed(port)
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError("harrier stream ended") from None
                continue
            now = time.monotonic()
            if first is None and done >= records * 0.1:
                first = (now, done)
            if done >= records * 0.95:
                last = (now, done)
                break
    finally:
        process.terminate()
        process.wait()
    return (last[1] - first[1]) / (last[0] - first[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    build, folder = os.path.abspath(options.build), tempfile.mkdtemp(prefix="harrier-rate-")
    rates = {"server, messages of 100": [], "stream, protobuf": [], "stream, JSON": []}
    try:
        with Cluster(f"{folder}/kafka") as cluster:
            admin = AdminClient({"bootstrap.servers": cluster.brokers})
            topics = [NewTopic(topic, PARTITIONS, 1) for topic in ("protobuf", "json", "decisions", "dead")]
            for made in admin.create_topics(topics).values():
                made.result()
            producer = Producer({"bootstrap.servers": cluster.brokers, "linger.ms": 50})
            with open(f"{folder}/payments", "wb") as file:
                for key, proto, document in make_payments(options.records, 1):
                    file.write(struct.pack("<I", len(proto)) + proto)
                    for topic, value in (("protobuf", proto), ("json", document)):
                        while True:
                            try:
                                producer.produce(topic, key=key, value=value)
                                break
                            except BufferError:
                                producer.poll(0.1)
                    producer.poll(0)
            producer.flush()
            for number in range(options.rounds):
                server = Server(build, folder, 3 * number)
                out = subprocess.run([f"{build}/tests/bench/batches", server.address, f"{folder}/payments"], check=True,
                                     capture_output=True, text=True).stdout
                rates["server, messages of 100"].append(float(out))
                server.stop()
                for offset, (label, name) in enumerate((("stream, protobuf", "protobuf"), ("stream, JSON", "json"))):
                    server = Server(build, folder, 3 * number + 1 + offset)
                    rates[label].append(through_kafka(build, cluster.brokers, server, options.records, name, 2 * number + offset))
                    server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    own = statistics.median(rates["server, messages of 100"])
    for label, values in rates.items():
        median = statistics.median(values)
        print(f"{label:26} {median:9,.0f}/s  {median / own:5.2f} ×   {min(values):,.0f} – {max(values):,.0f} ({len(values)})")


if __name__ == "__main__":
    main()
