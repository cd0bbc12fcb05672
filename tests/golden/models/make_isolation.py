#!/usr/bin/env python3
"""Makes isolation.iforest, a forest of scikit-learn, and isolation.csv: rows, empty where an input is missing, and
the score of each, −score_samples(). Made with scikit-learn 1.9.1.

usage: make_isolation.py      (needs numpy and scikit-learn; the files in the repository are the result)"""
import os
import sys

import numpy
from sklearn.ensemble import IsolationForest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "models"))
from isolation_export import write  # noqa: E402


def make_rows(seed, count):
    rng = numpy.random.default_rng(seed)
    rows = numpy.column_stack([numpy.round(rng.lognormal(3, 1.5, count), 2), rng.integers(0, 9, count),
                               rng.normal(size=count), rng.integers(0, 24, count)]).astype(numpy.float32)
    rows[rng.random(rows.shape) < 0.1] = numpy.nan
    return rows


def main():
    forest = IsolationForest(n_estimators=10, max_samples=64, random_state=1).fit(make_rows(1, 2000))
    rows = make_rows(2, 120)
    write(forest, os.path.join(HERE, "isolation.iforest"))
    with open(os.path.join(HERE, "isolation.csv"), "w", encoding="ascii") as file:
        for row, score in zip(rows, -forest.score_samples(rows)):
            cells = ["" if numpy.isnan(x) else repr(float(x)) for x in row]
            file.write(",".join([*cells, repr(float(score))]) + "\n")


if __name__ == "__main__":
    main()
