"""The Fraud Detection Handbook's protocol: which payments of a test week count, and the figures of their
scores. docs/HANDBOOK.md describes it.

A fold is named by its first day, counted from the first day of the data, which is day 0. It trains on
that day and the six after it, leaves out the next seven, whose outcomes would not be known yet, and tests
on the seven after these. Nothing is trained here, but the training week also decides which customers are
left out.
"""
import collections

from ranking import auc

TRAINING_DAYS = DELAY_DAYS = TEST_DAYS = 7
FOLDS = (115, 122, 129, 136)
CARDS_A_DAY = 100  # as many as an analyst can examine

Payment = collections.namedtuple("Payment", "day customer is_fraud score")
Figures = collections.namedtuple("Figures", "auc average_precision card_precision payments frauds")


def test_days(first_day):
    begin = first_day + TRAINING_DAYS + DELAY_DAYS
    return range(begin, begin + TEST_DAYS)


def known_customers(fraud_customers, first_day, test_day):
    """Customers with a fraud since the start of the training week that is known on the test day: their
    cards are blocked by then. `fraud_customers` has the set for each day."""
    return set().union(*(fraud_customers.get(day, ())
                         for day in range(first_day, test_day - DELAY_DAYS)))


def counted(payments_by_day, fraud_customers, first_day):
    """The payments that count, for each test day in order."""
    for day in test_days(first_day):
        known = known_customers(fraud_customers, first_day, day)
        yield [payment for payment in payments_by_day[day] if payment.customer not in known]


def average_precision(scored):
    """The average precision of (score, is_bad) pairs: the precision at each threshold, weighted by the
    recall that it adds. Equal scores form one threshold, so their order does not matter."""
    groups = collections.defaultdict(lambda: [0, 0])
    for score, is_bad in scored:
        groups[score][bool(is_bad)] += 1
    bads = sum(bad for _, bad in groups.values())
    if not bads:
        raise ValueError("needs at least one bad payment")
    found = taken = 0
    total = 0.0
    for score in sorted(groups, reverse=True):
        good, bad = groups[score]
        found += bad
        taken += good + bad
        total += bad * found / taken
    return total / bads


def suspects(payments, found):
    """The customers whose highest score of the day is among the hundred highest, without those found
    before; among equal scores, those who paid first."""
    greatest = {}
    for payment in payments:
        if payment.customer not in found:
            greatest[payment.customer] = max(payment.score, greatest.get(payment.customer, payment.score))
    return sorted(greatest, key=greatest.get, reverse=True)[:CARDS_A_DAY]


def card_precision(days):
    """The mean over the days of the share of the hundred suspects that had a fraud on that day. Customers
    found once are left out on later days."""
    found = set()
    shares = []
    for payments in days:
        defrauded = {payment.customer for payment in payments if payment.is_fraud}
        hits = defrauded.intersection(suspects(payments, found))
        shares.append(len(hits) / CARDS_A_DAY)
        found |= hits
    return sum(shares) / len(shares)


def measure(payments_by_day, first_day):
    """The figures of a fold. `payments_by_day` must have every test day."""
    fraud_customers = {day: {payment.customer for payment in payments if payment.is_fraud}
                       for day, payments in payments_by_day.items()}
    days = list(counted(payments_by_day, fraud_customers, first_day))
    scored = [(payment.score, payment.is_fraud) for day in days for payment in day]
    return Figures(auc(scored), average_precision(scored), card_precision(days), len(scored),
                   sum(is_fraud for _, is_fraud in scored))


def measure_folds(known, scores):
    """The figures of each fold. `known` has day, customer and "is it fraud?" of every payment, `scores` its score."""
    payments = collections.defaultdict(list)
    for (day, customer, is_fraud), score in zip(known, scores, strict=True):
        payments[day].append(Payment(day, customer, is_fraud, score))
    return [measure(payments, fold) for fold in FOLDS]


def mean(folds):
    """The means of the three figures."""
    return tuple(sum(fold[i] for fold in folds) / len(folds) for i in range(3))
