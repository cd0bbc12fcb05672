"""Measures replay; see tests/bench/README.md. Started by `run`.

usage: bench.py BUILD CACHE THREADS ROUNDS NEXT_TO [--thirty] [--all] [--windows] [--out FILE] [TRANSACTIONS]"""

import argparse
import dataclasses
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import postgres  # noqa: E402  (found by the line before)
import watch  # noqa: E402

HERE = "tests/bench/replay"
WINDOWS = f"{HERE}/windows"
POLICY = "rules/card-payments"
TOOLS = ("duckdb", "polars")  # with targets for time and memory
SLOWER_TOOLS = ("pandas", "postgres")  # without a target; left out above SLOWER_TOOLS_MOST unless --all
SLOWER_TOOLS_MOST = 10_000_000
CARDS, MERCHANTS, DAYS = 1_000_000, 100_000, 40
MILLION = 1_000_000
FASTER_MIN = 2.0  # relative to each of TOOLS
MEMORY_MAX = 0.25  # relative to each of TOOLS
SLOWER_MAX = 1.5  # time per transaction, the largest archive relative to a million
WANTED = {"handbook": 700_000, "card-payments": 300_000}  # minimum rate, transactions a second on two cores
FORMATS_ROWS = 300_000  # compared between the CSV and the Parquet export


class Bench:
    def __init__(self, build, cache, threads, rounds, next_to):
        self.build, self.cache = build, cache
        self.tools = TOOLS
        self.threads, self.rounds = int(threads), int(rounds)
        self.next_to = next_to == "1"
        self.harrier = f"{build}/clients/cli/harrier"
        # harrier-parquet runs the first Python in PATH; this one has pyarrow.
        self.env = dict(os.environ, PATH=f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}")
        self.faults, self.judges = [], True  # judges: apply the targets for time and memory
        self.figures = []  # lines for --out

    def folder(self, size):
        return f"{self.cache}/replay-{size}"

    def expect(self, good, what):
        if not good:
            self.faults.append(what)
        return "" if good else "  <- FAILED"

    def choose_tools(self, size, with_all, quick_ones):
        slower = [tool for tool in SLOWER_TOOLS if tool != "postgres" or postgres.programs()]
        if quick_ones:
            slower = []
        elif size > SLOWER_TOOLS_MOST and not with_all:
            print(f"{' and '.join(slower)} left out: more than {SLOWER_TOOLS_MOST:,} transactions without --all")
            slower = []
        self.tools = (*TOOLS, *slower)
        versions = [f"{name} {importlib.metadata.version(name)}" for name in ("duckdb", "polars", "pandas", "pyarrow")]
        versions.append(postgres.version() if postgres.programs() else "PostgreSQL is not installed: left out")
        print(", ".join(versions))
        self.figures.append(f"# batch: {', '.join(versions)}")

    # ---- archives

    def make_archive(self, size):
        """Makes the archive, unless it exists and is newer than the program that makes it."""
        folder, maker = self.folder(size), f"{self.build}/tests/bench/rebuild_archive"
        if os.path.exists(f"{folder}/whole") and os.stat(f"{folder}/whole").st_mtime > os.stat(maker).st_mtime:
            return folder
        print(f"making an archive of {size:,}", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(f"{folder}/columns")
        world = [str(number) for number in (size, CARDS, MERCHANTS, DAYS)]
        csv = [f"{folder}/columns", f"{folder}/transactions.csv"]
        subprocess.run([maker, POLICY, f"{folder}/archive", *world, *csv], check=True)
        open(f"{folder}/whole", "w", encoding="ascii").close()
        return folder

    def make_handbook(self):
        """Returns the archive's folder; None if the data is missing."""
        folder = f"{self.cache}/replay-handbook"
        if os.path.exists(f"{folder}/whole"):
            return f"{folder}/archive"
        for data in (os.environ.get("HARRIER_DATA"), "../shared/data"):
            csv = data and f"{data}/handbook_raw.csv.zst"
            if csv and os.path.exists(csv):
                shutil.rmtree(folder, ignore_errors=True)
                os.makedirs(folder)
                command = [self.harrier, "import", folder, csv, "--map=clients/cli/mappings/handbook.yaml"]
                subprocess.run([*command, "--policy=rules/handbook"], check=True, capture_output=True)
                open(f"{folder}/whole", "w", encoding="ascii").close()
                return f"{folder}/archive"
        return None

    # ---- runs

    def replay(self, archive, policy, threads, *options):
        command = [self.harrier, "replay", archive, f"--policy={policy}", f"--threads={threads}", *options]
        return watch.run(command, self.env)

    def run_tool(self, folder, tool, *table):
        command = [sys.executable, "-B", f"{HERE}/next_to.py", tool, f"{folder}/transactions.csv"]
        run = watch.run([*command, str(self.threads), *table], self.env)
        if tool == "postgres":  # without starting the server
            used = json.loads(run.output)
            run = dataclasses.replace(run, seconds=used["seconds"], cpu_seconds=used["cpu_seconds"])
        return run

    def print_run(self, name, run, size, more=""):
        print(
            f"  {name:<34}{run.seconds:8.2f} s  processor {run.cpu_seconds:8.2f} s  {size / run.seconds / 1e3:8,.0f} k/s"
            f"  memory {mib(run.resident_bytes)}, anonymous {mib(run.anonymous_bytes)}{more}",
            flush=True,
        )

    # ---- beside DuckDB, Polars, pandas and PostgreSQL

    def measure_windows(self, size):
        """Harrier and the tools take turns, so that other load affects all of them."""
        folder = self.make_archive(size)
        warm(folder)
        tools = self.tools if self.next_to else ()
        runs = {name: [] for name in ("harrier", *tools)}
        for _ in range(self.rounds):
            runs["harrier"].append(self.replay(f"{folder}/archive", WINDOWS, self.threads, "--quiet"))
            for tool in tools:
                runs[tool].append(self.run_tool(folder, tool))
        print(f"\n12 point-in-time counts and sums for each of {size:,} transactions, reading included; medians of {self.rounds}")
        for name, of_name in runs.items():
            self.print_run(f"{name}, {self.threads} threads", median_run(of_name), size)
            self.figures += watch.figures_of(f"batch_replay_{name}", of_name)
        if not tools:
            return
        sums = [json.loads(runs[tool][0].output)["sums"] for tool in tools]
        agree = all(of_tool == sums[0] for of_tool in sums)
        print(f"  {', '.join(tools)} {'agree' if agree else 'differ'}" + self.expect(agree, "the other tools differ"))
        for tool in tools:
            self.compare_runs(tool, runs)

    def compare_runs(self, tool, runs):
        faster = statistics.median(a.seconds / b.seconds for a, b in zip(runs[tool], runs["harrier"]))
        processor = statistics.median(a.cpu_seconds / b.cpu_seconds for a, b in zip(runs[tool], runs["harrier"]))
        memory = statistics.median(b.resident_bytes / a.resident_bytes for a, b in zip(runs[tool], runs["harrier"]))
        good = tool not in TOOLS or not self.judges or (faster >= FASTER_MIN and memory <= MEMORY_MAX)
        print(
            f"  replay is {faster:.2f} times as fast as {tool}, with 1/{processor:.2f} of its processor time and"
            f" {memory:.0%} of its memory" + self.expect(good, f"replay relative to {tool}")
        )

    def compare_values(self, size):
        import compare  # needs numpy and pyarrow

        folder = self.folder(size)
        tables = [f"{folder}/{tool}.parquet" for tool in self.tools]
        for tool, table in zip(self.tools, tables):
            self.run_tool(folder, tool, table)
        export = f"{folder}/export.parquet"
        self.print_run("as Parquet", self.replay(f"{folder}/archive", WINDOWS, self.threads, f"--features={export}"), size)
        found = compare.compare(export, tables, f"{folder}/columns")
        print(
            f"  values: {found.cells:,} cells, {found.wrong + found.beyond:,} wrong; {found.same / found.cells:.3%} equal to"
            f" the others; in the rest, the window begins up to 1/64 of its length earlier or later" + self.expect(found.is_good(), f"values: {found}")
        )
        self.figures.append(f"# batch, point in time: {found.cells:,} cells, {found.wrong + found.beyond} wrong, {found.same / found.cells:.3%} equal to the others; in the rest, the window begins up to 1/64 of its length earlier or later")
        for path in (*tables, export):
            os.unlink(path)

    # ---- whole policies

    def measure_rate(self, name, archive):
        """Rates by number of threads, with equal exports; then Parquet and --counterfactual."""
        warm(archive)
        print(f"\nrules/{name}")
        policy, outputs, size = f"rules/{name}", {}, None
        for threads in (1, 2):
            run = median_run([self.replay(archive, policy, threads) for _ in range(self.rounds)])
            size = size or transactions_of(run)
            rate, wanted = size / run.seconds, WANTED[name]
            aim = f"  (aim {wanted / 1e3:,.0f} k/s)" if threads == 2 else ""
            self.print_run(f"{threads} thread{'s' * (threads > 1)}", run, size, aim)
            self.faults += [] if threads == 1 or rate >= wanted else [f"rules/{name}: {rate:,.0f}/s is below the aim"]
        for threads in (1, 2):
            path = f"{self.cache}/export-{threads}.csv"
            run = self.replay(archive, policy, threads, f"--features={path}")
            self.print_run(f"{threads} thread{'s' * (threads > 1)}, --features, CSV", run, size)
            outputs[threads] = hash_of(path)
        same = outputs[1] == outputs[2]
        print(f"  1 and 2 threads write {'the same bytes' if same else 'different bytes'}" + self.expect(same, f"{name}: threads"))
        if self.next_to:
            self.measure_parquet(archive, policy, size)
        for threads in (1, 2):
            os.unlink(f"{self.cache}/export-{threads}.csv")
        if self.knows("counterfactual"):
            self.print_run("--counterfactual", self.replay(archive, policy, 1, "--counterfactual"), size)

    def measure_parquet(self, archive, policy, size):
        import compare

        path = f"{self.cache}/export.parquet"
        run = self.replay(archive, policy, self.threads, f"--features={path}")
        self.print_run(f"{self.threads} threads, --features, Parquet", run, size, f", file {mib(os.stat(path).st_size)}")
        cells, different = compare.compare_formats(f"{self.cache}/export-2.csv", path, FORMATS_ROWS)
        print(f"  CSV and Parquet: {cells:,} cells, {different:,} different" + self.expect(different == 0, "CSV and Parquet"))
        os.unlink(path)

    def knows(self, option):
        usage = subprocess.run([self.harrier, "replay", "--help"], capture_output=True, text=True, check=True).stdout
        return f"--{option}" in usage

    def measure_growth(self, sizes):
        print("\ntime per transaction by size of the archive, rules/card-payments")
        each = {}
        for size in sizes:
            folder = self.make_archive(size)
            warm(f"{folder}/archive")
            run = median_run([self.replay(f"{folder}/archive", POLICY, self.threads) for _ in range(self.rounds)])
            self.print_run(f"{size:,}", run, size)
            each[size] = run.seconds / size, run.cpu_seconds / size
        wall, cpu = (each[sizes[-1]][i] / each[sizes[0]][i] for i in (0, 1))
        print(
            f"  a transaction takes {wall:.2f} times as long at {sizes[-1]:,} as at {sizes[0]:,}, and {cpu:.2f} times the"
            " processor time" + self.expect(wall <= SLOWER_MAX, "growth")
        )


def median_run(runs):
    return sorted(runs, key=lambda run: run.seconds)[len(runs) // 2]


def mib(size):
    return f"{size / 2**20:,.0f} MiB"


def warm(folder):
    """Reads all files, so that as much as fits is in the page cache."""
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as file:
                while file.read(1 << 24):
                    pass


def transactions_of(run):
    return int(re.search(rb"transactions\s+([\d,]+)", run.output).group(1).replace(b",", b""))


def hash_of(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def main():
    parser = argparse.ArgumentParser(prog="tests/bench/replay/run")
    parser.add_argument("given", nargs=5)
    parser.add_argument("size", metavar="TRANSACTIONS", nargs="?", type=int, default=10 * MILLION)
    parser.add_argument("--thirty", action="store_true")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--quick-ones", action="store_true", help="compare with DuckDB and Polars only, at any size")
    parser.add_argument("--windows", action="store_true", help="only the 12 counts and sums that other tools compute as well")
    parser.add_argument("--out", help="file for the figures of --windows; time and memory are then not judged here")
    arguments = parser.parse_intermixed_args()
    bench, size = Bench(*arguments.given), arguments.size
    bench.judges = not arguments.out
    if bench.next_to:
        bench.choose_tools(size, arguments.all, arguments.quick_ones)
    bench.measure_windows(size)
    if bench.next_to:
        bench.compare_values(size)
    if arguments.out:
        watch.write_lines(arguments.out, bench.figures)
    if not arguments.windows:
        measure_policies(bench, size, 30 * MILLION if arguments.thirty else size)
    for fault in bench.faults:
        print(f"FAILED: {fault}")
    sys.exit(1 if bench.faults else 0)


def measure_policies(bench, size, largest):
    handbook = bench.make_handbook()
    if handbook:
        bench.measure_rate("handbook", handbook)
    else:
        print("\nrules/handbook: handbook_raw.csv.zst not found, left out")
    bench.measure_rate("card-payments", f"{bench.folder(size)}/archive")
    if largest > MILLION:
        bench.measure_growth([MILLION, largest])


main()
