"""Models for compare_onnx.py: trained with the libraries whose exporters write ONNX, and made by hand for what no
exporter writes."""
import warnings

import catboost
import lightgbm
import numpy
import onnx
import onnxmltools
import skl2onnx
import skl2onnx.common.tree_ensemble
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (ExtraTreesClassifier, GradientBoostingClassifier, GradientBoostingRegressor,
                              HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier,
                              RandomForestRegressor)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from compare import CATEGORICAL, COLUMNS, make_labels, make_rows

TRAINING = 5000

warnings.filterwarnings("ignore")


def _with_plain_integers(add_node):
    """skl2onnx gives onnx numpy's integers and booleans for HistGradientBoosting, which onnx refuses."""
    def wrapped(*arguments, **named):
        def plain(x):
            return int(x) if isinstance(x, (bool, numpy.bool_, numpy.integer)) else x
        return add_node(*map(plain, arguments), **{name: plain(x) for name, x in named.items()})
    return wrapped


skl2onnx.common.tree_ensemble.add_node = _with_plain_integers(skl2onnx.common.tree_ensemble.add_node)


class Exported:
    """margin: the tensor that is the margin, where it is not what the model's node gives."""
    def __init__(self, name, classes=2, missing=0.1, margin=None, exponent=False):
        self.name, self.classes, self.missing, self.margin, self.exponent = name, classes, missing, margin, exponent

    def training(self):
        rows = make_rows(1, TRAINING, self.missing)
        labels = make_labels(rows, 1, self.classes)
        return rows, numpy.exp(labels / 4) if self.exponent else labels


class Sklearn(Exported):
    def __init__(self, name, model, zipmap=True, **options):
        super().__init__(name, **options)
        self.model, self.zipmap = model, zipmap

    def export(self):
        rows, labels = self.training()
        rows = rows.astype(numpy.float32)
        self.model.fit(rows, labels)
        options = None if self.zipmap else {id(self.model): {"zipmap": False}}
        return skl2onnx.to_onnx(self.model, rows[:1], options=options)


class Lightgbm(Exported):
    def __init__(self, name, rounds, zipmap=True, categories=False, classes=2, missing=0.1, exponent=False, **parameters):
        super().__init__(name, classes, missing, exponent=exponent)
        self.rounds, self.zipmap, self.categories = rounds, zipmap, categories
        self.parameters = {"objective": "binary", "verbose": -1, "num_threads": 1, "seed": 7, **parameters}

    def export(self):
        rows, labels = self.training()
        chosen = list(range(COLUMNS - CATEGORICAL, COLUMNS)) if self.categories else []
        data = lightgbm.Dataset(rows, labels, categorical_feature=chosen, params={"verbose": -1})
        booster = lightgbm.train(self.parameters, data, self.rounds)
        types = [("input", FloatTensorType([None, COLUMNS]))]
        return onnxmltools.convert_lightgbm(booster, initial_types=types, zipmap=self.zipmap)


class Xgboost(Exported):
    def __init__(self, name, model, **options):
        super().__init__(name, **options)
        self.model = model

    def export(self):
        self.model.set_params(n_jobs=1, random_state=7)
        self.model.fit(*self.training())
        return onnxmltools.convert_xgboost(self.model, initial_types=[("input", FloatTensorType([None, COLUMNS]))])


class Catboost(Exported):
    def __init__(self, name, model, **options):
        super().__init__(name, **options)
        self.model = model

    def export(self):
        self.model.set_params(thread_count=1, random_seed=7, verbose=0, allow_writing_files=False)
        self.model.fit(*self.training())
        self.model.save_model("/dev/shm/harrier-catboost.onnx", format="onnx")
        return onnx.load("/dev/shm/harrier-catboost.onnx")


class Handmade(Exported):
    """Random trees with every kind of branch, equal numbers, missing values on either side."""
    def __init__(self, name, trees, modes, classes=0, is_double=False, aggregate="SUM", transform="NONE", ids="one",
                 base=None, positive=False):
        super().__init__(name, classes)
        self.trees, self.modes, self.is_double, self.aggregate, self.transform = trees, modes, is_double, aggregate, transform
        self.ids, self.base, self.positive = ids, base, positive

    def _grow(self, rng, rows, lists, tree, depth):
        node = len(lists["nodes_nodeids"]) - lists["first"]
        for name in ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids", "values", "modes",
                     "missing_value_tracks_true"):
            lists["nodes_" + name].append(0)
        at = lists["first"] + node
        lists["nodes_treeids"][at], lists["nodes_nodeids"][at] = tree, node
        if depth == 0 or rng.random() < 0.1:
            lists["nodes_modes"][at] = "LEAF"
            outputs = {"one": [0], "second": [1], "tree": [tree % max(self.classes, 1)],
                       "all": list(range(self.classes))}[self.ids]
            for output in outputs:
                weight = rng.normal() / 10
                lists["weights"].append((tree, node, output, abs(weight) if self.positive else weight))
            return node
        column = int(rng.integers(0, COLUMNS))
        present = rows[:, column][~numpy.isnan(rows[:, column])]
        lists["nodes_featureids"][at] = column
        lists["nodes_values"][at] = float(numpy.float32(rng.choice(present)))
        lists["nodes_modes"][at] = "BRANCH_" + str(rng.choice(self.modes))
        lists["nodes_missing_value_tracks_true"][at] = int(rng.integers(0, 2))
        yes = self._grow(rng, rows, lists, tree, depth - 1)
        lists["nodes_truenodeids"][at] = yes
        lists["nodes_falsenodeids"][at] = self._grow(rng, rows, lists, tree, depth - 1)
        return node

    def export(self):
        rng = numpy.random.default_rng(5)
        rows = make_rows(1, TRAINING)
        lists = {"nodes_" + name: [] for name in ("treeids", "nodeids", "featureids", "truenodeids", "falsenodeids",
                                                  "values", "modes", "missing_value_tracks_true")}
        lists.update(weights=[], first=0)
        for tree in range(self.trees):
            lists["first"] = len(lists["nodes_nodeids"])
            self._grow(rng, rows, lists, tree, 6)
        weights = lists.pop("weights")
        lists.pop("first")
        kind = "class" if self.classes else "target"
        for place, name in enumerate(("treeids", "nodeids", "ids")):
            lists[f"{kind}_{name}"] = [weight[place] for weight in weights]
        lists[f"{kind}_weights"] = [float(weight[3]) for weight in weights]
        if self.base:
            lists["base_values"] = self.base
        if self.is_double:
            for name in ("nodes_values", f"{kind}_weights", "base_values"):
                if name in lists:
                    values = numpy.array(lists.pop(name), dtype=numpy.float64)
                    lists[name + "_as_tensor"] = onnx.numpy_helper.from_array(values, name)
        if self.classes:
            lists["classlabels_int64s"] = list(range(self.classes))
            outputs = ["label", "scores"]
        else:
            lists.update(n_targets=1, aggregate_function=self.aggregate)
            outputs = ["scores"]
        node = onnx.helper.make_node("TreeEnsemble" + ("Classifier" if self.classes else "Regressor"), ["input"], outputs,
                                     domain="ai.onnx.ml", post_transform=self.transform, **lists)
        number = onnx.TensorProto.DOUBLE if self.is_double else onnx.TensorProto.FLOAT
        values = {"label": onnx.TensorProto.INT64, "scores": onnx.TensorProto.FLOAT}
        graph = onnx.helper.make_graph(
            [node], "trees", [onnx.helper.make_tensor_value_info("input", number, [None, COLUMNS])],
            [onnx.helper.make_tensor_value_info(name, values[name], None) for name in outputs])
        return onnx.helper.make_model(graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid("", 17),
                                                                          onnx.helper.make_opsetid("ai.onnx.ml", 3)])


ALL_MODES = ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ"]
MODELS = [
    Sklearn("sklearn gradient boosting", GradientBoostingClassifier(n_estimators=100, random_state=1), missing=0),
    Sklearn("sklearn gradient boosting, exponential", missing=0, margin="scaled_logits",
            model=GradientBoostingClassifier(n_estimators=60, loss="exponential", random_state=1)),
    Sklearn("sklearn gradient boosting, 4 classes", GradientBoostingClassifier(n_estimators=20, random_state=1), classes=4,
            missing=0),
    Sklearn("sklearn gradient boosting, regression", GradientBoostingRegressor(n_estimators=100, random_state=1), classes=0,
            missing=0),
    Sklearn("sklearn hist gradient boosting", HistGradientBoostingClassifier(max_iter=100, random_state=1)),
    Sklearn("sklearn hist gradient boosting, 4 classes", HistGradientBoostingClassifier(max_iter=40, random_state=1), classes=4),
    Sklearn("sklearn hist gradient boosting, regression", HistGradientBoostingRegressor(max_iter=100, random_state=1), classes=0),
    Sklearn("sklearn random forest", RandomForestClassifier(n_estimators=200, max_depth=12, random_state=1)),
    Sklearn("sklearn random forest, deep", RandomForestClassifier(n_estimators=30, random_state=1), zipmap=False),
    Sklearn("sklearn random forest, 4 classes", RandomForestClassifier(n_estimators=40, max_depth=8, random_state=1), classes=4),
    Sklearn("sklearn random forest, regression", RandomForestRegressor(n_estimators=30, max_depth=12, random_state=1), classes=0),
    Sklearn("sklearn extra trees", ExtraTreesClassifier(n_estimators=60, max_depth=10, random_state=1)),
    Sklearn("sklearn decision tree", DecisionTreeClassifier(random_state=1)),
    Sklearn("sklearn decision tree, regression", DecisionTreeRegressor(max_depth=10, random_state=1), classes=0),
    Sklearn("sklearn imputer, scaler, gradient boosting",
            make_pipeline(SimpleImputer(), StandardScaler(), GradientBoostingClassifier(n_estimators=60, random_state=1))),
    Sklearn("sklearn imputer, random forest",
            make_pipeline(SimpleImputer(strategy="median"), RandomForestClassifier(n_estimators=60, max_depth=8, random_state=1))),
    Sklearn("sklearn imputer, scaler, logistic regression",
            make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression(max_iter=300))),
    Sklearn("sklearn scaler, logistic regression, 4 classes",
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)), classes=4, missing=0),
    Sklearn("sklearn imputer, range, linear regression",
            make_pipeline(SimpleImputer(), MinMaxScaler(), LinearRegression()), classes=0),
    Sklearn("sklearn robust scaler, ridge", make_pipeline(RobustScaler(), Ridge()), classes=0, missing=0),
    Sklearn("sklearn scaler, poisson regression", make_pipeline(StandardScaler(), PoissonRegressor()), classes=0, missing=0,
            exponent=True, margin="Ad_C0"),
    Sklearn("sklearn some columns scaled, logistic regression", missing=0, model=make_pipeline(
        ColumnTransformer([("a", StandardScaler(), [0, 1, 2, 3]), ("b", "passthrough", [4, 5])]), LogisticRegression())),
    Sklearn("sklearn scaler, SGD", make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=1)), missing=0,
            margin="score"),
    Lightgbm("lightgbm", 100),
    Lightgbm("lightgbm, 2,000 trees", 2000, num_leaves=15),
    Lightgbm("lightgbm, deep", 60, num_leaves=255, min_data_in_leaf=2, zipmap=False),
    Lightgbm("lightgbm, categories", 40, categories=True),
    Lightgbm("lightgbm, 4 classes", 40, classes=4, objective="multiclass", num_class=4),
    Lightgbm("lightgbm, regression", 100, classes=0, objective="regression"),
    Lightgbm("lightgbm, tweedie", 60, classes=0, exponent=True, objective="tweedie"),
    Lightgbm("lightgbm, random forest", 40, boosting="rf", bagging_freq=1, bagging_fraction=0.6, feature_fraction=0.6),
    Xgboost("xgboost", xgboost.XGBClassifier(n_estimators=100, max_depth=6)),
    Xgboost("xgboost, one tree", xgboost.XGBClassifier(n_estimators=1, max_depth=6, base_score=0.3)),
    Xgboost("xgboost, 2,000 trees", xgboost.XGBClassifier(n_estimators=2000, max_depth=3)),
    Xgboost("xgboost, 1,000 stumps", xgboost.XGBClassifier(n_estimators=1000, max_depth=1)),
    Xgboost("xgboost, deep", xgboost.XGBClassifier(n_estimators=40, max_depth=16, min_child_weight=0.1)),
    Xgboost("xgboost, 4 classes", xgboost.XGBClassifier(n_estimators=40, max_depth=5), classes=4),
    Xgboost("xgboost, regression", xgboost.XGBRegressor(n_estimators=100, max_depth=6), classes=0),
    Xgboost("xgboost, poisson", xgboost.XGBRegressor(n_estimators=60, objective="count:poisson"), classes=0, exponent=True),
    Catboost("catboost", catboost.CatBoostClassifier(iterations=200, depth=6)),
    Catboost("catboost, 1,000 trees", catboost.CatBoostClassifier(iterations=1000, depth=4)),
    Catboost("catboost, 4 classes", catboost.CatBoostClassifier(iterations=60, depth=5), classes=4),
    Catboost("catboost, regression", catboost.CatBoostRegressor(iterations=100, depth=8), classes=0),
    Handmade("every branch, regression", 50, ALL_MODES),
    Handmade("every branch, average and base", 50, ALL_MODES, aggregate="AVERAGE", base=[0.7]),
    Handmade("every branch, doubles", 50, ALL_MODES, is_double=True, base=[0.1]),
    Handmade("only >=", 50, ["GTE"]),
    Handmade("only !=", 50, ["NEQ"]),
    Handmade("one weight, logistic", 50, ALL_MODES, classes=2, transform="LOGISTIC", base=[0.3]),
    Handmade("positive weights, logistic", 5, ALL_MODES, classes=2, transform="LOGISTIC", positive=True),
    Handmade("second class, logistic, doubles", 50, ALL_MODES, classes=2, transform="LOGISTIC", ids="second", is_double=True),
    Handmade("two weights, softmax", 50, ALL_MODES, classes=2, transform="SOFTMAX", ids="all"),
    Handmade("5 classes, base, softmax", 50, ALL_MODES, classes=5, transform="SOFTMAX", ids="all",
             base=[0.1, -0.2, 0.3, 0.4, 0.5]),
    Handmade("3 classes, logistic, doubles", 60, ALL_MODES, classes=3, transform="LOGISTIC", ids="tree", is_double=True),
]
