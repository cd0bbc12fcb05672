#!/usr/bin/env python3
"""Does a standby adopt the tables of its own rebuilds while it follows a busy primary?

usage: standby_swaps.py BUILD [--rebuilds N]

BUILD is a build folder with harrier and harrierd. Two nodes and a broker on loopback; payments are scored in messages of 300 without a
pause, and the standby's tables are rebuilt N times. Each generation must be adopted, with live states equal to the rebuilt ones, and at
the end both nodes must have the same state hash. Exit status 1 when something is wrong.
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests", "system")]
WAIT = 120


def wait_until(what, holds):
    until = time.monotonic() + WAIT
    while not holds():
        if time.monotonic() > until:
            raise AssertionError(f"after {WAIT} s: not {what}")
        time.sleep(0.05)


def nodes(folder, brokers):
    from server import POLICY, Server

    for number in (1, 2):
        for name, text in POLICY.items():
            path = os.path.join(folder, f"n{number}", "policy", name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        yield Server(os.path.join(folder, f"n{number}"), f"--log=kafka://{brokers}/log", f"--node=n{number}", "--slow_after=0")


def run(folder, arguments):
    from confluent_kafka.admin import AdminClient, NewTopic
    from kafka_broker import Cluster
    from server import transaction

    stopping, scored = threading.Event(), [0]
    with Cluster(os.path.join(folder, "kafka"), 1) as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.brokers})
        admin.create_topics([NewTopic("log", 1, 1)])["log"].result()
        primary, standby = nodes(folder, kafka.brokers)

        def load():
            with primary.connect() as connection:
                while not stopping.is_set():
                    connection.score([transaction(scored[0] + i, cards=5000) for i in range(300)])
                    scored[0] += 300

        try:
            primary.start()
            wait_until("the primary", lambda: primary.http("/primary")[0] == 200)
            standby.start()
            thread = threading.Thread(target=load)
            thread.start()
            try:
                wait_until("following", lambda: standby.status().get("synced_position", 0) > 1000)
                for number in range(1, arguments.rebuilds + 1):
                    subprocess.run([os.environ["HARRIER"], "rebuild", "--data", os.path.join(standby.folder, "data"), "--policy",
                                    os.path.join(standby.folder, "policy")], check=True, capture_output=True)
                    wait_until(f"rebuild {number} adopted",
                               lambda: standby.said().count(" adopted at position ") == number or "refused" in standby.said())
                    assert "new generation refused" not in standby.said(), standby.said()[-2000:]
            finally:
                stopping.set()
                thread.join()

            def equal():
                statuses = [server.status(True) for server in (primary, standby)]
                return len({(status["position"], status["state_hash"]) for status in statuses}) == 1

            wait_until("equal", equal)
            differing = standby.status().get("differing_entities", 0)
        finally:
            primary.kill()
            standby.kill()
    print(f"{arguments.rebuilds} rebuilds adopted by the standby beside {scored[0]} payments, {differing} states differed")
    return differing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("--rebuilds", type=int, default=20)
    arguments = parser.parse_args()
    os.environ.setdefault("HARRIERD", os.path.abspath(os.path.join(arguments.build, "server", "harrierd")))
    os.environ.setdefault("HARRIER", os.path.abspath(os.path.join(arguments.build, "clients", "cli", "harrier")))
    os.environ.setdefault("HARRIER_ROOT", ROOT)
    folder = tempfile.mkdtemp(prefix="harrier-swaps-")
    try:
        return bool(run(folder, arguments))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
