"""Measures harrierd in operation: start, memory, and latency during a rebuild and a swap. Started by `run`.

usage: bench.py BUILD [--out FILE]
"""

import argparse
import glob
import json
import math
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request

POLICY = "rules/card-payments"
DAYS = 40
ARCHIVE_START_US = 1767225600 * 1000000  # where rebuild_archive begins: 2026-01-01
START_US = ARCHIVE_START_US + DAYS * 86400 * 1000000
STEP_US = 2000
WAIT = 600


def number_of(name, default):
    return int(os.environ.get(name, default))


TRANSACTIONS, CARDS, MERCHANTS = number_of("TRANSACTIONS", 6_000_000), number_of("CARDS", 3_000_000), number_of("MERCHANTS", 300_000)
RECORDS, ROUNDS = number_of("RECORDS", 1_000_000), number_of("ROUNDS", 5)
SECONDS, PER_SECOND = number_of("SECONDS_EACH", 10), number_of("PER_SECOND", 2000)
SERVER_CORE, CLIENT_CORE = os.environ.get("SERVER_CORE", "0"), os.environ.get("CLIENT_CORE", "1")
START_CORE = os.environ.get("START_CORE", "")  # empty by default: there are no requests at start
MIB = 2**20


def pinned(core, command):
    return ["taskset", "-c", core, *command] if core else command


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def processor_s(process):
    total = 0
    for path in glob.glob(f"/proc/{process.pid}/task/*/schedstat"):
        with open(path, encoding="ascii") as stat:
            total += int(stat.read().split()[0])
    return total / 1e9


def anonymous_bytes(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"RssAnon:\s+(\d+)", status.read()).group(1)) * 1024


class Peak(threading.Thread):
    """Samples the anonymous memory of a process; end() returns the peak."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process, self.bytes, self.over = process, 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.01):
            self.bytes = max(self.bytes, anonymous_bytes(self.process))

    def end(self):
        self.over.set()
        self.join()
        return self.bytes


class Bench:
    def __init__(self, build, folder):
        self.build, self.folder = build, folder
        self.harrierd = os.environ.get("HARRIERD", f"{build}/server/harrierd")
        self.harrier = os.environ.get("HARRIER", f"{build}/clients/cli/harrier")
        self.sockets = tempfile.mkdtemp(prefix="harrier-")  # paths of sockets must be short
        self.address = f"ipc://{self.sockets}/harrier.sock"
        self.admin_port = free_port()
        self.world = f"{CARDS},{MERCHANTS},0,{START_US},{STEP_US}"
        self.next, self.process, self.figures = 0, None, {}

    def note(self, name, value):
        self.figures.setdefault(name, []).append(value)
        return value

    # ---- the server

    def start(self, data, core=SERVER_CORE):
        command = [self.harrierd, "--config=/dev/null", f"--listen={self.address}", f"--policy={POLICY}"]
        command += [f"--admin_listen=127.0.0.1:{self.admin_port}", f"--data_dir={data}"]
        with open(f"{self.folder}/harrierd.log", "wb") as log:
            began = time.monotonic()
            self.process = subprocess.Popen(pinned(core, command), stderr=log)
        while " ready: " not in self.read("harrierd.log"):
            if self.process.poll() is not None or time.monotonic() - began > WAIT:
                raise SystemExit(f"harrierd did not start:\n{self.read('harrierd.log')[-2000:]}")
            time.sleep(0.005)
        return time.monotonic() - began

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=WAIT)
            self.process = None

    def status(self):
        done = subprocess.run([self.harrier, "status", "--json", "--to", self.address], capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.stdout else {}

    def begin(self, batch, count, seconds, *more):
        command = [f"{self.build}/tests/bench/peers/peers_ask", "lib", self.address, self.world, "1", str(batch)]
        command = pinned(CLIENT_CORE, [*command, str(self.next), str(count), str(seconds), *more])
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, client):
        out, err = client.communicate()
        if client.returncode != 0:
            raise SystemExit(f"{' '.join(client.args)}: {err.strip()}")
        _, p50, p99, answers, following, p999 = out.split()
        self.next = int(following)
        return {"p50_us": float(p50), "p99_us": float(p99), "p999_us": float(p999), "answers": int(answers)}

    def ask(self, batch, count, seconds=0):
        return self.end(self.begin(batch, count, seconds))

    def begin_probe(self, seconds):
        return self.begin(1, 10_000_000, seconds, str(PER_SECOND))

    # ---- measurements

    def make(self):
        """Makes an archive and rebuilds its tables. Returns the data folder."""
        data = f"{self.folder}/data"
        os.mkdir(data)
        maker = [f"{self.build}/tests/bench/rebuild_archive", POLICY, f"{data}/archive"]
        subprocess.run([*maker, str(TRANSACTIONS), str(CARDS), str(MERCHANTS), str(DAYS)], check=True)
        command = [self.harrier, "rebuild", f"--data={data}", "--priority=normal", "--no-seal"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
        entities = json.loads(done.stdout)["entities"]
        print(f"{TRANSACTIONS:,} transactions, {entities:,} entities in tables", flush=True)
        self.note("operation_entities", entities)
        return data

    def measure_start(self, data):
        self.start(data)
        self.ask(100, RECORDS)
        self.stop()
        for number in range(ROUNDS + 1):  # the first warms the page cache
            seconds = self.start(data, START_CORE)
            at_start, processor = self.status(), processor_s(self.process)
            self.stop()
            if number > 0:
                self.note("operation_start_s", seconds)
                self.note("operation_start_processor_s", processor)
        seconds, processor = (statistics.median(self.figures[f"operation_start_{what}"]) for what in ("s", "processor_s"))
        entities = at_start["overlay_entities"]
        print(f"start with {RECORDS:,} records of {entities:,} entities to catch up: {seconds:.2f} s, processor {processor:.2f} s")

    def measure_empty(self):
        """The memory of a server without data, which is subtracted from all other figures."""
        empty = f"{self.folder}/empty"
        os.mkdir(empty)
        self.start(empty)
        self.empty_bytes = anonymous_bytes(self.process)
        self.stop()

    def measure_night(self, data):
        """Adds records, measures the latency without other load, then during a rebuild and a swap."""
        self.ask(100, RECORDS)
        before = self.status()
        while self.status().get("synced_position", 0) < before["position"]:
            time.sleep(0.05)
        quiet = self.end(self.begin_probe(SECONDS))
        before, tables = self.status(), self.tables()
        outside, peak = anonymous_bytes(self.process), Peak(self.process)
        probe = self.begin_probe(WAIT)
        with open(f"{self.folder}/rebuild.log", "wb") as log:
            rebuild = subprocess.Popen([self.harrier, "rebuild", f"--data={data}"], stdout=log, stderr=log)
        began = time.monotonic()
        while rebuild.poll() is None or not self.is_adopted(tables):
            if rebuild.poll() not in (None, 0) or time.monotonic() - began > WAIT:
                rebuild.kill()
                raise SystemExit(f"the rebuild failed, or its tables were not adopted: {self.read('rebuild.log')[-2000:]}")
            time.sleep(0.2)
        seconds = time.monotonic() - began
        probe.send_signal(signal.SIGTERM)
        after = self.status()
        if after["differing_entities"] or not after["compared_entities"]:
            raise SystemExit(f"{after['differing_entities']} of {after['compared_entities']} live states differ from the tables")
        self.note_night(before, quiet, self.end(probe), outside, peak.end(), seconds)

    def read(self, name):
        with open(f"{self.folder}/{name}", encoding="utf-8", errors="replace") as file:
            return file.read()

    def note_night(self, before, quiet, during, outside, peak, seconds):
        for name in ("p50_us", "p99_us", "p999_us"):
            self.note(f"operation_quiet_{name}", quiet[name])
            self.note(f"operation_night_{name}", during[name])
        states, ids = before["overlay_bytes"], self.ids_bytes(before)
        self.note("operation_state_bytes", states)
        self.note("operation_overlay_bytes", before["overlay_memory_bytes"] - ids)
        self.note("operation_ids_bytes", ids)
        self.note("operation_anonymous_bytes", outside - self.empty_bytes - ids)
        self.note("operation_swap_anonymous_bytes", peak - self.empty_bytes - ids)
        print(
            f"{before['overlay_entities']:,} entities in memory; p99.9 {quiet['p999_us']:,.0f} µs of {quiet['answers']:,},"
            f" with a rebuild and a swap ({seconds:.1f} s) {during['p999_us']:,.0f} µs of {during['answers']:,};"
            f" anonymous memory {(outside - self.empty_bytes) / MIB:,.0f} MiB, peak {(peak - self.empty_bytes) / MIB:,.0f} MiB,"
            f" of which ids {ids / MIB:,.0f} MiB; states {states / MIB:,.0f} MiB, with keys and index"
            f" {(before['overlay_memory_bytes'] - ids) / MIB:,.0f} MiB",
            flush=True,
        )

    def ids_bytes(self, status):
        """The expected size of the index of ids newer than the tables: slots of 16 bytes in leaves of 4096
        (core/store/overlay/hash_leaves.h). A leaf is split when more than three quarters of its slots are full; ids are spread
        over leaves at random, hence the normal distribution."""
        count, slots, full = status["position"] - status.get("generation_position", 0), 1024, 4096 * 3 // 4
        if count <= full:
            while count * 4 > slots * 3:
                slots *= 2
            return slots * 16
        leaves = places = 1
        while (divided := places * math.erfc((full + 0.5 - count / places) / math.sqrt(2 * count / places)) / 2) > 1e-6:
            leaves += divided
            places *= 2
        return round(leaves * 4096 * 16)

    def metrics(self):
        """Cheaper than starting `harrier status`, which would show in the slowest answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=WAIT) as answer:
            return answer.read().decode()

    def tables(self):
        return re.search(r"^harrierd_generation_position .*$", self.metrics(), re.MULTILINE).group()

    def is_adopted(self, before):
        metrics = self.metrics()
        return before not in metrics.splitlines() and 'harrierd_swap_state{state="idle"} 1' in metrics

    # ---- results

    def print_table(self):
        entities = self.figures["operation_entities"][0] / 1e6
        rows = [(f"start, {entities:.1f}M entities in tables, {RECORDS:,} records to catch up, s", "operation_start_s", None, 8)]
        rows.append(("p99.9 with a rebuild and a swap, relative to without", "operation_night_p999_us", "operation_quiet_p999_us", 3))
        for name, most, words in (("", 1.3, "outside a swap"), ("swap_", 2.3, "during a swap, at most")):
            anonymous = f"operation_{name}anonymous_bytes"
            rows.append((f"anonymous memory {words}, relative to states with keys and index", anonymous, "operation_overlay_bytes", most))
            rows.append((f"anonymous memory {words}, relative to the states' bytes", anonymous, "operation_state_bytes", None))
        print(f"\n{'':<76} {'median':>8} {'min':>8} {'max':>8}  target")
        for words, above, below, target in rows:
            values = self.figures[above]
            if below:
                values = [a / b for a, b in zip(values, self.figures[below])]
            median = statistics.median(values)
            verdict = f"≤ {target}: {'met' if median <= target else 'MISSED'}" if target else ""
            print(f"{words:<76} {median:8.2f} {min(values):8.2f} {max(values):8.2f}  {verdict}".rstrip())


def remarks():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next(line.split(": ")[1].strip() for line in file if line.startswith("model name"))
    cores = f"harrierd on core {SERVER_CORE or 'any'}, clients on core {CLIENT_CORE or 'any'}, rebuild on all cores at idle priority"
    yield f"operation: {os.cpu_count()} cores, {model}; {cores}"
    yield f"operation: startup timed on {f'core {START_CORE}' if START_CORE else 'any core'}, before any requests"
    size = f"{TRANSACTIONS:,} transactions in tables, {RECORDS:,} newer ones"
    yield f"operation: {size}; {ROUNDS} rounds; {PER_SECOND:,} transactions a second for p99.9"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--out", help="file for the figures: name, tab, value")
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="harrier-operation-", dir=os.environ.get("FOLDER"))
    bench = Bench(os.path.abspath(arguments.build), folder)
    print(*remarks(), sep="\n", flush=True)
    try:
        data = bench.make()
        bench.measure_empty()
        bench.measure_start(data)
        bench.start(data)
        for _ in range(ROUNDS):
            bench.measure_night(data)
        bench.print_table()
        if arguments.out:
            with open(arguments.out, "w", encoding="utf-8") as file:
                file.writelines(f"# {remark}\n" for remark in remarks())
                file.writelines(f"{name}\t{value:.6g}\n" for name, values in bench.figures.items() for value in values)
    finally:
        bench.stop()
        shutil.rmtree(folder)
        shutil.rmtree(bench.sockets)


main()
