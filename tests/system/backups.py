"""What the tests of harrier backup and harrier restore have in common: an imported history, backups of it, and looking at
them without Harrier."""
import glob
import hashlib
import json
import os
import shutil
import subprocess
import time

from night import SwapTest
from server import START_US, WAIT, Server, transaction

HARRIER = os.environ["HARRIER"]
DAYS, A_DAY = 4, 300
DAY_US = 86400 * 1000000
# What a restart adds to, or what counts the records that it writes.
STATES = ("transactions", "outcomes", "labels", "newest_event_time_us", "state_hash")


def states(status):
    return {key: status.get(key) for key in STATES}


def read_point(path):
    """A manifest and its checksum, by docs/operations/backup.md alone."""
    with open(path, "rb") as file:
        text = file.read()
    covered = text[: text.rindex(b',"checksum":')]
    point = json.loads(text)
    assert hashlib.sha256(covered).hexdigest() == point["checksum"], path
    return point


def sha256_of(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def files_below(folder):
    found = []
    for inner, _, names in os.walk(folder):
        found += [os.path.relpath(os.path.join(inner, name), folder) for name in names]
    return sorted(found)


class BackupTest(SwapTest):
    def setUp(self):
        super().setUp()
        self.kept = os.path.join(self.folder, "kept")
        self.others = 0

    def harrier(self, *arguments, status=0):
        if arguments[0] == "backup" and "--list" not in arguments:
            arguments = (*arguments, "--priority=normal")  # else it would wait for every other test
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def refuses(self, status, words, *arguments):
        self.assertIn(words, self.harrier(*arguments, status=status).stderr)

    def back_up(self, *more, data=None, to=None):
        done = self.harrier("backup", data or self.data, to or self.kept, "--json", *more)
        return json.loads(done.stdout)

    def points(self, to=None):
        return [read_point(path) for path in sorted(glob.glob(os.path.join(to or self.kept, "points", "*.json")))]

    def verify_backup(self, to=None):
        report = json.loads(self.harrier("backup", "--verify", to or self.kept, "--json").stdout)
        self.assertTrue(report["whole"])
        return report

    def import_history(self, data=None, cards=7, days=range(DAYS), person=None):
        """Days that are closed. Every tenth transaction is the person's."""
        path = os.path.join(self.folder, "history.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for number in range(days[0] * A_DAY, days[-1] * A_DAY + A_DAY):
                sent = transaction(number, cards)
                at = START_US + number // A_DAY * DAY_US + number % A_DAY * 1000000
                sent["event_time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // 1000000))
                del sent["event_time_us"]
                if person and number % 10 == 3:
                    sent["card"] = person
                file.write(json.dumps(sent) + "\n")
        self.harrier("import", data or self.data, path, "--policy", os.path.join(self.folder, "policy"), "--quiet")

    def prune(self, before):
        self.harrier("archive", "prune", self.data, "--before", before, "--quiet")

    def restore(self, *more, status=0, to=None):
        """The folder around the restored data folder, which a server can run in."""
        self.others += 1
        root = to or os.path.join(self.folder, f"other{self.others}")
        os.makedirs(root, exist_ok=True)
        if not os.path.exists(os.path.join(root, "policy")):
            shutil.copytree(os.path.join(self.folder, "policy"), os.path.join(root, "policy"))
        done = self.harrier("restore", self.kept, os.path.join(root, "data"), "--json", *more, status=status)
        return root, json.loads(done.stdout) if status == 0 else done.stderr

    def server_in(self, root):
        server = Server(root)
        self.servers.append(server)
        return server

    def check_archive(self, root, position):
        data = os.path.join(root, "data")
        report = json.loads(self.harrier("archive", "verify", data, "--json").stdout.splitlines()[-1])
        self.assertTrue(report["whole"])
        self.assertEqual((report["position"], report["synced_position"]), (position, position))

    def check_states(self, root, position, expected):
        self.check_archive(root, position)
        server = self.server_in(root).start()
        self.assertEqual(states(server.status(state_hash=True)), expected)
        self.assertEqual(server.stop(), 0)
        self.harrier("replay", os.path.join(root, "data"), "--recorded", "--quiet")

    def quiet(self, server):
        """(position, states) of a server that nobody asks anything."""
        self.await_synced(server)
        status = server.status(state_hash=True)
        return status["position"], states(status)
