#!/usr/bin/env python3
"""harrier-spark beside harrier, on a cluster of two executor processes on loopback: README.md.

For each archive: content hash and generation of `harrier rebuild` and of Spark, with the archive's folder, through
Hadoop from another file system, and with executors killed, which thresholds and cut-offs are a part of; every cell of
the features. The archives are simulated payments (rules/card-payments, and the same with thresholds of each kind and
budgets) and, where the data is, the Handbook, whose cut-off comes from recorded scores.

usage: spark_jobs.py BUILD [--days N] [--kills N] [--large N]
--large N: also N million transactions of the Handbook's form, timed, with the memory of all processes; not compared
cell by cell.
"""
import argparse
import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "clients/spark"))
MASTER = "local-cluster[2,1,1024]"
LOOPBACK = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1", "spark.ui.enabled": "false",
            "spark.deploy.maxExecutorRetries": "-1", "spark.ui.showConsoleProgress": "false"}
THRESHOLDS = """thresholds:
  - {name: expensive, quantile: 0.9, of: amount, by: mcc, over: 28d, minimum: 20, fallback: 250.0}
  - {name: spread, statistic: mad, of: amount, over: 28d, minimum: 20, fallback: 50.0}
  - {name: busy, quantile: 0.99, of: double(card.count_30d), by: country, over: 28d, minimum: 20, fallback: 9.0}
  - {name: own, quantile: 0.9, of: amount, by: card, groups: many, over: 90d, minimum: 2, fallback: 100.0}
budgets:
  - {verdict: review, at_most: 0.02, over: 7d, minimum: 1000}
  - {verdict: decline, at_most: 0.005, over: 3d, minimum: 1000}
"""
RULES = """rules:
  - {name: above_usual, when: "amount > thresholds.expensive[mcc] + thresholds.spread", then: {score: 120}}
  - {name: busier, when: "double(card.count_30d) > thresholds.busy[country]", then: {score: 90}}
  - {name: above_own, when: "amount > thresholds.own[card]", then: {score: 40}}
"""
COUNTED = {"java": "JVM", "python": "Python", "python3": "Python", "harrier": "harrier"}


def run(*command, **options):
    return subprocess.run([str(c) for c in command], check=True, stdout=subprocess.PIPE, **options).stdout


def processes_below(pid):
    """Ids of all processes that a process has started, and of those that these have."""
    children = {}
    for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rsplit(")", 1)[1].split()
            children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found[1:]


class Memory(threading.Thread):
    """The most anonymous memory (MiB) that all processes below this one have at once, looked at five times a second;
    or those of one kind, while Spark's are idle."""

    def __init__(self, only=None):
        super().__init__(daemon=True)
        self.only, self.peak, self.kinds, self.ended = only, 0, {}, threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self.ended.set()
        self.join()

    def run(self):
        while not self.ended.wait(0.2):
            kinds = {}
            for pid in processes_below(os.getpid()):
                with contextlib.suppress(OSError, StopIteration):
                    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                    size = int(next(line for line in lines if line.startswith("Pss_Anon:")).split()[1]) >> 10
                    name = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
                    kind = COUNTED.get(name, name)
                    if self.only in (None, kind):
                        kinds[kind] = kinds.get(kind, 0) + size
            if sum(kinds.values()) > self.peak:
                self.peak, self.kinds = sum(kinds.values()), kinds


class Killer(threading.Thread):
    """Kills one of the executors every few seconds, with SIGKILL, so many times."""

    def __init__(self, kills, seed, pause):
        super().__init__(daemon=True)
        self.left, self.random, self.pause, self.killed = kills, random.Random(seed), pause, 0
        self.ended = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self.ended.set()
        self.join()

    def run(self):
        while self.left > 0 and not self.ended.wait(self.random.uniform(self.pause / 4, self.pause)):
            executors = [pid for pid in processes_below(os.getpid()) if is_executor(pid)]
            if executors:
                os.kill(self.random.choice(executors), signal.SIGKILL)
                self.left -= 1
                self.killed += 1


def is_executor(pid):
    with contextlib.suppress(OSError):
        return b"CoarseGrainedExecutorBackend" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


class Bench:
    def __init__(self, build, folder, kills):
        import harrier_spark
        import harrier_spark.archive
        harrier_spark.archive.HEAD_BYTES = 1 << 20  # so that there are holes behind it
        self.spark_jobs = harrier_spark
        self.build, self.folder, self.kills, self.faults = build.resolve(), folder, kills, 0
        self.harrier = self.build / "clients/cli/harrier"
        self.environment = {**os.environ, "PATH": os.path.dirname(sys.executable) + ":" + os.environ["PATH"]}
        os.environ["HARRIER_SPARK_LIBRARY"] = str(self.build / "clients/spark/libharrier-spark.so")
        os.environ["PYSPARK_PYTHON"] = sys.executable
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        self.spark = harrier_spark.session(MASTER, settings={
            **LOOPBACK, "spark.local.dir": str(folder / "spark"),
            # The same files in a file system that is not this machine's, as far as the jobs can tell.
            "spark.hadoop.fs.viewfs.mounttable.default.link./test": folder.as_uri()})
        self.spark.sparkContext.setLogLevel("OFF")

    def expect(self, what, is_so):
        print(("ok      " if is_so else "WRONG   ") + what, flush=True)
        self.faults += not is_so

    def payments(self, days):
        """Simulated payments, and an archive with several policies: of each day's import."""
        data, rows = self.folder / "payments", self.folder / "day.csv"
        archive = data / "archive"
        for day in range(1, days + 1):
            run(self.harrier, "simulate", "--days", days, "--day-of", day, "--transactions-per-day", 20000,
                "--out", rows, stderr=subprocess.DEVNULL)
            run(self.harrier, "import", data, rows, "--policy", ROOT / "rules/card-payments",
                stderr=subprocess.DEVNULL)
        return data, archive, ROOT / "rules/card-payments"

    def handbook(self):
        source = pathlib.Path(os.environ.get("HARRIER_DATA", ROOT.parent / "shared/data")) / "handbook_raw.csv.zst"
        if not source.exists():
            print(f"skipped: {source} is not there", flush=True)
            return None
        data = self.folder / "handbook"
        run(self.harrier, "import", data, source, "--map", ROOT / "clients/cli/mappings/handbook.yaml", "--policy",
            ROOT / "rules/handbook", stderr=subprocess.DEVNULL)
        return data, data / "archive", ROOT / "rules/handbook"

    def rebuild_here(self, data, *options):
        with Memory("harrier") as memory:
            begin = time.monotonic()
            report = json.loads(run(self.harrier, "rebuild", "--data", data, "--full", "--force", "--no-seal",
                                    *options, stderr=subprocess.DEVNULL))
            return report, time.monotonic() - begin, memory

    def rebuild_there(self, archive, **options):
        with Memory() as memory:
            begin = time.monotonic()
            report = self.spark_jobs.rebuild(self.spark, str(archive), str(self.folder / "there"), force=True,
                                             **options)
            return report, time.monotonic() - begin, memory

    def with_kills(self, job):
        """Runs a job until a kill falls into it: more and more often, however quick the machine is."""
        for attempt in range(6):
            with Killer(self.kills, attempt, 8 / 2 ** attempt) as killer:
                result = job(attempt)
            if killer.killed:
                break
        return killer, result

    def compare_rebuilds(self, name, data, archive):
        here, seconds, memory = self.rebuild_here(data)
        print(f"        {name}: {here['position']:,} records; harrier rebuild {seconds:.1f} s, {memory.peak} MiB")
        expected = here["generation"], here["content_hash"]
        elsewhere = f"viewfs:///test/{archive.relative_to(self.folder)}"
        for how, uri, options in (("folder", archive, {}), ("read through Hadoop", archive, {"direct": False}),
                                  ("another file system", elsewhere, {}),
                                  ("another file system, its heads", elsewhere, {"fetch": False}),
                                  ("many small ranges", archive, {"range_bytes": 1 << 18, "shares": 7})):
            there, seconds, memory = self.rebuild_there(uri, **options)
            self.expect(f"{name}, {how}: generation {there.generation}, {seconds:.1f} s, {memory.peak} MiB "
                        f"{memory.kinds}", (there.generation, there.content_hash) == expected)
        killer, (there, seconds, _) = self.with_kills(lambda _: self.rebuild_there(archive, shares=16))
        self.expect(f"{name}, {killer.killed} executors killed: generation {there.generation}, {seconds:.1f} s",
                    (there.generation, there.content_hash) == expected and killer.killed > 0)

    def compare_features(self, name, data, archive, policy):
        import pyarrow.parquet
        table = self.folder / f"{name}.parquet"
        begin = time.monotonic()
        run(self.harrier, "replay", data, "--policy", policy, "--features", table, env=self.environment,
            stderr=subprocess.DEVNULL)
        here = pyarrow.parquet.read_table(table)
        print(f"        {name}: harrier replay --features {time.monotonic() - begin:.1f} s")
        elsewhere = f"viewfs:///test/{archive.relative_to(self.folder)}"
        for how, uri, options in (("folder", archive, {"shares": 5, "outputs": 3}),
                                  ("another file system", elsewhere, {"shares": 8}),
                                  ("the archive's policy", archive, {"policy": None})):
            path = self.folder / f"{name}-{how.replace(' ', '-')}"
            there = self.spark_jobs.features(self.spark, str(uri), str(path), **{"policy": str(policy), **options})
            cells = different_cells(here, pyarrow.parquet.read_table(path).sort_by("position"))
            self.expect(f"{name}, features, {how}: {cells} of {here.num_rows * here.num_columns:,} cells differ, "
                        f"{there.seconds:.1f} s", cells == 0 and there.rows == here.num_rows > 0)
        killer, _ = self.with_kills(lambda attempt: self.spark_jobs.features(
            self.spark, str(archive), f"{self.folder}/{name}-killed-{attempt}", policy=str(policy), shares=16,
            outputs=16))
        path = max(self.folder.glob(f"{name}-killed-*"))
        cells = different_cells(here, pyarrow.parquet.read_table(path).sort_by("position"))
        self.expect(f"{name}, features, {killer.killed} executors killed: {cells} cells differ",
                    cells == 0 and killer.killed > 0)

    def with_thresholds(self):
        """A policy with thresholds of each kind and two budgets, one for each way to read the archive."""
        policy = self.folder / "policy"
        shutil.copytree(ROOT / "rules/card-payments", policy)
        (policy / "thresholds.yaml").write_text(THRESHOLDS)
        (policy / "rules/thresholds.yaml").write_text(RULES)
        return policy

    def compare_thresholds(self, data, archive):
        """All that a rebuild makes, with values of fields and of features, groups in the record and in the tables, and
        scores that only a replay gives."""
        policy = self.with_thresholds()
        here, seconds, memory = self.rebuild_here(data, "--policy", policy)
        print(f"        thresholds: harrier rebuild {here['phases_ms']['thresholds'] / 1000:.1f} of {seconds:.1f} s, "
              f"{memory.peak} MiB")
        expected = here["generation"], here["content_hash"]
        elsewhere = f"viewfs:///test/{archive.relative_to(self.folder)}"
        for how, uri, options in (("folder", archive, {}), ("another file system, its heads", elsewhere, {}),
                                  ("little memory", archive, {"shares": 5, "memory": 64 << 20,
                                                              "task_memory": 8 << 20})):
            there, seconds, memory = self.rebuild_there(uri, policy=str(policy), **options)
            self.expect(f"thresholds, {how}: generation {there.generation}, {there.thresholds} of them, "
                        f"{there.thresholds_seconds:.1f} of {seconds:.1f} s, {memory.peak} MiB {memory.kinds}",
                        (there.generation, there.content_hash) == expected and there.thresholds == 6)
        killer, (there, seconds, _) = self.with_kills(
            lambda _: self.rebuild_there(archive, policy=str(policy), shares=16))
        self.expect(f"thresholds, {killer.killed} executors killed: generation {there.generation}, {seconds:.1f} s",
                    (there.generation, there.content_hash) == expected and killer.killed > 0)

    def large(self, millions):
        data = self.folder / "large"
        subprocess.run(f"'{sys.executable}' '{ROOT}/tests/cluster/spark_payments.py' {millions * 1000000} | "
                       f"'{self.harrier}' import '{data}' - --map '{ROOT}/clients/cli/mappings/handbook.yaml' "
                       f"--policy '{ROOT}/rules/handbook' >'{self.folder}/import' 2>&1", shell=True, check=True)
        here, seconds, memory = self.rebuild_here(data)
        print(f"        {millions} million: harrier rebuild {seconds:.0f} s, {memory.peak} MiB")
        shares = max(8, millions * 2 // 3)
        there, seconds, memory = self.rebuild_there(data / "archive", shares=shares)
        self.expect(f"{millions} million: generation {there.generation}, {seconds:.0f} s, tasks "
                    f"{there.tasks_seconds:.0f} s, {memory.peak} MiB {memory.kinds}",
                    (there.generation, there.content_hash) == (here["generation"], here["content_hash"]))


def different_cells(here, there):
    """Cells that are not equal; doubles by their bits."""
    import pyarrow
    import pyarrow.compute as compute
    if here.column_names != there.column_names or here.num_rows != there.num_rows:
        return -1
    different = 0
    for name in here.column_names:
        a, b = here[name].combine_chunks(), there[name].combine_chunks()
        if pyarrow.types.is_floating(a.type):
            a, b = a.view(pyarrow.int64()), b.view(pyarrow.int64())
        if pyarrow.types.is_duration(a.type): # a file of Spark has the number of microseconds
            a = a.cast(pyarrow.int64())
        b = b.cast(a.type)
        unequal = compute.fill_null(compute.invert(compute.equal(a, b)), False)
        different += compute.sum(unequal).as_py() or 0
        different += compute.sum(compute.not_equal(a.is_null(), b.is_null())).as_py() or 0
    return different


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--large", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="harrier-spark-test-") as folder:
        bench = Bench(options.build, pathlib.Path(folder), options.kills)
        try:
            for name, made in (("payments", bench.payments(options.days)), ("handbook", bench.handbook())):
                if made:
                    bench.compare_rebuilds(name, *made[:2])
                    bench.compare_features(name, *made)
                if made and name == "payments":
                    bench.compare_thresholds(*made[:2])
            if options.large:
                bench.large(options.large)
        finally:
            bench.spark.stop()
    print(f"{bench.faults} wrong")
    return bench.faults > 0


if __name__ == "__main__":
    sys.exit(main())
