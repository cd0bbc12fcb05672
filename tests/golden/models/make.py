#!/usr/bin/env python3
"""Makes the models of this folder, and what the libraries say of them, with the versions in versions.txt:

  rows.csv            inputs: a row a line, empty where one is missing
  NAME.json|ubj|txt   a model
  NAME.csv            for each row: margins, predictions, then the contributions of each output and its bias

usage: make.py      (needs numpy, xgboost and lightgbm; the files in the repository are the result)"""
import os

import lightgbm
import numpy
import xgboost

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = ["amount", "count", "ratio", "hour", "channel", "country"]
CODES = 2  # the last columns are codes of categories


def make_rows(seed, count):
    rng = numpy.random.default_rng(seed)
    rows = numpy.column_stack([
        numpy.round(rng.lognormal(3, 1.5, count), 2), rng.integers(0, 9, count), rng.normal(size=count),
        rng.integers(0, 24, count), rng.integers(0, 4, count), rng.integers(0, 40, count)]).astype(float)
    rows[rng.random(rows.shape) < 0.12] = numpy.nan
    return rows


def make_labels(rows, seed, classes):
    x = numpy.nan_to_num(rows)
    signal = numpy.log1p(x[:, 0]) + x[:, 1] * x[:, 2] / 3 + (x[:, 4] == 2) + (x[:, 5] % 3) / 2
    signal += numpy.random.default_rng(seed).normal(size=len(rows)) * 0.3
    if classes == 0:
        return numpy.exp(signal / 3)
    return numpy.digitize(signal, numpy.quantile(signal, numpy.arange(1, classes) / classes))


def matrix(rows, labels=None, categories=False):
    types = ["q"] * 4 + (["c"] * 2 if categories else ["q"] * 2)
    return xgboost.DMatrix(rows, labels, feature_names=NAMES, feature_types=types, enable_categorical=True)


def train_xgboost(suffix, rounds, categories=False, classes=2, **parameters):
    rows = make_rows(1, 2000)
    data = matrix(rows, make_labels(rows, 2, classes), categories)
    booster = xgboost.train({"objective": "binary:logistic", "max_depth": 4, "nthread": 1, **parameters}, data, rounds)

    def expect(rows):
        data = matrix(rows, None, categories)
        return [booster.predict(data, output_margin=True), booster.predict(data), booster.predict(data, pred_contribs=True)]
    return booster.save_model, suffix, expect


def train_lightgbm(rounds, categories=False, classes=2, **parameters):
    rows = make_rows(1, 2000)
    data = lightgbm.Dataset(rows, make_labels(rows, 2, classes), feature_name=NAMES,
                            categorical_feature=[4, 5] if categories else [], params={"verbose": -1})
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_leaves": 10, "num_threads": 1,
                              "deterministic": True, **parameters}, data, rounds)

    def save(path):  # without the parameters and importances that follow the trees
        text = booster.model_to_string()
        with open(path, "w", encoding="ascii") as file:
            file.write(text[:text.index("end of trees")] + "end of trees\n")

    def expect(rows):
        return [booster.predict(rows, raw_score=True), booster.predict(rows), booster.predict(rows, pred_contrib=True)]
    return save, ".txt", expect


MODELS = {
    "xgboost": lambda: train_xgboost(".json", 8),
    "xgboost_ubj": lambda: train_xgboost(".ubj", 12),
    "xgboost_categories": lambda: train_xgboost(".ubj", 8, categories=True, max_depth=5),
    "xgboost_classes": lambda: train_xgboost(".ubj", 4, classes=3, objective="multi:softprob", num_class=3),
    "xgboost_raw": lambda: train_xgboost(".json", 3, objective="binary:logitraw", base_score=0.3),
    "xgboost_rare": lambda: train_xgboost(".json", 3, base_score=1e-7),
    "xgboost_gamma": lambda: train_xgboost(".ubj", 8, classes=0, objective="reg:gamma"),
    "lightgbm": lambda: train_lightgbm(12),
    "lightgbm_categories": lambda: train_lightgbm(8, categories=True),
    "lightgbm_zeros": lambda: train_lightgbm(6, zero_as_missing=True),
    "lightgbm_classes": lambda: train_lightgbm(4, classes=3, objective="multiclass", num_class=3),
    "lightgbm_regression": lambda: train_lightgbm(6, classes=0, objective="regression", reg_sqrt=True),
}


def write_rows(name, rows):
    with open(os.path.join(HERE, name), "w", encoding="ascii") as file:
        for row in rows:
            file.write(",".join("" if numpy.isnan(x) else repr(float(x)) for x in row) + "\n")


def main():
    rows = make_rows(3, 40)
    rows[0] = numpy.nan
    rows[1] = 0
    rows[2, 4:] = [77, 1000]  # categories that no row of the training has
    write_rows("rows.csv", rows)
    for name, train in MODELS.items():
        save, suffix, expect = train()
        save(os.path.join(HERE, name + suffix))
        columns = [numpy.asarray(x).reshape(len(rows), -1) for x in expect(rows)]
        write_rows(name + ".csv", numpy.hstack(columns))
    with open(os.path.join(HERE, "versions.txt"), "w", encoding="ascii") as file:
        file.write(f"xgboost {xgboost.__version__}\nlightgbm {lightgbm.__version__}\nnumpy {numpy.__version__}\n")


if __name__ == "__main__":
    main()
