#!/usr/bin/env python3
"""handbook_protocol, on weeks small enough to count by hand, and the features that handbook_features adds."""
import importlib.util
import os
import random
import re
import shutil
import tempfile
import unittest

import handbook_features
import handbook_intervals
import handbook_protocol as protocol
from handbook_protocol import Payment


def week(*days):
    """The seven test days of the fold that begins at day 0, from day 14 on."""
    assert len(days) == 7
    return {14 + i: list(payments) for i, payments in enumerate(days)}


class Protocol(unittest.TestCase):
    def test_days_of_a_fold(self):
        self.assertEqual(list(protocol.test_days(115)), [129, 130, 131, 132, 133, 134, 135])

    def test_known_customers_are_those_of_seven_days_ago_and_more(self):
        frauds = {day: {f"c{day}"} for day in range(-1, 20)}
        self.assertEqual(protocol.known_customers(frauds, 0, 14), {f"c{day}" for day in range(0, 7)})
        self.assertEqual(protocol.known_customers(frauds, 0, 20), {f"c{day}" for day in range(0, 13)})

    def test_known_customers_do_not_count(self):
        days = week(*[[Payment(14 + i, "known", 0, 9), Payment(14 + i, "new", 0, 1)] for i in range(7)])
        frauds = {6: {"known"}, 8: {"new"}}
        rows = [[payment.customer for payment in day] for day in protocol.counted(days, frauds, 0)]
        # The fraud of day 8 is known from day 16 on.
        self.assertEqual(rows, [["new"]] * 2 + [[]] * 5)

    def test_average_precision(self):
        # Precision 1 at the first recall of 1/2, 2/3 at the second.
        self.assertAlmostEqual(protocol.average_precision([(9, 1), (8, 0), (7, 1), (6, 0)]), (1 + 2 / 3) / 2)
        # Equal scores: one threshold, one precision, in whatever order.
        for pairs in ([(5, 1), (5, 0)], [(5, 0), (5, 1)]):
            self.assertEqual(protocol.average_precision(pairs), 0.5)
        with self.assertRaises(ValueError):
            protocol.average_precision([(5, 0)])

    def test_a_customer_counts_with_the_greatest_score_and_any_fraud(self):
        # The fraud is the payment with the lower score: the customer is still a hit.
        day = [Payment(14, "a", 0, 90), Payment(14, "a", 1, 10)] + [
            Payment(14, f"h{i}", 0, 50) for i in range(99)]
        self.assertEqual(protocol.card_precision([day]), 0.01)

    def test_only_a_hundred_are_looked_at(self):
        day = [Payment(14, f"h{i}", 0, 50) for i in range(100)] + [Payment(14, "a", 1, 50)]
        self.assertEqual(protocol.card_precision([day]), 0.0)
        self.assertEqual(protocol.card_precision([day[1:]]), 0.01)

    def test_who_was_found_makes_room(self):
        honest = [Payment(14, f"h{i}", 0, 50) for i in range(99)]
        days = [honest + [Payment(14, "a", 1, 90), Payment(14, "b", 1, 10)]] * 2
        # The first day finds a; on the second b is the hundredth.
        self.assertEqual(protocol.card_precision(days), 0.01)

    def test_figures_of_a_fold(self):
        days = {day: [] for day in range(21)}
        for i in range(7):
            days[14 + i] = [Payment(14 + i, f"bad{i}", 1, 2), Payment(14 + i, f"good{i}", 0, 2 * (i % 2) + 1)]
        figures = protocol.measure(days, 0)
        self.assertEqual((figures.payments, figures.frauds), (14, 7))
        self.assertAlmostEqual(figures.auc, 4 / 7)
        # Three honest ones with 3, seven frauds with 2 behind them, four honest ones with 1.
        self.assertAlmostEqual(figures.average_precision, 7 / 10)
        self.assertAlmostEqual(figures.card_precision, 0.01)
        self.assertEqual(protocol.mean([figures, figures]), figures[:3])

    def test_folds_count_their_own_weeks(self):
        known, scores = [], []
        for day in range(129, 157):
            # The fraud scores above the honest payment in the first two weeks, and below it later.
            known += [(day, f"bad{day}", 1), (day, f"good{day}", 0)]
            scores += [2, 1] if day < 143 else [1, 2]
        folds = protocol.measure_folds(known, scores)
        self.assertEqual([fold.auc for fold in folds], [1.0, 1.0, 0.0, 0.0])
        self.assertEqual([fold.payments for fold in folds], [14] * 4)
        with self.assertRaises(ValueError):
            protocol.measure_folds(known, scores[:-1])


@unittest.skipUnless(importlib.util.find_spec("numpy"), "numpy is not installed")
class Intervals(unittest.TestCase):
    def setUp(self):
        draw = random.Random(5)
        self.known = [(day, f"c{draw.randrange(40)}", draw.random() < 0.1)
                      for day in range(115, 157) for _ in range(30)]
        self.chance = [draw.randrange(1001) for _ in self.known]
        self.good = [score // 2 + 300 * is_fraud for score, (_, _, is_fraud) in zip(self.chance, self.known)]

    def test_each_payment_once_gives_the_protocols_figures(self):
        weeks = list(handbook_intervals.weeks_of(self.known, (self.chance, self.good)))
        for policy, scores in enumerate((self.chance, self.good)):
            for week, fold in zip(weeks, protocol.measure_folds(self.known, scores), strict=True):
                area, precision = handbook_intervals.figures(week, policy, week.customers * 0 + 1)
                self.assertEqual(len(week.customers), fold.payments)
                self.assertAlmostEqual(area, fold.auc)
                self.assertAlmostEqual(precision, fold.average_precision)

    def test_a_payment_counts_as_often_as_its_customer(self):
        week = next(handbook_intervals.weeks_of(self.known, (self.good,)))
        times = week.customers % 3
        rows = zip(week.scores[0].tolist(), week.is_fraud.tolist(), times)
        pairs = [(score, is_fraud) for score, is_fraud, count in rows for _ in range(count)]
        area, precision = handbook_intervals.figures(week, 0, times)
        self.assertAlmostEqual(area, protocol.auc(pairs))
        self.assertAlmostEqual(precision, protocol.average_precision(pairs))

    def test_differences(self):
        for low, high in handbook_intervals.differences(self.known, self.good, self.good):
            self.assertEqual((low, high), (0.0, 0.0))
        for low, high in handbook_intervals.differences(self.known, self.chance, self.good):
            self.assertTrue(0.1 < low < high < 1.0)


class Features(unittest.TestCase):
    POLICY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "rules", "handbook")

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        for name in ("features.yaml", "schema.yaml"):
            shutil.copy(os.path.join(self.POLICY, name), self.folder)

    def read(self):
        with open(os.path.join(self.folder, "features.yaml"), encoding="utf-8") as file:
            return file.read()

    def test_they_are_added_to_each_entity(self):
        before = self.read()
        handbook_features.add_to(self.folder)
        after = self.read()
        places = ("  customer:\n", "  terminal:\n", "\nvalues:\n")
        customer, terminal, values = (after.index(place) for place in places)
        self.assertTrue(customer < after.index("usual_amount_120d") < terminal < after.index("frauds_28d") < values)
        for text in (handbook_features.CUSTOMER, handbook_features.TERMINAL, handbook_features.VALUES):
            after = after.replace(text, "")
        self.assertEqual(after, before)

    def test_no_window_over_outcomes_begins_before_they_are_known(self):
        lines = (handbook_features.CUSTOMER + handbook_features.TERMINAL).splitlines()
        windows = [line for line in lines if "outcome" in line]
        self.assertGreater(len(windows), 10)
        for line in windows:
            self.assertGreaterEqual(int(re.search(r"delay: (\d+)d", line)[1]), protocol.DELAY_DAYS, line)

    def test_a_policy_without_their_places_is_refused(self):
        with open(os.path.join(self.folder, "features.yaml"), "w", encoding="utf-8") as file:
            file.write("features:\n  card: []\n")
        with self.assertRaisesRegex(RuntimeError, "customer"):
            handbook_features.add_to(self.folder)


if __name__ == "__main__":
    unittest.main()
