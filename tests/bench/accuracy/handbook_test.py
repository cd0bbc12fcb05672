#!/usr/bin/env python3
"""handbook_protocol, on weeks small enough to count by hand."""
import unittest

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


if __name__ == "__main__":
    unittest.main()
