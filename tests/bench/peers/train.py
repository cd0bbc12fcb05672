"""Trains the model of the FastAPI peer: 100 trees of depth 6 over its 32 features, the amount, and the ratio of the amount to the
usual one. The training data is random, since only the cost of the model matters, but the trees are full.

usage: train.py MODEL_FILE
"""

import sys

import numpy
import xgboost
from ruleset import FEATURES

ROWS = 40_000


def main():
    random = numpy.random.default_rng(1)
    rows = random.gamma(0.7, 20.0, (ROWS, len(FEATURES) + 2)).astype(numpy.float32)
    weights = random.normal(0, 1, rows.shape[1])
    signal = numpy.log1p(rows) @ weights + numpy.sin(rows[:, 0]) * 2 + random.normal(0, 1, ROWS)
    labels = (signal > numpy.quantile(signal, 0.95)).astype(numpy.float32)
    settings = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.1, "tree_method": "hist", "nthread": 1, "seed": 1}
    model = xgboost.train(settings, xgboost.DMatrix(rows, labels), num_boost_round=100)
    model.save_model(sys.argv[1])


main()
