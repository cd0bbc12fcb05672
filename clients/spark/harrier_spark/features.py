"""Point-in-time features of a whole archive as Parquet: what `harrier replay --policy DIR --features FILE` writes.

Three jobs' worth of tasks (batch/distributed/feature_task.h): records to items by entity, items to values with the
states of a share, values back to the parts that the transactions are in, where each is decided.
"""
import dataclasses
import json
import os
import pathlib
import shutil
import struct
import tempfile
import time

from . import library as native
from .archive import Archive, group_parts
from .shipping import ship

BLOCKS = "share int, stream int, sequence bigint, block binary"
RARE_HEAD = struct.Struct("<BQQ")
SNAPSHOT = 4  # RECORD_SNAPSHOT: a policy's record
FILE = -1     # FEATURE_FILE


@dataclasses.dataclass(frozen=True)
class Features:
    """What was exported."""
    path: str
    columns: list
    meaning: dict
    rows: int
    parts: int
    seconds: float


class _Tasks:
    """What the executors run. Pickled with the job, so it holds no handle."""

    def __init__(self, library_name, description, names, groups, folder):
        self.library_name = library_name
        self.description = description
        self.names = names
        self.numbers = {name: number for number, name in enumerate(names)}
        self.groups = groups
        self.folder = folder
        self.rare = None
        self.outputs = 0

    def _open(self):
        from pyspark import SparkFiles
        return native.FeatureTask(native.Library(SparkFiles.get(self.library_name)), self.description.value)

    def _parts(self, batches):
        """(folder, part) of what a row names: groups of parts in a folder, or a part's content."""
        for batch in batches:
            if "content" not in batch.schema.names:
                for group in batch.column(0).to_pylist():
                    for part in self.groups[group]:
                        yield self.folder, part
                continue
            with tempfile.TemporaryDirectory(prefix="harrier-") as scratch:
                for row, path in enumerate(batch.column("path").to_pylist()):
                    name = "/".join(path.split("/")[-2:])
                    file = pathlib.Path(scratch) / name
                    file.parent.mkdir(exist_ok=True)
                    file.write_bytes(batch.column("content")[row].as_buffer())
                    yield scratch, self.numbers[name]
                    file.unlink()

    def find_rare(self, batches):
        with self._open() as task:
            for folder, part in self._parts(batches):
                yield from task.part(folder, part, True)

    def entries(self, batches):
        with self._open() as task:
            for folder, part in self._parts(batches):
                yield from task.part(folder, part, False)

    def values(self, batches):
        with self._open() as task:
            yield from task.values(batches)

    def files(self, batches):
        """Parts on their way to where their transactions are decided."""
        import pyarrow as pa
        for batch in batches:
            for row, path in enumerate(batch.column("path").to_pylist()):
                name = "/".join(path.split("/")[-2:])
                part = self.numbers[name]
                head = struct.pack("<Q", len(name)) + name.encode()
                block = head + batch.column("content")[row].as_py()
                output = part * self.outputs // len(self.names)
                yield pa.RecordBatch.from_arrays(
                    [pa.array([output], pa.int32()), pa.array([part], pa.int32()), pa.array([FILE], pa.int64()),
                     pa.array([block], pa.binary())], ["share", "stream", "sequence", "block"])

    def rows(self, batches):
        with tempfile.TemporaryDirectory(prefix="harrier-") as scratch, self._open() as task:
            yield from task.rows(batches, self.folder or scratch, self.rare.value)


def _source(spark, archive, tasks):
    if tasks.folder:
        return spark.range(0, len(tasks.groups), 1, len(tasks.groups))
    return _contents(spark, archive, tasks)


def _contents(spark, archive, tasks):
    paths = [archive.root.toString() + "/" + name for name in tasks.names]
    return spark.read.format("binaryFile").load(paths).select("path", "content")


def _rare(spark, archive, tasks):
    """All rare records in order, and the payload of the last policy's."""
    rows = _source(spark, archive, tasks).mapInArrow(tasks.find_rare, BLOCKS).collect()
    blocks = b"".join(bytes(row.block) for row in sorted(rows, key=lambda row: row.sequence))
    policy, at = b"", 0
    while at < len(blocks):
        kind, _, length = RARE_HEAD.unpack_from(blocks, at)
        at += RARE_HEAD.size
        if kind == SNAPSHOT:
            policy = blocks[at:at + length]
        at += length
    return blocks, policy


def _schema(columns):
    from pyspark.sql import types
    kinds = {"bool": types.BooleanType(), "int": types.LongType(), "double": types.DoubleType(),
             "string": types.StringType(), "timestamp": types.TimestampType(),
             "duration": types.DayTimeIntervalType()}
    return types.StructType([types.StructField(name, kinds[kind]) for kind, name in columns])


def features(spark, archive, path, *, policy=None, shares=None, outputs=None, direct=None, compression="zstd"):
    """Writes what was known at each transaction of an archive, as a folder of Parquet files.

    archive, path: URIs of any Hadoop file system; path must not exist. policy: a folder of this machine, whose
    features, rules and schema count from the first record on (default: the archive's last policy). shares: divides
    the entities (default: four for each core; the states of one share must fit in a task's memory). outputs: Parquet
    files, in the order of the archive. direct: as of rebuild(). Raises HarrierError, and what Spark raises.

    Needs spark.sql.session.timeZone UTC and spark.sql.parquet.outputTimestampType TIMESTAMP_MICROS, which
    harrier_spark.session() sets.
    """
    begin = time.monotonic()
    library_path = ship(spark.sparkContext)
    library = native.Library(library_path)
    scratch = tempfile.mkdtemp(prefix="harrier-spark-")
    try:
        source = Archive(spark, archive, scratch)
        names = library.parts(source.folder)
        cores = spark.sparkContext.defaultParallelism
        shares, outputs = shares or 4 * cores, min(outputs or 4 * cores, len(names))
        is_direct = source.is_local if direct is None else direct
        groups = group_parts(source.folder, names, 4 * cores)
        unsettled = library.describe_features(source.folder, None, b"", shares, outputs)
        tasks = _Tasks(os.path.basename(library_path), spark.sparkContext.broadcast(unsettled.description), names,
                       groups, source.folder if is_direct else None)
        rare, last_policy = _rare(spark, source, tasks)
        if not policy and not last_policy:
            raise native.HarrierError(f"{archive} has no policy: give one")
        settled = library.describe_features(source.folder, policy, last_policy, shares, outputs)
        tasks.description = spark.sparkContext.broadcast(settled.description)
        tasks.rare = spark.sparkContext.broadcast(rare)
        tasks.outputs = outputs
        values = _source(spark, source, tasks).mapInArrow(tasks.entries, BLOCKS)
        values = values.repartitionById(shares, "share").sortWithinPartitions("stream", "sequence")
        values = values.mapInArrow(tasks.values, BLOCKS)
        if not is_direct:
            values = values.union(_contents(spark, source, tasks).mapInArrow(tasks.files, BLOCKS))
        rows = values.repartitionById(outputs, "share").sortWithinPartitions("stream", "sequence")
        rows = rows.mapInArrow(tasks.rows, _schema(settled.columns))
        rows.write.option("compression", compression).parquet(path)
        written = spark.read.parquet(path).count()
        return Features(path=path, columns=settled.columns, meaning=json.loads(settled.meaning), rows=written,
                        parts=len(names), seconds=time.monotonic() - begin)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
