"""The nightly rebuild, measured at several sizes; see README.md beside. `run` starts it.

usage: bench.py BUILD CACHE THREADS MEMORY NEXT_TO SIZE..."""

import importlib.metadata
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import postgres  # noqa: E402  (found by the line before)

HERE = "tests/bench/rebuild"
POLICY = "rules/card-payments"
SUMS = f"{HERE}/sums"
TOOLS = ("duckdb", "polars", "pandas", *(("postgres",) if postgres.programs() else ()))
CARDS, MERCHANTS, DAYS = 1_000_000, 100_000, 40
MEMORY_SLACK = 1.10
SLOWER_MAX = 1.5  # processor time per transaction, the largest archive against the smallest
RESCORED = """\
# For the bench: everything that is computed from the archive, the scores too.
thresholds:
  - {name: amount_p995, quantile: 0.995, of: amount, by: mcc, over: 30d, fallback: 500.0}
budgets:
  - {verdict: review, at_most: 0.005, over: 1d}
"""


class Bench:
    def __init__(self, build, cache, threads, memory, next_to):
        self.build, self.cache, self.threads, self.memory = build, cache, threads, memory
        self.next_to = next_to == "1"
        self.faults = []

    def folder(self, size):
        return f"{self.cache}/{size}"

    def expect(self, good, what):
        if not good:
            self.faults.append(what)
        return "" if good else "  <- NOT AS IT SHOULD BE"

    # ---- what is measured

    def make_archive(self, size):
        """Kept for the next time, unless another policy or another program would make another one."""
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

    def rebuild(self, size, policy=None):
        """From the first record on, into a folder of its own. The archive stays as it is: segments are not sealed."""
        data = f"{self.folder(size)}/{os.path.basename(policy) if policy else 'all'}"
        shutil.rmtree(data, ignore_errors=True)
        os.makedirs(data)
        os.symlink("../archive", f"{data}/archive")
        command = [f"{self.build}/clients/cli/harrier", "rebuild", f"--data={data}", f"--threads={self.threads}"]
        command += [f"--memory={self.memory}", "--priority=normal", "--no-seal"]
        command += [f"--policy={policy}"] if policy else []
        report = run_watched(command)
        report["tables_bytes"] = os.stat(f"{data}/generations/current/tables.mdb").st_size
        report["generations"] = f"{data}/generations"
        return report

    def run_tool(self, size, tool):
        result = f"{self.folder(size)}/{tool}"
        os.makedirs(result, exist_ok=True)
        command = [sys.executable, f"{HERE}/next_to.py", tool, f"{self.folder(size)}/columns", self.threads, result]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)

    # ---- one after the other

    def measure(self, size):
        self.make_archive(size)
        report = self.rebuild(size)
        print(f"\n{size:,} transactions, {report['entities']:,} states, {mib(report['tables_bytes'])} of tables")
        self.print_rebuild("all features", report, size)
        for name, wall in report["phases_ms"].items():
            print(f"    {name:<34}{wall / 1000:8.2f} s   processor {report['phases_cpu_ms'][name] / 1000:7.2f} s")
        if self.next_to:
            self.measure_sums(size)
        shutil.rmtree(os.path.dirname(report["generations"]))
        return report

    def print_rebuild(self, name, report, size):
        seconds, cpu = report["seconds"], report["cpu_seconds"]
        fits = report["anonymous_bytes"] <= MEMORY_SLACK * report["memory_bytes"]
        print(
            f"  {'harrier, ' + name:<36}{seconds:8.2f} s   processor {cpu:7.2f} s"
            f"   {size / seconds / 1e6:5.2f} M/s, {cpu / size * 1e6:.2f} µs of processor each"
        )
        print(
            f"    {'anonymous memory':<34}{mib(report['anonymous_bytes'])} of {mib(report['memory_bytes'])},"
            f" {mib(report['spilled_bytes'])} in files"
            + self.expect(fits, f"memory of {name} at {size:,}")
        )

    def measure_sums(self, size):
        report = self.rebuild(size, SUMS)
        self.print_rebuild("12 counts and sums", report, size)
        for tool in TOOLS:
            used = self.run_tool(size, tool)
            print(
                f"  {tool + ', the same 12':<36}{used['seconds']:8.2f} s   processor {used['cpu_seconds']:7.2f} s"
                f"   harrier takes {report['seconds'] / used['seconds']:.2f} times as long"
            )
        import compare  # needs numpy, which is where DuckDB, Polars and pandas are

        reader = f"{self.build}/tests/bench/rebuild_read_tables"
        folder = self.folder(size)
        found = compare.compare(reader, SUMS, report["generations"], f"{folder}/columns", folder, TOOLS)
        print(
            f"  values: {found.cells:,} cells, {found.wrong:,} wrong; {found.same / found.cells:.3%} as the others"
            f" have them, the rest of windows up to a 64th beside" + self.expect(found.is_good(), f"values: {found}")
        )
        shutil.rmtree(os.path.dirname(report["generations"]))

    def measure_rescoring(self, size):
        """Values come from the records in parallel; scores of another policy only from a replay, in one thread."""
        policy = f"{self.cache}/rescored"
        shutil.rmtree(policy, ignore_errors=True)
        shutil.copytree(POLICY, policy)
        with open(f"{policy}/thresholds.yaml", "w", encoding="ascii") as file:
            file.write(RESCORED)
        report = self.rebuild(size, policy)
        print(
            f"\nthresholds at {size:,} transactions: values {report['thresholds_ms'] / 1000:.2f} s,"
            f" scores again {report['thresholds_replay_ms'] / 1000:.2f} s; not in the times above"
        )
        shutil.rmtree(os.path.dirname(report["generations"]))


def files_below(folder):
    return [os.path.join(path, name) for path, _, names in os.walk(folder) for name in names]


def mib(size):
    return f"{size / 2**20:,.0f} MiB"


def run_watched(command):
    """The program's report, with its times and the peak of its anonymous memory."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        peak = 0
        while process.poll() is None:
            try:
                with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                    found = re.search(r"RssAnon:\s+(\d+)", status.read())
                peak = max(peak, int(found.group(1)) if found else 0)
            except OSError:
                pass
            time.sleep(0.01)
        seconds = time.monotonic() - begin
        output = process.stdout.read()
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: status {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(output) | {"seconds": seconds, "cpu_seconds": cpu, "anonymous_bytes": peak * 1024}


def main():
    bench, sizes = Bench(*sys.argv[1:6]), sorted(int(size) for size in sys.argv[6:])
    if bench.next_to:
        versions = [f"{name} {importlib.metadata.version(name)}" for name in ("duckdb", "polars", "pandas")]
        print(", ".join([*versions, postgres.version() if postgres.programs() else "PostgreSQL is not installed: left out"]))
    reports = {size: bench.measure(size) for size in sizes}
    bench.measure_rescoring(sizes[0])
    if len(sizes) > 1:
        wall, cpu = (
            (reports[sizes[-1]][what] / sizes[-1]) / (reports[sizes[0]][what] / sizes[0])
            for what in ("seconds", "cpu_seconds")
        )
        print(
            f"a transaction takes {wall:.2f} times as long at {sizes[-1]:,} as at {sizes[0]:,}, and {cpu:.2f} times"
            " the processor time" + bench.expect(cpu <= SLOWER_MAX, "processor time per transaction")
        )
    for fault in bench.faults:
        print(f"NOT AS IT SHOULD BE: {fault}")
    sys.exit(1 if bench.faults else 0)


main()
