#!/usr/bin/env python3
"""Models in ONNX on random rows: margins and predictions of Harrier beside onnxruntime's, which runs on one thread.

usage: compare_onnx.py MODEL_ROWS [ROWS [NAME...]]     NAME: only models whose names contain one of them

The margin is the sum before its link: onnxruntime gives it when the file's post_transform is taken off, or as a tensor
inside of the graph. Sums of trees must be equal bit for bit. onnxruntime adds the products of linear models in an order
that depends on the processor, so these may be 1e-6 of the sum of the products' sizes off, and rows whose margin is as
near as that to the limit of a decision are counted apart.

Exit status 1 when a margin, a prediction or a decision is off by more."""
import os
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime

from compare import make_rows, relative, strange_rows
from onnx_models import MODELS

CORES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor", "LinearClassifier", "LinearRegressor", "MatMul")


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def run(model, rows, outputs=None):
    run_by = session(model)
    own = run_by.get_inputs()[0]
    kind = numpy.float64 if "double" in own.type else numpy.float32
    return run_by.run(outputs, {own.name: rows.astype(kind)})


def as_columns(values):
    if isinstance(values, list):
        values = [[row[key] for key in sorted(row)] for row in values]
    values = numpy.asarray(values, dtype=numpy.float64)
    return values.reshape(len(values), -1)


def core_of(model):
    return next(node for node in model.graph.node if node.op_type in CORES)


def margins_of(model, rows, tensor):
    """Margins, and what went into the model's node."""
    raw = onnx.ModelProto()
    raw.CopyFrom(model)
    core = core_of(raw)
    for attribute in core.attribute:
        if attribute.name == "post_transform":
            attribute.s = b"NONE"
    scores = tensor or core.output[-1]
    del raw.graph.output[:]
    raw.graph.output.append(onnx.helper.make_tensor_value_info(scores, onnx.TensorProto.FLOAT, None))
    names = [scores]
    if core.input[0] != raw.graph.input[0].name:
        raw.graph.output.append(onnx.helper.make_tensor_value_info(core.input[0], onnx.TensorProto.FLOAT, None))
        names.append(core.input[0])
    found = run(raw, rows, names)
    return as_columns(found[0]), found[1] if len(found) > 1 else rows.astype(numpy.float32)


def sizes_of(model, given, count):
    """Of linear models: the sum of the sizes of each row's products. None: trees."""
    core = core_of(model)
    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in core.attribute}
    if core.op_type.startswith("Tree"):
        return None
    if core.op_type == "MatMul":
        constants = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        weights = constants[core.input[1]].reshape(given.shape[1], -1).T
    else:
        weights = numpy.array(attributes["coefficients"]).reshape(-1, given.shape[1])
    return (numpy.abs(given.astype(numpy.float64)) @ numpy.abs(weights[-count:]).T) + 1


def evaluate(program, path, rows):
    with tempfile.NamedTemporaryFile() as file:
        file.write(numpy.ascontiguousarray(rows).tobytes())
        file.flush()
        out = subprocess.run([program, "onnx", path, file.name], stdout=subprocess.PIPE, check=True).stdout
    values = numpy.frombuffer(out).reshape(len(rows), 2, -1)
    return values[:, 0, :], values[:, 1, :]


def compare(program, model, rows):
    exported = model.export()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        onnx.save(exported, path)
        margins, predictions = evaluate(program, path, rows)
    theirs, given = margins_of(exported, rows, model.margin)
    their_predictions = as_columns(run(exported, rows)[-1])
    count = margins.shape[1]
    theirs, their_predictions = theirs[:, -count:], their_predictions[:, -count:]
    sizes = sizes_of(exported, given, count)
    known = ~numpy.isnan(theirs).any(axis=1)  # a linear model has no value if an input is missing
    if sizes is not None:
        known &= (sizes < 1e30).all(axis=1)
    missing_differ = int((numpy.isnan(theirs) != numpy.isnan(margins)).sum())
    margins, theirs, predictions = margins[known], theirs[known], predictions[known]
    their_predictions = their_predictions[known]
    unsure = numpy.zeros(len(theirs), dtype=bool)
    if count > 1:
        differ = margins.argmax(axis=1) != theirs.argmax(axis=1)
        if sizes is not None:
            top = numpy.sort(theirs, axis=1)
            unsure = top[:, -1] - top[:, -2] < 1e-6 * sizes[known].max(axis=1)
    else:
        cut = numpy.quantile(theirs, 0.9)
        differ = ((margins > cut) != (theirs > cut)).any(axis=1)
        if sizes is not None:
            unsure = (numpy.abs(theirs - cut) < 1e-6 * sizes[known]).any(axis=1)
    off = relative(margins, theirs) if sizes is None else numpy.max(numpy.abs(margins - theirs) / sizes[known])
    if numpy.isnan(predictions).all():  # no link: the graph's output is the margin
        predictions = margins
    # Of linear models, what the link makes of the margin's difference, too.
    allowed = 1e-6 if sizes is None else 1e-6 * numpy.maximum(1, sizes[known])
    with numpy.errstate(invalid="ignore"):
        prediction_off = numpy.abs(predictions - their_predictions) / numpy.maximum(1, numpy.abs(their_predictions))
    prediction_off[predictions == their_predictions] = 0  # both infinite
    is_good = (off <= 1e-6 and not (differ & ~unsure).any() and missing_differ == 0 and
               (prediction_off <= allowed).all())
    equal = numpy.mean(numpy.all(margins == theirs, axis=1))
    is_good = is_good and (sizes is not None or equal == 1)
    trees = 0
    for attribute in core_of(exported).attribute:
        if attribute.name == "nodes_treeids":
            trees = len(set(attribute.ints))
    decisions = "same" if not differ.any() else f"{int(differ.sum())} differ"
    print(f"{model.name:52} {trees:6} {int(known.sum()):8,} {equal:17.2%} {off:14.2e} "
          f"{numpy.max(prediction_off):11.2e} {decisions:>10}"
          f"{'' if is_good else '  WRONG'}", flush=True)
    return is_good


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100000
    rows = strange_rows(make_rows(2, count), 3)
    print(f"onnxruntime {onnxruntime.__version__}, {count:,} rows each")
    print(f"{'model':52} {'trees':>6} {'rows':>8} {'bit-equal margins':>17} {'margin off by':>14} {'prediction':>11} {'decisions':>10}")
    chosen = [model for model in MODELS if not sys.argv[3:] or any(name in model.name for name in sys.argv[3:])]
    good = [compare(program, model, rows) for model in chosen]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
