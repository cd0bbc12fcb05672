#!/usr/bin/env python3
"""Writes docs/PERFORMANCE.md from the figures that the measurements printed.

usage: performance.py FIGURES [--out FILE] [--readme FILE]

FIGURES has a line of name, tab and value for each round of each measurement, and lines `# ...` about the machine and the
versions of the peers. A row meets its target if its median does; the smallest and largest round follow the median. A row
without figures shows "not measured". --readme also replaces the table between the lines <!-- figures --> and
<!-- /figures --> of a file with some of the rows.
"""

import argparse
import collections
import re
import statistics
import sys

import fast_paths
from rows import README_ROWS, ROWS

LINE = re.compile(r"^([A-Za-z]\w*)\t(-?[\d.]+(?:[eE][-+]?\d+)?)$")


def read(path):
    """Returns the values of each figure in the order of rounds, and the remarks."""
    figures, remarks = collections.defaultdict(list), []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            match = LINE.match(line.rstrip("\n"))
            if match:
                figures[match[1]].append(float(match[2]))
            elif line.startswith("# "):
                remarks.append(line[2:].strip())
            elif line.strip():
                sys.exit(f"{path}: {line.rstrip()!r}: expected name, tab and number, or a remark after \"# \"")
    return figures, remarks


def values_of(figures, expression):
    """Returns the values of "a", or of "a / b" for each round. None: a figure was not measured."""
    names = expression.split(" / ")
    columns = [figures.get(name) for name in names]
    if not all(columns):
        return None
    if len(columns) == 1:
        return columns[0]
    return [a / b for a, b in zip(*columns) if b]


def written(value):
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def anchor_of(title):
    return re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")


def is_missed(figures, row):
    """True if the row has a target and was measured, and its median misses it."""
    values = values_of(figures, row.figure)
    if not values or row.target is None:
        return False
    median = statistics.median(values)
    return median > row.target if row.at_most else median < row.target


def reasons_of(figures, rows):
    """Returns the section after the tables: the reason of each missed target once, with its date."""
    used = list(dict.fromkeys(row.reason for row in rows if row.reason and is_missed(figures, row)))
    if not used:
        return []
    lines = ["", "## Why targets are missed", "",
             "Each paragraph describes a profile taken on the given day and commit, not the run above."]
    for reason in used:
        day, commit = reason.found.split(", ")
        lines += ["", f"### {reason.title}", "", f"{reason.text} (Measured on {day} at {commit}.)"]
    return lines


def readme_table(page_text):
    """Returns the table of README.md, with the medians of the page."""
    lines = ["| measurement | result |", "| --- | --- |"]
    for what, wording in README_ROWS.items():
        cells = next(line for line in page_text.splitlines() if line.startswith(f"| {what} |")).strip("|").split("|")
        lines.append(f"| {wording} | {cells[2].strip()} |")
    return "\n".join(lines) + "\n"


def put_into(readme, table):
    head, rest = readme.split("<!-- figures -->\n", 1)
    return f"{head}<!-- figures -->\n{table}<!-- /figures -->" + rest.split("<!-- /figures -->", 1)[1]


def row_of(figures, row):
    values = values_of(figures, row.figure)
    target = f"{'≤' if row.at_most else '≥'} {written(row.target)}{row.unit}" if row.target is not None else ""
    if not values:
        return f"| {row.what} | {target} | not measured | | |"
    median = statistics.median(values)
    verdict = ""
    if row.target is not None:
        verdict = "yes" if not is_missed(figures, row) else f"**no**, see [{row.reason.title}](#{anchor_of(row.reason.title)})" if row.reason else "**no**"
    spread = f"{written(min(values))} – {written(max(values))} ({len(values)})"
    return f"| {row.what} | {target} | {written(median)}{row.unit} | {spread} | {verdict} |"


def page(figures, remarks):
    lines = ["# Performance", "",
             "`tests/bench/run` writes this page from one run, on one machine and over loopback. Compare the ratios: absolute figures",
             "depend on the machine. Each row has the median of the rounds, the smallest and largest round, and the number of rounds in",
             "brackets. [deploy/build-release](../deploy/build-release) builds the programs with a profile of simulated payments, which",
             "differ from those measured here. [tests/bench/README.md](../tests/bench/README.md) describes the measurements.", ""]
    lines += [f"- {remark}" for remark in remarks]
    section = None
    for row in ROWS:
        if row.section != section:
            section = row.section
            lines += ["", f"## {section}", "", "| what | target | median | rounds | met |", "| --- | --- | --- | --- | --- |"]
        lines.append(row_of(figures, row))
    lines += fast_paths.table()
    lines += reasons_of(figures, ROWS)
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("figures")
    parser.add_argument("--out", help="write the page to this file instead of printing it")
    parser.add_argument("--readme", help="update the table of figures in this file")
    arguments = parser.parse_args()
    text = page(*read(arguments.figures))
    if arguments.out:
        with open(arguments.out, "w", encoding="utf-8") as out:
            out.write(text)
    else:
        sys.stdout.write(text)
    if arguments.readme:
        with open(arguments.readme, encoding="utf-8") as file:
            readme = file.read()
        with open(arguments.readme, "w", encoding="utf-8") as file:
            file.write(put_into(readme, readme_table(text)))


if __name__ == "__main__":
    main()
