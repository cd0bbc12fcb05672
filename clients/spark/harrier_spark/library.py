"""libharrier-spark through ctypes: what clients/spark/library.h declares, with errors as exceptions."""
import ctypes
import os
import pathlib
import typing

import pyarrow as pa

ERROR_BYTES = 1024
NAME = "libharrier-spark.so"

RUN = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32,
                       ctypes.POINTER(ctypes.c_uint8), ctypes.c_size_t, ctypes.POINTER(ctypes.c_char))


class Options(ctypes.Structure):
    _fields_ = [("archive", ctypes.c_char_p), ("generations", ctypes.c_char_p), ("policy", ctypes.c_char_p),
                ("now_us", ctypes.c_int64), ("memory", ctypes.c_uint64), ("shares", ctypes.c_uint64),
                ("range_bytes", ctypes.c_uint64), ("keep", ctypes.c_uint32), ("force", ctypes.c_bool),
                ("keep_thresholds", ctypes.c_bool), ("accept_changes", ctypes.c_bool), ("run", RUN),
                ("user", ctypes.c_void_p)]


class RawReport(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in
                ("generation", "position", "records", "states", "ids", "content_hash", "policy",
                 "transactions", "outcomes", "thresholds")] + \
               [(name, ctypes.c_double) for name in ("seconds", "thresholds_seconds", "verify_seconds")] + \
               [("up_to_date", ctypes.c_uint32), ("warning", ctypes.c_char * 512)]


class HarrierError(Exception):
    """The library refused; the text is its sentence."""


def find():
    """The library's path: HARRIER_SPARK_LIBRARY, or beside this package."""
    given = os.environ.get("HARRIER_SPARK_LIBRARY")
    path = pathlib.Path(given or pathlib.Path(__file__).parent / NAME).absolute()
    if path.exists():
        return str(path)
    raise HarrierError(f"{path}: there is no such library; meson builds it as clients/spark/{NAME}, and "
                       "HARRIER_SPARK_LIBRARY says where it is")


class Library:
    """The loaded library. Every call below gets a buffer for its error and raises HarrierError from it."""

    def __init__(self, path):
        try:
            self.c = ctypes.CDLL(path)
        except OSError as e:
            raise HarrierError(f"{path}: it cannot be loaded as the library: {e}") from e
        self.c.harrier_spark_version.restype = ctypes.c_char_p
        self.c.harrier_spark_task_parts.restype = ctypes.c_uint64
        self.version = self.c.harrier_spark_version().decode()

    def call(self, name, *arguments):
        error = ctypes.create_string_buffer(ERROR_BYTES)
        result = getattr(self.c, "harrier_spark_" + name)(*arguments, error)
        if result < 0:
            raise HarrierError(error.value.decode(errors="replace"))
        return result

    def parts(self, archive):
        """The archive's files, relative to it, in the order of their records."""
        names = ctypes.c_char_p()
        self.call("parts", os.fsencode(archive), ctypes.byref(names))
        result = names.value.decode().splitlines()
        self.c.harrier_spark_free(names)
        return result

    def describe_features(self, archive, policy, payload, shares, outputs, earlier):
        """What feature tasks are told, and the columns of their rows as (type, name). earlier: a description whose
        parts count, as the archive may have grown since."""
        parts, description, length = ctypes.c_uint64(), ctypes.POINTER(ctypes.c_uint8)(), ctypes.c_size_t()
        columns, meaning = ctypes.c_char_p(), ctypes.c_char_p()
        self.call("features_describe", os.fsencode(archive), os.fsencode(policy) if policy else None, payload,
                  ctypes.c_size_t(len(payload)), ctypes.c_uint64(shares), ctypes.c_uint64(outputs), earlier,
                  ctypes.c_size_t(len(earlier or b"")), ctypes.byref(parts), ctypes.byref(description),
                  ctypes.byref(length), ctypes.byref(columns), ctypes.byref(meaning))
        result = FeatureDescription(ctypes.string_at(description, length.value),
                                    [tuple(line.split(" ", 1)) for line in columns.value.decode().splitlines()],
                                    meaning.value.decode(), parts.value)
        for memory in (description, columns, meaning):
            self.c.harrier_spark_free(memory)
        return result


class FeatureDescription(typing.NamedTuple):
    description: bytes
    columns: list
    meaning: str
    parts: int


class Batch:
    """Memory for the two structures of the Arrow C data interface, which have nine and ten words."""

    def __init__(self):
        self.memory = (ctypes.c_uint64 * 9)(), (ctypes.c_uint64 * 10)()
        self.schema, self.array = (ctypes.addressof(memory) for memory in self.memory)

    def put(self, batch):
        """Lends a batch to the library, until give_back()."""
        batch._export_to_c(self.array, self.schema)
        return ctypes.c_void_p(self.schema), ctypes.c_void_p(self.array)

    def take(self):
        """The batch that the library has put here."""
        return pa.RecordBatch._import_from_c(self.array, self.schema)

    def give_back(self):
        pa.RecordBatch._import_from_c(self.array, self.schema)


class _Handle:
    """What the library has opened, for one task in an executor."""

    kind = ""  # of the functions' names

    def __init__(self, library, description, *arguments):
        self.library = library
        self.handle = ctypes.c_void_p()
        self.given, self.made = Batch(), Batch()
        library.call(self.kind + "_open", description, ctypes.c_size_t(len(description)), *arguments,
                     ctypes.byref(self.handle))

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        getattr(self.library.c, f"harrier_spark_{self.kind}_close")(self.handle)

    def _made(self):
        return ctypes.c_void_p(self.made.schema), ctypes.c_void_p(self.made.array)


class Task(_Handle):
    """A task of a rebuild."""

    kind = "task"

    def __init__(self, library, description, scratch, memory):
        super().__init__(library, description, os.fsencode(scratch), ctypes.c_uint64(memory))

    def part_count(self):
        return self.library.c.harrier_spark_task_parts(self.handle)

    def scan(self, folder, part):
        """The record batches of one part of the archive, whose file lies under the folder."""
        self.library.call("scan", self.handle, os.fsencode(folder), ctypes.c_uint64(part))
        while self.library.call("scan_next", self.handle, *self._made()):
            yield self.made.take()

    def fold(self, batches):
        """The record batches of one share, from its sorted rows."""
        for batch in batches:
            given = self.given.put(batch)
            try:
                self.library.call("fold_take", self.handle, *given)
            finally:
                self.given.give_back()
            yield from self._folded()
        self.library.call("fold_end", self.handle)
        yield from self._folded()

    def _folded(self):
        while self.library.c.harrier_spark_fold_next(self.handle, *self._made()):
            yield self.made.take()


class FeatureTask(_Handle):
    """A task of an export of features."""

    kind = "features"

    def part(self, folder, part, rare):
        """The batch of a part, if it has any rows."""
        if self.library.call("features_part", self.handle, os.fsencode(folder), ctypes.c_uint64(part),
                             ctypes.c_bool(rare), *self._made()):
            yield self.made.take()

    def values(self, batches):
        """The batches of a share's values, from its sorted items."""
        for batch in batches:
            given = self.given.put(batch)
            try:
                has_rows = self.library.call("features_values", self.handle, *given, *self._made())
            finally:
                self.given.give_back()
            if has_rows:
                yield self.made.take()
        if self.library.call("features_values", self.handle, None, None, *self._made()):
            yield self.made.take()

    def rows(self, batches, folder, rare):
        """The batches of decided transactions, from the sorted values of some parts."""
        where = os.fsencode(folder), rare, ctypes.c_size_t(len(rare))
        for batch in batches:
            given = self.given.put(batch)
            try:
                self.library.call("features_rows", self.handle, *where, *given)
            finally:
                self.given.give_back()
            yield from self._rows(False)
        self.library.call("features_rows", self.handle, *where, None, None)
        yield from self._rows(True)

    def _rows(self, everything):
        while self.library.c.harrier_spark_features_next(self.handle, ctypes.c_bool(everything), *self._made()):
            yield self.made.take()


class ThresholdTask(_Handle):
    """A task of a rebuild's thresholds."""

    kind = "thresholds"

    def __init__(self, library, description, scratch, memory):
        super().__init__(library, description, os.fsencode(scratch), ctypes.c_uint64(memory))

    def _results(self):
        while self.library.call("thresholds_next", self.handle, *self._made()):
            yield self.made.take()

    def _take(self, name, *arguments, batches):
        for batch in batches:
            given = self.given.put(batch)
            try:
                self.library.call("thresholds_" + name, self.handle, *arguments, *given)
            finally:
                self.given.give_back()
            yield from self._results()
        self.library.call("thresholds_" + name, self.handle, *arguments, None, None)
        yield from self._results()

    def records(self, folder, part):
        """The batches of a part's values."""
        self.library.call("thresholds_records", self.handle, os.fsencode(folder), ctypes.c_uint64(part))
        yield from self._results()

    def outcomes(self, folder, part):
        """The batch of a part's outcomes."""
        self.library.call("thresholds_outcomes", self.handle, os.fsencode(folder), ctypes.c_uint64(part),
                          *self._made())
        yield self.made.take()

    def rows(self, batches, kind, folder, rare):
        """Values or scores of transactions, from the sorted rows of some parts."""
        return self._take("rows", ctypes.c_uint32(kind), os.fsencode(folder), rare, ctypes.c_size_t(len(rare)),
                          batches=batches)

    def groups(self, batches):
        """Results of a share's groups, from its values."""
        return self._take("groups", batches=batches)

    def counts(self, batches):
        """Counts of some of the values."""
        return self._take("counts", batches=batches)
