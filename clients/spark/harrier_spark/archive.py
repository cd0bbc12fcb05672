"""An archive in any file system that Hadoop knows, and what of it this machine needs.

The driver of a job needs the names and heads of all segments, and all of the last one, where the last sync mark is.
A folder of this machine is used as it is. Of an archive elsewhere, these pieces are copied to a scratch folder, in
which every other segment is a file of the same length with a hole behind its head; fetch() copies the rest.
"""
import contextlib
import os
import pathlib
import re
import uuid

import pyarrow.parquet as pq

from .library import HarrierError

HEAD_BYTES = 4 << 20  # enough to sample keys from, and to find a policy at the beginning of a segment
HEADER_BYTES = 64     # of a segment: one that has less does not count yet
GROUP_BYTES = 64 << 20  # of segments, for one task
COPY_BYTES = 1 << 16
SEGMENT = re.compile(r"\d{4}-\d{2}-\d{2}/\d{20}\.seg(\.zst)?")
COMMITTED = "committed"  # a cluster's archive: where what counts ends


def group_parts(folder, names, tasks_wanted):
    """Consecutive parts, so many that a task is worth its start and there are enough tasks."""
    sizes = [_size(folder, name) for name in names]
    limit = min(GROUP_BYTES, sum(sizes) // tasks_wanted + 1)
    groups, filled = [], limit
    for part, size in enumerate(sizes):
        if filled + size > limit:
            groups.append([])
            filled = 0
        groups[-1].append(part)
        filled += size
    return groups


def _size(folder, name):
    """Of a segment, which may have been sealed since it was listed."""
    for ending in ("", ".zst"):
        with contextlib.suppress(FileNotFoundError):
            return os.path.getsize(os.path.join(folder, name + ending))
    raise HarrierError(f"{folder}/{name}: there is no such segment any more")


class Archive:
    def __init__(self, spark, uri, scratch):
        self.uri = uri
        self.jvm = spark._jvm
        path = self.jvm.org.apache.hadoop.fs.Path(uri)
        self.file_system = path.getFileSystem(spark._jsc.hadoopConfiguration())
        self.root = self.file_system.makeQualified(path)
        self.root_uri = self.root.toString().rstrip("/")
        self.is_local = self.root.toUri().getScheme() == "file"
        self.is_whole = self.is_local
        if self.is_local:
            self.folder = self.root.toUri().getPath()
        else:
            self.folder = str(pathlib.Path(scratch) / "archive")
            self._mirror()

    def is_direct(self, asked):
        """Do executors open the archive's folder? asked: None, or what the caller wants."""
        if asked and not self.is_local:
            raise HarrierError(f"{self.uri}: only an archive that is a folder can be read directly")
        return self.is_local if asked is None else asked

    def _segments(self):
        """(name, length) of every segment, in the order of their records."""
        if not self.file_system.exists(self.root):
            raise HarrierError(f"{self.uri}: there is no such archive")
        found, entries = {}, self.file_system.listFiles(self.root, True)
        while entries.hasNext():
            entry = entries.next()
            name = entry.getPath().toString()[len(self.root_uri) + 1:]
            if SEGMENT.fullmatch(name):
                found[name] = entry.getLen()
        return sorted(found.items(), key=lambda item: item[0].split("/")[1])

    def _copy(self, name, length):
        """Copies the first bytes of a file to the scratch folder; the rest of it there is a hole."""
        to = pathlib.Path(self.folder) / name
        to.parent.mkdir(parents=True, exist_ok=True)
        path = self.jvm.org.apache.hadoop.fs.Path(self.root, name)
        total = self.file_system.getFileStatus(path).getLen()
        source = self.jvm.org.apache.hadoop.util.LimitInputStream(self.file_system.open(path), length)
        target = self.jvm.java.io.FileOutputStream(str(to))
        try:
            self.jvm.org.apache.hadoop.io.IOUtils.copyBytes(source, target, COPY_BYTES, False)
        finally:
            target.close()
            source.close()
        os.truncate(to, max(total, to.stat().st_size))

    def _mirror(self):
        # First, as everything that it calls committed is there then.
        if self.file_system.exists(self.jvm.org.apache.hadoop.fs.Path(self.root, COMMITTED)):
            self._copy(COMMITTED, HEAD_BYTES)
        has_last = False
        for name, length in reversed(self._segments()):
            self._copy(name, min(length, HEAD_BYTES) if has_last else length)
            has_last = has_last or length >= HEADER_BYTES

    def fetch(self):
        """Copies everything."""
        if not self.is_whole:
            for name, length in self._segments():
                self._copy(name, length)
        self.is_whole = True

    @contextlib.contextmanager
    def work_folder(self):
        """A folder beside the archive, in its file system, which executors write to; removed at the end."""
        work = WorkFolder(self)
        try:
            yield work
        finally:
            self.file_system.delete(work.path, True)


class WorkFolder:
    def __init__(self, archive):
        self.archive = archive
        beside = archive.root.getParent() or archive.root
        self.path = archive.jvm.org.apache.hadoop.fs.Path(beside, f".harrier-spark-{uuid.uuid4().hex}")
        self.uri = self.path.toString()

    def files(self):
        """What Spark has written there, in the order of the partitions, one after the other as local files."""
        names = (status.getPath().getName() for status in self.archive.file_system.listStatus(self.path))
        numbered = sorted((int(match[1]), match[0]) for match in map(re.compile(r"part-(\d+)-.*").fullmatch, names)
                          if match)
        for _, name in numbered:
            path = self.archive.jvm.org.apache.hadoop.fs.Path(self.path, name)
            if self.archive.is_local:
                yield path.toUri().getPath()
                continue
            local = pathlib.Path(self.archive.folder).parent / name
            to = self.archive.jvm.org.apache.hadoop.fs.Path(str(local))
            self.archive.file_system.copyToLocalFile(False, path, to, True)
            yield str(local)
            local.unlink()

    def batches(self):
        """The record batches of these files."""
        for file in self.files():
            with pq.ParquetFile(file) as opened:
                yield from opened.iter_batches(batch_size=16)


def contents(spark, archive, names):
    """The segments as rows of Spark's source binaryFile. One that is missing is an error, whatever the cluster's
    settings."""
    paths = [archive.root_uri + "/" + name for name in names]
    reader = spark.read.format("binaryFile").option("ignoreMissingFiles", "false").option("ignoreCorruptFiles", "false")
    return reader.load(paths).select("path", "content")
