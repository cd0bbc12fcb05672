"""The thresholds of a rebuild: the stages that read the archive again (batch/distributed/threshold_task.h).

Values stay in the work folder, beside the archive. This process gets results of groups, counts of digits, and scores.
"""
import os
import struct

from . import library as native
from .feature_rows import FeatureTasks, find_rare, rows_of, sorted_rows
from .parts import BLOCKS, scratch_folder

# enum distributed_stage
FOLD, RECORD_VALUES, FEATURE_VALUES, GROUPS, COUNTS, RECORDED_SCORES, DERIVED_SCORES = range(7)
KINDS = {FEATURE_VALUES: 0, RECORDED_SCORES: 1, DERIVED_SCORES: 2}  # HARRIER_SPARK_VALUE_ROWS…


class _Tasks(FeatureTasks):
    """What the executors run."""

    kind = 0
    memory = 0
    whole = None  # a broadcast of the whole description; `description` is its features' part

    def _threshold_task(self, scratch):
        return native.ThresholdTask(self.library(), self.whole.value, scratch, self.memory)

    def records(self, batches):
        with scratch_folder() as scratch, self._threshold_task(scratch) as task:
            for folder, part in self.parts(batches):
                yield from task.records(folder, part)

    def outcomes(self, batches):
        with scratch_folder() as scratch, self._threshold_task(scratch) as task:
            for folder, part in self.parts(batches):
                yield from task.outcomes(folder, part)

    def rows(self, batches):
        with scratch_folder() as scratch, self._threshold_task(scratch) as task:
            yield from task.rows(batches, self.kind, self.folder or scratch, self.rare.value)

    def find_groups(self, batches):
        with scratch_folder() as scratch, self._threshold_task(scratch) as task:
            yield from task.groups(batches)

    def count(self, batches):
        with scratch_folder() as scratch, self._threshold_task(scratch) as task:
            yield from task.counts(batches)


class Thresholds:
    """The stages of one rebuild. work: a WorkFolder, which the caller removes."""

    def __init__(self, spark, archive, work, make_tasks, shares, memory):
        """make_tasks: _Tasks' arguments behind the description, for PartTasks."""
        self.spark, self.archive, self.work, self.make_tasks = spark, archive, work, make_tasks
        self.shares, self.memory, self.rare, self.values = shares, memory, None, []

    def run(self, stage, description, take):
        """Runs a stage; take() gets the record batches that come out."""
        context = self.spark.sparkContext
        length, = struct.unpack_from("<Q", description)
        whole, features = context.broadcast(description), context.broadcast(description[8:8 + length])
        tasks = self.make_tasks(features)
        tasks.whole, tasks.memory, tasks.kind = whole, self.memory, KINDS.get(stage, 0)
        tasks.outputs = min(self.shares, len(tasks.names))
        try:
            if stage in (RECORD_VALUES, FEATURE_VALUES):
                uri = f"{self.work.uri}/values-{stage}"
                self._rows(stage, tasks).write.option("compression", "zstd").parquet(uri)
                self.values.append(uri)
                return
            with self.archive.work_folder() as results:
                self._rows(stage, tasks).write.option("compression", "none").parquet(results.uri)
                for batch in results.batches():
                    take(batch)
        finally:
            whole.destroy()
            features.destroy()

    def _rows(self, stage, tasks):
        if stage == RECORD_VALUES:
            return tasks.source(self.spark, self.archive).mapInArrow(tasks.records, BLOCKS)
        if stage in KINDS:
            if self.rare is None:
                rare, _ = find_rare(self.spark, self.archive, tasks)
                self.rare = self.spark.sparkContext.broadcast(rare)
            tasks.rare = self.rare
            return self._transactions(stage, tasks).mapInArrow(tasks.rows, BLOCKS)
        values = self.spark.read.schema(BLOCKS).parquet(*self.values)
        if stage == COUNTS:
            return values.mapInArrow(tasks.count, BLOCKS)
        values = values.where("share >= 0").repartitionById(self.shares, "share")  # the others have no groups
        return values.mapInArrow(tasks.find_groups, BLOCKS)

    def _transactions(self, stage, tasks):
        if stage != RECORDED_SCORES:
            return rows_of(self.spark, self.archive, tasks, self.shares)
        outcomes = tasks.source(self.spark, self.archive).mapInArrow(tasks.outcomes, BLOCKS)
        return sorted_rows(self.spark, self.archive, tasks, outcomes)


def tasks_of(library_path, names, groups, folder):
    """What Thresholds makes tasks with."""
    return lambda description: _Tasks(os.path.basename(library_path), description, names, groups, folder)
