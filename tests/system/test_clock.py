#!/usr/bin/env python3
"""A wall clock that jumps, before a server and its nights start and while they run: forward and back, by hours and
years.

What must hold whatever it says: times of receipt and day folders never go back, nothing that was answered is lost,
nights build what they should and say what they saw, and tables that get old are noticed.
"""
import json
import os
import signal
import struct
import subprocess
import time
import unittest

from night import HARRIER, SwapTest
from server import transaction

SHIFT = os.environ["CLOCK_SHIFT_LIBRARY"]
HOUR, DAY, YEAR = 3600, 86400, 31557600
SET_BACK = "the clock was set back"


class ClockTest(SwapTest):
    def setUp(self):
        super().setUp()
        self.shift = os.path.join(self.folder, "shift")
        with open(self.shift, "wb") as file:
            file.write(bytes(8))
        self.shifted = {
            "LD_PRELOAD": SHIFT,
            "CLOCK_SHIFT": self.shift,
            # CLOCK_SHIFT is loaded before the sanitizer's library, on purpose.
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0",
        }
        self.sent = 0

    def set_clock(self, ahead):
        """Sets the clock so many seconds ahead, for all processes started with it, at once."""
        with open(self.shift, "r+b") as file:
            file.write(struct.pack("=q", int(ahead * 1000000)))

    def start(self, *flags):
        self.harrierd = self.server("--lazy_sync_interval=5ms", *flags)
        self.start_again()

    def start_again(self):
        self.harrierd.start(environment=self.shifted)

    def harrier(self, *arguments, status=0):
        done = subprocess.run(
            [HARRIER, *arguments], capture_output=True, text=True, check=False, env={**os.environ, **self.shifted}
        )
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout, done.stderr

    def night(self, *flags):
        out, said = self.harrier("rebuild", "--data", self.data, "--priority=normal", "--progress=none", *flags)
        return json.loads(out), said

    def score(self, count=20):
        with self.harrierd.connect() as connection:
            batch = [transaction(self.sent + number) for number in range(count)]
            decisions = [result["decision"] for result in connection.score(batch)]
            self.assertFalse(any(decision.get("duplicate") for decision in decisions))
            self.sent += count
        self.await_synced(self.harrierd)
        return decisions[0]

    def times_are_in_order(self):
        """Receive times never go back, and each record is in the folder of its day. harrier checks it, and so do we."""
        self.harrier("archive", "verify", self.data)
        out, _ = self.harrier("inspect", self.data, "--json", "--frames")
        records = [json.loads(line) for line in out.splitlines()]
        records = [record for record in records if "receive_time" in record]
        times = [record["receive_time"] for record in records]
        self.assertEqual(times, sorted(times))
        self.assertGreaterEqual(len(times), self.sent)
        days = [os.path.basename(os.path.dirname(path)) for path in self.segments(self.harrierd, sealed=True)]
        self.assertEqual(len(set(days)), len(days))
        self.assertEqual(sorted({time[:10] for time in times}), days)

    def all_is_there(self):
        with self.harrierd.connect() as connection:
            for result in connection.score([transaction(number) for number in range(self.sent)]):
                self.assertTrue(result["decision"]["duplicate"])
        self.assertEqual(self.harrierd.status()["transactions"], self.sent)


class LeapTest(ClockTest):
    def one_night(self, ahead, is_back):
        before = self.harrierd.status()
        self.set_clock(ahead)
        self.score()
        # Stopped, so that it cannot adopt the first night's tables before the second: that is a new record.
        self.harrierd.process.send_signal(signal.SIGSTOP)
        report, said = self.night("--keep=2")
        self.assertFalse(report["up_to_date"])
        print(f"clock at {ahead / DAY:+.2f} days: {said.strip() or 'nothing said'}")
        self.assertEqual(SET_BACK in said, is_back, said)
        again, _ = self.night()
        self.harrierd.process.send_signal(signal.SIGCONT)
        self.assertTrue(again["up_to_date"], "the night was done already, whatever the clock says")
        # By the server's own look of each second, which notices the clock, too.
        status = self.await_adopted(self.harrierd, before, look=False)
        self.assertEqual(status["generation_id"], int(report["generation"], 16))
        self.assertEqual(status.get("differing_entities", 0), 0)
        self.assertGreaterEqual(status["generation_time_us"], before.get("generation_time_us", 0))
        self.assertGreaterEqual(self.harrierd.metric("harrierd_generation_age_seconds"), 0)
        self.assertEqual(self.harrierd.metric("harrierd_clock_behind_seconds") > 1, is_back)
        return report["generation"]

    def test_hours_days_and_years(self):
        """Each jump happens while the server runs; the last one before a restart."""
        self.start("--stale_after=0")
        newest, times, is_back = 0, 0, False
        nights = []
        for ahead in (0, -6 * HOUR, -3 * DAY, 2 * DAY, 0, 10 * YEAR, 10 * YEAR - HOUR, 0, -30 * YEAR, -60 * YEAR):
            was_back, is_back = is_back, ahead < newest
            newest = max(newest, ahead)
            nights.append(self.one_night(ahead, is_back))
            times += is_back and not was_back
            self.await_status(self.harrierd, "noticed", lambda _: self.harrierd.said().count(SET_BACK) >= times)
        self.assertEqual((times, self.harrierd.said().count(SET_BACK)), (3, 3), "once each time")
        names = [name for name in os.listdir(self.generations) if name.startswith("g-")]
        self.assertLessEqual(len(names), 3)
        for night in nights[-2:]:
            self.assertTrue(any(night in name for name in names), names)
        self.times_are_in_order()
        self.all_is_there()
        hash_before = self.harrierd.status(state_hash=True)["state_hash"]
        self.set_clock(-5 * YEAR)
        self.assertEqual(self.harrierd.stop(), 0)
        self.start_again()
        self.assertEqual(self.harrierd.status(state_hash=True)["state_hash"], hash_before)
        self.score()
        self.harrier("verify", self.data)
        self.harrier("replay", self.data, "--recorded")
        self.times_are_in_order()


class StaleTest(ClockTest):
    def test_nights_that_fail_are_noticed_all_the_same(self):
        """A clock years behind the archive does not give the tables' age; the time since their adoption does."""
        self.holds_with_time(self.go_stale, 3, 20, 120)

    def go_stale(self, stale_after):
        self.sent = 0
        self.set_clock(0)
        self.start(f"--stale_after={stale_after}s")
        self.set_clock(YEAR)
        self.score()
        self.night()
        self.await_adopted(self.harrierd, {})
        self.set_clock(0)
        self.assertNotIn("degraded", self.score())
        status = self.await_status(self.harrierd, "stale", lambda status: status.get("stale", False))
        self.assertIn("stale", self.score()["degraded_reason"])
        self.assertEqual(self.harrierd.metric("harrierd_generation_stale"), 1)
        self.assertEqual(self.harrierd.metric("harrierd_rebuild_wanted"), 1)
        self.assertGreater(self.harrierd.metric("harrierd_generation_age_seconds"), stale_after)
        self.harrierd.await_said("older than stale_after")
        self.night()
        self.await_adopted(self.harrierd, status)
        self.assertNotIn("degraded", self.score())


class EarlyTest(ClockTest):
    def test_before_1970_nothing_begins(self):
        self.set_clock(-60 * YEAR)
        harrierd = self.server()
        harrierd.spawn(environment=self.shifted)
        self.assert_ends(harrierd, 74, "before 1970")
        self.assertFalse(os.path.exists(harrierd.archive) and os.listdir(harrierd.archive))

    def test_a_clock_that_was_never_set(self):
        """A machine without a clock battery starts in 1970, until it gets the time from the network."""
        self.set_clock(-time.time() + HOUR)
        self.start()
        with self.harrierd.connect() as connection:
            answer = connection.call({"score": {"transactions": [transaction(0)]}})
        self.assertIn("ahead of the server's clock", json.dumps(answer))
        self.set_clock(0)
        self.score()
        report, said = self.night()
        self.assertEqual((report["transactions"], said), (20, ""))
        self.await_adopted(self.harrierd, {})
        self.times_are_in_order()
        self.assertEqual(self.segments(self.harrierd, sealed=True)[0].split(os.sep)[-2], "1970-01-01")
        self.all_is_there()


if __name__ == "__main__":
    unittest.main()
