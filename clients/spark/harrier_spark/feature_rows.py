"""The way of an archive's records to rows in which what was known at each transaction is there: entries, a shuffle to
the entities' states, values, and a shuffle back to the parts (batch/tasks/feature_task.h)."""
import struct

import pyarrow as pa

from . import library as native
from .archive import contents
from .parts import BLOCKS, PartTasks, contents_of

TYPES = pa.int32(), pa.int32(), pa.int64(), pa.binary()  # of BLOCKS
RARE_HEAD = struct.Struct("<BQQ")
SNAPSHOT = 4  # RECORD_SNAPSHOT: a policy's record
FILE = -1     # FEATURE_FILE


class FeatureTasks(PartTasks):
    """What the executors run, up to the rows."""

    rare = None  # a broadcast
    outputs = 0

    def _open(self):
        return native.FeatureTask(self.library(), self.description.value)

    def find_rare(self, batches):
        with self._open() as task:
            for folder, part in self.parts(batches):
                yield from task.part(folder, part, True)

    def entries(self, batches):
        with self._open() as task:
            for folder, part in self.parts(batches):
                yield from task.part(folder, part, False)

    def values(self, batches):
        with self._open() as task:
            yield from task.values(batches)

    def files(self, batches):
        """Parts on their way to where their transactions are decided."""
        for name, content in contents_of(batches):
            part = self.numbers[name]
            block = struct.pack("<Q", len(name)) + name.encode() + content.as_py()
            row = part * self.outputs // len(self.names), part, FILE, block
            yield pa.RecordBatch.from_arrays([pa.array([value], type) for value, type in zip(row, TYPES, strict=True)],
                                             ["share", "stream", "sequence", "block"])


def find_rare(spark, archive, tasks):
    """All rare records in order, and the payload of the last policy's."""
    rows = tasks.source(spark, archive).mapInArrow(tasks.find_rare, BLOCKS).collect()
    blocks = b"".join(bytes(row.block) for row in sorted(rows, key=lambda row: row.sequence))
    policy, at = b"", 0
    while at < len(blocks):
        kind, _, length = RARE_HEAD.unpack_from(blocks, at)
        at += RARE_HEAD.size
        if kind == SNAPSHOT:
            policy = blocks[at:at + length]
        at += length
    return blocks, policy


def sorted_rows(spark, archive, tasks, values):
    """Rows for the parts that their transactions are in, with the parts' files where executors do not see them."""
    if not tasks.folder:
        values = values.union(contents(spark, archive, tasks.names).mapInArrow(tasks.files, BLOCKS))
    return values.repartitionById(tasks.outputs, "share").sortWithinPartitions("stream", "sequence")


def rows_of(spark, archive, tasks, shares):
    """The same, with all values of features."""
    values = tasks.source(spark, archive).mapInArrow(tasks.entries, BLOCKS)
    values = values.repartitionById(shares, "share").sortWithinPartitions("stream", "sequence")
    return sorted_rows(spark, archive, tasks, values.mapInArrow(tasks.values, BLOCKS))
