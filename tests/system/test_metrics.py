#!/usr/bin/env python3
"""rules/metrics: it reports a spike, a level shift and an unusual hour, each once and with a sentence that says why, and
nothing else. tests/bench/accuracy/nab measures the same policy on public data."""
import os
import random
import statistics
import unittest

from server import START_US, ServerTest

POLICY = os.path.join(os.environ["HARRIER_ROOT"], "rules", "metrics")
MINUTE = 60 * 1000000
HOUR, DAY = 12, 288  # readings, one every five minutes
BATCH = 500


def noise(count, seed=1):
    seeded = random.Random(seed)
    return [round(50.0 + seeded.uniform(-2.0, 2.0), 3) for _ in range(count)]


def rhythm(days):
    """Quiet nights, busy days, noise on both."""
    return [value + (30.0 if 8 * HOUR <= number % DAY < 20 * HOUR else 0.0)
            for number, value in enumerate(noise(days * DAY, seed=2))]


class MetricsTest(ServerTest):
    def decide(self, **series):
        """The decisions by series. All series are sent side by side, as collectors do."""
        rows = sorted((number, name) for name, values in series.items() for number in range(len(values)))
        decisions = {name: [] for name in series}
        with self.server("--policy", POLICY).start().connect() as connection:
            for start in range(0, len(rows), BATCH):
                batch = rows[start:start + BATCH]
                results = connection.score(
                    [{"id": f"{name}-{number:05}", "event_time_us": START_US + number * 5 * MINUTE,
                      "attributes": [{"name": "series", "text": name}, {"name": "value", "number": series[name][number]}]}
                     for number, name in batch], return_features=True)
                for (_, name), result in zip(batch, results, strict=True):
                    decisions[name].append(result["decision"])
        return decisions

    @staticmethod
    def alerts(decisions):
        """Of the readings that are reported: the number, and the sentences by rule."""
        return {number: {reason["rule"]: reason["text"] for reason in decision["reasons"]}
                for number, decision in enumerate(decisions) if decision["verdict"] != "VERDICT_APPROVE"}

    def test_spike_and_level_shift(self):
        spike, shift, flat_step = noise(5 * DAY), noise(6 * DAY), [7.0] * (3 * DAY)
        spike[3 * DAY + 100] = 95.5
        for number in range(5 * DAY, 6 * DAY):
            shift[number] -= 20.0
        flat_step[2 * DAY:] = [9.0] * DAY
        decisions = self.decide(spike=spike, shift=shift, flat_step=flat_step, steady=noise(6 * DAY, seed=3),
                                flat=[7.0] * (6 * DAY))
        self.assertEqual({name: self.alerts(decisions[name]) for name in ("steady", "flat")}, {"steady": {}, "flat": {}})

        found = self.alerts(decisions["spike"])
        self.assertEqual(list(found), [3 * DAY + 100])
        before = spike[:3 * DAY + 100]
        distance = (95.5 - statistics.mean(before)) / statistics.stdev(before)
        self.assertEqual(found[3 * DAY + 100]["spike"],
                         f"95.5 is higher than all readings of 14 days and {distance:.1f} times the usual spread away from "
                         f"the mean of 60 days, {statistics.mean(before):.3f} (limit 4)")

        # The first reading is a spike downwards already. Nine hours later the level is still far from what it was, but
        # after one alert that takes more; and every reading makes the new level more usual.
        found = self.alerts(decisions["shift"])
        self.assertEqual(list(found)[0], 5 * DAY)
        self.assertIn("is lower than all readings of 14 days", found[5 * DAY]["spike"])
        for sentences in list(found.values())[1:]:
            self.assertRegex(" ".join(sentences.values()), "below (the mean of 60 days|what is usual at this hour)")
        self.assertLessEqual(len(found), 3)
        self.assertGreaterEqual(min(b - a for a, b in zip(list(found), list(found)[1:])), 9 * HOUR)

        found = self.alerts(decisions["flat_step"])
        self.assertEqual(list(found)[0], 2 * DAY)

    def test_values_are_what_their_names_say(self):
        values = noise(2 * DAY)
        figures = [{feature["name"]: feature.get("number") for feature in decision["features"]}
                   for decision in self.decide(s=values)["s"]]
        for number in (1, 7, DAY, 2 * DAY - 1):
            mean, spread = statistics.mean(values[:number]), statistics.stdev(values[:number]) if number > 1 else None
            self.assertAlmostEqual(figures[number]["metric.mean_60d"], mean, places=9)
            if spread is None:
                self.assertIsNone(figures[number].get("distance"))
                continue
            self.assertAlmostEqual(figures[number]["distance"], abs(values[number] - mean) / spread, places=9)
            level = statistics.mean(values[max(0, number - 8):number + 1])
            self.assertAlmostEqual(figures[number]["distance_45m"], abs(level - mean) / spread, places=9)
        hour = values[11 * HOUR:12 * HOUR]
        number = DAY + 12 * HOUR - 1  # the last one of this hour a day later
        spread = max(statistics.stdev(hour), 0.25 * statistics.stdev(values[:number]))
        value, level = (mean - statistics.mean(hour) for mean in (values[number], statistics.mean(values[number - 8:number + 1])))
        self.assertGreater(value * level, 0.0)  # on the same side
        self.assertAlmostEqual(figures[number]["distance_from_hour"], min(abs(value), abs(level)) / spread, places=9)

    def test_what_is_unusual_depends_on_the_hour(self):
        usual, night = rhythm(days=7), rhythm(days=7)
        for number in range(6 * DAY + 2 * HOUR, 6 * DAY + 4 * HOUR):
            night[number] += 30.0  # as every day at noon, but at two
        decisions = self.decide(usual=usual, night=night)
        self.assertEqual(self.alerts(decisions["usual"]), {})
        found = self.alerts(decisions["night"])
        self.assertEqual(len(found), 1, found)
        (number, sentences), = found.items()
        self.assertTrue(6 * DAY + 2 * HOUR <= number < 6 * DAY + 2 * HOUR + 9, number)
        self.assertEqual(list(sentences), ["unusual_for_the_hour"])
        self.assertRegex(sentences["unusual_for_the_hour"],
                         r"^\d\d\.\d+ and the mean of 45 minutes, \d\d\.\d+, are \d(\.\d)? times the usual spread or more "
                         r"above what is usual at this hour, \d\d\.\d+ \(limit 3\.25\)$")


if __name__ == "__main__":
    unittest.main()
