#!/usr/bin/env python3
"""harrier archive prune: the same days in two data folders, one of which is pruned. Whatever happens then must happen in
both alike: decisions, restarts after kill -9, rebuilds, replays. And a prune that is killed at any moment.

HARRIER_KILLS=100 kills more often; HARRIER_SEED repeats the moments."""
import csv
import datetime
import glob
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import time
import unittest

from load import Prober
from night import SwapTest
from server import POLICY, START_US, WAIT, Server, transaction

HARRIER = os.environ["HARRIER"]
SHIFT = os.environ["CLOCK_SHIFT_LIBRARY"]
KILLS = int(os.environ.get("HARRIER_KILLS", "4"))
SEED = int(os.environ.get("HARRIER_SEED", str(random.randrange(10**6))))
DAY = 86400
DAYS, A_DAY = 7, 120  # that a server ran, the last of them today
SPAN_S = 3600 * 2  # of events on one day

LISTS = """\
lists:
  blocked: {about: cards that were reported lost}
"""
RULES = """\
rules:
  - {name: blocked, when: card in lists.blocked, then: {verdict: decline}}
  - {name: busy, when: merchant.cards_1d >= 20, then: {score: 200}}
  - {name: bad, when: card.fraud_30d >= 1, then: {verdict: review}}
"""
THRESHOLDS = """\
thresholds:
  - {name: usual, statistic: median, of: amount_minor, over: 20d, minimum: 1, fallback: 1.0}
  - {name: hourly, statistic: median, of: card.sum_1h, over: 20d, minimum: 1, fallback: 1.0}
"""
COMPARES = """\
rules:
  - {name: above, when: double(amount_minor) > thresholds.usual, then: {score: 1}}
  - {name: more, when: double(card.sum_1h) > thresholds.hourly, then: {score: 1}}
"""
MORE_FEATURES = POLICY["features.yaml"].replace(
    "  merchant:\n    - {name: cards_1d",
    "    - {name: count_7d, aggregate: count, window: 7d}\n  merchant:\n    - {name: cards_1d")
SHADOW = "rules:\n  - {name: often, when: card.count_7d >= 3, then: {score: 100}}\n"


def run(*arguments, status=0):
    done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
    if status is not None and done.returncode != status:
        raise AssertionError(f"{arguments}: {done.returncode}, expected {status}:\n{done.stdout}\n{done.stderr}")
    return done


def date_of(days_ago):
    return (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=days_ago)).strftime("%Y-%m-%d")


def payment(day, number):
    """Number `number` of the day; cards and merchants come back on later days."""
    n = day * A_DAY + number
    return {
        **transaction(n, cards=31),
        "event_time_us": START_US + (day * DAY + number * SPAN_S // A_DAY) * 1000000,
        "merchant": f"m{n % 3}",
    }


class PruneTest(SwapTest):
    def setUp(self):
        super().setUp()
        self.write_policy("lists.yaml", LISTS)
        self.write_policy("rules/more.yaml", RULES)
        self.write_policy("thresholds.yaml", THRESHOLDS)
        self.write_policy("rules/above.yaml", COMPARES)
        self.clock = os.path.join(self.folder, "clock")
        self.set_day(0)

    def set_day(self, days_ago):
        with open(self.clock, "wb") as file:
            file.write(struct.pack("=q", -days_ago * DAY * 10**6))

    def shifted(self):
        return {"LD_PRELOAD": SHIFT, "CLOCK_SHIFT": self.clock,
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def start(self, folder):
        """A server on the data in this folder, with the test's policy."""
        server = Server(folder, "--lazy_sync_interval=5ms")
        self.servers.append(server)
        return server.start(environment=self.shifted())

    def call(self, server, call, message):
        with server.connect() as connection:
            return connection.call({call: message})[call]

    def score(self, server, payments):
        with server.connect() as connection:
            return [result["decision"] for result in connection.score(payments)]

    def a_day(self, server, day):
        """What people and clients do on a day, the same on every server."""
        decisions = self.score(server, [payment(day, n) for n in range(A_DAY)])
        outcomes = [{"transaction_id": f"t{day * A_DAY + n}", "label": "LABEL_FRAUD"} for n in (3, 40)]
        self.call(server, "report_outcome", {"outcomes": outcomes})
        address = ["--to", server.address, "--deadline", "60s", "--retry-for", "60s"]
        for entry in (f"c{day}", f"c{day + 10}"):
            run("list", "add", "blocked", entry, *address)
        if day > 0:
            run("list", "remove", "blocked", f"c{day - 1 + 10}", *address)
        if day == 1:
            run("brake", "pull", "busy", "--why", "too many", *address)
        run("amend", f"t{day * A_DAY + 5}", "capture", "50", *address)
        return decisions

    def history(self):
        """Days of a server with nights: tables adopted, a policy with more features on the fourth day."""
        for day in range(DAYS - 1):
            self.set_day(DAYS - 1 - day)
            if day == 3:
                self.write_policy("features.yaml", MORE_FEATURES)
                self.write_policy("rules/often.yaml", SHADOW)
            server = self.start(self.folder)
            self.a_day(server, day)
            self.await_synced(server)
            server.stop()
            run("rebuild", "--data", self.data, "--no-seal")
        self.set_day(0)

    def copy(self, name):
        """The data in a folder of its own, with the same policy."""
        folder = os.path.join(self.folder, name)
        os.makedirs(folder)
        shutil.copytree(os.path.join(self.folder, "policy"), os.path.join(folder, "policy"))
        shutil.copytree(self.data, os.path.join(folder, "data"), symlinks=True)
        return folder

    def prune(self, folder, days_ago, *more, status=0):
        done = run("archive", "prune", os.path.join(folder, "data"), "--before", date_of(days_ago), "--json", *more,
                   status=status)
        return json.loads(done.stdout) if status == 0 else done.stderr

    def dates(self, folder):
        return sorted(os.path.basename(path) for path in glob.glob(os.path.join(folder, "data/archive/2*")))

    @staticmethod
    def replayed(folder, name, *more):
        """Features, score and verdict of each transaction, as a replay derives them."""
        path = os.path.join(folder, name)
        run("replay", os.path.join(folder, "data"), "--features", path, *more)
        with open(path, encoding="utf-8", newline="") as file:
            return {row["transaction_id"]: row for row in csv.DictReader(file)}

    @staticmethod
    def plain(decisions):
        """Without how long it took."""
        return [{key: value for key, value in decision.items() if key != "server_us"} for decision in decisions]

    @staticmethod
    def manifest(folder):
        with open(os.path.join(folder, "data/generations/current/manifest.json"), encoding="utf-8") as file:
            return json.load(file)

    def back_up_and_restore(self, folder, name):
        kept, other = os.path.join(folder, "kept"), os.path.join(self.folder, name)
        run("backup", os.path.join(folder, "data"), kept, "--quiet", "--priority=normal")
        os.makedirs(other)
        shutil.copytree(os.path.join(folder, "policy"), os.path.join(other, "policy"))
        run("restore", kept, os.path.join(other, "data"), "--quiet")
        self.assertTrue(json.loads(run("archive", "verify", os.path.join(other, "data"), "--json").stdout)["whole"])
        return other

    def assert_same(self, all_of_them):
        for one in all_of_them[1:]:
            self.assertEqual(one, all_of_them[0])

    @staticmethod
    def hash(server):
        return server.status(state_hash=True)["state_hash"]

    def test_the_same_as_without(self):
        self.history()
        whole, pruned = self.copy("whole"), self.copy("pruned")
        dry = self.prune(pruned, DAYS - 4, "--dry-run")
        self.assertEqual(self.dates(pruned), [date_of(n) for n in range(DAYS - 1, 0, -1)])
        report = self.prune(pruned, DAYS - 4)
        self.assertEqual(self.dates(pruned), [date_of(n) for n in (3, 2, 1)])
        for key in ("segments", "records", "records_kept", "kept_by", "segments_left", "begins_after"):
            self.assertEqual(dry[key], report[key], key)
        self.assertEqual(report["segments"], 3)
        self.assertEqual(len(report["base_generations"]), 2)  # of the features on the day after, and of those since
        begin = report["begins_after"]["position"]
        self.assertEqual(self.prune(pruned, DAYS - 4)["segments"], 0)  # nothing is left to do

        # What reads the archive: whole, and it says where it begins.
        data = os.path.join(pruned, "data")
        verified = json.loads(run("archive", "verify", data, "--json").stdout)
        self.assertTrue(verified["whole"])
        self.assertEqual(verified["begins_after"]["position"], begin)
        for command in (["inspect", data, "--count"], ["replay", data, "--recorded"], ["policy", "list", data],
                        ["verify", data], ["export", data, "--out", os.path.join(pruned, "out.csv")]):
            self.assertIn(f"begins after position {begin}", run(*command).stderr, command)
        with open(os.path.join(pruned, "out.csv"), encoding="utf-8", newline="") as file:
            self.assertEqual(len(list(csv.DictReader(file))), 3 * A_DAY)
        self.assertIn("since a prune", run("explain", data, "t3", status=66).stderr)
        self.assertIn("the same", run("explain", data, f"t{(DAYS - 4) * A_DAY + 7}").stdout)

        # A replay from the beginning is the end of one from the first record.
        all_rows = self.replayed(whole, "rows.csv", "--recorded")
        tail = self.replayed(pruned, "rows.csv", "--recorded")
        self.assertEqual(tail, {key: row for key, row in all_rows.items() if key in tail})
        self.assertEqual(len(tail), 3 * A_DAY)
        policy = ["--policy", os.path.join(whole, "policy")]
        all_rows = self.replayed(whole, "policy.csv", *policy)
        tail = self.replayed(pruned, "policy.csv", *policy)
        self.assertEqual(tail, {key: row for key, row in all_rows.items() if key in tail})

        # Servers that go on, are killed, and start again; one on what a backup of the pruned archive has.
        restored = self.back_up_and_restore(pruned, "restored")
        servers = [self.start(folder) for folder in (whole, pruned, restored)]
        day = DAYS - 1
        decisions = [self.plain(self.a_day(server, day)) for server in servers]
        self.assert_same(decisions)
        verdicts = {decision["verdict"] for decision in decisions[0]}
        self.assertGreaterEqual(verdicts, {"VERDICT_APPROVE", "VERDICT_REVIEW", "VERDICT_DECLINE"})  # lists and outcomes count
        self.assert_same([self.hash(server) for server in servers])
        known = payment(1, 7)
        with servers[1].connect() as connection:
            (repeated,) = connection.score([known])
            self.assertEqual(repeated["error"]["code"], "ERROR_ID_CONFLICT", repeated)
            self.assertIn("no longer kept", repeated["error"]["message"])
        late = self.call(servers[1], "report_outcome", {"outcomes": [
            {"transaction_id": f"t{A_DAY + 7}", "label": "LABEL_FRAUD"}]})["results"][0]
        self.assertIn("no longer kept", late["error"]["message"])
        for server in servers:
            self.await_synced(server)
            server.kill()
        servers = [self.start(folder) for folder in (whole, pruned, restored)]
        self.assert_same([self.hash(server) for server in servers])
        decisions = [self.plain(self.score(server, [payment(DAYS, n) for n in range(A_DAY)])) for server in servers]
        self.assert_same(decisions)
        for server in servers:
            self.await_synced(server)
            server.kill()

        # Rebuilds: on top of the current tables, and as if there were none. One of them is from the beginning's tables.
        for more in ((), ("--full", "--force")):
            built = [json.loads(run("rebuild", "--data", os.path.join(folder, "data"), "--no-seal", *more).stdout)
                     for folder in (whole, pruned, restored)]
            for key in ("entities", "ids", "transactions", "outcomes"):
                self.assert_same([one[key] for one in built])
            if not more:  # nights have kept the values of what is gone
                self.assert_same([one["thresholds"] for one in built])
            else:
                self.assertIn("look back further than the archive", built[1]["warning"])
        self.assertEqual(built[1]["from_position"], begin)
        self.assert_same([self.manifest(folder)["state_hash"] for folder in (whole, pruned, restored)])
        for folder in (whole, pruned, restored):
            run("verify", os.path.join(folder, "data"))
            run("replay", os.path.join(folder, "data"), "--recorded")

        # Without any tables but those of the beginning.
        shutil.rmtree(os.path.join(pruned, "data/generations"))
        shutil.rmtree(os.path.join(whole, "data/generations"))
        servers = [self.start(whole), self.start(pruned)]
        self.assertEqual(len(self.score(servers[1], [payment(DAYS + 1, 0)])), 1)
        for server in servers:
            server.stop()
        run("rebuild", "--data", os.path.join(pruned, "data"))
        run("replay", os.path.join(pruned, "data"), "--recorded")

        # A second prune continues the first one.
        self.prune(pruned, 1)
        self.assertEqual(self.dates(pruned)[0], date_of(1))
        run("replay", os.path.join(pruned, "data"), "--recorded")
        self.assertTrue(json.loads(run("archive", "verify", os.path.join(pruned, "data"), "--json").stdout)["whole"])
        run("verify", os.path.join(pruned, "data"))


def of_history(number, a_day):
    """What write_history() writes."""
    return {**transaction(number), "event_time_us": START_US + (number // a_day * DAY + number % a_day * 600) * 10**6}


def write_history(path, first, days, a_day):
    """Days of history for harrier import."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(["id", "event_time", "received_time", "amount_minor", "currency", "card", "merchant"])
        for n in range(first * a_day, (first + days) * a_day):
            one = of_history(n, a_day)
            when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one["event_time_us"] // 10**6))
            out.writerow([one["id"], when, when, one["amount_minor"], "EUR", one["card"], one["merchant"]])
    return path


class ImportedTest(SwapTest):
    """On history that harrier import has written: many days in little time."""

    DAYS, A_DAY = 30, 20

    def setUp(self):
        super().setUp()
        self.policy = os.path.join(self.folder, "policy")
        run("import", self.data, write_history(os.path.join(self.folder, "a.csv"), 0, self.DAYS, self.A_DAY),
            "--policy", self.policy)

    def date(self, day):
        return time.strftime("%Y-%m-%d", time.gmtime(START_US // 10**6 + day * DAY))

    def prune(self, day, *more, status=0):
        return run("archive", "prune", self.data, "--before", self.date(day), *more, status=status)

    def test_what_keeps_it(self):
        self.assertIn("has no tables", self.prune(10, status=66).stderr)
        self.assertFalse(os.path.exists(self.generations))
        run("rebuild", "--data", self.data)
        self.assertIn("is in the future", run("archive", "prune", self.data, "--before", "2999-01-01", status=64).stderr)
        self.assertIn("--before", run("archive", "prune", self.data, status=64).stderr)
        self.assertIn("is for prune", run("archive", "list", self.data, "--before", "2026-01-02", status=64).stderr)
        self.assertIn("--before", run("archive", "prune", self.data, "--before", "yesterday", status=64).stderr)
        self.assertIn("data folder", run("archive", "prune", os.path.join(self.data, "archive"), "--before",
                                         "2026-01-02", status=66).stderr)
        # Later days are not in the tables.
        run("import", self.data, write_history(os.path.join(self.folder, "b.csv"), self.DAYS, 5, self.A_DAY),
            "--policy", self.policy)
        report = json.loads(self.prune(self.DAYS + 3, "--json").stdout)
        self.assertEqual(report["kept_by"], "generation")
        self.assertEqual(report["begins_after"]["position"], self.DAYS * self.A_DAY + 2)
        # Its tables for the beginning are part of the archive.
        manifest = glob.glob(os.path.join(self.data, "archive/base/g-*/manifest.json"))[0]
        with open(manifest, "r+b") as file:
            file.seek(30)
            file.write(b"#")
        verified = run("archive", "verify", self.data, status=65)
        self.assertIn("restore them from a backup", verified.stdout)
        self.assertIn("restore them from a backup", run("replay", self.data, "--policy", self.policy, status=65).stderr)

    def test_other_features_begin_at_the_prune(self):
        run("rebuild", "--data", self.data)
        self.prune(20)
        self.write_policy("features.yaml", MORE_FEATURES)
        done = run("rebuild", "--data", self.data, "--policy", self.policy)
        self.assertIn("its features count what came after that", done.stderr)
        built = json.loads(done.stdout)
        self.assertEqual(built["from_position"], 20 * self.A_DAY + 2)
        self.assertEqual((built["ids"], built["transactions"]), (self.DAYS * self.A_DAY, self.DAYS * self.A_DAY))
        run("verify", self.data)
        self.assertIn("only what came after it", run("replay", self.data, "--policy", self.policy).stderr)

    def test_index_is_pruned_too(self):
        run("rebuild", "--data", self.data)
        before = run("find", self.data, "--entity", "card=c3", "--limit", "1000").stdout
        self.assertTrue(glob.glob(os.path.join(self.data, "index/*.find")))
        self.prune(20)
        left = [int(os.path.basename(path)[:20]) for path in glob.glob(os.path.join(self.data, "index/*.find"))]
        self.assertTrue(all(first > 20 * self.A_DAY + 2 for first in left), left)
        after = run("find", self.data, "--entity", "card=c3", "--limit", "1000").stdout
        self.assertLess(len(after), len(before))
        self.assertTrue(set(after.splitlines()) <= set(before.splitlines()))

    def test_pruned_before_it_was_backed_up(self):
        """What no backup has cannot be restored, and it says so."""
        kept, end = os.path.join(self.folder, "kept"), self.DAYS * self.A_DAY + 2
        backup = ["backup", self.data, kept, "--priority=normal"]
        run(*backup)
        run("import", self.data, write_history(os.path.join(self.folder, "b.csv"), self.DAYS, 5, self.A_DAY),
            "--policy", self.policy)
        run("rebuild", "--data", self.data)
        self.prune(self.DAYS + 2)
        begin = json.loads(run("archive", "verify", self.data, "--json").stdout)["begins_after"]["position"]
        self.assertGreater(begin, end)
        self.assertIn(f"records {end + 1} to {begin} are in no point", run(*backup).stderr)
        target = os.path.join(self.folder, "target")
        said = run("restore", kept, target, f"--to-time={self.date(self.DAYS + 1)}T01:00:00Z", status=66).stderr
        self.assertIn(f"records {end + 1} to {begin}", said)
        self.assertIn(f"--to-position {end}", said)
        run("restore", kept, target, f"--to-position={begin}", status=66)
        self.assertFalse(os.path.exists(target))
        run("restore", kept, target, f"--to-position={end}")
        last = self.date(self.DAYS - 1)
        run("restore", kept, os.path.join(self.folder, "day"), f"--to-time={last}T00:15:00Z")
        run("restore", kept, os.path.join(self.folder, "end"))
        self.assertTrue(json.loads(run("archive", "verify", os.path.join(self.folder, "end"), "--json").stdout)["whole"])

    def test_beside_a_server(self):
        """It decides all the while, and what it has by then survives its death."""
        run("rebuild", "--data", self.data)
        server = self.server("--lazy_sync_interval=5ms").start()
        with Prober(
            server.address,
            lambda number: {"score": {"transactions": [transaction(10**6 + number, cards=97)]}},
            pause=0.002,
        ) as prober:
            self.prune(10)
            self.prune(20)
            self.assertEqual(self.prune(20, "--json", "--dry-run").returncode, 0)
        self.assertIsNone(prober.failure)
        self.assertGreater(len(prober.answers), 10)
        for answer in prober.answers:
            self.assertIn("decision", answer["score"]["results"][0])
        with server.connect() as connection:
            gone, there = (connection.score([of_history(n, self.A_DAY)])[0] for n in (7, 25 * self.A_DAY))
        self.assertIn("no longer kept", gone["error"]["message"])
        self.assertTrue(there["decision"]["duplicate"])
        explain = ["explain", "--server", server.address, "--deadline", "60s"]
        self.assertIn("a prune has dropped", run(*explain, "t7", status=66).stderr)
        self.assertIn("t500", run(*explain, "t500").stdout)
        self.await_synced(server)
        status = server.status(state_hash=True)
        server.kill()
        server = self.server("--lazy_sync_interval=5ms").start()
        self.assertEqual(server.status(state_hash=True)["state_hash"], status["state_hash"])
        server.stop()
        run("rebuild", "--data", self.data)
        run("replay", self.data, "--recorded")

    def state(self):
        """What a reader sees: where it begins, and that it is whole."""
        verified = json.loads(run("archive", "verify", self.data, "--json").stdout)
        self.assertTrue(verified["whole"], verified)
        return verified.get("begins_after", {}).get("position", 0)

    def test_killed(self):
        run("rebuild", "--data", self.data)
        generator = random.Random(SEED)
        saved = os.path.join(self.folder, "saved")
        shutil.copytree(self.data, saved, symlinks=True)
        target, took = 20 * self.A_DAY + 2, 0.0
        began, done_before, done_after = time.monotonic(), 0, 0
        self.prune(20)
        took = time.monotonic() - began
        for kill in range(KILLS):
            shutil.rmtree(self.data)
            shutil.copytree(saved, self.data, symlinks=True)
            prune = subprocess.Popen([HARRIER, "archive", "prune", self.data, "--before", self.date(20)],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(generator.uniform(0, took * 1.1))
            prune.send_signal(signal.SIGKILL)
            prune.wait()
            begin = self.state()
            self.assertIn(begin, (0, target), f"kill {kill}, HARRIER_SEED={SEED}")
            done_before, done_after = done_before + (begin == 0), done_after + (begin > 0)
            run("replay", self.data, "--recorded")
            self.prune(20)  # the next run finishes the work
            self.assertEqual(self.state(), target)
            self.assertFalse(os.path.exists(os.path.join(self.data, "archive", self.date(19))))
            self.assertEqual(len(glob.glob(os.path.join(self.data, "archive/base/g-*"))), 1)
            run("replay", self.data, "--recorded")
        print(f"{KILLS} kills: {done_before} left the archive as it was, {done_after} pruned; HARRIER_SEED={SEED}")


if __name__ == "__main__":
    unittest.main()
