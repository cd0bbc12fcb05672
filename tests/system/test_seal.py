#!/usr/bin/env python3
"""Sealed segments beside a server, killed in the making, and read a second time from docs/ARCHIVE.md alone."""
import csv
import ctypes
import datetime
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import time
import unittest

from segments import crc32c
from server import START_US, WAIT, ServerTest, counts, transaction

HARRIER = os.environ["HARRIER"]
DAYS, A_DAY = 4, 400
DAY_US = 86400 * 1000000
COLUMNS = ["id", "event_time", "amount_minor", "currency", "card", "merchant", "outcome"]
SEAL_HEADER, SEAL_ENTRY = 224, 24

# harrier itself cannot run without this library.
_zstd = ctypes.CDLL("libzstd.so.1")
_zstd.ZSTD_decompress.restype = ctypes.c_size_t
_zstd.ZSTD_isError.argtypes = [ctypes.c_size_t]


def unzstd(data, size):
    out = ctypes.create_string_buffer(size)
    length = _zstd.ZSTD_decompress(out, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)))
    assert not _zstd.ZSTD_isError(length), length
    return out.raw[:length]


def old(number):
    """A transaction of one of the days of history."""
    sent = transaction(number)
    sent["event_time_us"] = START_US + number // A_DAY * DAY_US + number % A_DAY * 1000000
    return sent


def row(number):
    sent = old(number)
    at = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=sent.pop("event_time_us"))
    return {**sent, "event_time": at.isoformat() + "Z", **({"outcome": "fraud"} if number % 50 == 0 else {})}


def sealed_files(archive):
    found = []
    for folder, _, files in os.walk(archive):
        found += [os.path.join(folder, name) for name in files if name.endswith(".seg.zst")]
    return sorted(found)


class SealTest(ServerTest):
    def harrier(self, *arguments, status=0):
        done = subprocess.run([HARRIER, *arguments], capture_output=True, text=True, timeout=WAIT)
        self.assertEqual(done.returncode, status, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    @property
    def data(self):
        return os.path.join(self.folder, "data")

    @property
    def archive(self):
        return os.path.join(self.data, "archive")

    def import_history(self):
        path = os.path.join(self.folder, "history.csv")
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(row(number) for number in range(DAYS * A_DAY))
        self.harrier("import", self.data, path, "--policy", os.path.join(self.folder, "policy"))

    def seal(self, data=None):
        (report,) = self.harrier("archive", "seal", data or self.data, "--json")
        return report

    def verify(self, data=None):
        report = self.harrier("archive", "verify", data or self.data, "--json")[-1]
        self.assertTrue(report["whole"])
        return report

    def test_beside_a_server(self):
        """The server continues its last segment, and finds what it needs in the sealed ones."""
        self.import_history()
        server = self.server().start()
        with server.connect() as connection:
            asked = random.Random(1).sample(range(DAYS * A_DAY), 200)
            first = connection.score([old(number) for number in asked])
            self.assertTrue(all(result["decision"]["duplicate"] for result in first))
            self.assertIn("decision", connection.score([transaction(99999)])[0])  # today's first segment
            report = self.seal()
            self.assertEqual((report["sealed"], report["left"]), (DAYS, 1))
            self.assertLess(report["stored_bytes"], report["bytes"] / 1.5)
            again = connection.score([old(number) for number in asked])
            for one, other in zip(first, again):
                one["decision"].pop("server_us", None), other["decision"].pop("server_us", None)
                self.assertEqual(one["decision"], other["decision"])
            changed = {**old(asked[0]), "amount_minor": 5}
            self.assertEqual(connection.score([changed])[0]["error"]["code"], "ERROR_ID_CONFLICT")
            for number in asked[:20]:
                connection.report(f"t{number}", "legit")
            for number in range(100000, 100200):
                self.assertIn("decision", connection.score([transaction(number)])[0])
            before = connection.status(state_hash=True)
        self.assertEqual(self.seal()["sealed"], 0)  # the server writes the last one
        self.assertEqual(self.verify()["sealed"], DAYS)
        server.kill()
        server.start()
        self.assertEqual(counts(server.status(state_hash=True)), counts(before))
        self.assertEqual(server.stop(), 0)
        self.harrier("replay", self.data, "--recorded", "--quiet")

    def test_notes(self):
        """What verify prints for an auditor's notebook, compared with what became of the archive."""
        self.import_history()
        run = lambda *arguments: subprocess.run(  # noqa: E731
            [HARRIER, "archive", *arguments], capture_output=True, text=True, timeout=WAIT)
        self.assertIn("sealed up to   nothing is sealed yet\n", run("verify", self.data).stdout)
        self.assertNotIn("sealed_up_to", self.verify())
        self.seal()
        sealed = self.verify()["sealed_up_to"]
        with open(sealed_files(self.archive)[-1], "rb") as file:  # as docs/ARCHIVE.md describes the file
            header = file.read(SEAL_HEADER)
        position, chain, received_us = struct.unpack_from("<QQq", header, 48)
        seal = header[128:160].hex()
        received = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=received_us)
        self.assertEqual(datetime.datetime.fromisoformat(sealed["receive_time"].rstrip("Z")), received)
        note = f"{position}:{chain:016x}:{seal}"
        self.assertEqual((sealed["position"], sealed["chain"], sealed["seal"], sealed["note"]),
                         (position, f"{chain:016x}", seal, note))
        done = run("verify", self.data)
        self.assertRegex(done.stdout, f"(?m)^sealed up to   {note} received {received:%Y-%m-%d}[T ]{received:%H:%M:%S}")
        self.assertNotIn("expected", done.stdout)

        short = note.rpartition(":")[0]
        for expected in (note, short):
            done = run("verify", self.data, "--expect", expected)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertTrue(done.stdout.endswith("The archive is whole.\nIt is as expected.\n"), done.stdout)
            (report,) = self.harrier("archive", "verify", self.data, "--json", f"--expect={expected}")
            self.assertIs(report["as_expected"], True)
        end = self.verify()["position"]
        other = f"{chain ^ 1:016x}"
        for expected, words in (
            (f"{position}:{other}", f"record {position} has the chain {chain:016x}, expected {other}"),
            (f"{position}:{chain:016x}:{'0' * 64}", f"record {position} has the expected chain, but another seal"),
            (f"{end + 1}:{other}", f"the archive ends with record {end}, before the expected record {end + 1}"),
            (f"{position - 1}:{other}", f"record {position - 1} has the chain "),
        ):
            with self.subTest(expected=expected):
                done = run("verify", self.data, "--expect", expected)
                self.assertEqual(done.returncode, 65, done.stdout)
                self.assertIn(f"differs: {self.archive}: {words}", done.stdout.splitlines()[0])
                self.assertIn("The archive is whole.\nIt is not as expected", done.stdout)
                quiet = run("verify", self.data, "--quiet", "--expect", expected)
                self.assertEqual((quiet.returncode, quiet.stdout), (65, done.stdout.splitlines()[0] + "\n"))
                differs, report = self.harrier("archive", "verify", self.data, "--json", "--expect", expected, status=65)
                self.assertIn(words, differs["differs"])
                self.assertEqual((report["whole"], report["as_expected"]), (True, False))
        for arguments, words in (
            (("verify", self.data, "--expect", "newest"), "does not begin with a position"),
            (("verify", self.data, "--expect", f"{position}:{chain}x"), "has no chain of 16 hexadecimal digits"),
            (("verify", self.data, "--expect", f"{note}0"), "has no seal of 64 hexadecimal digits"),
            (("seal", self.data, "--expect", note), "--expect is for verify"),
        ):
            done = run(*arguments)
            self.assertEqual((done.returncode, done.stdout), (64, ""))
            self.assertIn(words, done.stderr)

    def test_the_page_says_how(self):
        """Chained by hash, and zstd alone restores the plain segment."""
        self.import_history()
        shutil.copytree(self.archive, os.path.join(self.folder, "plain"))
        self.seal()
        seal = bytes(32)
        files = sealed_files(self.archive)
        self.assertEqual(len(files), DAYS - 1)
        for path in files:
            with open(path, "rb") as file:
                data = file.read()
            with open(os.path.join(self.folder, "plain", os.path.relpath(path, self.archive)[:-4]), "rb") as file:
                plain = file.read()
            self.assertEqual(unzstd(data, len(plain) + 1), plain)
            magic, length, name, form, crc, size, stored, blocks, table_crc, position, chain, _ = struct.unpack_from(
                "<II8sIIQQIIQQq", data
            )
            self.assertEqual((magic, name, form), (0x184D2A5E, b"HARSEAL\x1a", 1))
            self.assertEqual(length, SEAL_HEADER - 8 + blocks * SEAL_ENTRY)
            self.assertEqual(crc, crc32c(data[:20] + data[24:SEAL_HEADER]))
            self.assertEqual((size, stored), (len(plain), len(data)))
            self.assertEqual(data[96:128], seal)
            seal = hashlib.sha256(seal + plain).digest()
            self.assertEqual(data[128:160], seal)
            self.assertEqual(data[160:224], plain[:64])
            # The mark at the end of the segment says the same of its last record.
            self.assertEqual((position, chain), (struct.unpack_from("<Q", plain, len(plain) - 40)[0],
                                                 struct.unpack_from("<Q", plain, len(plain) - 16)[0]))
            table = data[SEAL_HEADER : SEAL_HEADER + blocks * SEAL_ENTRY]
            self.assertEqual(table_crc, crc32c(table))
            at, offset = SEAL_HEADER + len(table), 0
            for index in range(blocks):
                block, packed, block_crc, zero, before = struct.unpack_from("<IIIIQ", table, index * SEAL_ENTRY)
                self.assertEqual((crc32c(data[at : at + packed]), zero), (block_crc, 0))
                self.assertEqual(unzstd(data[at : at + packed], block), plain[offset : offset + block])
                frame = plain[offset or 64 :]
                self.assertEqual(struct.unpack_from("<Q", frame, 8)[0], before + 1)
                at, offset = at + packed, offset + block
            self.assertEqual((at, offset), (len(data), len(plain)))

    def test_killed(self):
        """Whenever it is killed, the archive is whole, and the next run makes the same of it."""
        self.import_history()
        whole = self.verify()
        chance = random.Random(int(os.environ.get("HARRIER_SEED", "4")))
        hashes = set()
        for turn in range(8):
            data = os.path.join(self.folder, f"copy{turn}")
            shutil.copytree(self.archive, os.path.join(data, "archive"))
            process = subprocess.Popen([HARRIER, "archive", "seal", data, "--quiet"], stderr=subprocess.DEVNULL)
            time.sleep(chance.random() * 0.03)
            process.kill()
            process.wait()
            after = self.verify(data)
            self.assertEqual((after["position"], after["chain"]), (whole["position"], whole["chain"]))
            report = self.seal(data)
            self.assertEqual(report["sealed"] + report["sealed_before"], DAYS - 1)
            made = [name for _, _, files in os.walk(data) for name in files]
            self.assertEqual(len(made), DAYS + 1, made)  # with the lock
            digest = hashlib.sha256()
            for path in sealed_files(data):
                with open(path, "rb") as file:
                    digest.update(file.read())
            hashes.add(digest.hexdigest())
            shutil.rmtree(data)
        self.assertEqual(len(hashes), 1)

    def test_rebuild_seals(self):
        """After publishing, unless asked not to; and builds the same of sealed segments."""
        self.import_history()
        (plain,) = self.harrier("rebuild", "--data", self.data, "--no-seal")
        self.assertEqual((plain["sealed"], sealed_files(self.archive)), (0, []))
        (report,) = self.harrier("rebuild", "--data", self.data)
        self.assertEqual((report["up_to_date"], report["sealed"]), (True, DAYS - 1))
        self.assertEqual(len(sealed_files(self.archive)), DAYS - 1)
        (again,) = self.harrier("rebuild", "--data", self.data, "--force", "--full")
        self.assertEqual(again["content_hash"], plain["content_hash"])
        self.assertEqual((again["records_read"], again["sealed"]), (plain["records_read"], 0))
        lines = self.harrier("archive", "list", self.data, "--json")
        self.assertEqual([line["sealed"] for line in lines], [True] * (DAYS - 1) + [False])
        for line in lines:
            self.assertEqual(os.path.getsize(os.path.join(self.archive, line["file"])), line["stored_bytes"])

    def test_a_damaged_seal(self):
        self.import_history()
        self.seal()
        path = sealed_files(self.archive)[1]
        with open(path, "r+b") as file:
            file.seek(-20, os.SEEK_END)
            file.write(b"\x55\xaa")
        for command in (["archive", "verify", self.data], ["rebuild", "--data", self.data]):
            done = subprocess.run([HARRIER, *command], capture_output=True, text=True, timeout=WAIT)
            self.assertEqual(done.returncode, 65)
            self.assertIn(os.path.relpath(path, self.archive) + ": ", done.stdout + done.stderr)
            self.assertIn("of the file is damaged", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
