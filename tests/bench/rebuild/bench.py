"""Measures the nightly rebuild at several sizes; see tests/bench/README.md. Started by `run`.

usage: bench.py BUILD CACHE THREADS MEMORY ROUNDS NEXT_TO [--sums] [--out FILE] SIZE..."""

import argparse
import dataclasses
import importlib.metadata
import json
import os
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import postgres  # noqa: E402  (found by the line before)
import watch  # noqa: E402

HERE = "tests/bench/rebuild"
POLICY = "rules/card-payments"
SUMS = f"{HERE}/sums"
TOOLS = ("duckdb", "polars", "pandas", *(("postgres",) if postgres.programs() else ()))
CARDS, MERCHANTS, DAYS = 1_000_000, 100_000, 40
MEMORY_SLACK = 1.10
TIGHT_MEMORY = "128M"
SLOWER_MAX = 1.5  # processor time per transaction, the largest archive against the smallest
RESCORED = """\
# For the bench: thresholds over the archive, and a budget that needs scores of a replay.
thresholds:
  - {name: amount_p995, quantile: 0.995, of: amount, by: mcc, over: 30d, fallback: 500.0}
budgets:
  - {verdict: review, at_most: 0.005, over: 1d}
"""


class Bench:
    def __init__(self, build, cache, threads, memory, rounds, next_to):
        self.build, self.cache, self.threads, self.memory, self.rounds = build, cache, threads, memory, int(rounds)
        self.next_to = next_to == "1"
        self.faults, self.figures = [], []  # lines for --out

    def folder(self, size):
        return f"{self.cache}/{size}"

    def expect(self, good, what):
        if not good:
            self.faults.append(what)
        return "" if good else "  <- FAILED"

    # ---- runs

    def make_archive(self, size):
        """Makes the archive, unless it exists and is newer than the policy and the program that makes it."""
        folder, maker = self.folder(size), f"{self.build}/tests/bench/rebuild_archive"
        made_from = max(os.stat(path).st_mtime for path in [maker, *files_below(POLICY)])
        if os.path.exists(f"{folder}/whole") and os.stat(f"{folder}/whole").st_mtime > made_from:
            return
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(f"{folder}/columns")
        subprocess.run(
            [maker, POLICY, f"{folder}/archive", str(size), str(CARDS), str(MERCHANTS), str(DAYS), f"{folder}/columns"],
            check=True,
        )
        open(f"{folder}/whole", "w", encoding="ascii").close()

    def rebuild(self, size, policy=None, memory=None):
        """Rebuilds from the first record into a separate folder. Does not change the archive: segments are not sealed."""
        data = f"{self.folder(size)}/{os.path.basename(policy) if policy else 'all'}"
        shutil.rmtree(data, ignore_errors=True)
        os.makedirs(data)
        os.symlink("../archive", f"{data}/archive")
        command = [f"{self.build}/clients/cli/harrier", "rebuild", f"--data={data}", f"--threads={self.threads}"]
        command += [f"--memory={memory or self.memory}", "--priority=normal", "--no-seal"]
        command += [f"--policy={policy}"] if policy else []
        run = watch.run(command)
        report = json.loads(run.output) | {"run": run, "generations": f"{data}/generations"}
        report["tables_bytes"] = os.stat(f"{data}/generations/current/tables.mdb").st_size
        return report

    def run_tool(self, size, tool):
        """Runs another tool. The time is that of its queries on loaded columns; the memory is that of the whole process."""
        result = f"{self.folder(size)}/{tool}"
        os.makedirs(result, exist_ok=True)
        command = [sys.executable, "-B", f"{HERE}/next_to.py", tool, f"{self.folder(size)}/columns", self.threads, result]
        run = watch.run(command)
        return dataclasses.replace(run, **json.loads(run.output))

    # ---- measurements

    def measure(self, size):
        self.make_archive(size)
        report = self.rebuild(size)
        print(f"\n{size:,} transactions, {report['entities']:,} states, {mib(report['tables_bytes'])} of tables")
        self.print_rebuild("all features", report, size)
        for name, wall in report["phases_ms"].items():
            print(f"    {name:<34}{wall / 1000:8.2f} s   processor {report['phases_cpu_ms'][name] / 1000:7.2f} s")
        if self.next_to:
            self.measure_sums(size, with_all=False)
        shutil.rmtree(os.path.dirname(report["generations"]))
        return report

    def print_rebuild(self, name, report, size):
        run = report["run"]
        seconds, cpu, anonymous = run.seconds, run.cpu_seconds, run.anonymous_bytes
        fits = anonymous <= MEMORY_SLACK * report["memory_bytes"]
        print(
            f"  {'harrier, ' + name:<36}{seconds:8.2f} s   processor {cpu:7.2f} s"
            f"   {size / seconds / 1e6:5.2f} M/s, {cpu / size * 1e6:.2f} µs of processor each"
        )
        print(
            f"    {'anonymous memory':<34}{mib(anonymous)} of {mib(report['memory_bytes'])},"
            f" {mib(report['spilled_bytes'])} spilled"
            + self.expect(fits, f"memory of {name} at {size:,}")
        )

    def measure_sums(self, size, with_all=True):
        """The 12 counts and sums. Harrier and the tools take turns, so that other load affects all of them."""
        runs, report = {name: [] for name in ("harrier", *TOOLS)}, None
        for _ in range(self.rounds):
            if with_all:
                self.note_all_features(size)
            report = self.rebuild(size, SUMS)
            runs["harrier"].append(report["run"])
            for tool in TOOLS:
                runs[tool].append(self.run_tool(size, tool))
        self.print_rebuild("12 counts and sums", report, size)
        for name, of_name in runs.items():
            self.figures += watch.figures_of(f"batch_rebuild_{name}", of_name)
            self.print_beside(name, of_name, runs["harrier"])
        self.compare_values(size, report)
        shutil.rmtree(os.path.dirname(report["generations"]))

    def note_all_features(self, size):
        report = self.rebuild(size)
        self.print_rebuild("all features", report, size)
        self.figures.append(f"batch_rebuild_all_rate\t{size / report['run'].seconds:.6g}")
        shutil.rmtree(os.path.dirname(report["generations"]))
        # Again with a budget that is too small, so that it spills to files.
        report = self.rebuild(size, memory=TIGHT_MEMORY)
        self.print_rebuild(f"all features, with {TIGHT_MEMORY}", report, size)
        if report["spilled_bytes"] == 0:
            raise RuntimeError(f"a budget of {TIGHT_MEMORY} is too large for {size:,} transactions: nothing was spilled")
        self.figures.append(f"batch_rebuild_all_budget_used\t{report['run'].anonymous_bytes / report['memory_bytes']:.6g}")
        shutil.rmtree(os.path.dirname(report["generations"]))

    def print_beside(self, name, runs, ours):
        seconds, cpu, memory = (statistics.median(getattr(run, what) for run in runs) for what in ("seconds", "cpu_seconds", "resident_bytes"))
        line = f"  {name + ', 12 counts and sums':<36}{seconds:8.2f} s   processor {cpu:7.2f} s   memory {mib(memory)}"
        if runs is not ours:
            times = statistics.median(a.seconds / b.seconds for a, b in zip(ours, runs))
            line += f"   harrier takes {times:.2f} times as long"
        print(f"{line} ({len(runs)})", flush=True)

    def compare_values(self, size, report):
        import compare  # needs numpy, which is where DuckDB, Polars and pandas are

        reader = f"{self.build}/tests/bench/rebuild_read_tables"
        folder = self.folder(size)
        found = compare.compare(reader, SUMS, report["generations"], f"{folder}/columns", folder, TOOLS)
        values = (
            f"{found.cells:,} cells, {found.wrong + found.beyond + found.unlike:,} wrong; {found.same / found.cells:.3%} equal to the"
            " others; in the rest, the window begins up to 1/64 of its length earlier or later"
        )
        print(f"  values: {values}" + self.expect(found.is_good(), f"values: {found}"))
        self.figures.append(f"# batch, end of history: {values}")

    def measure_rescoring(self, size):
        """Thresholds over values are computed in parallel; those over scores of another policy need a replay in one thread."""
        policy = f"{self.cache}/rescored"
        shutil.rmtree(policy, ignore_errors=True)
        shutil.copytree(POLICY, policy)
        with open(f"{policy}/thresholds.yaml", "w", encoding="ascii") as file:
            file.write(RESCORED)
        report = self.rebuild(size, policy)
        print(
            f"\nthresholds at {size:,} transactions: over values {report['thresholds_ms'] / 1000:.2f} s,"
            f" over scores {report['thresholds_replay_ms'] / 1000:.2f} s; not included in the times above"
        )
        shutil.rmtree(os.path.dirname(report["generations"]))


def files_below(folder):
    return [os.path.join(path, name) for path, _, names in os.walk(folder) for name in names]


def mib(size):
    return f"{size / 2**20:,.0f} MiB"


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/rebuild/run")
    parser.add_argument("given", nargs=6)
    parser.add_argument("sizes", metavar="SIZE", nargs="*", type=int)
    parser.add_argument("--sums", action="store_true", help="only the 12 counts and sums that other tools compute as well")
    parser.add_argument("--out", help="file for the figures of --sums")
    arguments = parser.parse_intermixed_args()
    bench, sizes = Bench(*arguments.given), sorted(arguments.sizes or [1_000_000, 10_000_000])
    if bench.next_to:
        versions = [f"{name} {importlib.metadata.version(name)}" for name in ("duckdb", "polars", "pandas")]
        print(", ".join([*versions, postgres.version() if postgres.programs() else "PostgreSQL is not installed: left out"]))
    if arguments.sums:
        for size in sizes:
            world = f"{CARDS:,} cards and {MERCHANTS:,} merchants in {DAYS} days"
            bench.figures.append(f"# batch: {size:,} transactions of {world}; {bench.threads} threads, {bench.rounds} rounds")
            bench.make_archive(size)
            bench.measure_sums(size)
    else:
        measure_all(bench, sizes)
    if arguments.out:
        watch.write_lines(arguments.out, bench.figures)
    for fault in bench.faults:
        print(f"FAILED: {fault}")
    sys.exit(1 if bench.faults else 0)


def measure_all(bench, sizes):
    runs = {size: bench.measure(size)["run"] for size in sizes}
    bench.measure_rescoring(sizes[0])
    if len(sizes) > 1:
        wall, cpu = (
            (getattr(runs[sizes[-1]], what) / sizes[-1]) / (getattr(runs[sizes[0]], what) / sizes[0])
            for what in ("seconds", "cpu_seconds")
        )
        print(
            f"a transaction takes {wall:.2f} times as long at {sizes[-1]:,} as at {sizes[0]:,}, and {cpu:.2f} times"
            " the processor time" + bench.expect(cpu <= SLOWER_MAX, "processor time per transaction")
        )


main()
