"""Trains a gradient-boosted model on the feature table of a replay. Needs xgboost, numpy and pyarrow, which the rest of
the project does not: `missing()` names those that are not there."""
import importlib.util
import os
import subprocess
import sys

PACKAGES = ("numpy", "pyarrow", "xgboost")
THREADS = 2  # the order of sums in training depends on it
# Threads that wait for each other sleep: on a busy machine, spinning takes the time from the one that works.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def missing():
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def export(harrier, archive, policy, path):
    """Writes the feature table of an archive's transactions as Parquet."""
    # harrier-parquet runs under the first python3 in PATH, and needs the packages of this one.
    path_of = {**os.environ, "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])}
    subprocess.run([harrier, "replay", archive, "--policy", policy, "--features", path, "--with-fields", "--quiet",
                    "--progress", "none"], check=True, env=path_of, stdout=subprocess.DEVNULL)


class Table:
    """Columns of such a table, as a model takes them: floats, NaN for what is absent, texts as the codes of the
    categories given for their column."""

    def __init__(self, path, inputs, categories=None):
        import numpy
        import pyarrow.compute
        import pyarrow.parquet
        self.inputs, self.categories = list(inputs), categories or {}
        names = [*self.inputs, "event_time", "outcome"]
        table = pyarrow.parquet.read_table(path, columns=names, read_dictionary=list(self.categories) + ["outcome"])
        self.rows = numpy.empty((table.num_rows, len(self.inputs)), numpy.float32)
        for number, name in enumerate(self.inputs):
            self.rows[:, number] = self._column(table.column(name), self.categories.get(name))
        outcomes = table.column("outcome").combine_chunks().cast("string")
        self.is_fraud = numpy.asarray(pyarrow.compute.fill_null(pyarrow.compute.equal(outcomes, "fraud"), False))
        self.time_us = numpy.asarray(table.column("event_time").cast("int64"))

    @staticmethod
    def _column(values, categories):
        import numpy
        import pyarrow.compute
        if categories is not None:
            values = pyarrow.compute.index_in(values.cast("string"), pyarrow.array(categories))
        return numpy.asarray(values.cast("float64").to_numpy(), numpy.float32)

    def matrix(self, selected, weights=None, margins=None):
        """The selected rows, as a mask or numbers, for xgboost."""
        import xgboost
        kinds = ["c" if name in self.categories else "q" for name in self.inputs]
        return xgboost.DMatrix(self.rows[selected], self.is_fraud[selected], weight=weights, base_margin=margins,
                               feature_names=self.inputs, feature_types=kinds,
                               enable_categorical=bool(self.categories), nthread=THREADS)

    def sample(self, selected, share, seed=1):
        """Of the selected rows all frauds and this share of the others; returns a mask, and the weights that make up
        for those that are left out."""
        import numpy
        drawn = numpy.random.default_rng(seed).random(len(self.is_fraud)) < share
        mask = selected & (self.is_fraud | drawn)
        return mask, numpy.where(self.is_fraud[mask], 1.0, 1.0 / share)


def train(matrix, rounds, path, **parameters):
    """Trains and writes the model. The same rows, seed and version of xgboost give the same file."""
    import xgboost
    model = xgboost.train({"objective": "binary:logistic", "tree_method": "hist", "nthread": THREADS, "seed": 1,
                           **parameters}, matrix, rounds)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    model.save_model(path)
    return model
