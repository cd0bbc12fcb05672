"""The rebuild: scan tasks over the archive's parts, Spark's shuffle, fold tasks over shares of the keys, and this
process, which writes the tables. Then the stages of thresholds (thresholds_job.py)."""
import contextlib
import ctypes
import dataclasses
import os
import shutil
import tempfile
import time

from . import library as native
from . import thresholds_job
from .archive import Archive, group_parts
from .parts import BLOCKS, PartTasks, scratch_folder
from .shipping import ship

TASK_MEMORY = 512 << 20


@dataclasses.dataclass(frozen=True)
class Report:
    """What a rebuild did; hashes as `harrier inspect` prints them."""
    generation: str
    content_hash: str
    policy: str
    position: int
    records: int
    transactions: int
    outcomes: int
    states: int
    ids: int
    thresholds: int
    parts: int
    up_to_date: bool
    seconds: float
    tasks_seconds: float
    thresholds_seconds: float
    verify_seconds: float
    warning: str


class _Tasks(PartTasks):
    """What the executors run."""

    def __init__(self, *parts, memory):
        super().__init__(*parts)
        self.memory = memory

    def _open(self, scratch):
        return native.Task(self.library(), self.description.value, scratch, self.memory)

    def scan(self, batches):
        with scratch_folder() as scratch, self._open(scratch) as task:
            for folder, part in self.parts(batches):
                yield from task.scan(folder, part)

    def fold(self, batches):
        with scratch_folder() as scratch, self._open(scratch) as task:
            yield from task.fold(batches)


class _Stages:
    """The stages of one rebuild, as the library asks for them."""

    def __init__(self, spark, archive, library_path, shares, memory, direct, stack):
        self.spark, self.archive, self.library_path = spark, archive, library_path
        self.shares, self.memory, self.stack = shares, memory, stack
        self.folder = archive.folder if direct else None
        self.known, self.thresholds = None, None

    def _parts(self, count):
        names = native.Library(self.library_path).parts(self.archive.folder)[:count]  # the archive may have grown
        return names, group_parts(self.archive.folder, names, 4 * self.spark.sparkContext.defaultParallelism)

    def fold(self, description, take):
        with native.Task(native.Library(self.library_path), description, self.archive.folder, self.memory) as task:
            names, groups = self._parts(task.part_count())
        self.known, self.thresholds = (names, groups), None  # of this run
        sent = self.spark.sparkContext.broadcast(description)
        tasks = _Tasks(os.path.basename(self.library_path), sent, names, groups, self.folder, memory=self.memory)
        rows = tasks.source(self.spark, self.archive).mapInArrow(tasks.scan, BLOCKS)
        rows = rows.repartitionById(self.shares, "share").sortWithinPartitions("stream", "sequence")
        with self.archive.work_folder() as work:
            rows.mapInArrow(tasks.fold, BLOCKS).write.option("compression", "none").parquet(work.uri)
            sent.destroy()
            for batch in work.batches():
                take(batch)

    def run(self, stage, description, take):
        if stage == thresholds_job.FOLD:
            self.fold(description, take)
            return
        if not self.thresholds:
            work = self.stack.enter_context(self.archive.work_folder())
            make_tasks = thresholds_job.tasks_of(self.library_path, *self.known, self.folder)
            self.thresholds = thresholds_job.Thresholds(self.spark, self.archive, work, make_tasks, self.shares,
                                                        self.memory)
        self.thresholds.run(stage, description, take)


def rebuild(spark, archive, generations, *, policy=None, shares=None, memory=None, task_memory=TASK_MEMORY,
            range_bytes=0, keep=0, force=False, keep_thresholds=False, accept_changes=False, direct=None, fetch=False):
    """Folds the archive into a generation, as `harrier rebuild --full` does, and makes it current.

    archive: a URI of any Hadoop file system. generations: a folder of this machine, where a server finds the tables.
    shares: partitions of the shuffle (default: four for each core of the cluster). memory, task_memory: bytes, of
    this process and of each task. direct: executors open the archive's folder themselves, which they must all see
    (default: for file:). fetch: copy all of an archive that is elsewhere to this machine's TMPDIR at once (default:
    only if its policy is not found near the beginning of a segment). Raises HarrierError, and what Spark raises.
    """
    library_path = ship(spark.sparkContext)
    library = native.Library(library_path)
    shares = shares or 4 * spark.sparkContext.defaultParallelism
    begin, tasks_seconds, failure = time.monotonic(), [0.0], []
    scratch = tempfile.mkdtemp(prefix="harrier-spark-")
    stack = contextlib.ExitStack()
    try:
        source = Archive(spark, archive, scratch)
        is_direct = source.is_direct(direct)
        if fetch:
            source.fetch()
        batch = native.Batch()
        stages = _Stages(spark, source, library_path, shares, task_memory, is_direct, stack)

        def run(_, handle, stage, description, length, error):
            start = time.monotonic()

            def take(rows):
                schema, array = batch.put(rows)
                try:
                    library.call("take", ctypes.c_void_p(handle), schema, array)
                finally:
                    batch.give_back()
            try:
                stages.run(stage, ctypes.string_at(description, length), take)
            except BaseException as e:  # it must not cross C's frames
                failure.append(e)
                text = f"the tasks failed: {e}".encode()[:native.ERROR_BYTES - 1]
                ctypes.memmove(error, text + b"\0", len(text) + 1)
                return -1
            finally:
                tasks_seconds[0] += time.monotonic() - start
            return 0

        options = native.Options(
            archive=os.fsencode(source.folder), generations=os.fsencode(generations),
            policy=os.fsencode(policy) if policy else None, now_us=time.time_ns() // 1000, memory=memory or 0,
            shares=shares, range_bytes=range_bytes, keep=keep, force=force, keep_thresholds=keep_thresholds,
            accept_changes=accept_changes, run=native.RUN(run))
        raw = native.RawReport()
        try:
            _call_run(library, source, options, raw)
        except native.HarrierError:
            if failure:
                raise failure[-1] from None
            raise
        return _report(raw, len(library.parts(source.folder)), time.monotonic() - begin, tasks_seconds[0])
    finally:
        stack.close()
        shutil.rmtree(scratch, ignore_errors=True)


def _call_run(library, source, options, raw):
    try:
        library.call("run", ctypes.byref(options), ctypes.byref(raw))
    except native.HarrierError:
        if source.is_whole:
            raise
        source.fetch()  # it may have met a hole: the policy can be anywhere
        library.call("run", ctypes.byref(options), ctypes.byref(raw))


def _report(raw, parts, seconds, tasks_seconds):
    def hexadecimal(number):
        return f"{number:016x}"
    return Report(generation=hexadecimal(raw.generation), content_hash=hexadecimal(raw.content_hash),
                  policy=hexadecimal(raw.policy), position=raw.position, records=raw.records,
                  transactions=raw.transactions, outcomes=raw.outcomes, states=raw.states, ids=raw.ids,
                  thresholds=raw.thresholds, parts=parts, up_to_date=bool(raw.up_to_date), seconds=seconds,
                  tasks_seconds=tasks_seconds, thresholds_seconds=raw.thresholds_seconds,
                  verify_seconds=raw.verify_seconds, warning=raw.warning.decode(errors="replace"))
