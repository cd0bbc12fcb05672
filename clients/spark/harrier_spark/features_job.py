"""Point-in-time features of a whole archive as Parquet: what `harrier replay --policy DIR --features FILE` writes.

Records become items, one for each entity; items become values, where the entities' states are; values go back to the
parts that the transactions are in, where each is decided (batch/tasks/feature_task.h).
"""
import dataclasses
import json
import os
import shutil
import tempfile
import time
import uuid

from . import library as native
from .archive import Archive, group_parts
from .feature_rows import FeatureTasks, find_rare, rows_of
from .parts import scratch_folder
from .shipping import ship


@dataclasses.dataclass(frozen=True)
class Features:
    """What was exported."""
    path: str
    columns: list
    meaning: dict
    rows: int
    parts: int
    seconds: float


class _Tasks(FeatureTasks):
    def rows(self, batches):
        with scratch_folder() as scratch, self._open() as task:
            yield from task.rows(batches, self.folder or scratch, self.rare.value)


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

    A transaction that the policy refuses has no row, as in a replay; an executor's log has how many. Needs
    spark.sql.session.timeZone UTC and spark.sql.parquet.outputTimestampType TIMESTAMP_MICROS, which
    harrier_spark.session() sets.
    """
    begin = time.monotonic()
    library_path = ship(spark.sparkContext)
    library = native.Library(library_path)
    target = _Output(spark, path)
    scratch = tempfile.mkdtemp(prefix="harrier-spark-")
    try:
        source = Archive(spark, archive, scratch)
        is_direct = source.is_direct(direct)
        cores = spark.sparkContext.defaultParallelism
        shares, outputs = shares or 4 * cores, outputs or 4 * cores
        first = library.describe_features(source.folder, policy, b"", shares, outputs, None)
        names = library.parts(source.folder)[:first.parts]  # the archive may have grown
        if not names:
            raise native.HarrierError(f"{archive} has no synced record yet")
        groups = group_parts(source.folder, names, 4 * cores)
        tasks = _Tasks(os.path.basename(library_path), spark.sparkContext.broadcast(first.description), names,
                       groups, source.folder if is_direct else None)
        rare, last_policy = find_rare(spark, source, tasks)
        if not policy and not last_policy:
            raise native.HarrierError(f"{archive} has no policy: give one")
        settled = library.describe_features(source.folder, policy, last_policy, shares, min(outputs, len(names)),
                                            first.description)
        tasks.description = spark.sparkContext.broadcast(settled.description)
        tasks.rare = spark.sparkContext.broadcast(rare)
        tasks.outputs = min(outputs, len(names))
        rows = rows_of(spark, source, tasks, shares)
        rows = rows.mapInArrow(tasks.rows, _schema(settled.columns))
        with target:
            rows.write.option("compression", compression).parquet(target.draft_uri)
        written = spark.read.parquet(path).count()
        return Features(path=path, columns=settled.columns, meaning=json.loads(settled.meaning), rows=written,
                        parts=len(names), seconds=time.monotonic() - begin)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


class _Output:
    """A folder that appears under its name when it is whole, and not at all after a failure."""

    def __init__(self, spark, uri):
        path = spark._jvm.org.apache.hadoop.fs.Path(uri)
        self.file_system = path.getFileSystem(spark._jsc.hadoopConfiguration())
        self.path = self.file_system.makeQualified(path)
        if self.file_system.exists(self.path):
            raise native.HarrierError(f"{uri}: it is there already; a path that is not is expected")
        self.draft = spark._jvm.org.apache.hadoop.fs.Path(self.path.getParent(), f".harrier-spark-{uuid.uuid4().hex}")
        self.draft_uri = self.draft.toString()

    def __enter__(self):
        return self

    def __exit__(self, kind, *unused):
        renamed = kind is None and self.file_system.rename(self.draft, self.path)
        if not renamed:
            self.file_system.delete(self.draft, True)
        if kind is None and not renamed:
            raise native.HarrierError(f"{self.path.toString()}: the folder cannot be given this name")
