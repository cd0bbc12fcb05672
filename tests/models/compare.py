#!/usr/bin/env python3
"""Models of XGBoost and LightGBM on random rows: margins and predictions of Harrier beside the libraries' own.

usage: compare.py MODEL_ROWS [ROWS [NAME...]]     NAME: only models whose names contain one of them

Exit status 1 when a margin is more than 1e-6 of itself off, or a decision differs."""
import os
import subprocess
import sys
import tempfile

import lightgbm
import numpy
import xgboost

COLUMNS = 30
CATEGORICAL = 4  # the last columns of models with categories
SHAP_ROWS = 200
TRAINING = 10000


def make_rows(seed, count, missing=0.1, zeros=0.05, categories=40):
    """Columns of several kinds: wide, narrow, counts, heavy tails; the last ones are codes of categories."""
    rng = numpy.random.default_rng(seed)
    rows = rng.normal(size=(count, COLUMNS))
    rows[:, 3] = rng.lognormal(3, 2, count)
    rows[:, 4] = rng.integers(0, 5, count)
    rows[:, 5] = rng.integers(0, 2, count)
    rows[:, 6] = rng.uniform(-1e9, 1e9, count)
    rows[:, 7] = rng.normal(size=count) * 1e-8
    rows[:, -CATEGORICAL:] = rng.integers(0, categories, (count, CATEGORICAL))
    rows[rng.random(rows.shape) < zeros] = 0
    rows[rng.random(rows.shape) < missing] = numpy.nan
    return rows


def make_labels(rows, seed, classes=2):
    rng = numpy.random.default_rng(seed + 1)
    x = numpy.nan_to_num(rows)
    signal = x[:, 0] + x[:, 1] * x[:, 2] + numpy.log1p(numpy.abs(x[:, 3])) - 3 + (x[:, -1] % 3) + x[:, 4] * x[:, 5] / 3
    signal += rng.normal(size=len(rows)) * 0.5
    if classes == 0:
        return signal
    return numpy.digitize(signal, numpy.quantile(signal, numpy.arange(1, classes) / classes))


class Xgboost:
    def __init__(self, name, rounds, ubj=False, categories=False, classes=2, missing=0.1, **parameters):
        self.name, self.rounds, self.categories, self.classes, self.missing = name, rounds, categories, classes, missing
        self.format = "xgboost-ubj" if ubj else "xgboost-json"
        self.suffix = ".ubj" if ubj else ".json"
        self.parameters = {"objective": "binary:logistic", "max_depth": 6, "tree_method": "hist", "nthread": 1,
                           "seed": 7, **parameters}

    def matrix(self, rows, labels=None):
        types = ["q"] * COLUMNS
        if self.categories:
            types[-CATEGORICAL:] = ["c"] * CATEGORICAL
        return xgboost.DMatrix(rows, labels, feature_types=types, enable_categorical=True)

    def train(self, path, count=TRAINING):
        rows = make_rows(1, count, self.missing)
        labels = make_labels(rows, 1, self.classes)
        if self.parameters["objective"] in ("count:poisson", "reg:gamma", "reg:tweedie"):
            labels = numpy.exp(labels / 4)
        self.booster = xgboost.train(self.parameters, self.matrix(rows, labels), self.rounds)
        self.booster.save_model(path)

    def margins(self, rows):
        return self.booster.predict(self.matrix(rows), output_margin=True)

    def predictions(self, rows):
        if self.parameters["objective"] == "multi:softmax":
            margins = self.margins(rows)
            return numpy.exp(margins) / numpy.exp(margins).sum(axis=1, keepdims=True)
        return self.booster.predict(self.matrix(rows))


class Lightgbm:
    format, suffix = "lightgbm", ".txt"

    def __init__(self, name, rounds, categories=False, classes=2, missing=0.1, **parameters):
        self.name, self.rounds, self.categories, self.classes, self.missing = name, rounds, categories, classes, missing
        self.parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 7, **parameters}

    def train(self, path, count=TRAINING):
        rows = make_rows(1, count, self.missing)
        labels = make_labels(rows, 1, self.classes)
        if self.parameters["objective"] in ("poisson", "gamma", "tweedie"):
            labels = numpy.exp(labels / 4)
        chosen = list(range(COLUMNS - CATEGORICAL, COLUMNS)) if self.categories else []
        data = lightgbm.Dataset(rows, labels, categorical_feature=chosen, params={"verbose": -1})
        self.booster = lightgbm.train(self.parameters, data, self.rounds)
        self.booster.save_model(path)

    def margins(self, rows):
        return self.booster.predict(rows, raw_score=True)

    def predictions(self, rows):
        return self.booster.predict(rows)


MODELS = [
    Xgboost("xgboost json", 100),
    Xgboost("xgboost json, one tree", 1),
    Xgboost("xgboost json, 1,000 stumps", 1000, max_depth=1),
    Xgboost("xgboost ubj, 2,000 trees", 2000, ubj=True, max_depth=4),
    Xgboost("xgboost json, deep", 40, max_depth=16, min_child_weight=0.1),
    Xgboost("xgboost ubj, leaf-wise", 100, ubj=True, max_depth=0, max_leaves=64, grow_policy="lossguide"),
    Xgboost("xgboost json, exact", 100, tree_method="exact"),
    Xgboost("xgboost json, categories", 100, categories=True),
    Xgboost("xgboost ubj, one-hot categories", 100, ubj=True, categories=True, max_cat_to_onehot=100),
    Xgboost("xgboost json, nothing missing", 100, missing=0),
    Xgboost("xgboost json, 4 classes", 50, classes=4, objective="multi:softprob", num_class=4),
    Xgboost("xgboost ubj, softmax", 30, ubj=True, classes=3, objective="multi:softmax", num_class=3, categories=True),
    Xgboost("xgboost json, regression", 100, classes=0, objective="reg:squarederror"),
    Xgboost("xgboost ubj, poisson", 60, ubj=True, classes=0, objective="count:poisson"),
    Xgboost("xgboost json, random forest", 5, num_parallel_tree=20, subsample=0.7, colsample_bynode=0.5, base_score=0.3),
    Xgboost("xgboost json, raw", 20, objective="binary:logitraw", base_score=0.3),
    Xgboost("xgboost json, rare", 20, base_score=1e-7),
    Lightgbm("lightgbm", 100),
    Lightgbm("lightgbm, one tree", 1),
    Lightgbm("lightgbm, 2,000 trees", 2000, num_leaves=15),
    Lightgbm("lightgbm, deep", 100, num_leaves=255, min_data_in_leaf=2),
    Lightgbm("lightgbm, stumps", 500, num_leaves=2),
    Lightgbm("lightgbm, categories", 100, categories=True),
    Lightgbm("lightgbm, zero is missing", 100, zero_as_missing=True, categories=True),
    Lightgbm("lightgbm, missing not used", 100, use_missing=False),
    Lightgbm("lightgbm, nothing missing", 100, missing=0),
    Lightgbm("lightgbm, 4 classes", 50, classes=4, objective="multiclass", num_class=4),
    Lightgbm("lightgbm, one versus all", 30, classes=3, objective="multiclassova", num_class=3, sigmoid=1.5),
    Lightgbm("lightgbm, regression", 100, classes=0, objective="regression", reg_sqrt=True),
    Lightgbm("lightgbm, tweedie", 60, classes=0, objective="tweedie"),
    Lightgbm("lightgbm, random forest", 40, boosting="rf", bagging_freq=1, bagging_fraction=0.6, feature_fraction=0.6),
    Lightgbm("lightgbm, cross entropy", 60, objective="cross_entropy"),
]


def strange_rows(rows, seed):
    """What training did not see: other categories, huge and tiny numbers, whole rows missing."""
    rng = numpy.random.default_rng(seed)
    rows = rows.copy()
    some = rng.random(rows.shape) < 0.02
    rows[some] = rng.choice([-1e30, 1e30, 1e-36, -1e-36, 1e-30, 0.0, -0.0, 77.0, 7.5, 1000.0], some.sum())
    # XGBoost refuses codes below zero and beyond a float's whole numbers.
    rows[:, -CATEGORICAL:] = numpy.where(rows[:, -CATEGORICAL:] < 0, 50.0, rows[:, -CATEGORICAL:])
    rows[:, -CATEGORICAL:] = numpy.where(rows[:, -CATEGORICAL:] > 1e6, 999.0, rows[:, -CATEGORICAL:])
    rows[::1000] = numpy.nan
    return rows


def evaluate(program, model, path, rows):
    with tempfile.NamedTemporaryFile() as file:
        file.write(numpy.ascontiguousarray(rows).tobytes())
        file.flush()
        out = subprocess.run([program, model.format, path, file.name], stdout=subprocess.PIPE, check=True).stdout
    values = numpy.frombuffer(out).reshape(len(rows), 2, -1)
    return values[:, 0, :], values[:, 1, :]


def contributions(program, model, path, rows):
    """How far off they are, of the greatest one; None where the libraries' numbers are float sums of long paths."""
    if isinstance(model, Xgboost):
        theirs = model.booster.predict(model.matrix(rows), pred_contribs=True)
    else:
        theirs = model.booster.predict(rows, pred_contrib=True)
    with tempfile.NamedTemporaryFile() as file:
        file.write(numpy.ascontiguousarray(rows).tobytes())
        file.flush()
        out = subprocess.run([program, model.format, path, file.name, "contributions"], stdout=subprocess.PIPE, check=True)
    theirs = numpy.asarray(theirs, dtype=numpy.float64).reshape(len(rows), -1)
    ours = numpy.frombuffer(out.stdout).reshape(len(rows), -1)
    return numpy.max(numpy.abs(ours - theirs)) / numpy.max(numpy.abs(theirs))


def relative(a, b):
    return numpy.max(numpy.abs(a - b) / numpy.maximum(1, numpy.abs(b))) if len(a) else 0


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100000
    bad = 0
    print(f"XGBoost {xgboost.__version__}, LightGBM {lightgbm.__version__}, {count:,} rows each")
    print(f"{'model':34} {'trees':>6} {'bit-equal margins':>18} {'margin off by':>14} {'prediction':>11} {'decisions':>10} "
          f"{'contributions':>13}")
    for model in MODELS:
        if sys.argv[3:] and not any(name in model.name for name in sys.argv[3:]):
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model" + model.suffix)
            model.train(path)
            rows = strange_rows(make_rows(2, count), 3)
            margins, predictions = evaluate(program, model, path, rows)
            theirs = numpy.asarray(model.margins(rows), dtype=numpy.float64).reshape(count, -1)
            their_predictions = numpy.asarray(model.predictions(rows), dtype=numpy.float64).reshape(count, -1)
            shap_off = contributions(program, model, path, rows[:SHAP_ROWS])
            trees = len(model.booster.get_dump()) if isinstance(model, Xgboost) else model.booster.num_trees()
        equal = numpy.mean(numpy.all(margins == theirs, axis=1))
        off, prediction_off = relative(margins, theirs), relative(predictions, their_predictions)
        if margins.shape[1] > 1:
            differ = numpy.sum(margins.argmax(axis=1) != theirs.argmax(axis=1))
        else:
            cut = numpy.quantile(theirs, 0.9)
            differ = numpy.sum((margins > cut) != (theirs > cut))
        bad += off > 1e-6 or prediction_off > 1e-6 or differ > 0 or shap_off > (1e-4 if model.format != "lightgbm" else 1e-9)
        print(f"{model.name:34} {trees:6} {equal:17.2%} {off:15.2e} {prediction_off:11.2e} "
              f"{'same' if differ == 0 else f'{differ} differ':>10} {shap_off:13.2e}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
