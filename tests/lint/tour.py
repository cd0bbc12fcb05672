#!/usr/bin/env python3
"""Checks the tables of docs/TOUR.md and docs/EXTENDING.md against the code: each file and folder named in a row exists,
and each function is defined in one of the files named there, or below one of the folders (names that end in /). In rows
marked *compiler*, each function has a switch without default, or its file asserts the length of a list.

usage: tour.py [ROOT]        exit status 1 when a name is wrong
"""
import os
import re
import sys

PAGES = ("docs/TOUR.md", "docs/EXTENDING.md")
NAME = re.compile(r"`([^`]+)`")
ASSERTS = re.compile(r"\b(_S|s)tatic_assert\(")


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


def is_led_to(body, source):
    """Does the compiler lead to a function when an enum gets another value?"""
    return re.search(r"\bswitch \(", body) and "default:" not in body or ASSERTS.search(source)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def faults_of(root, text):
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("| ") or line.startswith(("| # ", "| --- ")):
            continue
        names = NAME.findall(line)
        is_marked = line.startswith("| *compiler* ")
        sources, lists = [], []
        for path in (name for name in names if re.fullmatch(r"[\w/]+/|[\w./]*/\w+\.\w+", name)):
            place = os.path.join(root, path)
            if not os.path.exists(place):
                yield number, f"{path} does not exist"
            sources += [read(file) for file in files_at(place)]
            lists += sources[-1:] if path.endswith(".c") else []
        functions = [name[:-2] for name in names if name.endswith("()")]
        if is_marked and not functions and not all(ASSERTS.search(source) for source in lists):
            yield number, "the compiler does not lead there: no function, and nothing is asserted"
        for function in functions:
            start = re.compile(rf"^[A-Za-z][^;\n]*\b{function}\([^;]*?\)\s*\{{.*?^\}}", re.MULTILINE | re.DOTALL)
            found = [(match[0], source) for source in sources for match in [start.search(source)] if match]
            if not found:
                yield number, f"no file of this row defines {function}()"
            elif is_marked and not all(is_led_to(*one) for one in found):
                yield number, f"the compiler does not lead to {function}(): it has no switch without default"


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    faults, rows = 0, 0
    for page in PAGES:
        text = read(os.path.join(root, page))
        for number, what in faults_of(root, text):
            print(f"{page}:{number}: {what}")
            faults += 1
        found = len(re.findall(r"^\| (\d|\*)", text, re.MULTILINE))
        if found == 0:
            print(f"{page}: it has no row of a file")
            faults += 1
        rows += found
    print(f"{rows} rows, {faults} faults", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
