#!/usr/bin/env python3
"""Time of one row: XGBoost's C API in place (XGBoosterPredictFromDense), a plain loop over nodes, Harrier's evaluator.

usage: time.py MODEL_SPEED"""
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy
import xgboost

from compare import Lightgbm, Xgboost, make_rows


def c_api_ns(booster, rows):
    """The best of many calls for one row, with all that does not change between calls made beforehand. ctypes' own part,
    that of a call that does nothing (XGBoostVersion), is taken off."""
    library = xgboost.core._LIB
    row = numpy.ascontiguousarray(rows[:1], dtype=numpy.float32)
    interface = json.dumps({"data": [row.ctypes.data, True], "shape": list(row.shape), "typestr": "<f4", "version": 3}).encode()
    config = json.dumps({"type": 1, "training": False, "iteration_begin": 0, "iteration_end": 0, "strict_shape": False,
                         "missing": float("nan"), "cache_id": 0}).encode()
    shape, dimensions, result = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64(), ctypes.POINTER(ctypes.c_float)()
    arguments = (booster.handle, interface, config, None, ctypes.byref(shape), ctypes.byref(dimensions), ctypes.byref(result))
    number = ctypes.c_int()

    def best(call):
        lowest = float("inf")
        for _ in range(200):
            begin = time.perf_counter_ns()
            for _ in range(20):
                call()
            lowest = min(lowest, (time.perf_counter_ns() - begin) / 20)
        return lowest

    def predict():
        assert library.XGBoosterPredictFromDense(*arguments) == 0

    predict()
    return best(predict) - best(lambda: library.XGBoostVersion(ctypes.byref(number), ctypes.byref(number), ctypes.byref(number)))


def main():
    rows = make_rows(2, 4096)
    print(f"\n{'ns a row':34} {'C API':>9} {'plain loop':>11} {'one row':>9} {'of 64 rows':>11} {'contributions':>14}")
    for model in (Xgboost("xgboost, 100 trees of depth 6", 100), Lightgbm("lightgbm, 100 trees of 64 leaves", 100, num_leaves=64)):
        with tempfile.TemporaryDirectory() as folder:
            path, data = os.path.join(folder, "model" + model.suffix), os.path.join(folder, "rows")
            model.train(path)
            rows.tofile(data)
            if isinstance(model, Xgboost):
                model.booster.set_param({"nthread": 1})
            out = subprocess.run([sys.argv[1], model.format, path, data, "20"], stdout=subprocess.PIPE, check=True).stdout
            api = f"{c_api_ns(model.booster, rows):9.0f}" if isinstance(model, Xgboost) else f"{'':9}"
        plain, single, batch, contributions = (float(word) for word in out.split())
        print(f"{model.name:34} {api} {plain:11.0f} {single:9.0f} {batch:11.0f} {contributions:14.0f}")


if __name__ == "__main__":
    main()
