#!/usr/bin/env python3
"""Writes a scikit-learn IsolationForest as a file that a policy's models.yaml takes (core/model/isolation.h).

usage: isolation_export.py FOREST.joblib MODEL.iforest

In a notebook: `import isolation_export`, then `isolation_export.write(forest, "anomaly.iforest")`. Harrier's score
is −score_samples(). scikit-learn rounds inputs to binary32 and asks whether they are at most a threshold; Harrier
asks whether a double is below a limit. The limits written are those that divide all doubles in the same way.
"""
import json
import math
import sys

import numpy


def limit_of(threshold):
    """The least double that, rounded to binary32, is above the threshold."""
    greatest = numpy.float32(threshold)
    if float(greatest) > threshold:
        greatest = numpy.nextafter(greatest, numpy.float32(-numpy.inf))
    following = numpy.nextafter(greatest, numpy.float32(numpy.inf))
    middle = (float(greatest) + float(following)) / 2  # exact; a tie is rounded to the even one of the two
    return middle if numpy.float32(middle) > greatest else math.nextafter(middle, math.inf)


def tree_of(tree, inputs):
    """inputs: for each of the tree's inputs its number in the forest."""
    order, arrays = [0], {"left": [], "input": [], "limit": [], "missing_left": [], "rows": []}
    for node in order:  # level by level, so that siblings are adjacent
        is_leaf = tree.children_left[node] == -1
        arrays["left"].append(-1 if is_leaf else len(order))
        arrays["input"].append(-1 if is_leaf else int(inputs[tree.feature[node]]))
        arrays["limit"].append(0 if is_leaf else limit_of(float(tree.threshold[node])))
        arrays["missing_left"].append(0 if is_leaf else int(tree.missing_go_to_left[node]))
        arrays["rows"].append(int(tree.n_node_samples[node]))
        if not is_leaf:
            order += [tree.children_left[node], tree.children_right[node]]
    return arrays


def document_of(forest):
    names = getattr(forest, "feature_names_in_", None)
    return {"format": "isolation-forest", "version": 1, "sample": int(forest.max_samples_),
            "inputs": [f"x{i}" for i in range(forest.n_features_in_)] if names is None else list(map(str, names)),
            "trees": [tree_of(tree.tree_, inputs)
                      for tree, inputs in zip(forest.estimators_, forest.estimators_features_)]}


def write(forest, path):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document_of(forest), file, separators=(",", ":"))


if __name__ == "__main__":
    import joblib
    write(joblib.load(sys.argv[1]), sys.argv[2])
