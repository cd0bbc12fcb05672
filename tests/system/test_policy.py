#!/usr/bin/env python3
"""harrier policy: the policies of an archive listed, shown, compared, exported and brought back, beside a server and
without one; broken and forged archives; and rollbacks that are killed, run out of disk, or are watched."""
import base64
import concurrent.futures
import csv
import datetime
import hashlib
import json
import os
import random
import re
import shutil
import stat
import subprocess
import threading
import time
import unittest

import segments
import wire
from server import POLICY, START_US, WAIT, ServerTest, transaction
from small_disk import SmallDisk, enter_namespace, is_possible

HARRIER = os.environ["HARRIER"]
SHADOW = 7  # record type

A = {
    **POLICY,
    "rules/velocity.yaml": POLICY["rules/velocity.yaml"]
    + """\
    cases:
      - name: the first
        transaction: {card: c, merchant: m, amount: 5.00, currency: EUR}
        expect: {not: [many]}
""",
}
# A list is new, one rule differs, another is in a file of its own.
B = {
    **A,
    "lists.yaml": "lists:\n  blocked: {about: merchants, file: lists/blocked merchants.txt}\n",
    "lists/blocked merchants.txt": "m7\nm8",
    "rules/velocity.yaml": A["rules/velocity.yaml"].replace("400", "500"),
    "rules/blocked.yaml": "rules:\n  - {name: blocked, about: blocked, when: merchant in lists.blocked, "
    "then: {verdict: decline}}\n",
}
C = {**A, "rules/velocity.yaml": A["rules/velocity.yaml"].replace("400", "450")}


def policy_id(files):
    """By docs: the first 64 bits of SHA-256 over paths and contents, each with its length."""
    sha = hashlib.sha256()
    for path, content in sorted((path.encode(), as_bytes(content)) for path, content in files.items()):
        for part in (path, content):
            sha.update(len(part).to_bytes(8, "little") + part)
    return sha.hexdigest()[:16]


def as_bytes(content):
    return content if isinstance(content, bytes) else content.encode()


def as_base64(content):
    """As the encoder of tests/cases/wire wants bytes."""
    return base64.b64encode(as_bytes(content)).decode()


def write_folder(folder, files):
    """Makes the folder hold exactly these files."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for name, content in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(as_bytes(content))


def read_folder(folder, without=()):
    """{path: bytes}; of a link what it says."""
    found = {}
    for place, folders, names in os.walk(folder):
        for name in names + [name for name in folders if os.path.islink(os.path.join(place, name))]:
            path = os.path.join(place, name)
            if os.path.relpath(path, folder) in without:
                continue
            if os.path.islink(path):
                found[os.path.relpath(path, folder)] = os.readlink(path)
            else:
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = file.read()
    return found


def of_files(files):
    return {path: as_bytes(content) for path, content in files.items()}


def apply_patch(files, text):
    """What a unified diff makes of the files, hunk by hunk, to the letter."""
    files = {path: content.decode() for path, content in of_files(files).items()}
    lines = re.findall(r".*\n", text)
    at = 0

    def path_of(line):
        path = line[4:].rstrip("\n").split("\t")[0]
        return None if path == "/dev/null" else path.split("/", 1)[1]

    while at < len(lines):
        assert lines[at].startswith("--- ") and lines[at + 1].startswith("+++ "), lines[at]
        old, new = path_of(lines[at]), path_of(lines[at + 1])
        before, after, done = re.findall(r".*\n|.+$", files.pop(old) if old else ""), [], 0
        at += 2
        while at < len(lines) and lines[at].startswith("@@ "):
            first, count, new_first, new_count = (
                int(number) if number else 1
                for number in re.fullmatch(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@\n", lines[at]).groups()
            )
            begin = first - 1 if count else first
            after += before[done:begin]
            assert len(after) == (new_first - 1 if new_count else new_first), lines[at]
            done, removed, added = begin, 0, 0
            at += 1
            while removed < count or added < new_count:
                mark, line = lines[at][0], lines[at][1:]
                at += 1
                if at < len(lines) and lines[at].startswith("\\"):
                    line, at = line[:-1], at + 1
                if mark in " -":
                    assert before[done] == line, (before[done], line)
                    done, removed = done + 1, removed + 1
                if mark in " +":
                    after.append(line)
                    added += 1
        if new:
            files[new] = "".join(after + before[done:])
    return of_files(files)


class PolicyTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.policy = os.path.join(self.folder, "policy")
        self.data = os.path.join(self.folder, "data")
        write_folder(self.policy, A)

    def harrier(self, *arguments, status=0, words=(), cwd=None):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, cwd=cwd)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        return done

    def command(self, task, *arguments, **more):
        return self.harrier("policy", task, self.data, "--progress=none", *arguments, **more)

    def listed(self, *flags):
        return [json.loads(line) for line in self.command("list", "--json", *flags).stdout.splitlines()]

    def reload(self, server, files, folder=None):
        write_folder(folder or self.policy, files)
        self.harrier("reload", "--wait", "--to", server.address)

    def score(self, server, first, last):
        with server.connect() as connection:
            for result in connection.score([transaction(number) for number in range(first, last)]):
                self.assertIn("decision", result)

    def await_synced(self, server):
        deadline = time.monotonic() + WAIT
        while server.metric("harrierd_archive_synced_position") < server.metric("harrierd_archive_position"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def records(self, *kinds):
        """(position, type, payload), by a reader that is not Harrier's."""
        found = segments.records(os.path.join(self.data, "archive"))
        return [record for record in found if not kinds or record[1] in kinds]

    def adopt(self, *policies):
        """An archive in which these were in force one after the other, with ten transactions each."""
        server = self.server().start()
        for number, files in enumerate(policies):
            if number > 0 or files is not A:
                self.reload(server, files)
            self.score(server, 10 * number, 10 * number + 10)
        self.assertEqual(server.stop(), 0)
        return server

    def id_of_folder(self, folder):
        done = self.harrier("check", "--json", folder)
        return json.loads(done.stdout)["snapshot"]

    def left_beside(self, folder):
        """What is beside a folder that no one should see."""
        return [name for name in os.listdir(os.path.dirname(folder)) if name.startswith(".")]


class ListTest(PolicyTest):
    def test_all_adoptions(self):
        """Against the records themselves, read from docs/ARCHIVE.md alone."""
        tried = os.path.join(self.folder, "tried")
        write_folder(tried, C)
        server = self.server(f"--shadow={tried}").start()
        self.score(server, 0, 10)
        self.reload(server, B)
        self.score(server, 10, 35)
        with server.connect() as connection:
            connection.report("t3", "fraud")
        self.reload(server, A)
        self.score(server, 35, 40)
        self.assertEqual(server.stop(), 0)

        listed = self.listed("--count")
        records = self.records()
        expected = [(at, kind, wire.decode("SnapshotRecord", payload))
                    for at, kind, payload in records if kind in (segments.SNAPSHOT, SHADOW)]
        self.assertEqual([row["position"] for row in listed], [at for at, _, _ in expected])
        self.assertEqual([row["snapshot_id"] for row in listed if row["use"] == "live"],
                         [policy_id(files) for files in (A, B, A)])
        for row, (_, kind, record) in zip(listed, expected):
            self.assertEqual(row["use"], "shadow" if kind == SHADOW else "live")
            self.assertEqual(int(row["snapshot_id"], 16), record["snapshot_id"])
            self.assertEqual((row["policy_name"], row["file_count"]), (record["name"], len(record["files"])))
            received = datetime.datetime.fromisoformat(row["received"].replace("Z", "+00:00"))
            self.assertEqual(round(received.timestamp() * 1e6), record["receive_time_us"])
        live = [row for row in listed if row["use"] == "live"]
        for row, following in zip(live, live[1:]):
            self.assertEqual((row["until_position"], row["until"]), (following["position"], following["received"]))
        self.assertNotIn("until", live[-1])
        for row in live:
            within = [kind for at, kind, _ in records if row["position"] < at < row.get("until_position", 1 << 63)]
            self.assertEqual(row["records"], len(within))
            self.assertEqual(row["transactions"], within.count(segments.TRANSACTION))
        self.assertEqual([row["transactions"] for row in live], [10, 25, 5])
        (shadow,) = (row for row in listed if row["use"] == "shadow")
        self.assertEqual(shadow["snapshot_id"], policy_id(C))
        self.assertFalse({"until", "records", "transactions"} & set(shadow))
        self.assertNotIn("transactions", self.listed()[0])

        text = self.command("list", "--count").stdout.splitlines()
        self.assertEqual(len(text), 1 + len(listed))
        self.assertEqual(text[0].split(),
                         "received position id use policy files records transactions until".split())
        for row, line in zip(listed, text[1:]):
            cells = line.split()
            self.assertEqual(cells[1:6], [str(row["position"]), row["snapshot_id"], row["use"], "system",
                                          str(row["file_count"])])
            self.assertEqual(cells[6], str(row.get("records", "-")))
            self.assertEqual(cells[8:], ["-"] if row["use"] == "shadow" else
                             [row["until"]] if "until" in row else ["in", "force"])

    def test_beside_a_server(self):
        """What was adopted a moment ago is there, synced or not."""
        server = self.server("--lazy_sync_interval=1m").start()
        self.score(server, 0, 3)
        self.assertEqual([row["snapshot_id"] for row in self.listed()], [policy_id(A)])
        self.reload(server, B)
        self.assertEqual([row["snapshot_id"] for row in self.listed()], [policy_id(A), policy_id(B)])
        self.assertEqual(self.listed(), [json.loads(line) for line in self.harrier(
            "policy", "list", "--json", server.archive).stdout.splitlines()])  # or the archive's own folder

    def test_a_restart_is_no_adoption(self):
        """After a rebuild a server that starts records its policy once more."""
        server = self.server().start()
        self.score(server, 0, 10)
        self.assertEqual(server.stop(), 0)
        self.harrier("rebuild", "--data", self.data)
        server.start()
        self.score(server, 10, 15)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(len(self.records(segments.SNAPSHOT)), 2)
        (row,) = self.listed("--count")
        self.assertEqual((row["snapshot_id"], row["recorded"], row["transactions"]), (policy_id(A), 2, 15))
        self.assertNotIn("until", row)
        self.command("show", "previous", status=66, words=["no policy was in force before the current one"])

    def import_days(self, days):
        """One segment for each day; only the first has a policy."""
        path = os.path.join(self.folder, "history.csv")
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "event_time", "amount_minor", "currency", "card", "merchant"])
            for number in range(100 * days):
                at = datetime.datetime(2026, 1, 1) + datetime.timedelta(days=number // 100, seconds=number % 100)
                writer.writerow([f"t{number}", at.isoformat() + "Z", 100 + number, "EUR", f"c{number % 7}", "m"])
        self.harrier("import", self.data, path, "--policy", self.policy)

    def test_only_segments_that_can_hold_a_policy_are_read(self):
        self.import_days(4)
        before = self.listed("--count")
        self.assertEqual(before[0]["transactions"], 400)
        self.harrier("archive", "seal", self.data)
        sealed = sorted(os.path.join(place, name) for place, _, names in os.walk(os.path.join(self.data, "archive"))
                        for name in names if name.endswith(".seg.zst"))
        self.assertGreaterEqual(len(sealed), 3)
        self.assertEqual(self.listed("--count"), before)
        with open(sealed[1], "r+b") as file:
            file.seek(-20, os.SEEK_END)
            byte = file.read(1)
            file.seek(-20, os.SEEK_END)
            file.write(bytes([byte[0] ^ 1]))
        (row,) = self.listed()
        self.assertEqual(row["records"], before[0]["records"])
        self.command("show", "current", "policy.yaml")
        done = self.command("list", "--count", status=65)
        self.assertIn(os.path.relpath(sealed[1], os.path.join(self.data, "archive")), done.stderr)

    def test_no_archive(self):
        self.harrier("policy", "list", os.path.join(self.folder, "none"), status=66, words=["there is no such archive"])
        os.makedirs(os.path.join(self.folder, "empty"))
        self.harrier("policy", "list", os.path.join(self.folder, "empty"), status=66, words=["is it an archive?"])


class ChoiceTest(PolicyTest):
    def chosen(self, name, **more):
        return json.loads(self.command("show", name, "--json", **more).stdout)["snapshot_id"]

    def test_words_positions_times_and_ids(self):
        self.adopt(A, B, C)
        ids = [policy_id(files) for files in (A, B, C)]
        listed = self.listed()
        self.assertEqual([row["snapshot_id"] for row in listed], ids)
        self.assertEqual((self.chosen("current"), self.chosen("previous")), (ids[2], ids[1]))
        for row in listed:
            self.assertEqual(self.chosen(row["snapshot_id"]), row["snapshot_id"])
            self.assertEqual(self.chosen(row["snapshot_id"].upper()), row["snapshot_id"])
            self.assertEqual(self.chosen(row["snapshot_id"][:8]), row["snapshot_id"])
            self.assertEqual(self.chosen(f"@{row['position']}"), row["snapshot_id"])
            self.assertEqual(self.chosen(f"@{row.get('until_position', row['position'] + 2) - 1}"), row["snapshot_id"])
            self.assertEqual(self.chosen(row["received"]), row["snapshot_id"])
        self.assertEqual(self.chosen("2099-01-01"), ids[2])
        end = self.records()[-1][0]
        self.assertEqual(self.chosen(f"@{end}"), ids[2])
        for name, words in {
            f"@{end + 1}": f"there is no position {end + 1}: the last one is {end}",
            "@1": "no policy was in force at position 1",
            "2020-01-01": "no policy was in force at 2020-01-01T00:00:00Z",
            "0123456789abcdef": "no policy has an id that is 0123456789abcdef",
            "0123": "no policy has an id that begins with 0123",
        }.items():
            with self.subTest(name):
                self.command("show", name, status=66, words=[words])
        for name in ("", "@", "@0", "@-1", "abc", "0123456789abcdef0", "yesterday", "2026-02-30", "curent", "wxyz"):
            with self.subTest(name):
                self.command("show", name, status=64, words=["names no policy (expected current, previous, @POSITION"])

    def test_digits_that_fit_several(self):
        """Two policies whose ids begin with the same four digits: among some hundreds there are such."""
        seen = {}
        for number in range(10000):
            files = {**A, "rules/velocity.yaml": A["rules/velocity.yaml"] + f"# {number}\n"}
            other = seen.setdefault(policy_id(files)[:4], files)
            if other is not files:
                break
        self.adopt(A, other, files, other)
        prefix = policy_id(files)[:4]
        done = self.command("show", prefix, status=66)
        for each in (other, files):
            self.assertIn(policy_id(each), done.stderr)
        shown = json.loads(self.command("show", policy_id(other), "--json").stdout)
        self.assertEqual(shown["position"], self.listed()[-1]["position"])  # the last time

    def test_a_policy_that_only_tables_know(self):
        """Tables were built with a policy that had been replaced when they were adopted."""
        server = self.server().start()
        self.score(server, 0, 10)
        self.await_synced(server)
        changed = {**B, "features.yaml": B["features.yaml"].replace("window: 30d", "window: 20d")}
        write_folder(self.policy, changed)
        self.harrier("rebuild", "--data", self.data, "--policy", self.policy)
        server.kill()
        write_folder(self.policy, A)
        server.start()
        self.assertEqual(server.stop(), 0)
        self.assertEqual({row["snapshot_id"] for row in self.listed()}, {policy_id(A)})
        shown = json.loads(self.command("show", policy_id(changed)[:6], "--json").stdout)
        self.assertEqual((shown["use"], shown["snapshot_id"]), ("tables", policy_id(changed)))
        self.assertIn("in tables  adopted", self.command("show", policy_id(changed)).stdout)
        self.command("export", policy_id(changed), os.path.join(self.folder, "out"))
        self.assertEqual(read_folder(os.path.join(self.folder, "out")), of_files(changed))


class ShowTest(PolicyTest):
    def test_files(self):
        self.adopt(A, B)
        for name, files in (("previous", A), ("current", B)):
            shown = json.loads(self.command("show", name, "--json").stdout)
            self.assertEqual(shown["files"], [{"path": path, "bytes": len(as_bytes(content))}
                                              for path, content in sorted(files.items())])
            text = self.command("show", name).stdout
            self.assertIn(f"policy     system (snapshot {policy_id(files)})\n", text)
            for path, content in files.items():
                self.assertRegex(text, rf"(?m)^ +{len(as_bytes(content)):,}  {re.escape(path)}$")
                done = subprocess.run([HARRIER, "policy", "show", self.data, name, path, "--progress=none"],
                                      capture_output=True, timeout=WAIT, check=True)
                self.assertEqual((done.stdout, done.stderr), (as_bytes(content), b""))
        self.command("show", "current", "rules/velocty.yaml", status=66,
                     words=['has no file "rules/velocty.yaml"; did you mean "rules/velocity.yaml"?'])
        self.command("show", "current", "../policy/policy.yaml", status=66)


class DiffTest(PolicyTest):
    def test_it_makes_one_of_the_other(self):
        self.adopt(A, B, C)
        all_of_them = {policy_id(files): files for files in (A, B, C)}
        for a, before in all_of_them.items():
            for b, after in all_of_them.items():
                text = self.command("diff", a, b, status=0 if a == b else 1).stdout
                self.assertEqual(apply_patch(before, text), of_files(after))
                self.assertEqual(text == "", a == b)
        self.assertEqual(self.command("diff", "previous", "current", status=1).stdout,
                         self.command("diff", policy_id(B), policy_id(C), status=1).stdout)
        text = self.command("diff", policy_id(A), policy_id(B), status=1).stdout
        a, b = policy_id(A), policy_id(B)
        self.assertEqual(text, f"""\
--- /dev/null
+++ {b}/lists.yaml
@@ -0,0 +1,2 @@
+lists:
+  blocked: {{about: merchants, file: lists/blocked merchants.txt}}
--- /dev/null
+++ {b}/lists/blocked merchants.txt\t
@@ -0,0 +1,2 @@
+m7
+m8
\\ No newline at end of file
--- /dev/null
+++ {b}/rules/blocked.yaml
@@ -0,0 +1,2 @@
+rules:
+  - {{name: blocked, about: blocked, when: merchant in lists.blocked, then: {{verdict: decline}}}}
--- {a}/rules/velocity.yaml
+++ {b}/rules/velocity.yaml
@@ -2,7 +2,7 @@
   - name: many
     about: many
     when: card.count_1h >= 3
-    then: {{score: 400}}
+    then: {{score: 500}}
     cases:
       - name: the first
         transaction: {{card: c, merchant: m, amount: 5.00, currency: EUR}}
""")

    def test_with_a_folder(self):
        self.adopt(A)
        folder = os.path.join(self.folder, "current")
        write_folder(folder, {**B, "README": "not of the policy"})
        text = self.command("diff", "current", folder, status=1).stdout
        self.assertEqual(apply_patch(A, text), of_files(B))
        self.assertEqual(self.command("diff", folder, "current", status=1).stdout.count("\n+++ /dev/null\n"), 3)
        # A word that names a policy of the archive is one; any other is a folder if there is one.
        self.command("diff", "current", "current", cwd=self.folder)
        self.assertEqual(self.command("diff", "current", "./current", status=1, cwd=self.folder).stdout, text)
        self.assertEqual(self.command("diff", "current", ".", status=1, cwd=folder).stdout, text)
        os.rename(folder, os.path.join(self.folder, "next"))
        self.assertEqual(self.command("diff", "current", "next", status=1, cwd=self.folder).stdout, text)
        self.command("diff", "current", "nxt", status=64, words=['"nxt" is no folder and names no policy'])
        self.command("diff", "current", "./nxt", status=66, words=["./nxt: No such file or directory"])

    def test_files_that_are_large_or_not_text(self):
        many = "".join(f"m{number}\n" for number in range(60000))
        self.adopt(A, {**B, "lists/blocked merchants.txt": many})
        folder = os.path.join(self.folder, "next")
        write_folder(folder, {**B, "lists/blocked merchants.txt": many.replace("2\n", "9\n")})
        text = self.command("diff", "current", folder, status=1).stdout
        id_of = policy_id({**B, "lists/blocked merchants.txt": many.replace("2\n", "9\n")})
        self.assertLess(len(text), 1000)
        self.assertRegex(text, rf"^Files \w{{16}}/lists/blocked merchants.txt and {id_of}/lists/blocked merchants.txt "
                         r"differ: \d+ lines removed, \d+ added\n$")
        whole = self.command("diff", "current", folder, "--full", status=1).stdout
        self.assertEqual(apply_patch({**B, "lists/blocked merchants.txt": many}, whole)["lists/blocked merchants.txt"],
                         many.replace("2\n", "9\n").encode())
        write_folder(folder, {**B, "lists/blocked merchants.txt": b"m\0\n"})
        self.assertIn("Binary files ", self.command("diff", "current", folder, status=1).stdout)


class ExportTest(PolicyTest):
    def test_the_same_policy(self):
        self.adopt(A, B)
        for name, files in (("previous", A), ("current", B)):
            folder = os.path.join(self.folder, f"of-{name}")
            self.command("export", name, folder, words=[f"{folder} has the policy system, snapshot {policy_id(files)}"])
            self.assertEqual(read_folder(folder), of_files(files))
            self.assertEqual(self.id_of_folder(folder), policy_id(files))
            mode = 0o777 & ~os.umask(0)
            os.umask(0o777 & ~mode)
            self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), mode)
        self.assertEqual(self.left_beside(folder), [])

    def test_nothing_is_replaced(self):
        self.adopt(A)
        taken = {"file": lambda path: open(path, "wb").close(), "folder": os.mkdir,
                 "link": lambda path: os.symlink("nowhere", path)}
        for name, make in taken.items():
            with self.subTest(name):
                folder = os.path.join(self.folder, name)
                make(folder)
                self.command("export", "current", folder, status=74, words=[f"{folder}: File exists"])
                self.command("export", "current", folder + "/", status=74, words=["File exists"])
                self.assertTrue(os.path.lexists(folder))
        self.assertEqual(os.listdir(os.path.join(self.folder, "folder")), [])
        none = os.path.join(self.folder, "none", "out")
        self.command("export", "current", none, status=74, words=["No such file or directory"])
        self.command("export", "current", "/", status=65, words=["expected a path that ends with a name"])
        self.command("export", "current", "..", status=65, words=["expected a path that ends with a name"])
        self.assertEqual(self.left_beside(os.path.join(self.folder, "file")), [])

    def forge(self, files, identity=None, name="system"):
        """The archive's last policy becomes this one: a well-formed record of well-formed segments."""
        last = self.records(segments.SNAPSHOT)[-1][0]

        def change(at, kind, payload):
            if at != last:
                return payload
            record = wire.decode("SnapshotRecord", payload)
            record.update(name=name, files=[{"path": path, "content": as_base64(content)} for path, content in files],
                          snapshot_id=int(identity or self.id_in_order(files), 16))
            return wire.ENCODER.message("SnapshotRecord", record)

        segments.rewrite(os.path.join(self.data, "archive"), change)

    @staticmethod
    def id_in_order(files):
        sha = hashlib.sha256()
        for path, content in files:
            for part in (path.encode(), as_bytes(content)):
                sha.update(len(part).to_bytes(8, "little") + part)
        return sha.hexdigest()[:16]

    def test_forged_records(self):
        """Whoever can write to the archive must not be able to write anywhere else."""
        self.adopt(A, B)
        inside = os.path.join(self.folder, "inside")
        os.mkdir(inside)
        folder = os.path.join(inside, "out")
        good = sorted(A.items())
        forged = {
            "a path above": sorted([*good, ("../escaped.yaml", "x")]),
            "a path above, further down": sorted([*good, ("rules/../../escaped.yaml", "x")]),
            "an absolute path": sorted([*good, (os.path.join(self.folder, "escaped.yaml"), "x")]),
            "a hidden file": sorted([*good, (".git/config", "x")]),
            "a hidden folder further down": sorted([*good, ("rules/.x/y.yaml", "x")]),
            "no path": sorted([*good, ("", "x")]),
            "a command to a terminal": sorted([*good, ("../\x1b[2J.yaml", "x")]),
            "a NUL": sorted([*good, ("rules/a\0b.yaml", "x")]),
            "a long path": sorted([*good, ("rules/" + "a" * 5000, "x")]),
            "another order": good[::-1],
            "a file twice": sorted([*good, good[0]]),
        }
        for name, files in forged.items():
            with self.subTest(name):
                self.forge(files)
                for arguments in (("export", "current", folder), ("show", "current"),
                                  ("diff", "previous", "current"), ("rollback", "current", self.policy)):
                    done = self.command(*arguments, status=65, words=["the policy at position "])
                    self.assertTrue(done.stderr.rstrip("\n").isprintable(), done.stderr)
        # What only writing shows: names that folders cannot hold, or that make another policy of it.
        for name, (files, status) in {
            "a long name": (sorted([*good, ("rules/" + "a" * 300 + ".yaml", "x")]), 74),
            "a long name that commands a terminal": (sorted([*good, ("rules/\x1b[2J" + "a" * 300, "x")]), 74),
            "a file and a folder": (sorted([*good, ("rules", "x")]), 74),
            "a file that no list names": (sorted([*good, ("lists/x.txt", "x")]), 65),
            "a deep folder": (sorted([*good, ("a/" * 12 + "b.yaml", "x")]), 65),
            "the same file by two paths": (sorted([*good, ("rules//velocity.yaml", "x")]), 74),
        }.items():
            with self.subTest(name):
                self.forge(files)
                done = self.command("export", "current", folder, status=status)
                self.assertTrue(done.stderr.rstrip("\n").isprintable(), done.stderr)
        self.forge(good, identity="00000000deadbeef")
        self.command("export", "current", folder, status=65,
                     words=["it names the policy 00000000deadbeef, but its files are those of " + policy_id(A)])
        self.assertEqual(os.listdir(inside), [])
        self.assertFalse(os.path.exists(os.path.join(self.folder, "escaped.yaml")))
        self.assertEqual(read_folder(self.policy), of_files(B))

    def test_names_that_would_forge_output(self):
        self.adopt(A, B)
        self.forge(sorted([*A.items(), ("rules/\x1b[2J\n+++ x.yaml", "x")]), name="a\x1b[31m\nb")
        for done in (self.command("list"), self.command("show", "current"),
                     self.command("diff", "previous", "current", status=1)):
            self.assertNotIn("\x1b", done.stdout)
            self.assertNotIn("\n+++ x.yaml", done.stdout)
        self.assertIn('"a\\033[31m\\012b"', self.command("list").stdout)

    def test_damage(self):
        self.adopt(A, B)
        (path,) = self.segments(self.servers[0])
        with open(path, "rb") as file:
            content = bytearray(file.read())
        content[content.index(b"lists/blocked")] ^= 1
        with open(path, "wb") as file:
            file.write(content)
        for arguments in (("list",), ("show", "current"), ("export", "current", os.path.join(self.folder, "out")),
                          ("rollback", "previous", self.policy)):
            self.command(*arguments, status=65, words=[os.path.basename(path), "byte "])
        self.assertFalse(os.path.exists(os.path.join(self.folder, "out")))
        self.assertEqual(read_folder(self.policy), of_files(B))


OTHERS = {
    "README.md": "how we work\n",
    ".git/HEAD": "ref: refs/heads/main\n",
    ".git/objects/00/11": "object\n",
    "rules/NOTES": "not a rule\n",
    "lists/unused.txt": "m1\n",
    "doc/deep/page.txt": "text\n",
}


class RollbackTest(PolicyTest):
    def old_folder(self, done):
        return re.search(r"the files before are in (.+)\n", done.stderr)[1]

    def test_back_and_forth(self):
        """The policy in force is another one, decided with, and what is not of it stays."""
        server = self.server().start()
        self.score(server, 0, 10)
        self.reload(server, B)
        self.score(server, 10, 20)
        write_folder(self.policy, {**B, **OTHERS})
        os.symlink("README.md", os.path.join(self.policy, "LIESMICH"))
        os.symlink("/nowhere", os.path.join(self.policy, "doc", "dangling"))
        others = {**of_files(OTHERS), "LIESMICH": "README.md", "doc/dangling": "/nowhere"}
        os.chmod(self.policy, 0o750)
        os.chmod(os.path.join(self.policy, "policy.yaml"), 0o640)
        os.chmod(os.path.join(self.policy, ".git"), 0o700)
        inode = os.stat(os.path.join(self.policy, "README.md")).st_ino

        before = read_folder(self.policy)
        dry = self.command("rollback", "previous", self.policy, "--dry-run")
        self.assertEqual(apply_patch(B, dry.stdout), of_files(A))
        self.assertEqual(read_folder(self.policy), before)

        done = self.command("rollback", "previous", self.policy,
                            words=[f"{self.policy} has the policy system, snapshot {policy_id(A)}"])
        self.assertEqual(done.stdout, dry.stdout)
        self.assertEqual(read_folder(self.policy), {**of_files(A), **others})
        old = self.old_folder(done)
        self.assertEqual(old, f"{self.policy}.old-{policy_id(B)}")
        self.assertEqual(read_folder(old), of_files(B))
        self.assertEqual(self.id_of_folder(old), policy_id(B))
        self.assertEqual(self.left_beside(self.policy), [])
        self.assertEqual(os.stat(os.path.join(self.policy, "README.md")).st_ino, inode)
        self.assertEqual([stat.S_IMODE(os.stat(os.path.join(self.policy, name)).st_mode)
                          for name in ("", "policy.yaml", "rules/velocity.yaml", ".git")],
                         [0o750, 0o640, 0o640, 0o700])

        told = json.loads(self.harrier("reload", "--wait", "--json", "--to", server.address).stdout)
        self.assertEqual((told["result"], told["snapshot_id"]), ("adopted", policy_id(A)))
        self.score(server, 20, 30)
        self.assertEqual([row["snapshot_id"] for row in self.listed()], [policy_id(A), policy_id(B), policy_id(A)])

        again = self.command("rollback", "previous", self.policy)  # and forth
        self.assertEqual(read_folder(self.policy), {**of_files(B), **others})
        self.assertEqual(read_folder(self.old_folder(again)), of_files(A))
        self.command("rollback", policy_id(A), self.policy)
        third = self.command("rollback", policy_id(B), self.policy)
        self.assertEqual(self.old_folder(third), f"{self.policy}.old-{policy_id(A)}-2")
        same = self.command("rollback", policy_id(B), self.policy, words=["has these files already"])
        self.assertEqual(same.stdout, "")
        self.assertEqual(self.command("rollback", policy_id(B), self.policy, "-q").stderr, "")
        self.assertEqual(self.left_beside(self.policy), [])

    def test_a_watching_server_loads_it(self):
        server = self.server("--watch_policy=yes").start()
        self.score(server, 0, 10)
        write_folder(self.policy, B)
        self.await_policy(server, B)
        self.command("rollback", "previous", self.policy)
        self.await_policy(server, A)
        self.assertEqual(server.metric('harrierd_reloads_total{result="refused"}'), 0)
        self.assertEqual([row["snapshot_id"] for row in self.listed()], [policy_id(files) for files in (A, B, A)])

    def await_policy(self, server, files):
        deadline = time.monotonic() + WAIT
        while f"{server.status()['snapshot_id']:016x}" != policy_id(files):
            self.assertLess(time.monotonic(), deadline, server.said())
            time.sleep(0.01)

    def test_no_one_sees_a_mixture(self):
        """Read again and again while it is exchanged, the folder always holds one of the two policies. The server, which
        reloads it as often, adopts nothing else either."""
        server = self.server().start()
        self.reload(server, B)
        write_folder(self.policy, {**B, **OTHERS})
        wanted = {policy_id(A), policy_id(B)}
        is_over, seen, reloads = threading.Event(), [], []

        def read():
            while not is_over.is_set():
                folder = os.open(self.policy, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    seen.append(policy_id(read_folder(f"/proc/self/fd/{folder}", without=OTHERS)))
                finally:
                    os.close(folder)

        def reload():
            with server.connect(timeout=WAIT) as connection:
                while not is_over.is_set():
                    reloads.append(connection.call({"reload": {"wait": True}})["reload"])

        with concurrent.futures.ThreadPoolExecutor() as pool:
            threads = [pool.submit(read), pool.submit(reload)]
            try:
                for number in range(60):
                    self.command("rollback", policy_id((A, B)[number % 2]), self.policy, "-q")
            finally:
                is_over.set()
            for thread in threads:
                thread.result()
        self.assertEqual(set(seen), wanted)
        self.assertEqual({f"{told['snapshot_id']:016x}" for told in reloads}, wanted)
        self.assertNotIn("RELOAD_REFUSED", {told["result"] for told in reloads})

    def test_through_a_link(self):
        """The folder that it leads to is somebody's release: the link is switched instead."""
        self.adopt(A, B)
        releases = os.path.join(self.folder, "releases")
        write_folder(os.path.join(releases, "8"), {**B, "README.md": "release 8"})
        link = os.path.join(self.folder, "current")
        for words, new_words in (("releases/8", f"releases/8.{policy_id(A)}"),
                                 (f"{releases}/8/", f"{releases}/8.{policy_id(A)}-2"),
                                 ("stable", f"{releases}/8.{policy_id(A)}-3")):
            with self.subTest(words):
                if os.path.lexists(link):
                    os.unlink(link)
                os.symlink(words, link)
                if words == "stable":
                    os.symlink("releases/8", os.path.join(self.folder, "stable"))
                done = self.command("rollback", "previous", link + "/")
                self.assertEqual(os.readlink(link), new_words)
                self.assertEqual(read_folder(link), of_files(A))
                self.assertEqual(self.id_of_folder(link), policy_id(A))
                self.assertEqual(self.old_folder(done), os.path.join(releases, "8"))
                self.assertEqual(read_folder(os.path.join(releases, "8")), of_files({**B, "README.md": "release 8"}))
        self.assertEqual(os.readlink(os.path.join(self.folder, "stable")), "releases/8")
        self.assertEqual(self.left_beside(link), [])
        # A link further up is only a way.
        os.symlink(releases, os.path.join(self.folder, "way"))
        self.command("rollback", "previous", os.path.join(self.folder, "way", "8"))
        self.assertEqual(read_folder(os.path.join(releases, "8")), of_files({**A, "README.md": "release 8"}))
        self.assertFalse(os.path.islink(os.path.join(releases, "8")))

    def test_files_that_are_links(self):
        """As in a mounted configuration: the policy's files become files, and the links stay with the old ones."""
        self.adopt(A, B)
        shutil.rmtree(self.policy)
        write_folder(os.path.join(self.folder, "shared"), B)
        write_folder(self.policy, {"README.md": "links\n"})
        for name in ("policy.yaml", "features.yaml", "lists.yaml", "rules", "lists"):
            os.symlink(os.path.join("..", "shared", name), os.path.join(self.policy, name))
        self.assertEqual(self.id_of_folder(self.policy), policy_id(B))
        done = self.command("rollback", "previous", self.policy)
        self.assertEqual(read_folder(self.policy), of_files({**A, "README.md": "links\n"}))
        self.assertEqual(self.id_of_folder(self.old_folder(done)), policy_id(B))
        self.assertEqual(read_folder(os.path.join(self.folder, "shared")), of_files(B))

    def test_what_was_refused(self):
        """The folder has something that is no policy at all: what is in force is put back."""
        server = self.server().start()
        self.score(server, 0, 5)
        broken = {**A, "rules/velocity.yaml": "rules: ]\n", "rules/x.yml": "x", "other.yaml": b"\xff\0"}
        write_folder(self.policy, broken)
        self.harrier("reload", "--wait", "--to", server.address, status=78)
        done = self.command("rollback", "current", self.policy)
        self.assertIn("Binary files ", done.stdout)
        self.assertEqual(read_folder(self.policy), of_files(A))
        self.assertEqual(read_folder(self.old_folder(done)), of_files(broken))
        done = self.harrier("reload", "--wait", "--to", server.address)
        self.assertIn("policy unchanged", done.stdout)
        self.assertEqual(server.metric("harrierd_reload_refused"), 0)

    def test_a_file_in_the_way(self):
        """What has the name of a file of the policy that comes back is kept with the old files."""
        self.adopt(B, A)
        write_folder(self.policy, {**A, "lists/blocked merchants.txt": "mine\n", "lists/other.txt": "o\n"})
        done = self.command("rollback", "previous", self.policy)
        self.assertEqual(read_folder(self.policy), of_files({**B, "lists/other.txt": "o\n"}))
        self.assertEqual(read_folder(self.old_folder(done)),
                         of_files({**A, "lists/blocked merchants.txt": "mine\n"}))

    def test_wrong_folders(self):
        self.adopt(A, B)
        empty = os.path.join(self.folder, "empty")
        os.mkdir(empty)
        with open(os.path.join(self.folder, "file"), "wb"):
            pass
        for folder, words in ((empty, "has no policy.yaml; expected the folder of a policy"),
                              (os.path.join(self.folder, "none"), "No such file or directory"),
                              (os.path.join(self.folder, "file"), "is not a folder"),
                              (os.path.join(self.folder, "data"), "has no policy.yaml")):
            with self.subTest(folder):
                before = read_folder(self.folder)
                self.command("rollback", "previous", folder, status=66, words=[words])
                self.assertEqual(read_folder(self.folder), before)

    def test_a_policy_that_would_be_refused(self):
        """One that this version does not load, and one with a case that fails."""
        self.adopt(A, B, C)
        wrong = {"does not load": ({**A, "rules/velocity.yaml": A["rules/velocity.yaml"].replace("count_1h", "count_2h")},
                                   ["rules/velocity.yaml:4:", "this version does not load the policy"]),
                 "a case": ({**A, "rules/velocity.yaml": A["rules/velocity.yaml"].replace(">= 3", ">= 1")},
                            ['case "the first" of rule many fails', "1 of 1 cases of the policy"]),
                 "the budget": ({**A, "policy.yaml": A["policy.yaml"] + "latency_budget: 1us\n"}, ["policy.yaml:"])}
        second = self.records(segments.SNAPSHOT)[1][0]
        for name, (files, words) in wrong.items():
            with self.subTest(name):
                def change(at, _, payload, files=files):
                    if at != second:
                        return payload
                    record = wire.decode("SnapshotRecord", payload)
                    record.update(snapshot_id=int(policy_id(files), 16), files=[
                        {"path": path, "content": as_base64(content)} for path, content in sorted(files.items())])
                    return wire.ENCODER.message("SnapshotRecord", record)

                segments.rewrite(os.path.join(self.data, "archive"), change)
                for flags in ((), ("--dry-run",)):
                    done = self.command("rollback", "previous", self.policy, *flags, status=78, words=words)
                    self.assertEqual(done.stdout, "")
                self.assertEqual(read_folder(self.policy), of_files(C))
                self.command("export", "previous", os.path.join(self.folder, name.replace(" ", "-")))
        self.assertEqual(self.left_beside(self.policy), [])

    def test_killed(self):
        """At any time the folder has one of the two policies and all other files, and no file is lost."""
        self.adopt(A, B)
        random.seed(1)
        begun = time.monotonic()
        self.command("rollback", "previous", self.policy)
        lasts = time.monotonic() - begun
        place = os.path.join(self.folder, "place")
        folder = os.path.join(place, "policy")
        whole = {A_ID: of_files(A), B_ID: of_files(B)}
        killed = 0
        for _ in range(60):
            shutil.rmtree(place, ignore_errors=True)
            write_folder(folder, {**B, **OTHERS})
            process = subprocess.Popen([HARRIER, "policy", "rollback", self.data, A_ID, folder],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(random.uniform(0.3 * lasts, 1.3 * lasts))
            process.kill()
            killed += process.wait() != 0
            found = read_folder(folder)
            of_policy = {path: content for path, content in found.items() if path not in OTHERS}
            self.assertIn(of_policy, whole.values())
            self.assertEqual({path: found[path] for path in OTHERS}, of_files(OTHERS))
            if of_policy == whole[A_ID]:
                beside = [read_folder(os.path.join(place, name)) for name in os.listdir(place) if name != "policy"]
                self.assertTrue(any(whole[B_ID].items() <= each.items() for each in beside), os.listdir(place))
        self.assertGreater(killed, 0)

    @unittest.skipUnless(is_possible(), "needs a mount namespace")
    def test_a_full_disk(self):
        self.adopt(A, B)
        place = os.path.join(self.folder, "place")
        folder = os.path.join(place, "policy")
        disk = SmallDisk(place, 1 << 20)
        self.addCleanup(disk.unmount)
        write_folder(folder, {**B, **OTHERS})
        room = 0
        while True:
            disk.fill(leave=room)
            done = subprocess.run([HARRIER, "policy", "rollback", self.data, "previous", folder], capture_output=True,
                                  text=True, timeout=WAIT)
            disk.make_room()
            if done.returncode == 0:
                break
            self.assertEqual(done.returncode, 74, done.stderr)
            self.assertIn("No space left on device", done.stderr)
            self.assertEqual(os.listdir(place), ["policy"])
            self.assertEqual(read_folder(folder), of_files({**B, **OTHERS}))
            room += 4096
        self.assertGreater(room, 4096)
        self.assertEqual(read_folder(folder), of_files({**A, **OTHERS}))

    @unittest.skipUnless(is_possible(), "needs a mount namespace")
    def test_a_mount_point(self):
        self.adopt(A, B)
        folder = os.path.join(self.folder, "mounted")
        disk = SmallDisk(folder, 1 << 20)
        self.addCleanup(disk.unmount)
        for path, content in of_files(B).items():
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            with open(os.path.join(folder, path), "wb") as file:
                file.write(content)
        before = sorted(os.listdir(self.folder))
        done = self.command("rollback", "previous", folder, status=74)
        self.assertRegex(done.stderr, "mount point|cross-device")
        self.assertEqual(read_folder(folder), of_files(B))
        self.assertEqual(sorted(os.listdir(self.folder)), before)


A_ID, B_ID = policy_id(A), policy_id(B)

if __name__ == "__main__":
    enter_namespace()
    unittest.main()
