#!/usr/bin/env python3
"""Makes the ONNX models of this folder, and what onnxruntime says of them for rows.csv, with versions_onnx.txt:

  NAME.onnx           a model
  NAME.csv            for each row: margins, predictions, and where the file tells what contributions need, then these
                      of each output and its bias

usage: make_onnx.py      (needs the libraries of tests/models; the files in the repository are the result)"""
import os
import sys

import catboost
import lightgbm
import numpy
import onnx
import onnxmltools
import onnxruntime
import skl2onnx
import sklearn
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from make import HERE, NAMES, make_labels, make_rows, write_rows

sys.path.insert(0, os.path.join(HERE, "../../models"))
from compare_onnx import as_columns, core_of, margins_of, session  # noqa: E402

TYPES = [("input", FloatTensorType([None, len(NAMES)]))]


def training(classes, missing=True):
    rows = make_rows(1, 2000)
    labels = make_labels(rows, 2, classes)
    return (rows if missing else numpy.nan_to_num(rows)).astype(numpy.float32), labels


def of_sklearn(estimator, classes, missing=True, types=None):
    rows, labels = training(classes, missing)
    estimator.fit(rows, labels)
    return skl2onnx.convert_sklearn(estimator, initial_types=types or [("X", skl2onnx.common.data_types.FloatTensorType([None, 6]))])


def linear():
    """An input for each column."""
    types = [(name, skl2onnx.common.data_types.FloatTensorType([None, 1])) for name in NAMES]
    return of_sklearn(make_pipeline(SimpleImputer(), StandardScaler(), LinearRegression()), 0, types=types)


def of_lightgbm():
    rows, labels = training(2)
    data = lightgbm.Dataset(rows.astype(float), labels, categorical_feature=[4, 5], params={"verbose": -1})
    booster = lightgbm.train({"objective": "binary", "verbose": -1, "num_leaves": 8, "num_threads": 1}, data, 6)
    return onnxmltools.convert_lightgbm(booster, initial_types=TYPES)


def of_xgboost(classes, rounds):
    model = xgboost.XGBClassifier(n_estimators=rounds, max_depth=3, n_jobs=1)
    model.fit(*training(classes))
    return model, onnxmltools.convert_xgboost(model, initial_types=TYPES)


def of_catboost():
    model = catboost.CatBoostClassifier(iterations=6, depth=3, verbose=0, thread_count=1, allow_writing_files=False)
    model.fit(*training(2))
    model.save_model("/dev/shm/harrier-catboost.onnx", format="onnx")
    made = onnx.load("/dev/shm/harrier-catboost.onnx")
    made.doc_string = ""
    del made.metadata_props[:]
    made.producer_version = ""
    return made


COVERED = []


def covered():
    """The hit rates are XGBoost's covers, so contributions are its own."""
    model, made = of_xgboost(2, 6)
    COVERED.append(model)
    core = core_of(made)
    frame = model.get_booster().trees_to_dataframe().set_index("ID")
    rates = []

    def visit(key):  # in the exporter's order: a node, what is below its limit, the rest
        rates.append(float(frame.Cover[key]))
        if frame.Feature[key] != "Leaf":
            visit(frame.Yes[key])
            visit(frame.No[key])

    for tree in sorted(set(frame.Tree)):
        visit(f"{tree}-0")
    core.attribute.append(onnx.helper.make_attribute("nodes_hitrates", rates))
    return made


def branches():
    """A tree for each kind of branch and side of what is missing; averaged, with a base."""
    kinds = [(mode, missing) for mode in ("LEQ", "LT", "GTE", "GT", "EQ", "NEQ") for missing in (0, 1)]
    columns, values = [1, 3, 4, 5, 1, 3, 4, 5, 4, 4, 1, 1], [2, 7, 1, 11, 3, 12, 2, 20, 2, 1, 3, 0]
    lists = {name: [] for name in ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids", "values", "modes",
                                   "missing_value_tracks_true")}
    targets = {"treeids": [], "nodeids": [], "ids": [], "weights": []}
    for tree, (mode, missing) in enumerate(kinds):
        for node in range(3):
            entry = {"treeids": tree, "nodeids": node, "featureids": 0, "truenodeids": 0, "falsenodeids": 0, "values": 0.0,
                     "modes": "LEAF", "missing_value_tracks_true": 0}
            if node == 0:
                entry |= {"featureids": columns[tree], "truenodeids": 1, "falsenodeids": 2, "values": float(values[tree]),
                          "modes": "BRANCH_" + mode, "missing_value_tracks_true": missing}
            else:
                for name, value in (("treeids", tree), ("nodeids", node), ("ids", 0), ("weights", 0.1 + tree * node * node)):
                    targets[name].append(value)
            for name, value in entry.items():
                lists[name].append(value)
    node = onnx.helper.make_node("TreeEnsembleRegressor", ["input"], ["value"], name="trees", domain="ai.onnx.ml", n_targets=1,
                                 aggregate_function="AVERAGE", base_values=[0.25],
                                 **{"nodes_" + name: value for name, value in lists.items()},
                                 **{"target_" + name: value for name, value in targets.items()})
    graph = onnx.helper.make_graph([node], "branches",
                                   [onnx.helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [None, 6])],
                                   [onnx.helper.make_tensor_value_info("value", onnx.TensorProto.FLOAT, [None, 1])])
    return onnx.helper.make_model(graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid("", 17),
                                                                      onnx.helper.make_opsetid("ai.onnx.ml", 3)])


def graph_of(name, nodes, constants, classes):
    make = onnx.helper
    graph = make.make_graph(
        nodes, name, [make.make_tensor_value_info("input", onnx.TensorProto.FLOAT, [None, 6])],
        [make.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, [None, classes])],
        [onnx.numpy_helper.from_array(numpy.array(numbers, numpy.float32), constant) for constant, numbers in constants.items()])
    return make.make_model(graph, ir_version=8, opset_imports=[make.make_opsetid("", 17), make.make_opsetid("ai.onnx.ml", 3)])


def sums():
    """Arithmetic on each side of a matrix, and shares of three logistic functions."""
    make = onnx.helper.make_node
    constants = {"scale": [0.25, 1, 2, 0.5, -1, 0.125], "one": [1], "matrix": make_rows(9, 6)[:, :3] % 1 - 0.25, "more": [0.5, -1, 2],
                 "times": [0.5, -0.25, 0.125], "less": [3, 2, 1], "parts": [2, 4, 8]}
    constants["matrix"] = numpy.where(numpy.isnan(constants["matrix"]), 0.375, constants["matrix"])
    nodes = [make("Imputer", ["input"], ["known"], domain="ai.onnx.ml", imputed_value_floats=[0.5] * 6,
                  replaced_value_float=float("nan")),
             make("Scaler", ["known"], ["scaled"], domain="ai.onnx.ml", offset=[3.0] * 6, scale=[0.01] * 6),
             make("Mul", ["scaled", "scale"], ["a"]), make("Add", ["a", "one"], ["b"]), make("Sub", ["one", "b"], ["c"]),
             make("MatMul", ["c", "matrix"], ["d"]), make("Add", ["d", "more"], ["e"]), make("Mul", ["e", "times"], ["f"]),
             make("Sub", ["less", "f"], ["g"]), make("Div", ["g", "parts"], ["margin"]), make("Sigmoid", ["margin"], ["p"]),
             make("Abs", ["p"], ["sizes"]), make("ReduceSum", ["sizes", "axes"], ["total"], keepdims=1),
             make("Div", ["p", "total"], ["scores"])]
    made = graph_of("sums", nodes, constants, 3)
    made.graph.initializer.append(onnx.numpy_helper.from_array(numpy.array([1], numpy.int64), "axes"))
    return made


def pair():
    """Trees with the rows of their nodes: two == with leaves of their own, three with one; arithmetic; and a pair of classes."""
    make = onnx.helper.make_node
    trees = [  # node: column, mode, limit, children; or weight. And rows
        [(0, "LEQ", 20.0, 1, 2, 100), (0.5, 60), (1, "LT", 4.0, 3, 4, 40), (-0.25, 10), (1.75, 30)],
        [(4, "EQ", 1.0, 1, 2, 80), (0.75, 20), (4, "EQ", 2.0, 3, 4, 60), (-1.5, 15), (0.125, 45)],
        [(5, "EQ", 3.0, 3, 1, 80), (5, "EQ", 7.0, 3, 2, 70), (5, "EQ", 36.0, 3, 4, 60), (2.5, 10), (-0.5, 50)]]
    lists = {name: [] for name in ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids", "values", "modes", "hitrates")}
    targets = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for tree, nodes in enumerate(trees):
        for number, node in enumerate(nodes):
            column, mode, limit, yes, no, rows = node if len(node) > 2 else (0, "LEAF", 0.0, 0, 0, node[1])
            for name, value in zip(lists, (tree, number, column, yes, no, limit, "LEAF" if mode == "LEAF" else "BRANCH_" + mode,
                                           float(rows))):
                lists[name].append(value)
            if mode == "LEAF":
                for name, value in zip(targets, (tree, number, 0, node[0])):
                    targets[name].append(value)
    nodes = [make("TreeEnsembleRegressor", ["input"], ["a"], domain="ai.onnx.ml", n_targets=1,
                  nodes_missing_value_tracks_true=[int(tree == 2) for tree in lists["treeids"]],
                  **{"nodes_" + name: value for name, value in lists.items()},
                  **{"target_" + name: value for name, value in targets.items()}),
             make("Mul", ["a", "times"], ["b"]), make("Sub", ["less", "b"], ["c"]), make("Div", ["c", "parts"], ["margin"]),
             make("Sigmoid", ["margin"], ["p"]), make("Sub", ["one", "p"], ["q"]), make("Concat", ["q", "p"], ["both"], axis=1),
             make("Normalizer", ["both"], ["scores"], domain="ai.onnx.ml", norm="L1")]
    return graph_of("pair", nodes, {"times": [3], "less": [0.5], "parts": [4], "one": [1]}, 2)


MODELS = {
    "onnx_boosting": lambda: of_sklearn(GradientBoostingClassifier(n_estimators=6, random_state=1), 2, missing=False),
    "onnx_forest": lambda: of_sklearn(RandomForestClassifier(n_estimators=4, max_depth=4, random_state=1), 3),
    "onnx_logistic": lambda: of_sklearn(make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()), 2),
    "onnx_linear": linear,
    "onnx_lightgbm": of_lightgbm,
    "onnx_xgboost": lambda: of_xgboost(3, 3)[1],
    "onnx_catboost": of_catboost,
    "onnx_covers": covered,
    "onnx_branches": branches,
    "onnx_sums": sums,
    "onnx_pair": pair,
}


def columns_of(made, rows):
    if len(made.graph.input) == 1:
        return {made.graph.input[0].name: rows}
    return {name: rows[:, at:at + 1] for at, name in enumerate(NAMES)}


def inner(made, rows):
    """The tensor called margin."""
    changed = onnx.ModelProto()
    changed.CopyFrom(made)
    changed.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("margin", onnx.TensorProto.FLOAT, None))
    return as_columns(session(changed).run(None, {"input": rows})[0])


def expect(name, made, rows):
    rows = rows.astype(numpy.float32)
    own = session(made).run(None, columns_of(made, rows))
    predictions = as_columns(own[-1])
    if len(made.graph.input) > 1:
        margins = predictions
    elif any("margin" in node.output for node in made.graph.node):
        margins = inner(made, rows)
    else:
        margins = margins_of(made, rows, None)[0]
    if predictions.shape[1] == 2:
        margins, predictions = margins[:, -1:], predictions[:, 1:]
    columns = [margins, predictions]
    if name == "onnx_covers":
        columns.append(COVERED[0].get_booster().predict(xgboost.DMatrix(rows), pred_contribs=True))
    return numpy.hstack(columns)


def main():
    rows = make_rows(3, 40)
    rows[0] = numpy.nan
    rows[1] = 0
    rows[2, 4:] = [77, 1000]
    for name, make in MODELS.items():
        made = make()
        onnx.save(made, os.path.join(HERE, name + ".onnx"))
        write_rows(name + ".csv", expect(name, made, rows))
    libraries = (sklearn, skl2onnx, onnxmltools, lightgbm, xgboost, catboost, onnx, onnxruntime)
    with open(os.path.join(HERE, "versions_onnx.txt"), "w", encoding="ascii") as file:
        file.writelines(f"{library.__name__} {library.__version__}\n" for library in libraries)


if __name__ == "__main__":
    main()
