"""An archive in any file system that Hadoop knows, and what of it this machine needs.

A rebuild's driver needs the names and heads of all segments, and all of the last one, where the last sync mark
is. A folder of this machine is used as it is. For another file system these pieces are copied to a scratch
folder, in which every other segment is a file of the same length that is empty behind its head.
"""
import contextlib
import os
import pathlib
import re
import uuid

HEAD_BYTES = 4 << 20  # enough to sample keys from, and to find a policy at the beginning of a segment
SEGMENT = re.compile(r"\d{4}-\d{2}-\d{2}/\d{20}\.seg(\.zst)?$")


GROUP_BYTES = 64 << 20  # of segments, for one task


def group_parts(folder, names, tasks_wanted):
    """Consecutive parts, so many that a task is worth its start and there are enough tasks."""
    sizes = [os.path.getsize(os.path.join(folder, name)) for name in names]
    limit = min(GROUP_BYTES, sum(sizes) // tasks_wanted + 1)
    groups, filled = [], limit
    for part, size in enumerate(sizes):
        if filled + size > limit:
            groups.append([])
            filled = 0
        groups[-1].append(part)
        filled += size
    return groups


class Archive:
    def __init__(self, spark, uri, scratch):
        self.uri = uri
        self.jvm = spark._jvm
        path = self.jvm.org.apache.hadoop.fs.Path(uri)
        self.file_system = path.getFileSystem(spark._jsc.hadoopConfiguration())
        self.root = self.file_system.makeQualified(path)
        self.is_local = self.root.toUri().getScheme() == "file"
        if self.is_local:
            self.folder = self.root.toUri().getPath()
        else:
            self.folder = str(pathlib.Path(scratch) / "archive")
            self._mirror()

    def _segments(self):
        """(name, length) of every segment, in the order of their records."""
        if not self.file_system.exists(self.root):
            raise FileNotFoundError(f"{self.uri}: there is no such archive")
        found, entries = {}, self.file_system.listFiles(self.root, True)
        prefix = len(self.root.toString()) + 1
        while entries.hasNext():
            entry = entries.next()
            name = entry.getPath().toString()[prefix:]
            if SEGMENT.fullmatch(name):
                found[name] = entry.getLen()
        return sorted(found.items(), key=lambda item: item[0].split("/")[1])

    def _copy(self, name, length):
        """Copies the first bytes of a file to the scratch folder; the rest of it there is a hole."""
        to = pathlib.Path(self.folder) / name
        to.parent.mkdir(parents=True, exist_ok=True)
        path = self.jvm.org.apache.hadoop.fs.Path(self.root, name)
        total = self.file_system.getFileStatus(path).getLen()
        source = self.file_system.open(path)
        target = self.jvm.java.io.FileOutputStream(str(to))
        try:
            self.jvm.org.apache.hadoop.io.IOUtils.copyBytes(source, target, min(length, total), False)
        finally:
            target.close()
            source.close()
        os.truncate(to, total)

    def _mirror(self):
        segments = self._segments()
        for name, length in segments[:-1]:
            self._copy(name, min(length, HEAD_BYTES))
        if segments:
            self._copy(segments[-1][0], segments[-1][1])

    def fetch(self):
        """Copies everything: for thresholds, which are computed from the records themselves."""
        if not self.is_local:
            for name, length in self._segments():
                self._copy(name, length)

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
        self.path = archive.jvm.org.apache.hadoop.fs.Path(archive.root.getParent(), f".harrier-spark-{uuid.uuid4().hex}")
        self.uri = self.path.toString()

    def files(self, ending):
        """Its files with this ending, by name, one after the other as files of this machine."""
        names = sorted(status.getPath().getName() for status in self.archive.file_system.listStatus(self.path))
        for name in names:
            if not name.endswith(ending):
                continue
            path = self.archive.jvm.org.apache.hadoop.fs.Path(self.path, name)
            if self.archive.is_local:
                yield path.toUri().getPath()
                continue
            local = pathlib.Path(self.archive.folder).parent / name
            self.archive.file_system.copyToLocalFile(False, path, self.archive.jvm.org.apache.hadoop.fs.Path(str(local)), True)
            yield str(local)
            local.unlink()
