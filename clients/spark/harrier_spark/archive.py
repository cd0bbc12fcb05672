"""An archive in any file system that Hadoop knows, and what of it this machine needs.

A rebuild's driver needs the names and heads of all segments, and all of the last one, where the last sync mark
is. A folder of this machine is used as it is. For another file system these pieces are copied to a scratch
folder, in which every other segment is a file of the same length that is empty behind its head.
"""
import os
import pathlib
import re

HEAD_BYTES = 4 << 20  # enough to sample keys from, and to find a policy at the beginning of a segment
SEGMENT = re.compile(r"\d{4}-\d{2}-\d{2}/\d{20}\.seg(\.zst)?$")


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
