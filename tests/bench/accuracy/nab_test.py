#!/usr/bin/env python3
"""The scoring of the Numenta Anomaly Benchmark and what surrounds it, on series small enough to count by hand."""
import datetime
import math
import random
import unittest

import nab_corpus
import nab_limits
import nab_scoring as scoring
from nab_limits import Distances, Limits

STANDARD, LOW_FP, LOW_FN = scoring.PROFILES.values()


def detections(rows, *found):
    return [1.0 if row in found else 0.0 for row in range(rows)]


def total(profile, *found, rows=100, windows=((50, 59),)):
    """Of one series, with detections at these rows; may be negative, so that a single false one can be seen."""
    scores = detections(rows, *found)
    # A second series with a window that is found at once keeps the best threshold where the detections are.
    other = (detections(100, 80), [(80, 99)])
    count = len(windows) + 1
    return (scoring.best([(scores, list(windows)), other], profile).total * count - 100.0) / (count - 1)


class Scoring(unittest.TestCase):
    def test_nothing_detected(self):
        corpus = [(detections(100), [(50, 59)]), (detections(40), [])]
        for profile in scoring.PROFILES.values():
            self.assertEqual(scoring.best(corpus, profile), scoring.Result(0.0, math.inf, 0, 0))

    def test_perfect(self):
        corpus = [(detections(100, 50, 70), [(50, 59), (70, 75)]), (detections(40), []), (detections(30, 20), [(20, 29)])]
        for profile in scoring.PROFILES.values():
            result = scoring.best(corpus, profile)
            self.assertAlmostEqual(result.total, 100.0, places=12)
            self.assertEqual((result.threshold, result.found, result.false), (1.0, 3, 0))

    def test_early_detections_earn_more(self):
        last = (2 / (1 + math.exp(-0.5)) - 1) / (2 / (1 + math.exp(-5)) - 1)  # a tenth of the window is left
        self.assertAlmostEqual(total(STANDARD, 59), 100 * (1 + last) / 2)
        self.assertAlmostEqual(total(LOW_FN, 59), 100 * (2 + last) / 3)
        found = [total(STANDARD, row) for row in range(50, 60)]
        self.assertEqual(found, sorted(found, reverse=True))

    def test_only_the_earliest_detection_of_a_window_counts(self):
        self.assertEqual(total(STANDARD, 52, 53, 59), total(STANDARD, 52))

    def test_false_detections(self):
        self.assertAlmostEqual(total(STANDARD, 50, 30), 100 - 5.5)
        self.assertAlmostEqual(total(LOW_FP, 50, 30), 100 - 11)
        self.assertAlmostEqual(total(LOW_FN, 50, 30), 100 - 11 / 3)
        # Close behind the window they cost less: a ninth of its length behind it.
        near = 1 - 2 / (1 + math.exp(5 / 9))
        self.assertAlmostEqual(total(STANDARD, 50, 60), 100 - 5.5 * near)
        self.assertAlmostEqual(total(STANDARD, 50, 99), 100 - 5.5)

    def test_probation_does_not_count(self):
        self.assertEqual([scoring.probation(rows) for rows in (0, 6, 7, 4032, 5000, 5001, 22695)], [0, 0, 1, 604, 750, 750, 750])
        self.assertAlmostEqual(total(STANDARD, 50, *range(15)), 100)
        self.assertAlmostEqual(total(STANDARD, 50, 15), 100 - 5.5)

    def test_one_threshold_for_all_series(self):
        """The only threshold that finds both windows lets a false detection through."""
        first = [0.0] * 100
        first[50], first[30] = 0.9, 0.6
        second = [0.0] * 100
        second[50] = 0.5
        corpus = [(first, [(50, 59)]), (second, [(50, 59)])]
        result = scoring.best(corpus, STANDARD)
        self.assertEqual((result.threshold, result.found, result.false), (0.5, 2, 1))
        self.assertAlmostEqual(result.total, 100 * (4 - 0.11) / 4)

    def test_equal_scores_are_detections_together(self):
        scores = [0.5] * 100
        self.assertEqual(scoring.best([(scores, [(98, 99)])], STANDARD).total, 0.0)

    def test_against_counting_one_threshold_at_a_time(self):
        seed = random.Random(7)
        for _ in range(30):
            corpus = [([seed.randrange(4) / 3 for _ in range(60)], windows) for windows in ([(20, 25), (40, 44)], [], [(30, 39)])]
            totals = [0.0]
            for threshold in (0.0, 1 / 3, 2 / 3, 1.0):
                points = 0.0
                for scores, windows in corpus:
                    rows = [row for row, score in enumerate(scores) if score >= threshold]
                    worths = {row: found for row, *found in scoring.worths(60, windows)}
                    points += nab_limits.points(rows, worths, STANDARD)
                totals.append(100 * points / 6)
            self.assertAlmostEqual(scoring.best(corpus, STANDARD).total, max(totals))

    def test_windows_are_times_with_both_ends(self):
        times = [datetime.datetime(2026, 1, 5, hour) for hour in range(10)]
        self.assertEqual(scoring.windows_of_rows(times, [(times[2], times[4]), (times[7], times[7])]), [(2, 4), (7, 7)])
        with self.assertRaises(ValueError):
            scoring.windows_of_rows(times, [(times[9] + datetime.timedelta(minutes=1),) * 2])


class Corpus(unittest.TestCase):
    def test_windowed_gaussian(self):
        scores = nab_corpus.windowed_gaussian([1.0, 3.0, 2.0, 4.0], window=3, step=2)
        # No past; no spread yet; the mean; two and a half deviations from it, by the tail of the normal distribution.
        self.assertEqual(scores[:3], [0.0, 1.0, 0.5])
        self.assertAlmostEqual(scores[3], 1 - 0.5 * math.erfc(2 / math.sqrt(2 / 3) / 1.4142), places=11)

    def test_rows_are_cut_into_series(self):
        corpus = [nab_corpus.Series(name, [None] * rows, [], []) for name, rows in (("a", 2), ("b", 3))]
        self.assertEqual(nab_corpus.split(corpus, range(5)), [[0, 1], [2, 3, 4]])


class AlertsTest(unittest.TestCase):
    LIMITS = Limits(4.0, 4.0, 3.0, 0.5)

    @staticmethod
    def readings(*found):
        """(hour, distance of the level)"""
        start = datetime.datetime(2026, 1, 5)
        return [Distances(row, start + datetime.timedelta(hours=hour), 0.0, level, 0.0)
                for row, (hour, level) in enumerate(found)]

    def test_one_event_is_one_alert(self):
        self.assertEqual(nab_limits.alerts(self.readings((0, 4.0), (1, 9.0), (8, 9.0), (9, 9.0)), self.LIMITS), [0, 3])

    def test_each_alert_raises_the_limits_for_four_days(self):
        found = self.readings((0, 3.9), (1, 4.0), (20, 5.9), (21, 6.0), (40, 7.9), (41, 8.0), (97, 7.9), (98, 8.0), (194, 3.9), (195, 4.0))
        self.assertEqual(nab_limits.alerts(found, self.LIMITS), [1, 3, 5, 7, 9])

    def test_halves_share_every_folder(self):
        names = [f"{folder}/{number}" for folder in "ab" for number in range(4)]
        first, second = nab_limits.halves(names, 1)
        self.assertEqual(sorted(first + second), list(range(8)))
        self.assertEqual(sorted(names[series][0] for series in first), list("aabb"))


if __name__ == "__main__":
    unittest.main()
