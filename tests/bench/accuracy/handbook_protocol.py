"""The Fraud Detection Handbook's protocol: which transactions of a test week count, and what their
scores are worth. docs/HANDBOOK.md says it in words.

A fold is named by its first day, counted from the data's first, which is day 0. It trains on that day and
the six after it, leaves out the next seven, because their outcomes would not be known yet, and tests on
the seven behind these. Nothing here trains; but the training week also says which customers are left out.
"""
import collections

from ranking import auc

TRAINING_DAYS = DELAY_DAYS = TEST_DAYS = 7
CARDS_A_DAY = 100  # as many as somebody can look at

Payment = collections.namedtuple("Payment", "day customer is_fraud score")
Figures = collections.namedtuple("Figures", "auc average_precision card_precision payments frauds")


def test_days(first_day):
    begin = first_day + TRAINING_DAYS + DELAY_DAYS
    return range(begin, begin + TEST_DAYS)


def known_customers(fraud_customers, first_day, test_day):
    """Those with a fraud since the training week began that is known on the test day: their cards are
    blocked by then. `fraud_customers` has the set of each day's."""
    return set().union(*(fraud_customers.get(day, ())
                         for day in range(first_day, test_day - DELAY_DAYS)))


def counted(payments_by_day, fraud_customers, first_day):
    """Of each test day, in order, the payments that count."""
    for day in test_days(first_day):
        known = known_customers(fraud_customers, first_day, day)
        yield [payment for payment in payments_by_day[day] if payment.customer not in known]


def average_precision(scored):
    """Of (score, is_bad) pairs: the precision at each threshold, weighted by the recall that it adds.
    What has equal scores is taken together, so that its order does not matter."""
    groups = collections.defaultdict(lambda: [0, 0])
    for score, is_bad in scored:
        groups[score][bool(is_bad)] += 1
    bads = sum(bad for _, bad in groups.values())
    if not bads:
        raise ValueError("needs a bad one")
    found = taken = 0
    total = 0.0
    for score in sorted(groups, reverse=True):
        good, bad = groups[score]
        found += bad
        taken += good + bad
        total += bad * found / taken
    return total / bads


def suspects(payments, found):
    """The customers whose greatest score of the day is among the hundred greatest, but for those found
    before; of equal ones those who paid first."""
    greatest = {}
    for payment in payments:
        if payment.customer not in found:
            greatest[payment.customer] = max(payment.score, greatest.get(payment.customer, payment.score))
    return sorted(greatest, key=greatest.get, reverse=True)[:CARDS_A_DAY]


def card_precision(days):
    """The mean over the days of the part of the hundred suspects that had a fraud on their day. Who was
    found is not looked for again."""
    found = set()
    shares = []
    for payments in days:
        defrauded = {payment.customer for payment in payments if payment.is_fraud}
        hits = defrauded.intersection(suspects(payments, found))
        shares.append(len(hits) / CARDS_A_DAY)
        found |= hits
    return sum(shares) / len(shares)


def measure(payments_by_day, first_day):
    """The figures of a fold. Days without payments are an error: this is other data then."""
    fraud_customers = {day: {payment.customer for payment in payments if payment.is_fraud}
                       for day, payments in payments_by_day.items()}
    days = list(counted(payments_by_day, fraud_customers, first_day))
    scored = [(payment.score, payment.is_fraud) for day in days for payment in day]
    return Figures(auc(scored), average_precision(scored), card_precision(days), len(scored),
                   sum(is_fraud for _, is_fraud in scored))


def mean(folds):
    """The means of the three figures."""
    return tuple(sum(fold[i] for fold in folds) / len(folds) for i in range(3))
