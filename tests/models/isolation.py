#!/usr/bin/env python3
"""Isolation forests of scikit-learn beside Harrier: the same trees on the same rows, and both trainers on the same
data. Prints a table; exit status 1: scores differ by more than 10⁻⁶.

usage: isolation.py PROGRAMS [ROWS]      PROGRAMS: the folder of model_rows and isolation_grow
"""
import os
import subprocess
import sys
import tempfile

import numpy
import sklearn
from isolation_export import write
from sklearn.ensemble import IsolationForest

FORESTS = {
    "100 trees of 256 rows": {},
    "one tree": {"n_estimators": 1},
    "1,000 trees": {"n_estimators": 1000},
    "20 trees of 20,000 rows": {"n_estimators": 20, "max_samples": 20000},
    "trees of 2 rows": {"max_samples": 2},
    "3 inputs for each tree": {"max_features": 3},
    "with repetition": {"bootstrap": True},
}


def make_rows(seed, count):
    rng = numpy.random.default_rng(seed)
    return numpy.column_stack([
        rng.lognormal(3, 1.5, count), rng.integers(0, 9, count), rng.normal(size=count), rng.integers(0, 24, count),
        rng.normal(size=count) * 1e-5, rng.normal(size=count) * 1e30, numpy.round(rng.normal(size=count), 1)])


def evaluate(programs, path, rows):
    with tempfile.NamedTemporaryFile() as file:
        file.write(numpy.ascontiguousarray(rows, dtype=float).tobytes())
        file.flush()
        out = subprocess.run([os.path.join(programs, "model_rows"), "isolation-forest", path, file.name],
                             stdout=subprocess.PIPE, check=True).stdout
    return numpy.frombuffer(out).reshape(len(rows), 2)[:, 1]


def grow(programs, rows, path):
    with tempfile.NamedTemporaryFile() as file:
        file.write(numpy.ascontiguousarray(rows, dtype=float).tobytes())
        file.flush()
        with open(path, "wb") as out:
            subprocess.run([os.path.join(programs, "isolation_grow"), file.name, str(rows.shape[1]), "100", "256", "0",
                            "1"], stdout=out, check=True)


def main():
    programs, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100000
    training, rows = make_rows(1, 30000), make_rows(2, count)
    bad = 0
    print(f"scikit-learn {sklearn.__version__}, {count:,} rows each")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.iforest")
        for name, parameters in FORESTS.items():
            forest = IsolationForest(random_state=1, **parameters).fit(training)
            write(forest, path)
            off = numpy.max(numpy.abs(evaluate(programs, path, rows) + forest.score_samples(rows)))
            bad += not off <= 1e-6
            print(f"{name:28} largest difference {off:.2e}", flush=True)
        forest = IsolationForest(random_state=1).fit(training)
        grow(programs, training, path)
        theirs = -forest.score_samples(rows)
        ours = evaluate(programs, path, rows)
        print(f"both trainers, seed 1: mean {ours.mean():.4f} and {theirs.mean():.4f}, correlation of scores "
              f"{numpy.corrcoef(ours, theirs)[0, 1]:.4f}; of scikit-learn's seeds 1 and 2 "
              f"{numpy.corrcoef(-IsolationForest(random_state=2).fit(training).score_samples(rows), theirs)[0, 1]:.4f}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
