#!/usr/bin/env python3
"""harrier entity: its figures beside sums made here, and what it says when there is nothing to show."""
import json
import os
import subprocess
import unittest

from server import START_US, WAIT, ServerTest, transaction

HARRIER = os.environ["HARRIER"]
HOUR = 3600 * 10**6


class EntityTest(ServerTest):
    def setUp(self):
        super().setUp()
        self.harrierd = self.server().start()
        # One a minute: the third hour of card c0 is full, and its first has left the window.
        self.sent = [
            {**transaction(n), "event_time_us": START_US + n * 60 * 10**6, "card": f"c{n % 2}", "merchant": f"m{n % 5}"}
            for n in range(200)
        ]
        with self.harrierd.connect() as connection:
            connection.score(self.sent)

    def entity(self, *arguments):
        return subprocess.run([HARRIER, "entity", *arguments, "--to", self.harrierd.address, "--deadline", "60s"],
                              capture_output=True, text=True, timeout=WAIT, check=False)

    def shown(self, *arguments):
        run = self.entity(*arguments, "--json")
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)

    def window(self, card, at_us):
        """Of the last hour, as the next transaction at that time would see it."""
        amounts = [one["amount_minor"] for one in self.sent
                   if one["card"] == card and at_us - HOUR < one["event_time_us"] <= at_us]
        return len(amounts), sum(amounts) / 100

    def assert_window(self, answer, card, at_us):
        count, amount = self.window(card, at_us)
        self.assertGreater(count, 10)
        self.assertEqual(answer["features"]["card.count_1h"], count)
        self.assertAlmostEqual(answer["features"]["card.sum_1h"], amount, places=9)

    def test_as_of_its_newest_and_of_another_time(self):
        newest = max(one["event_time_us"] for one in self.sent if one["card"] == "c0")
        answer = self.shown("card", "c0")
        self.assertEqual((answer["entity"], answer["key"], answer["newest_time"]), ("card", ["c0"], answer["at_time"]))
        self.assert_window(answer, "c0", newest)
        at = newest + 20 * 60 * 10**6
        time = f"2026-01-01T{at // HOUR % 24:02}:{at // 60000000 % 60:02}:00Z"
        self.assertEqual(START_US // HOUR // 24, 20454, "the time above is of this day")
        self.assert_window(self.shown("card", "c0", "--at", time), "c0", at)
        self.assertEqual(self.shown("merchant", "m3")["features"]["merchant.cards_1d"], 2)

    def test_for_people(self):
        run = self.entity("card", "c0")
        self.assertEqual(run.returncode, 0, run.stderr)
        lines = run.stdout.splitlines()
        self.assertEqual(lines[0].split(), ["card", "c0"])
        self.assertIn(["card.count_1h", str(self.shown("card", "c0")["features"]["card.count_1h"])],
                      [line.split() for line in lines])

    def test_nothing_to_show(self):
        for arguments, status, words in (
            (("kard", "c0"), 65, 'did you mean "card"?'),
            (("card", "nobody"), 66, "no history for this card"),
            (("card", "c0", "m1"), 65, "the key has 2 parts"),
            (("card", "c0", "--at", "soon"), 64, '"soon" is not a time'),
        ):
            with self.subTest(arguments=arguments):
                run = self.entity(*arguments)
                self.assertEqual(run.returncode, status, run.stderr)
                self.assertIn(words, run.stderr)
                self.assertEqual(run.stdout, "")


if __name__ == "__main__":
    unittest.main()
