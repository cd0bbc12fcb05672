"""How much of a gain is chance: the customers of each test week are drawn again and again, with replacement. Needs
numpy."""
import collections

import handbook_protocol as protocol

ROUNDS = 200
SCORES = 1001  # 0 to 1000

Week = collections.namedtuple("Week", "customers is_fraud scores")  # numbers, flags, and an array for each policy


def weeks_of(known, scores):
    """The counted payments of each fold; `scores` has a list for each policy."""
    import numpy
    by_day, fraud_customers = collections.defaultdict(list), collections.defaultdict(set)
    for number, (day, customer, is_fraud) in enumerate(known):
        by_day[day].append(protocol.Payment(day, customer, is_fraud, number))
        if is_fraud:
            fraud_customers[day].add(customer)
    for fold in protocol.FOLDS:
        rows = [payment for day in protocol.counted(by_day, fraud_customers, fold) for payment in day]
        numbers = [payment.score for payment in rows]
        _, customers = numpy.unique([payment.customer for payment in rows], return_inverse=True)
        yield Week(customers, numpy.array([payment.is_fraud for payment in rows]),
                   [numpy.array([of[number] for number in numbers]) for of in scores])


def figures(week, policy, weights):
    """AUC ROC and average precision, as handbook_protocol has them, with each payment counted `weights` times."""
    import numpy
    bad, good = (numpy.bincount(week.scores[policy], weights * flags, SCORES)[::-1]
                 for flags in (week.is_fraud, ~week.is_fraud))
    found, taken = numpy.cumsum(bad), numpy.cumsum(bad + good)
    below = good.sum() - numpy.cumsum(good) + good / 2
    return numpy.array([(bad * below).sum() / (bad.sum() * good.sum()),
                        (bad * found / numpy.maximum(taken, 1)).sum() / bad.sum()])


def differences(known, first, second):
    """The 2.5th and the 97.5th percentile of how much higher the means of AUC ROC and of average precision are with the
    second scores: ((low, high), (low, high))."""
    import numpy
    weeks, draw = list(weeks_of(known, (first, second))), numpy.random.default_rng(1)
    found = numpy.zeros((ROUNDS, 2))
    for row in found:
        for week in weeks:
            customers = week.customers.max() + 1
            times = numpy.bincount(draw.integers(0, customers, customers), minlength=customers)[week.customers]
            row += (figures(week, 1, times) - figures(week, 0, times)) / len(weeks)
    return numpy.percentile(found, (2.5, 97.5), axis=0).T
