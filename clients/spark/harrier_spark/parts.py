"""What the executors' tasks of both jobs have in common: the library, scratch folders, and the archive's parts."""
import pathlib
import tempfile

from . import library as native
from .archive import contents

BLOCKS = "share int, stream int, sequence bigint, block binary"


def scratch_folder():
    """A folder in Spark's own, which Spark removes if this process cannot."""
    from pyspark import SparkFiles
    return tempfile.TemporaryDirectory(prefix="harrier-", dir=SparkFiles.getRootDirectory())


def contents_of(batches):
    """(name, content) of each row of Spark's source binaryFile."""
    for batch in batches:
        for path, content in zip(batch.column("path").to_pylist(), batch.column("content"), strict=True):
            yield "/".join(path.split("/")[-2:]), content


class PartTasks:
    """Pickled with the job, so it holds no handle."""

    def __init__(self, library_name, description, names, groups, folder):
        self.library_name = library_name
        self.description = description  # a broadcast
        self.names = names
        self.numbers = {name: number for number, name in enumerate(names)}
        self.groups = groups  # numbers of parts that one task reads
        self.folder = folder  # of the archive, if executors see it as a folder; else None

    def library(self):
        from pyspark import SparkFiles
        return native.Library(SparkFiles.get(self.library_name))

    def source(self, spark, archive):
        """Rows that parts() reads: groups of parts in the folder, or the parts' contents."""
        if self.folder:
            return spark.range(0, len(self.groups), 1, len(self.groups))
        return contents(spark, archive, self.names)

    def parts(self, batches):
        """(folder, part) of what the rows name. A part that comes as content is a file until the next one is asked
        for."""
        if self.folder:
            for batch in batches:
                for group in batch.column(0).to_pylist():
                    for part in self.groups[group]:
                        yield self.folder, part
            return
        with scratch_folder() as scratch:
            for name, content in contents_of(batches):
                file = pathlib.Path(scratch) / name
                file.parent.mkdir(exist_ok=True)
                file.write_bytes(content.as_buffer())
                yield scratch, self.numbers[name]
                file.unlink()
