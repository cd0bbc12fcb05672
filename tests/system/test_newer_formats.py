#!/usr/bin/env python3
"""What a newer version of Harrier will have written, forged from what this one writes: each door refuses it, says that a
newer version wrote it and what to do, and leaves every byte as it was; what can be made again is made again silently.
And decisions of another definition of the engine, which an audit names and leaves out."""
import hashlib
import json
import os
import shutil
import struct
import subprocess
import tarfile
import unittest

import segments
import test_old_archives
from server import WAIT, ServerTest

HARRIER = os.environ["HARRIER"]
GOLDEN = os.path.join(test_old_archives.ARCHIVES, "0.1.0-b.tar.gz")
NEWER = "a newer version of Harrier"
BAD_DATA, UNAVAILABLE = 65, 69


def contents(folder):
    """A hash of each file; locks have the process of their last holder."""
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(where, name)
            if name != "lock" and not os.path.islink(path):
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = hashlib.sha256(file.read()).hexdigest()
    return found


class NewerFormatTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.data = os.path.join(self.folder, "data")
        with tarfile.open(GOLDEN) as tar:
            tar.extractall(self.folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
        self.archive = os.path.join(self.data, "archive")
        shutil.rmtree(os.path.join(self.folder, "policy"))
        self.harrier("policy", "export", self.data, "current", os.path.join(self.folder, "policy"))

    def run_harrier(self, *arguments):
        return subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT, check=False)

    def harrier(self, *arguments, status=0):
        done = self.run_harrier(*arguments)
        self.assertEqual(done.returncode, status, (arguments, done.stdout[-2000:], done.stderr))
        return done.stdout

    def assert_refused(self, words, commands):
        """By each command and by the server; nothing is changed."""
        before = contents(self.data)
        for arguments in commands:
            with self.subTest(arguments[0:2]):
                done = self.run_harrier(*arguments)
                said = done.stdout + done.stderr
                self.assertGreaterEqual(done.returncode, 64, (arguments, said))
                for word in words:
                    self.assertIn(word, said, arguments)
        server = self.server().spawn()
        self.assertGreaterEqual(server.wait(), 64, server.said())
        for word in words:
            self.assertIn(word, server.said())
        self.assertEqual(contents(self.data), before)

    def readers(self):
        data = self.data
        return [("archive", "verify", data), ("verify", data), ("replay", data, "--recorded"), ("inspect", data),
                ("explain", data, "t710"), ("export", data, "--out", os.path.join(self.folder, "out.csv")),
                ("policy", "list", data), ("rebuild", "--data", data, "--full")]

    # ---- the archive ----

    def test_segment(self):
        (path,) = segments.paths(self.archive)
        with open(path, "r+b") as file:
            header = bytearray(file.read(segments.SEGMENT_HEADER))
            struct.pack_into("<I", header, 8, 3)
            struct.pack_into("<I", header, 12, segments.crc32c(header[:12] + header[16:]))
            file.seek(0)
            file.write(header)
        self.assert_refused((NEWER, "segment format 3 (this version reads 2)", "install"), self.readers())

    def test_sealed_segment(self):
        # A second day's segment follows, so that the first is closed.
        server = self.server().start()
        self.assertEqual(server.stop(), 0)
        (path,) = segments.paths(self.archive)
        self.harrier("import", os.path.join(self.folder, "other"), self.payments(), "--policy",
                     os.path.join(self.folder, "policy"), "--progress=none")
        shutil.rmtree(self.data)
        shutil.copytree(os.path.join(self.folder, "other"), self.data)
        self.harrier("archive", "seal", self.data)
        sealed = sorted(os.path.join(where, name) for where, _, names in os.walk(self.archive) for name in names
                        if name.endswith(".seg.zst"))
        self.assertTrue(sealed)
        with open(sealed[0], "r+b") as file:
            header = bytearray(file.read(224))
            struct.pack_into("<I", header, 16, 3)
            struct.pack_into("<I", header, 20, segments.crc32c(header[:20] + header[24:]))
            file.seek(0)
            file.write(header)
        self.assert_refused((NEWER, "sealed format 3 (this version reads 2)", "install"),
                            [command for command in self.readers() if command[0] not in ("verify", "explain")])

    def payments(self):
        path = os.path.join(self.folder, "payments.csv")
        with open(path, "w", encoding="utf-8") as file:
            file.write("id,event_time,amount,currency,card,merchant\n")
            for number in range(30):
                file.write(f"p{number},2026-01-{number // 10 + 1:02}T10:00:{number:02}Z,10.00,EUR,c1,m1\n")
        return path

    def test_type_of_record(self):
        """A record that is passed over would be missing in states, tables, exports and searches."""
        segments.rewrite(self.archive, lambda position, kind, payload: (40, payload) if position == 500 else payload)
        shutil.rmtree(os.path.join(self.data, "generations"))
        commands = [command for command in self.readers() if command[0] not in ("verify",)]
        commands += [("find", self.data, "--id", "t1"), ("rebuild", "--data", self.data)]
        self.assert_refused((NEWER, "a record of type 40", "install"), commands)

    def test_policy(self):
        """A key that this version does not know, in every policy of the archive."""
        def forge(_, kind, payload):
            return payload.replace(b"on_error: skip", b"on_fault: skip") if kind == segments.SNAPSHOT else payload
        segments.rewrite(self.archive, forge)
        shutil.rmtree(os.path.join(self.data, "generations"))
        self.assert_refused(("cannot load it, but the one that wrote it could", "install that version", "on_fault"),
                            [("replay", self.data, "--recorded"), ("explain", self.data, "t710")])

    # ---- tables, and what is made again ----

    def current(self):
        return os.path.join(self.data, "generations", os.readlink(os.path.join(self.data, "generations", "current")))

    def test_manifest(self):
        path = os.path.join(self.current(), "manifest.json")
        with open(path, encoding="utf-8") as file:
            manifest = json.load(file)
        manifest["format"] = 2
        with open(path, "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        self.assert_refused((NEWER, "generation format 2", "harrier rebuild"), [("verify", self.data)])
        # As the message says: new tables, and all is well.
        self.harrier("rebuild", "--data", self.data, "--quiet")
        server = self.server().start()
        self.assertGreater(server.status()["generation_position"], 0)
        self.assertEqual(server.stop(), 0)

    def test_samples(self):
        """Their values are read from the archive again, and the tables are the same."""
        samples = os.path.join(self.data, "generations", "samples")
        other = os.path.join(self.folder, "other")
        self.harrier("rebuild", "--data", self.data, "--quiet")
        server = self.server().start()  # which adds records
        self.assertEqual(server.stop(), 0)
        shutil.copytree(self.data, other, symlinks=True)
        forged = 0
        for name in os.listdir(samples):
            path = os.path.join(samples, name)
            with open(path, "rb") as file:
                data = file.read()
            forged += b"HRRSMPL2" in data
            with open(path, "wb") as file:
                file.write(data.replace(b"HRRSMPL2", b"HRRSMPL3"))
        self.assertGreater(forged, 0)
        for data in (self.data, other):
            self.harrier("rebuild", "--data", data, "--quiet")
        def content(data):
            current = os.path.join(data, "generations", "current", "manifest.json")
            with open(current, encoding="utf-8") as file:
                manifest = json.load(file)
            return manifest["content_hash"], manifest["state_hash"], manifest["position"]
        self.assertEqual(content(self.data), content(other))

    def test_index_of_searches(self):
        def found():
            return self.harrier("find", self.data, "--entity", "card=c3", "--limit", "5", "--format", "jsonl")
        before = found()
        self.assertTrue(before)
        server = self.server().start()  # closes a segment, and keeps its index
        self.assertEqual(server.stop(), 0)
        files = [os.path.join(where, name) for where, _, names in os.walk(self.data) for name in names if "find" in where]
        for path in files:
            with open(path, "r+b") as file:
                file.seek(8)
                file.write(struct.pack("<I", 99))
        self.assertEqual(found(), before)

    def test_tokens(self):
        path = os.path.join(self.folder, "tokens")
        self.harrier("token", "new", "shop", "--scopes", "score", "--tokens", path)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for old, new in (("scopes=score", "scopes=score,audit"), ("scopes=score", "scopes=score network=10.0.0.0/8")):
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace(old, new))
            server = self.server("--tokens=" + path).spawn()
            self.assertGreaterEqual(server.wait(), 64)
            self.assertIn("if a newer version of Harrier wrote this file, install that version", server.said())
            self.servers.clear()
            os.remove(server.messages)

    # ---- decisions of another engine ----

    def audit(self, status):
        return self.harrier("replay", self.data, "--recorded", "--progress=none", status=status)

    def test_other_definition(self):
        """Reasons that another engine words otherwise are differences, unless the archive says that its engine did."""
        engines = [position for position, kind, _ in segments.records(self.archive) if kind == segments.ENGINE]
        self.assertGreaterEqual(len(engines), 2, engines)
        last = engines[-1]
        count = [sum(kind == segments.TRANSACTION and (position > last) == behind
                     for position, kind, _ in segments.records(self.archive)) for behind in (False, True)]

        def reworded(position, kind, payload):
            if kind == segments.TRANSACTION and position > last:
                return payload.replace(b"within an hour", b"in sixty mins.")
            return payload

        segments.rewrite(self.archive, reworded)
        shutil.rmtree(os.path.join(self.data, "generations"))
        said = self.audit(1)
        self.assertRegex(said, r"\n[0-9]+ differences?\.\n")
        self.assertNotIn("outside", said)

        def marked(marks):
            return lambda position, kind, payload: payload + marks.get(position, b"") if kind == segments.ENGINE else payload

        segments.rewrite(self.archive, marked({last: b"\x20\x07"}))  # definition = 7
        said = self.audit(0)
        self.assertIn(f"Every decision that was compared ({count[0]}) equals the archived one.\n", said)
        self.assertIn(f"{count[1]} decisions are outside this audit, made by another definition of the engine than this "
                      f"one (1): definition 7 by version 0.1.0 from position {last} on;", said)
        explained = self.run_harrier("explain", self.data, "t950")
        self.assertIn("it was decided by engine definition 7; this is 1", explained.stdout + explained.stderr)
        self.assertIn("engine definition 7", self.harrier("inspect", self.data, "--type", "engine"))
        # A server of this version goes on, and says that its engine decides from here on.
        server = self.server().start()
        self.assertEqual(server.stop(), 0)
        written = [json.loads(line) for line in self.harrier("inspect", self.data, "--type", "engine", "--json").splitlines()]
        self.assertEqual([record["definition"] for record in written[-2:]], [7, 1])

    def test_all_of_another_definition(self):
        shutil.rmtree(self.data)
        self.harrier("import", self.data, self.payments(), "--policy", os.path.join(self.folder, "policy"), "--progress=none")
        segments.rewrite(self.archive, lambda _, kind, payload: payload + b"\x20\x02" if kind == segments.ENGINE else payload)
        self.assertIn("No decision was compared.\n30 decisions are outside", self.audit(0))


if __name__ == "__main__":
    unittest.main()
