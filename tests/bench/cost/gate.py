#!/usr/bin/env python3
"""Compares the instructions of one decision with recorded figures. callgrind counts them, so the result does not depend on the
load of the machine, and a loss of a few percent shows.

usage: gate.py [--figures FILE] [--update] COST POLICY

COST is the program cost.c, POLICY the folder of a policy. FILE has a set of figures for each compiler: inclusive instructions
per transaction, by phase. With a recorded compiler, a figure more than 10 % above the recorded one fails; smaller changes and
savings are only reported, and so are figures of other compilers. --update records the current figures.

Exit status 77, skipped: no valgrind, or a compiler without figures.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOLERANCE = 0.10
SKIPPED = 77

# Name in the table: the function whose inclusive cost it is.
PHASES = {
    "decode": "message_decode_request",
    "evaluate": "engine_decide",
    "append": "archive_append",
    "apply": "engine_apply",
    "encode": "message_encode_response",
    "decision": "counted_decision",
}
# Part of the measurement, not of the server: reads the answer.
NOT_COUNTED = "take_answer"

# The C library selects variants of its functions by processor; this selects the same ones everywhere.
SAME_EVERYWHERE = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM,-BMI2,-AVX,-XSAVEC"}

# "1,234 (5.6%)  path/file.c:function [object]"
LINE = re.compile(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+(?:\S*:)?([A-Za-z_]\w*)(?:\.[a-z]+\.\d+)*(?:'\d+)?(?: \[.*\])?$")


def compiler_of(program):
    """The program's compiler from its comment section, such as "gcc 12.2.0"."""
    with open(program, "rb") as file:
        found = re.search(rb"GCC: \([^)\0]*\) ([\d.]+)|clang version ([\d.]+)", file.read())
    if not found:
        return "unknown compiler"
    return f"gcc {found[1].decode()}" if found[1] else f"clang {found[2].decode()}"


def environment():
    """Without variables that change memory allocation, such as MALLOC_PERTURB_, which meson sets."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}, **SAME_EVERYWHERE}


def count(cost, policy):
    """Instructions for one transaction, by phase."""
    with tempfile.TemporaryDirectory(prefix="harrier-cost-") as folder:
        out = os.path.join(folder, "callgrind")
        data = os.path.join(folder, "data")
        os.mkdir(data)
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", "--quiet", "--collect-atstart=no", f"--toggle-collect={PHASES['decision']}",
             f"--callgrind-out-file={out}", cost, policy, data],
            env=environment(), capture_output=True, text=True, check=False)
        if run.returncode != 0:
            sys.exit(f"gate.py: {cost}: exit status {run.returncode}\n{run.stderr}")
        transactions = int(run.stdout)
        text = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", out],
                              capture_output=True, text=True, check=True).stdout
    return figures_of(text, transactions)


def figures_of(text, transactions):
    found = {}
    for line in text.splitlines():
        match = LINE.match(line)
        if match:
            name = match[2]
            found[name] = max(found.get(name, 0), int(match[1].replace(",", "")))
    missing = [name for name in [*PHASES.values(), NOT_COUNTED] if name not in found]
    if missing:
        sys.exit(f"gate.py: callgrind found no {', '.join(missing)}: renamed, or inlined into its caller?")
    figures = {phase: round(found[name] / transactions) for phase, name in PHASES.items()}
    figures["decision"] = round((found[PHASES["decision"]] - found[NOT_COUNTED]) / transactions)
    return figures


def compare(before, now):
    """The lines of the table, and whether no figure is above the tolerance."""
    lines, good = [f"{'phase':<10} {'before':>8} {'now':>8}"], True
    for phase, figure in now.items():
        old = before.get(phase)
        if old is None:
            lines.append(f"{phase:<10} {'-':>8} {figure:>8}  no figure yet")
            good = False
            continue
        change = figure / old - 1
        away = change > TOLERANCE
        good = good and not away
        lines.append(f"{phase:<10} {old:>8} {figure:>8}  {change:+.1%}{'  <<<' if away else ''}")
    return lines, good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "figures.json"))
    parser.add_argument("--update", action="store_true")
    parser.add_argument("cost")
    parser.add_argument("policy")
    options = parser.parse_args()

    if not shutil.which("valgrind") or not shutil.which("callgrind_annotate"):
        print("skipped: no valgrind")
        return SKIPPED
    with open(options.figures, encoding="utf-8") as file:
        all_figures = json.load(file)
    here = compiler_of(options.cost)
    if here not in all_figures and not options.update:
        print(f"instructions for one transaction, {here}: no recorded figures for this compiler",
              *(f"{phase:<10} {figure:>8}" for phase, figure in count(options.cost, options.policy).items()), sep="\n")
        return SKIPPED
    now = count(options.cost, options.policy)
    lines, good = compare(all_figures.get(here, {}), now)
    print(f"instructions for one transaction, {here}", *lines, sep="\n")
    if options.update:
        all_figures[here] = now
        with open(options.figures, "w", encoding="utf-8") as file:
            json.dump(all_figures, file, indent=2, sort_keys=True)
            file.write("\n")
        return 0
    if not good:
        print(f"more than {TOLERANCE:.0%} above {options.figures}: find out why, or record the new figures with --update")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
