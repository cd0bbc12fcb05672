#!/usr/bin/env python3
"""harrier erase in an archive that was pruned: the tables for its beginning, whose records are gone, lose the person, too.

The oracle is the other order: erased first, then pruned, the tables are built from records without the person. Both must
have the same states, byte by byte. HARRIER_KILLS=100 kills more often; HARRIER_SEED repeats the moments.
"""
import fcntl
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
import unittest

import segments
import wire
from erasing import (A_DAY, CARD, DAYS, FAMILY, GONE, HARRIER, HOLDER, LIVE, NOW_US, PERSON, SHARED, TILLS, ErasingTest, holding, is_theirs,
                     payment, row, stamp)
from server import START_US, WAIT, Server

KILLS = int(os.environ.get("HARRIER_KILLS", 2))
SEED = int(os.environ.get("HARRIER_SEED", str(random.randrange(10**6))))
PERSON_IS = ("--entity", f"customer={PERSON}")


class ErasePrunedTest(ErasingTest):
    def setUp(self):
        super().setUp()
        for path, text in TILLS.items():
            self.write_policy(path, text)

    def prune(self, data, before_us):
        return json.loads(self.harrier("archive", "prune", data, "--before", stamp(before_us), "--json").stdout)

    def make_pruned(self):
        """With the person before and behind the beginning."""
        self.make()
        self.harrier("rebuild", "--data", self.data, "--priority", "normal")
        self.assertEqual(self.prune(self.data, START_US + 2 * 86400 * 10**6)["segments"], 2)
        self.assertGreaterEqual({value for _, value in holding(f"{self.data}/archive/base", GONE)}, {PERSON, CARD, HOLDER, FAMILY})

    @staticmethod
    def bases(data):
        """What the tables of the beginning hold, by the features that they have."""
        found = {}
        for path in glob.glob(f"{data}/archive/base/g-*/manifest.json"):
            with open(path, encoding="utf-8") as file:
                manifest = json.load(file)
            found[manifest["plan_id"]] = [manifest[name] for name in ("position", "states", "ids", "state_hash", "content_hash")]
        return found

    def copy(self, name):
        """The data, in a folder of its own with the same policy."""
        folder = os.path.join(self.folder, name)
        shutil.copytree(os.path.join(self.folder, "policy"), os.path.join(folder, "policy"))
        shutil.copytree(self.data, os.path.join(folder, "data"), symlinks=True)
        return folder

    def test_both_orders(self):
        self.make()
        self.harrier("rebuild", "--data", self.data, "--priority", "normal")
        other = self.copy("other")
        data, other_data = self.data, os.path.join(other, "data")
        begin_us = START_US + 2 * 86400 * 10**6
        self.prune(data, begin_us)
        old = os.path.join(self.copy("old"), "data")
        before = self.bases(data)
        looked = self.report(*PERSON_IS, "--dry-run")
        self.assertEqual(self.bases(data), before)
        report = self.report(*PERSON_IS)
        for key in ("base_states", "base_texts"):
            self.assertGreater(report[key], 0)
            self.assertEqual(looked[key], report[key])
        self.assertEqual(holding(data, GONE), [])
        self.assertNotEqual(holding(f"{data}/archive/base", [SHARED]), [])
        self.assertEqual(len(glob.glob(f"{data}/archive/base/g-*")), 1)
        self.assert_sound(data)
        with open(report["protocol"], encoding="utf-8") as file:
            (tables,) = json.load(file)["tables_of_the_beginning"]
        self.assertEqual((tables["states_removed"], tables["texts_replaced"]), (report["base_states"], report["base_texts"]))
        self.assertIn(tables["generation"], os.readlink(f"{data}/archive/base/current"))
        self.erase(*PERSON_IS, data=other_data)
        self.assertEqual(self.differences(os.path.join(other_data, "archive"), f"{data}/archive/base")[1], [])
        self.prune(other_data, begin_us)
        self.assertEqual(self.bases(data), self.bases(other_data))
        self.assertNotEqual(self.bases(data), before)

        # Servers go on, the person comes back; all is pruned and erased once more.
        for folder in (self.folder, other):
            server = Server(folder)
            self.servers.append(server)
            server.start()
            self.traffic(server, LIVE + 200, 100)
            self.assertEqual(server.stop(), 0)
            self.harrier("rebuild", "--data", os.path.join(folder, "data"), "--priority", "normal")
        self.assertIn(PERSON, {value for _, value in holding(data, [PERSON])})
        self.prune(data, NOW_US)
        self.erase(*PERSON_IS)
        self.erase(*PERSON_IS, data=other_data)
        self.prune(other_data, NOW_US)
        for one in (data, other_data):
            self.assertEqual(holding(one, GONE), [])
            self.assert_sound(one)
        self.assertEqual(self.bases(data), self.bases(other_data))

        # Old tables for the beginning, put back, are noticed.
        again = self.copy("again")
        shutil.rmtree(os.path.join(again, "data"))
        shutil.copytree(old, os.path.join(again, "data"), symlinks=True)
        archive = os.path.join(again, "data", "archive")
        self.erase(*PERSON_IS, data=os.path.join(again, "data"))
        shutil.copyfile(f"{old}/archive/begins", f"{archive}/begins")
        shutil.rmtree(f"{archive}/base")
        shutil.copytree(f"{old}/archive/base", f"{archive}/base", symlinks=True)
        self.assertIn("which an erasure has replaced", self.harrier("archive", "verify", archive, status=65).stdout)

    def test_only_in_the_tables(self):
        """All of the person's records are gone: what only texts show, or keys of one field, must be named."""
        self.import_history(map(row, range(DAYS * A_DAY)))
        self.import_history({**row(number), "id": f"later{number}"} for number in range(5 * A_DAY, 6 * A_DAY)
                            if not is_theirs(number) and number % 7)  # fmt: skip
        self.harrier("rebuild", "--data", self.data, "--priority", "normal")
        self.prune(self.data, START_US + 5 * 86400 * 10**6)
        self.assertEqual({path.split("/")[0] for path, _ in holding(f"{self.data}/archive", GONE)}, {"base"})
        self.assertIn("no record", self.erase("--entity", "customer=nobody", status=66).stderr)
        before = {value for _, value in holding(self.data, GONE)}
        self.assertEqual(before, {PERSON, CARD, HOLDER, FAMILY})
        self.report(*PERSON_IS)
        self.assertEqual({value for _, value in holding(self.data, GONE)}, {CARD, HOLDER, FAMILY})
        report = self.report("--entity", f"holder={HOLDER}", "--entity", f"card={CARD}")
        self.assertEqual([field["unseen"] for field in report["fields"]], [0, 1])  # only in texts, or derived
        self.assertEqual((report["number"], report["base_states"]), (2, 1 + 3 + 3))  # alone, and with each merchant
        self.assertEqual(holding(self.data, GONE), [])
        self.assert_sound(self.data)
        self.assertTrue(os.path.exists(f"{self.data}/archive/erasures/000002.json"))

    def test_tables_for_several_sets_of_features(self):
        """All are replaced, and the record has all, also when it was interrupted before it could say so."""
        self.make()
        self.write_policy("features.yaml", TILLS["features.yaml"].replace("window: 30d", "window: 1000d"))
        server = self.server().start()
        self.traffic(server, LIVE + 200, 50)
        self.assertEqual(server.stop(), 0)
        self.harrier("rebuild", "--data", self.data, "--priority", "normal")
        self.prune(self.data, START_US + 2 * 86400 * 10**6)
        self.assertEqual(len(self.bases(self.data)), 2)
        with open(f"{self.data}/generations/lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.erase(*PERSON_IS, status=75)
        report = self.report("--finish")
        with open(report["protocol"], encoding="utf-8") as file:
            said = {tables["generation"] for tables in json.load(file)["tables_of_the_beginning"]}
        self.assertEqual(said, {path[-16:] for path in glob.glob(f"{self.data}/archive/base/g-*")})
        self.assertEqual(len(said), 2)
        self.assertEqual(holding(self.data, GONE), [])
        self.assert_sound(self.data)

    def test_a_client_that_sends_what_erased_texts_look_like(self):
        """An audit does not take it for one: what was decided with it is compared as all else."""
        server = self.server().start()
        with server.connect() as connection:
            connection.score([{**payment(LIVE + number), "customer": "(erased)", "merchant": "m", "device": "d"} for number in (1, 2)])
            result = connection.score([{**payment(LIVE + 3), "customer": "\x7f(erased)"}])[0]
        self.assertNotIn("decision", result)
        self.assertIn("control character", str(result))
        self.assertEqual(server.stop(), 0)
        self.harrier("replay", self.data, "--recorded")
        changed = []

        def change(position, kind, payload):
            if kind != segments.TRANSACTION or wire.decode("TransactionRecord", payload).get("score") != 3:
                return payload
            changed.append(position)
            self.assertEqual(payload.count(b"\x20\x03"), 1)
            return payload.replace(b"\x20\x03", b"\x20\x04")

        segments.rewrite(os.path.join(self.data, "archive"), change)
        self.assertEqual(len(changed), 1)
        audit = self.harrier("replay", self.data, "--recorded", status=1).stdout
        self.assertIn(f"position {changed[0]}  t{LIVE + 2}: score 4 → 3", audit)

    def test_beside_a_server(self):
        self.make_pruned()
        server = self.server().start()
        stop, failures, sent = threading.Event(), [], [LIVE + 10000]

        def load():
            with server.connect() as connection:
                while not stop.wait(0.001):
                    number = sent[0] = sent[0] + 1
                    if number % 5 and number % 77 != 3:
                        result = connection.score([payment(number)])[0]
                        if "decision" not in result:
                            failures.append(result)

        thread = threading.Thread(target=load)
        thread.start()
        try:
            report = self.report(*PERSON_IS)
            deadline = time.monotonic() + WAIT
            while f"generation {report['generation']} adopted" not in server.said():
                self.assertLess(time.monotonic(), deadline, server.said())
                time.sleep(0.05)
        finally:
            stop.set()
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(holding(self.data, GONE), [])
        status = server.status(state_hash=True)
        self.assertEqual(server.stop(), 0)
        self.assert_sound(self.data)
        again = self.server().start()
        self.assertEqual(again.status(state_hash=True)["state_hash"], status["state_hash"])
        self.assertEqual(again.stop(), 0)
        shutil.rmtree(f"{self.data}/generations")  # from the beginning's tables alone
        again = self.server().start()
        self.assertEqual(again.stop(), 0)

        # Later backups have nothing of the person, either.
        kept, target = os.path.join(self.folder, "kept"), os.path.join(self.folder, "target")
        self.harrier("backup", self.data, kept, "--quiet", "--priority=normal")
        self.assertEqual(holding(kept, GONE), [])
        self.harrier("restore", kept, target, "--quiet")
        self.assertEqual(holding(target, GONE), [])
        self.harrier("rebuild", "--data", target, "--priority", "normal")
        self.assert_sound(target)

    def test_kills(self):
        print(f"HARRIER_SEED={SEED}")
        rng = random.Random(SEED)
        self.make_pruned()
        origin = os.path.join(self.folder, "origin")
        shutil.copytree(self.data, origin, symlinks=True)
        began = time.monotonic()
        self.erase(*PERSON_IS)
        took = time.monotonic() - began
        whole, seen = self.bases(self.data), {"before": 0, "after": 0, "between": 0}
        for _ in range(KILLS):
            shutil.rmtree(self.data)
            shutil.copytree(origin, self.data, symlinks=True)
            with subprocess.Popen([HARRIER, "erase", self.data, "--priority", "normal", *PERSON_IS],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                time.sleep(rng.uniform(0, took * 1.1))
                process.send_signal(signal.SIGKILL)
            archive = os.path.join(self.data, "archive")
            self.harrier("archive", "verify", archive)
            committed = os.path.exists(os.path.join(archive, "epoch"))
            server = self.server().start()  # an open for writing puts all in place
            self.assertEqual(server.stop(), 0)
            self.harrier("archive", "verify", archive)
            with open(os.path.join(archive, "begins"), "rb") as file:
                begins = file.read(256)
            names = [bytes.fromhex(os.path.basename(path)[-16:])[::-1] for path in glob.glob(f"{archive}/base/g-*")
                     if not holding(path, GONE)]
            self.assertEqual(committed, any(name in begins for name in names))
            done = self.erase("--finish")
            nothing = "nothing" in done.stdout
            seen["before" if not committed and nothing else "after" if nothing else "between"] += 1
            if not committed and nothing:
                self.erase(*PERSON_IS)
            self.assertEqual(holding(self.data, GONE), [])
            self.assertEqual(self.bases(self.data), whole)
            self.assert_sound(self.data)
        print(seen)


if __name__ == "__main__":
    unittest.main()
