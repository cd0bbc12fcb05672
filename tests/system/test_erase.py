#!/usr/bin/env python3
"""harrier erase: nothing of a person is left in any file, everybody else's states and decisions are what they were.

The oracle is the archive as it was: tables that were built from a copy of it are compared, state by state, with a fold of
the rewritten archive. They may differ for what belongs to the person alone, and for nothing else. HARRIER_KILLS=100 kills
more often; HARRIER_SEED repeats the moments.
"""
import datetime
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

from erasing import (A_DAY, CARD, DAYS, FAMILY, GONE, HARRIER, LIVE, NOW_US, PERSON, SHARED, ErasingTest, holding, is_theirs,
                     payment)
from server import WAIT

KILLS = int(os.environ.get("HARRIER_KILLS", 2))
SEED = int(os.environ.get("HARRIER_SEED", str(random.randrange(10**6))))


class EraseTest(ErasingTest):
    def test_nothing_is_left_and_nothing_else_changes(self):
        self.make()
        old = os.path.join(self.folder, "old")
        self.harrier("rebuild", "--data", self.data, "--priority", "normal")
        shutil.copytree(self.data, old, symlinks=True)
        before = {value for _, value in holding(self.data, GONE + [SHARED])}
        self.assertEqual(before, {*GONE, SHARED} - {FAMILY})  # the search finds them where they are
        torn = glob.glob(f"{self.data}/archive/*/*.seg*")[0].split(".seg")[0] + ".seg.torn-1"
        with open(torn, "w", encoding="utf-8") as file:
            file.write(f"…{PERSON}…")
        self.assert_sound(old)

        looked = self.report("--entity", f"customer={PERSON}", "--dry-run")
        self.assertTrue(looked["dry_run"])
        self.assertEqual(holding(old, GONE), [one for one in holding(self.data, GONE) if "torn" not in one[0]])
        report = self.report("--entity", f"customer={PERSON}")
        fields = {one["field"]: one for one in report["fields"]}
        self.assertEqual(fields["customer"]["values"], 1)
        self.assertEqual((fields["card"]["values"], fields["card"]["kept_shared"]), (1, 1))
        self.assertGreater(report["segments"], 2)
        self.assertEqual(holding(self.data, GONE), [])
        self.assertFalse(os.path.exists(torn))
        self.assertNotEqual(holding(self.data, [SHARED]), [])
        self.assertEqual(self.assert_sound(self.data), sum(is_theirs(number) for number in self.scored))

        # Everybody else's states are those of the archive as it was, byte by byte.
        verified, differ = self.differences(os.path.join(self.data, "archive"), os.path.join(old, "generations"))
        self.assertEqual(differ, sorted(
            [f"customer {PERSON}", f"card {CARD}"] + [f"customer_merchant {PERSON}+m{m}" for m in range(3)]))
        self.assertGreater(sum(one["states"] for one in verified["entities"]), 30)
        self.assertEqual(self.differences(os.path.join(old, "archive"), os.path.join(old, "generations"))[1], [])

        # An auditor's note from before still holds.
        note = json.loads(self.harrier("archive", "verify", f"{old}/archive", "--json").stdout.splitlines()[-1])
        self.harrier("archive", "verify", f"{self.data}/archive", "--expect", note["sealed_up_to"]["note"])
        with open(report["protocol"], encoding="utf-8") as file:
            protocol = json.load(file)
        self.assertEqual(len(protocol["segments"]), report["segments"])

        # A server goes on with it: outcomes of rewritten transactions, and the person as a new one.
        server = self.server().start()
        with server.connect() as connection:
            self.assertTrue(connection.report("t10", "chargeback")["accepted"]["changed"])
            again = connection.score([payment(15)])[0]
            self.assertTrue(again.get("decision", {}).get("duplicate"), again)
        self.assertEqual(server.stop(), 0)
        self.harrier("rebuild", "--data", self.data, "--priority", "normal")
        self.assert_sound(self.data)
        self.assertEqual(holding(self.data, GONE), [])

    def test_the_archive_of_a_data_folder(self):
        self.make()
        self.harrier("rebuild", "--data", self.data, "--priority", "normal")
        self.erase("--entity", f"customer={PERSON}", data=f"{self.data}/archive/")
        self.assertEqual(holding(self.data, GONE), [])
        self.assert_sound(self.data)

    def test_wrong_requests_change_nothing(self):
        self.make()
        before = {path: os.stat(path).st_mtime_ns for path in glob.glob(f"{self.data}/archive/20*/*")}
        for arguments, status, words in (
            (("--entity", "customer=nobody"), 66, "no record"),
            (("--entity", "custome=x"), 65, "no entity"),
            (("--entity", f"customer_merchant={PERSON}"), 65, "key of 2 fields"),
            (("--entity", "email_domain=x"), 65, "email_domain"),
            (("--entity", "customer"), 64, "expected ENTITY=VALUE"),
            ((), 64, "whose values?"),
            (("--from", "-"), 65, "standard input:1"),
            (("--finish", "--entity", "customer=x"), 64, "--finish"),
        ):
            done = self.erase(*arguments, status=status, input="customer\n")
            self.assertIn(words, done.stderr)
        self.assertIn("nothing to finish", self.erase("--finish").stdout)
        self.assertEqual(before, {path: os.stat(path).st_mtime_ns for path in glob.glob(f"{self.data}/archive/20*/*")})

    def test_beside_a_server(self):
        rejects = os.path.join(self.data, "rejects.jsonl")
        self.make()
        server = self.server(f"--rejects={rejects}").start()
        self.harrier("rebuild", "--data", self.data, "--priority", "normal")
        with server.connect() as connection:
            connection.score([{**payment(LIVE + 10), "id": "bad", "amount_minor": -1}])
        stop = threading.Event()
        failures, sent = [], [LIVE + 10000]

        def load():
            with server.connect() as connection:
                while not stop.wait(0.001):  # else hundreds of thousands, where an erasure takes minutes
                    number = sent[0] = sent[0] + 1
                    if number % 5 == 0 or number % 77 == 3:
                        continue
                    result = connection.score([payment(number)])[0]
                    if "decision" not in result:
                        failures.append(result)
                    # Of the person: refused while the record is rewritten, never recorded with the values.
                    connection.report(f"t{number * 5 % (DAYS * A_DAY)}", "fraud" if number % 3 else "legit")

        thread = threading.Thread(target=load)
        thread.start()
        try:
            report = self.report("--from", "-", input=f"customer={PERSON}\n")
            deadline = time.monotonic() + WAIT
            while f"generation {report['generation']} adopted" not in server.said():
                self.assertLess(time.monotonic(), deadline, server.said())
                time.sleep(0.05)
        finally:
            stop.set()
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(server.metric("harrierd_swap_differences_total") if "harrierd_swap_differences_total" in
                         server.http("/metrics")[1] else 0, 0)
        self.assertEqual(holding(self.data, GONE), [])
        with server.connect() as connection:
            connection.score([payment(LIVE + 20005)])  # the person comes back
        status = server.status(state_hash=True)
        self.assertEqual(server.stop(), 0)
        self.assert_sound(self.data)
        again = self.server().start()
        self.assertEqual(again.status(state_hash=True)["state_hash"], status["state_hash"])
        self.assertEqual(again.stop(), 0)

    def test_before_a_prune(self):
        """What a prune keeps of dropped records for ever must not have what is being erased."""
        self.make()
        self.harrier("rebuild", "--data", self.data, "--priority", "normal")
        archive, person = os.path.join(self.data, "archive"), ["--entity", f"customer={PERSON}"]
        prune = ["archive", "prune", self.data, "--before", datetime.datetime.fromtimestamp(
            NOW_US / 10**6, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")]
        os.makedirs(os.path.join(archive, "erasures"))
        with open(os.path.join(archive, "erasures/lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertIn("an erasure is at work", self.harrier(*prune, status=75).stderr)
            fcntl.flock(lock, fcntl.LOCK_SH)
            self.assertIn("or a prune is at work", self.erase(*person, status=75).stderr)
        # Interrupted: it cannot build its tables.
        with open(os.path.join(self.data, "generations/lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.erase(*person, status=75)
        for more in ([], ["--dry-run"]):
            self.assertIn("harrier erase --finish", self.harrier(*prune, *more, status=75).stderr)
        self.assertFalse(os.path.exists(os.path.join(archive, "begins")))
        self.erase("--finish")
        self.assertEqual(holding(self.data, GONE), [])
        self.harrier(*prune)
        self.assertTrue(os.path.exists(os.path.join(archive, "begins")))
        self.assertEqual(holding(self.data, GONE), [])
        self.assert_sound(self.data)

    def test_files_that_quote_values(self):
        """Each is treated as what it is, wherever the folders are: the server's last segment is never taken for a copy."""
        odd = 'o"neil \\ 4711'  # escaped in JSON
        rejects = os.path.join(self.data, "rejects.jsonl")
        server = self.server(f"--rejects={rejects}").start()
        self.traffic(server, LIVE, 50)
        with server.connect() as connection:
            connection.score([{**payment(LIVE + 1), "id": "odd", "customer": odd}])
            connection.score([{**payment(LIVE + 1), "id": "bad", "customer": odd, "amount_minor": -1}])
        self.assertEqual(server.stop(), 0)
        self.assertIn(("rejects.jsonl", "neil"), holding(self.data, ["neil"]))
        night = os.path.join(self.data, "nights", "2026-01-01", "report.json")
        os.makedirs(os.path.dirname(night))
        report = json.dumps({"date": "2026-01-01", "rules": [f"about {PERSON}"]}, separators=(",", ":")) + "\n"
        with open(night, "w", encoding="utf-8") as file:
            file.write(report)
        # The archive is on another disk, under a folder that is called as that of what was cut off.
        away = os.path.join(self.folder, "cut")
        os.makedirs(away)
        os.rename(os.path.join(self.data, "archive"), os.path.join(away, "archive"))
        os.symlink(os.path.join(away, "archive"), os.path.join(self.data, "archive"))
        day = os.path.dirname(glob.glob(f"{self.data}/archive/20*/*.seg")[0])
        os.makedirs(os.path.join(away, "archive", "cut", "1-1"))
        copies = [os.path.join(day, "00000000000000000001.seg.torn-1"), os.path.join(away, "archive", "cut", "1-1", "1.seg")]
        for copy in copies:
            with open(copy, "w", encoding="utf-8") as file:
                file.write(f"…{PERSON}…")
        server = self.server(f"--rejects={rejects}").start()
        stop, last = threading.Event(), [0]

        def theirs():  # the person goes on paying: the last segment has their values at the end
            with server.connect() as connection:
                while not stop.wait(0.002):  # bounded: the faster they pay, the longer the erasure takes
                    connection.score([{**payment(LIVE + 10), "id": f"again{last[0] + 1}"}])
                    last[0] += 1

        thread = threading.Thread(target=theirs)
        thread.start()
        try:
            named = ("--entity", f"customer={PERSON}", "--entity", f"customer={odd}")
            done = self.erase("--json", *named, data=self.data + "/", status=1)
            self.erase("--entity", f"customer={PERSON}", data=os.path.join(away, "archive"), status=None)
        finally:
            stop.set()
            thread.join()
        erased = json.loads(done.stdout)
        self.assertEqual([os.path.basename(path) for path in erased["files_left"]], ["report.json"])
        with open(night, encoding="utf-8") as file:
            self.assertEqual(file.read(), report)
        self.assertEqual([copy for copy in copies if os.path.exists(copy)], [])
        self.assertEqual(erased["rows_overwritten"], 1)
        self.assertEqual(holding(self.data, ["neil"]), [])
        self.assertEqual(server.stop(), 0)
        self.harrier("archive", "verify", f"{self.data}/archive")
        server = self.server().start()
        with server.connect() as connection:  # what was answered is there
            self.assertTrue(connection.score([{**payment(LIVE + 10), "id": f"again{last[0]}"}])[0]["decision"].get("duplicate"))
        self.assertEqual(server.stop(), 0)

    def test_the_person_pays_meanwhile(self):
        """With cards that others had long before: between the first look and the erasure's record, too."""
        for with_tables in (False, True):
            with self.subTest(with_tables=with_tables):
                self.kill_servers()
                shutil.rmtree(self.data, ignore_errors=True)
                self.pay_meanwhile(with_tables)

    def pay_meanwhile(self, with_tables):
        server = self.server().start()
        self.traffic(server, LIVE, 50)
        cards, sent = [f"family-{n}" for n in range(3000)], [0]
        base = {**payment(LIVE + 1), "email": "k1@mail1.example"}
        with server.connect() as connection:
            for at in range(0, len(cards), 100):
                connection.score([{**base, "id": f"theirs-{card}", "card": card} for card in cards[at : at + 100]])
        while with_tables and self.harrier("rebuild", "--data", self.data, "--priority", "normal", status=None).returncode:
            time.sleep(0.05)  # nothing is synced yet
        stop = threading.Event()

        def pays():
            with server.connect() as connection:
                while not stop.wait(0.002) and sent[0] < len(cards):
                    card = cards[sent[0]]
                    connection.score([{**base, "id": f"person-{card}", "customer": PERSON, "card": card}])
                    sent[0] += 1

        thread = threading.Thread(target=pays)
        thread.start()
        try:
            while sent[0] < 5:
                time.sleep(0.005)
            paid = server.status()["position"]
            while server.status().get("synced_position", 0) < paid:  # an erasure looks at what is on disk
                time.sleep(0.005)
            report = self.report("--entity", f"customer={PERSON}")
            deadline = time.monotonic() + WAIT
            while with_tables and f"generation {report['generation']} adopted" not in server.said():
                self.assertLess(time.monotonic(), deadline, server.said())
                time.sleep(0.05)
        finally:
            stop.set()
            thread.join()
        self.assertEqual(server.stop(), 0)
        card = next(one for one in report["fields"] if one["field"] == "card")
        self.assertEqual(card["values"], 1, card)  # the one that nobody else has
        self.assertGreater(card["kept_shared"], 1)
        for name in (cards[0], cards[sent[0] // 2], cards[sent[0] - 1]):
            found = self.harrier("find", self.data, "--entity", f"card={name}").stdout
            self.assertIn(f"theirs-{name}", found)
        self.harrier("rebuild", "--data", self.data, "--priority", "normal")
        self.assert_sound(self.data)

    def test_a_server_that_starts_meanwhile(self):
        """It refuses what would record the values again, as the one before it did."""
        self.make()
        server = self.server().start()
        archive = os.path.join(self.data, "archive")
        sealing = os.open(archive, os.O_RDONLY)
        try:  # an erasure that has begun and cannot go on
            fcntl.flock(sealing, fcntl.LOCK_EX)
            self.erase("--entity", f"customer={PERSON}", status=75)
        finally:
            os.close(sealing)
        self.assertEqual(server.stop(), 0)
        at_work = os.open(os.path.join(archive, "erasures", "lock"), os.O_RDWR)
        try:
            fcntl.flock(at_work, fcntl.LOCK_EX)
            server = self.server().start()
            with server.connect() as connection:
                self.assertNotIn("accepted", connection.report("t10", "chargeback"))
                self.assertTrue(connection.report("t1", "chargeback")["accepted"]["changed"])
        finally:
            os.close(at_work)
        self.erase("--entity", f"customer={PERSON}")
        self.assertEqual(holding(archive, GONE), [])
        with server.connect() as connection:
            self.assertTrue(connection.report("t10", "chargeback")["accepted"]["changed"])
        self.assertEqual(server.stop(), 0)
        self.assertEqual(holding(archive, GONE), [])

    def test_kills(self):
        print(f"HARRIER_SEED={SEED}")
        rng = random.Random(SEED)
        self.make()
        self.harrier("rebuild", "--data", self.data, "--priority", "normal")
        origin = os.path.join(self.folder, "origin")
        shutil.copytree(self.data, origin, symlinks=True)
        began = time.monotonic()
        self.erase("--entity", f"customer={PERSON}")
        took = time.monotonic() - began
        seen = {"before": 0, "after": 0, "between": 0}
        for _ in range(KILLS):
            shutil.rmtree(self.data)
            shutil.copytree(origin, self.data, symlinks=True)
            with subprocess.Popen([HARRIER, "erase", self.data, "--priority", "normal", "--entity", f"customer={PERSON}"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                time.sleep(rng.uniform(0, took * 1.1))
                process.send_signal(signal.SIGKILL)
            self.harrier("archive", "verify", f"{self.data}/archive")
            archive = os.path.join(self.data, "archive")
            committed = os.path.exists(os.path.join(archive, "epoch"))
            # An open for writing puts all in place, or nothing was rewritten.
            server = self.server().start()
            self.assertEqual(server.stop(), 0)
            left = [one for one in holding(archive, GONE) if ".seg" in one[0] and not one[0].endswith(".epoch")]
            self.assertEqual(committed, not left, left)
            self.harrier("archive", "verify", archive)
            done = self.erase("--finish")
            seen["before" if not committed and "nothing" in done.stdout else
                 "after" if "nothing" in done.stdout else "between"] += 1
            if not committed and "nothing" in done.stdout:
                self.erase("--entity", f"customer={PERSON}")
            else:
                self.assertEqual([one for one in holding(archive, GONE) if ".seg" in one[0]], [])
            self.assertEqual(holding(self.data, GONE), [])
            self.assert_sound(self.data)
        print(seen)


if __name__ == "__main__":
    unittest.main()
