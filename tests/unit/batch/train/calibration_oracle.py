#!/usr/bin/env python3
"""Prints the figures that test_train_calibration.c and test_train_metric.c expect, computed with scipy and scikit-learn.
Run it with a Python that has both; the tests themselves need neither."""
import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

MASK = (1 << 64) - 1
ROWS = 2000


def split_mix(state):
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        yield z ^ (z >> 31)


def rows():
    """As calibration_rows.h makes them."""
    random = split_mix(3)
    margins, weights, labels = [], [], []
    for _ in range(ROWS):
        positive = next(random) % 10 == 0
        margin = (next(random) % 512) / 64.0 - 6.0 + (1.5 if positive else 0.0)
        margins.append(margin)
        weights.append(1.0 if positive else float(1 << next(random) % 2 * 2))
        labels.append(positive)
    return np.array(margins), np.array(weights), np.array(labels, dtype=float)


margin, weight, label = rows()
positive, negative = weight[label == 1].sum(), weight[label == 0].sum()
target = np.where(label == 1, (positive + 1) / (positive + 2), 1 / (negative + 2))


def loss(of):
    z = of[0] * margin + of[1]
    return (weight * (np.logaddexp(0, z) - target * z)).sum()


def gradient(of):
    off = weight * (expit(of[0] * margin + of[1]) - target)
    return np.array([(off * margin).sum(), off.sum()])


def hessian(of):
    p = expit(of[0] * margin + of[1])
    curve = weight * p * (1 - p)
    return np.array([[(curve * margin**2).sum(), (curve * margin).sum()], [(curve * margin).sum(), curve.sum()]])


found = minimize(loss, [1.0, 0.0], jac=gradient, hess=hessian, method="trust-exact", options={"gtol": 1e-12, "maxiter": 1000})
print("platt %.15g %.15g" % tuple(found.x))

probability = expit(margin)
isotonic = IsotonicRegression(out_of_bounds="clip").fit(probability, label, sample_weight=weight)
print("isotonic " + ", ".join("%.15g" % p for p in isotonic.predict(expit(np.arange(20) / 2 - 6.25))))
print("points", len(isotonic.X_thresholds_))

print("average precision %.15g" % average_precision_score(label, margin, sample_weight=weight))
print("auc %.15g" % roc_auc_score(label, margin, sample_weight=weight))
print("log loss %.15g" % log_loss(label, probability, sample_weight=weight))
