"""libxgboost without Python's package: margins of a file, and a training step by step, with its parts, weights, stopping
and calibration written down a second time, so that harrier train can be compared with it."""
import ctypes
import math

from xxh3 import xxh3

CONFIG = b'{"type": 1, "training": false, "iteration_begin": 0, "iteration_end": %d, "strict_shape": false}'


class Library:
    """One booster: of a file, or a new one of these matrices."""

    def __init__(self, names, types, model=None, matrices=()):
        self.names, self.types = names, types
        self.library = ctypes.CDLL("libxgboost.so.0")
        self.library.XGBGetLastError.restype = ctypes.c_char_p
        self.booster = ctypes.c_void_p()
        handles = (ctypes.c_void_p * max(len(matrices), 1))(*matrices)
        self.check(self.library.XGBoosterCreate(handles if matrices else None, ctypes.c_uint64(len(matrices)),
                                                ctypes.byref(self.booster)))
        if model:
            self.check(self.library.XGBoosterLoadModel(self.booster, model.encode()))

    def check(self, result):
        if result != 0:
            raise AssertionError(self.library.XGBGetLastError())

    def matrix(self, rows, labels=None, weights=None):
        width, matrix = len(self.types), ctypes.c_void_p()
        flat = (ctypes.c_float * (len(rows) * width))(*[value for row in rows for value in row])
        self.check(self.library.XGDMatrixCreateFromMat(flat, ctypes.c_uint64(len(rows)), ctypes.c_uint64(width),
                                                       ctypes.c_float(math.nan), ctypes.byref(matrix)))
        for field, values in (("feature_name", self.names), ("feature_type", self.types)):
            strings = (ctypes.c_char_p * width)(*[value.encode() for value in values])
            self.check(self.library.XGDMatrixSetStrFeatureInfo(matrix, field.encode(), strings, ctypes.c_uint64(width)))
        for field, values in (("label", labels), ("weight", weights)):
            if values:
                floats = (ctypes.c_float * len(values))(*values)
                self.check(self.library.XGDMatrixSetFloatInfo(matrix, field.encode(), floats, ctypes.c_uint64(len(values))))
        return matrix

    def set(self, **parameters):
        for name, value in parameters.items():
            self.check(self.library.XGBoosterSetParam(self.booster, name.encode(), str(value).encode()))

    def update(self, number, matrix):
        self.check(self.library.XGBoosterUpdateOneIter(self.booster, number, matrix))

    def margins(self, matrix, rounds=0):
        shape, dimensions = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64()
        result = ctypes.POINTER(ctypes.c_float)()
        self.check(self.library.XGBoosterPredictFromDMatrix(self.booster, matrix, CONFIG % rounds, ctypes.byref(shape),
                                                            ctypes.byref(dimensions), ctypes.byref(result)))
        return result[:shape[0]]


def auc_and_precision(scores, labels, weights=None):
    """Over thresholds from the greatest score down, ties as one step."""
    rows = sorted(zip(scores, labels, weights or [1] * len(scores)), reverse=True)
    positive = negative = area = precision = 0
    at = 0
    while at < len(rows):
        p = n = 0
        score = rows[at][0]
        while at < len(rows) and rows[at][0] == score:
            p, n, at = p + rows[at][1] * rows[at][2], n + (not rows[at][1]) * rows[at][2], at + 1
        area += n * (positive + p / 2)
        positive, negative = positive + p, negative + n
        precision += p * positive / (positive + negative)
    return area / (positive * negative), precision / positive


def sample(rows, most, seed):
    """rows: of (id, is fraud). The level at which they fit, and what each weighs; 0: left out."""
    hashes = [xxh3(identity.encode(), seed) for identity, _ in rows]
    for level in range(32):
        mask = (1 << level) - 1
        weights = [1 if fraud else 0 if value & mask else mask + 1 for value, (_, fraud) in zip(hashes, rows)]
        if sum(weight > 0 for weight in weights) <= most:
            return level, weights
    raise AssertionError("they do not fit")


def platt(margins, labels, weights):
    """Newton's method on a convex loss of two parameters, from a start near the minimum."""
    positive = sum(weight for label, weight in zip(labels, weights) if label)
    negative = sum(weights) - positive
    targets = [(positive + 1) / (positive + 2) if label else 1 / (negative + 2) for label in labels]
    a, b = 0.0, math.log((positive + 1) / (negative + 1))
    for _ in range(100):
        ga = gb = haa = hab = hbb = 0
        for margin, target, weight in zip(margins, targets, weights):
            p = 1 / (1 + math.exp(-(a * margin + b)))
            off, curve = weight * (p - target), weight * p * (1 - p)
            ga, gb = ga + off * margin, gb + off
            haa, hab, hbb = haa + curve * margin * margin, hab + curve * margin, hbb + curve
        scale = min(1, 0.5 / (abs(ga) + abs(gb) + 1e-9) * max(haa, hbb))
        a -= scale * (hbb * ga - hab * gb) / (haa * hbb - hab * hab)
        b -= scale * (haa * gb - hab * ga) / (haa * hbb - hab * hab)
    return a, b


def train_again(names, types, rows, parameters, rounds, early_stopping):
    """rows: of (event time, label, weight, values), in order. Returns what harrier train should have found."""
    count = len(rows)
    cuts = []
    for at in (int(count * (1 - 0.15 - 0.15)), int(count * (1 - 0.15))):
        while rows[at][0] == rows[at - 1][0]:
            at += 1
        cuts.append(at)
    parts = rows[:cuts[0]], rows[cuts[0]:cuts[1]], rows[cuts[1]:]
    weights = [sum(row[2] for row in parts[0] if row[1] == label) for label in (False, True)]
    fraud_weight = weights[0] / weights[1]
    maker = Library(names, types)
    matrices = [maker.matrix([row[3] for row in part], [float(row[1]) for row in part],
                             [row[2] * (fraud_weight if row[1] else 1) for row in part]) for part in parts]
    booster = Library(names, types, matrices=matrices[:2])
    booster.set(booster="gbtree", objective="binary:logistic", tree_method="hist", nthread=1, verbosity=0, base_score=0.5,
                disable_default_eval_metric=1, **parameters)
    best, best_precision, tried = 0, -1, 0
    while tried < rounds and tried - best < early_stopping:
        booster.update(tried, matrices[0])
        tried += 1
        precision = auc_and_precision(booster.margins(matrices[1]), *zip(*[row[1:3] for row in parts[1]]))[1]
        if precision > best_precision:
            best, best_precision = tried, precision
    margins = booster.margins(matrices[2], best)
    a, b = platt(margins, *zip(*[row[1:3] for row in parts[2]]))
    return {"rounds": best, "tried": tried, "precision": best_precision, "margins": margins, "last": parts[2], "a": a, "b": b,
            "fraud_weight": fraud_weight, "slices": [(len(part), sum(row[1] for row in part)) for part in parts]}
