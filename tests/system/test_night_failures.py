#!/usr/bin/env python3
"""Nights that fail beside a server that scores: each ends with one clear line and a documented status, the
tables that were current stay so, the server goes on with them, and the next night is a good one.

A full disk is in test_full_disk.py, a clock that is set back in test_clock.py.
"""
import datetime
import json
import os
import re
import resource
import signal
import subprocess
import time
import unittest

from night import HARRIER, Night, NightTest
from server import START_US, WAIT, is_sanitized, transaction

MIB = 1 << 20
HISTORY = 600  # transactions on some days before the server's


def without_rights():
    """The prefix of a command that must not be able to read every file: nothing, or, for root, setpriv. None: there is
    no way."""
    for wrapper in ([], ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--"]):
        script = "f=$(mktemp) && chmod 000 $f && ! cat $f; s=$?; rm -f $f; exit $s"
        if subprocess.run([*wrapper, "sh", "-c", script], capture_output=True, check=False).returncode == 0:
            return wrapper
    return None


class SegmentTest(NightTest):
    """A closed segment of some days ago, which the server no longer needs."""

    SEALED = False
    DAMAGED = "byte ", "byte ", "ends inside its header", "not the header of a segment"

    def setUp(self):
        super().setUp()
        self.bring_in_history()
        self.begin(before=HISTORY, first_night=() if self.SEALED else ("--no-seal",))
        self.closed = self.segments(self.harrierd, sealed=True)
        self.segment = self.closed[1]
        self.assertEqual(self.segment.endswith(".zst"), self.SEALED)
        self.name = os.path.relpath(self.segment, self.harrierd.archive).removesuffix(".zst")

    def bring_in_history(self):
        path = os.path.join(self.folder, "history.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for number in range(HISTORY):
                row = transaction(number)
                at = datetime.datetime.fromtimestamp(START_US // 10**6 + number * 600, datetime.timezone.utc)
                row.update(id=f"old{number}", event_time=at.isoformat().replace("+00:00", "Z"))
                del row["event_time_us"]
                file.write(json.dumps(row) + "\n")
        subprocess.run(
            [HARRIER, "import", self.data, path, "--policy", os.path.join(self.folder, "policy"), "--quiet"],
            check=True, capture_output=True,
        )

    def fails_until(self, mend, status, *words, **more):
        with self.subTest(words=words):
            self.fails(status, *words, flags=("--force", "--full"), **more)
        mend()

    def replaced(self, put):
        """Puts something else in its place. Returns the function that restores it."""
        aside = self.segment + ".aside"
        os.rename(self.segment, aside)
        put(self.segment)

        def mend():
            if os.path.isdir(self.segment):
                os.rmdir(self.segment)
            os.rename(aside, self.segment)

        return mend

    def rewritten(self, change):
        with open(self.segment, "rb") as file:
            whole = file.read()

        def write(content):
            with open(self.segment, "wb") as file:
                file.write(content)

        write(change(whole))
        return lambda: write(whole)

    def test_unreadable(self):
        wrapped = without_rights()
        if wrapped is None:
            print("this user may read everything: a segment without rights is left out")
        else:
            os.chmod(self.segment, 0)
            self.fails_until(
                lambda: os.chmod(self.segment, 0o640), 74, self.name, "Permission denied", wrapped=wrapped
            )
        self.fails_until(self.replaced(os.mkdir), 74, self.name, "Is a directory")
        self.fails_until(self.replaced(lambda at: os.symlink("/no/such/file", at)), 74, self.name, "No such file")
        self.next_night("--full")
        self.end_well()

    def test_damaged(self):
        first, last = (int(re.search(r"(\d+)\.seg", path)[1]) for path in self.closed[1:3])
        self.fails_until(self.replaced(lambda at: None), 65, f"records {first} to {last - 1} ", "missing")
        changes = (
            lambda whole: whole[: len(whole) * 2 // 3] + bytes([whole[len(whole) * 2 // 3] ^ 16])
            + whole[len(whole) * 2 // 3 + 1 :],
            lambda whole: whole[: len(whole) // 2],
            lambda whole: b"",
            lambda whole: bytes(len(whole)),
        )
        for change, words in zip(changes, self.DAMAGED):
            self.fails_until(self.rewritten(change), 65, self.name, words)
        self.next_night("--full")
        self.end_well()


class SealedSegmentTest(SegmentTest):
    """The same, after the previous night sealed the segment."""

    SEALED = True
    DAMAGED = "", "", "", ""


@unittest.skipIf(is_sanitized(), "a sanitizer reserves terabytes of address space, so no limit can be set")
class MapTest(NightTest):
    """LMDB maps its file into the address space and enlarges the map as the file grows. If it must not, the night ends,
    wherever it is."""

    def limited(self, room):
        """A night with this limit on its address space, in bytes."""
        return Night(
            self.data, "--full", "--force", "--threads=1", "--memory=64M",
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (room, room)),
        )

    def test_it_cannot_grow(self):
        self.begin(transactions=60000)
        room, said = 40 * MIB, []
        while (night := self.limited(room)).process.wait(timeout=WAIT) != 0:
            status = night.process.returncode
            self.assertIn(status, (71, 74))
            said.append(self.fails(status, "memory" if status == 71 else "Cannot allocate memory", night=night))
            room += 8 * MIB
            self.assertLess(room, 2000 * MIB)
        night.end()
        self.assertTrue(any("enlarge the map" in line for line in said), said)
        self.next_night()
        self.end_well()


class TwoTest(NightTest):
    """Two nights at once: the second one exits and names the process of the first."""

    def hold(self, *flags):
        """A night that is stopped in the middle of its work. On a busy machine one may have ended before: then the
        next one."""
        draft = os.path.join(self.generations, ".new", "tables.mdb")
        for _ in range(20):
            night = Night(self.data, "--force", "--full", *flags)
            deadline = time.monotonic() + WAIT
            while not os.path.exists(draft) and night.process.poll() is None:
                self.assertLess(time.monotonic(), deadline)
            night.process.send_signal(signal.SIGSTOP)
            if night.is_stopped() and os.path.exists(draft):
                return night
            night.process.send_signal(signal.SIGCONT)
            night.end()
        raise AssertionError("each night was over too soon")

    def test_whatever_the_folder_is_called(self):
        self.begin(transactions=20000)
        os.symlink(self.data, f"{self.folder}/link")
        os.symlink(self.generations, f"{self.folder}/elsewhere")
        os.mkdir(f"{self.folder}/other")
        os.symlink(self.harrierd.archive, f"{self.folder}/other/archive")
        os.symlink(f"{self.folder}/elsewhere", f"{self.folder}/other/generations")
        first = self.hold()
        for data in (self.data, f"{self.data}/", f"{self.folder}/link", f"{self.folder}/./data/../link",
                     os.path.relpath(self.data), f"{self.folder}/other"):
            before, adopted = self.link(), self.harrierd.status()["generation_id"]
            status, _, said = self.night("--force", data=data)
            print(f"beside another: {status}: {said.strip()}".replace(self.folder, "…"))
            self.assertEqual(status, 75, said)
            self.assertIn(f"another process (process {first.process.pid}) builds a generation here", said)
            self.assertEqual(self.link(), before)
            self.serves(adopted)
        first.process.send_signal(signal.SIGCONT)
        status, _, said = first.end()
        self.assertEqual(status, 0, said)
        self.next_night()
        self.end_well()

    def test_many_at_the_same_time(self):
        """Several nights started together, repeatedly: at least one succeeds, and the current tables are whole."""
        self.begin()
        done = 0
        for _ in range(5):
            self.more(100)
            nights = [Night(self.data, "--full", "--keep=1") for _ in range(4)]
            ends = [night.end() for night in nights]
            for status, _, said in ends:
                self.assertIn(status, (0, 75), said)
                self.assertIn(said and "another process", said)
            self.assertIn(0, [status for status, _, _ in ends])
            done += sum(status == 0 and not report["up_to_date"] for status, report, _ in ends)
        self.assertGreaterEqual(done, 5)
        self.next_night()
        self.end_well()


class KillTest(NightTest):
    """kill -9 of a night while the server adopts its tables, or the ones of the night before."""

    def test_while_the_server_adopts(self):
        self.begin(transactions=20000)
        for attempt in range(8):
            before = self.harrierd.status()
            self.more(100)
            link = self.link()
            night = Night(self.data, "--full", "--keep=1")
            deadline = time.monotonic() + WAIT
            while self.link() == link:  # published; old ones are being removed
                self.assertLess(time.monotonic(), deadline)
            self.look()
            if attempt % 2:
                night.end()
                self.more(100)
                night = Night(self.data, "--full", "--keep=1")  # over the head of the server, which opens that one
                time.sleep(0.02 * attempt)
            night.process.kill()
            night.end()
            self.await_status(
                self.harrierd, "adopted",
                lambda status: status["generation_id"] == int(self.link().split("-")[2], 16)
                and status["swap_state"] == "idle" and status["generation_id"] != before["generation_id"],
            )
        self.next_night()
        self.assertEqual(sum(name.startswith("g-") for name in os.listdir(self.generations)), 3)
        self.end_well()


if __name__ == "__main__":
    unittest.main()
