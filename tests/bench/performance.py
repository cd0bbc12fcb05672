#!/usr/bin/env python3
"""Makes the table of docs/PERFORMANCE.md out of what the measurements printed.

usage: performance.py FIGURES [--out FILE] [--readme FILE]

FIGURES has a line with name, tab and value for each round of each measurement, and lines `# ...` about the machine and the
versions of what was measured beside. A row is met when its median is; behind the median stand the least and the greatest
of the rounds. A row whose figures are not there says so. --readme puts some of the rows, of the same run, between the lines
<!-- figures --> and <!-- /figures --> of a file.
"""

import argparse
import collections
import re
import statistics
import sys

from rows import README_ROWS, ROWS

LINE = re.compile(r"^([A-Za-z]\w*)\t(-?[\d.]+(?:[eE][-+]?\d+)?)$")


def read(path):
    """Values of each figure in the order of rounds, and the remarks."""
    figures, remarks = collections.defaultdict(list), []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            match = LINE.match(line.rstrip("\n"))
            if match:
                figures[match[1]].append(float(match[2]))
            elif line.startswith("# "):
                remarks.append(line[2:].strip())
            elif line.strip():
                sys.exit(f"{path}: {line.rstrip()!r}: expected name, tab and number, or a remark behind \"# \"")
    return figures, remarks


def values_of(figures, expression):
    """Of "a", or of "a / b" round by round. None: one of them was not measured."""
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


def reasons_of(rows):
    """The section behind the tables: each reason once, and of when it is."""
    used = list(dict.fromkeys(row.reason for row in rows if row.reason))
    lines = ["", "## Why targets are missed", "",
             "What profiles found when a target was missed, each with the day and the commit. The figures are of that day."]
    for reason in used:
        lines += ["", f"### {reason.title}", "", f"{reason.text} ({reason.found})"]
    return lines


def readme_table(page_text):
    """Rows of the page, as they are there."""
    lines = ["| measured | figure |", "| --- | --- |"]
    for what, said in README_ROWS.items():
        cells = next(line for line in page_text.splitlines() if line.startswith(f"| {what} |")).strip("|").split("|")
        lines.append(f"| {said} | {cells[2].strip()} |")
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
        met = median <= row.target if row.at_most else median >= row.target
        verdict = "yes" if met else f"**no**, see [{row.reason.title}](#{anchor_of(row.reason.title)})" if row.reason else "**no**"
    spread = f"{written(min(values))} – {written(max(values))} ({len(values)})"
    return f"| {row.what} | {target} | {written(median)}{row.unit} | {spread} | {verdict} |"


def page(figures, remarks):
    lines = ["# Performance", "",
             "`tests/bench/run` makes this page in one run, on one machine and over loopback. Compare the ratios: absolute figures belong",
             "to the machine. Each row has the median of the rounds, then the smallest and the largest, and the number of rounds in",
             "brackets. [deploy/build-release](../deploy/build-release) builds the programs and trains them with a profile of",
             "simulated payments, which are not what is measured here.", ""]
    lines += [f"- {remark}" for remark in remarks]
    section = None
    for row in ROWS:
        if row.section != section:
            section = row.section
            lines += ["", f"## {section}", "", "| what | target | median | rounds | met |", "| --- | --- | --- | --- | --- |"]
        lines.append(row_of(figures, row))
    lines += reasons_of(ROWS)
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("figures")
    parser.add_argument("--out", help="written instead of printed")
    parser.add_argument("--readme", help="whose table is made of rows of the page")
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
