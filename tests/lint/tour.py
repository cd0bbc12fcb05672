#!/usr/bin/env python3
"""Checks the tables and lists of docs/TOUR.md, docs/EXTENDING.md and docs/FULL_DISK.md against the code: each file and
folder named in a row or an item exists, and each function is defined in one of the files named there, or below one of the
folders (names that end in /). docs/FULL_DISK.md names each file that writes to a disk.

usage: tour.py [ROOT]        exit status 1 when a name is wrong
"""
import os
import re
import sys

PAGES = ("docs/TOUR.md", "docs/EXTENDING.md", "docs/FULL_DISK.md")
# What makes a file longer, or makes one, a folder, a link or another name.
WRITES = re.compile(r"\b(file_write_at|file_create|pwrite|ftruncate|posix_fallocate|mdb_cursor_put|mkostemp)\("
                    r"|\b(mkdir(at)?|(sym)?link(at)?|rename(at2?)?)\(|\bO_(CREAT|TMPFILE)\b"
                    r'|\bfopen\([^;]*"[wa]\w*"\)')  # fmt: skip
AREAS = ("core", "server", "batch", "clients", "console")
NAME = re.compile(r"`([^`]+)`")


def files_at(place):
    """The C files below a folder, or a file itself."""
    if os.path.isfile(place):
        return [place]
    return [
        os.path.join(folder, name)
        for folder, _, names in sorted(os.walk(place))
        for name in sorted(names)
        if name.endswith(".c")
    ]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def rows_of(text):
    """(line, text) of each row of a table, and of each item of a list with the lines that belong to it."""
    rows = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith(("- ", "| ")) and not line.startswith(("| # ", "| --- ")):
            rows.append((number, line))
        elif line.startswith("  ") and rows and rows[-1][0] + rows[-1][1].count("\n") + 1 == number:
            rows[-1] = (rows[-1][0], rows[-1][1] + "\n" + line)
    return rows


def faults_of(root, text):
    for number, row in rows_of(text):
        names = NAME.findall(row)
        sources = []
        for path in (name for name in names if re.fullmatch(r"[\w/]+/|[\w./]*/\w+\.\w+", name)):
            place = os.path.join(root, path)
            if path.startswith("/"):
                continue  # a path of HTTP
            if not os.path.exists(place):
                yield number, f"{path} does not exist"
            sources += [read(file) for file in files_at(place)]
        for function in (name[:-2] for name in names if name.endswith("()")):
            start = re.compile(rf"^[A-Za-z][^;\n]*\b{function}\([^;]*?\)\s*\{{.*?^\}}", re.MULTILINE | re.DOTALL)
            if not any(start.search(source) for source in sources):
                yield number, f"no file of this row defines {function}()"


def writers_of(root):
    """The C files that make files, folders, links or names, or make files longer."""
    for area in AREAS:
        for path in files_at(os.path.join(root, area)):
            if WRITES.search(re.sub(r"/\*.*?\*/", "", read(path), flags=re.DOTALL)):
                yield os.path.relpath(path, root)


def faults_of_full_disk(writers, text):
    for path in writers:
        if f"`{path}`" not in text:
            yield f"{path} writes to a disk: docs/FULL_DISK.md must say in a row what happens when that is full"


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    faults, rows = 0, 0
    for page in PAGES:
        text = read(os.path.join(root, page))
        for number, what in faults_of(root, text):
            print(f"{page}:{number}: {what}")
            faults += 1
        found = len(rows_of(text))
        if found == 0:
            print(f"{page}: it has no row of a file")
            faults += 1
        rows += found
    for what in faults_of_full_disk(writers_of(root), read(os.path.join(root, "docs/FULL_DISK.md"))):
        print(what)
        faults += 1
    print(f"{rows} rows, {faults} faults", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
