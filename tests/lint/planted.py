#!/usr/bin/env python3
"""Checks the faults of tests/planted: each patch applies to the tree, says what it takes away, and names tests that exist.

usage: planted.py ROOT BUILD        exit status 1 when one does not
"""
import json
import os
import pathlib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "planted"))
import faults  # noqa: E402


def tests_of(build):
    with open(os.path.join(build, "meson-info", "intro-tests.json"), encoding="utf-8") as file:
        return {test["name"] for test in json.load(file)}


def offences(root, tests):
    paths = sorted(pathlib.Path(root, "tests", "planted").glob("*/*.patch"))
    if not paths:
        yield f"{root}/tests/planted: no patch in any of its folders"
    for path in paths:
        try:
            fault = faults.read(path)
        except faults.Refused as refused:
            yield str(refused)
            continue
        for name in fault.tests:
            if name not in tests:
                yield f"{path}: there is no test {name}"
        why = faults.apply(path, pathlib.Path(root), "--check")
        if why:
            yield f"{path}: it does not apply any more; make it anew: {why}"


def main():
    found = list(offences(sys.argv[1], tests_of(sys.argv[2])))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
