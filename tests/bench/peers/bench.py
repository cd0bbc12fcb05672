"""Measures alternatives to Harrier beside it in one run; see tests/bench/README.md. Started by `run`.

usage: bench.py BUILD CACHE [--check] [--only REGEX] [--out FILE]
"""

import argparse
import dataclasses
import glob
import importlib.metadata
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

import check
import ruleset
import servers
from table import Row, print_table, write_figures

HERE = servers.HERE
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS_EACH", "2"))
CARDS, MERCHANTS = int(os.environ.get("CARDS", "100000")), int(os.environ.get("MERCHANTS", "5000"))
HISTORY = int(os.environ.get("HISTORY", "200000"))
STEP_US = 2000  # between payments: 500 a second
BEHIND_S = 12 * 3600  # they start this long ago: harrierd refuses payments from the future
SERVER_CORE, CLIENT_CORE = os.environ.get("SERVER_CORE", "0") or None, os.environ.get("CLIENT_CORE", "1") or None
MOST = 1_000_000_000

@dataclasses.dataclass
class Programs:
    load: str
    ask: str
    harrierd: str
    harrier: str


class Bench:
    def __init__(self, build, cache, folder):
        self.cache, self.folder = cache, folder
        self.programs = Programs(
            f"{build}/tests/bench/peers/peers_load",
            f"{build}/tests/bench/peers/peers_ask",
            os.environ.get("HARRIERD", f"{build}/server/harrierd"),
            os.environ.get("HARRIER", f"{build}/clients/cli/harrier"),
        )
        self.start_us = (int(time.time()) - BEHIND_S) * 1000000
        self.world = f"{CARDS},{MERCHANTS},{HISTORY},{self.start_us},{STEP_US}"
        self.running, self.rows, self.next = [], [], {}

    def keep(self, server):
        self.running.append(server)
        return server

    # ---- clients

    def client(self, program, how, address, connections, depth):
        def measure(first, seconds, most=MOST):
            command = [program, how, address, self.world, str(connections), str(depth), str(first), str(most), str(seconds)]
            done = subprocess.run(servers.pinned(CLIENT_CORE, command), capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")
            rate, p50, p99, _, following, _ = done.stdout.split()
            return float(rate), float(p50), float(p99), int(following)

        return measure

    def by_pgbench(self, server, clients, synchronous_commit):
        def measure(first, seconds):
            log = os.path.join(self.folder, "pgbench")
            variables = {"cards": CARDS, "merchants": MERCHANTS, "clients": clients, "number": 0, "step": STEP_US}
            variables["start"] = self.start_us + first * STEP_US
            command, environment = server.pgbench(
                os.path.join(HERE, "payment.pgbench"), clients, max(1, round(seconds)), variables, synchronous_commit, log
            )
            command = servers.pinned(CLIENT_CORE, command)
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env={**os.environ, **environment})
            if done.returncode != 0 or "number of failed transactions: 0 " not in done.stdout:
                raise SystemExit(f"{' '.join(command)}: {done.stdout}{done.stderr}")
            times, ends = [], []
            for path in glob.glob(f"{log}.*"):
                with open(path, encoding="ascii") as file:
                    for line in file:
                        _, _, took, _, second, micro = line.split()
                        times.append(int(took))
                        ends.append(int(second) + int(micro) / 1e6)
                os.unlink(path)
            times.sort()
            rate = (len(times) - clients) / (max(ends) - min(ends))
            return rate, times[len(times) // 2], times[len(times) * 99 // 100], first + len(times)

        return measure

    # ---- servers

    def start(self):
        run, folder = self.keep, self.folder
        print("starting the servers", flush=True)
        self.store = run(servers.Redis(folder, SERVER_CORE))
        self.model = f"{self.cache}/model.json"
        self.fastapi = run(servers.fastapi(folder, SERVER_CORE, self.store, 1, self.model, "pipeline"))
        self.node = {
            name: run(servers.node(folder, SERVER_CORE, self.store, database, f"{self.cache}/node", name))
            for database, name in ((2, "json-rules-engine"), (3, "zen-engine"))
        }
        self.postgres = run(servers.Postgres(folder, SERVER_CORE))
        self.harrier = run(servers.Harrier("harrier", folder, SERVER_CORE, self.programs))
        self.synced = run(servers.Harrier("harrier-synced", folder, SERVER_CORE, self.programs, durability="synced"))
        self.policy = os.path.join(folder, "policy")
        ruleset.to_policy(self.policy)
        self.same = run(servers.Harrier("harrier-same", folder, SERVER_CORE, self.programs, self.policy))

    def check(self):
        """Checks all results on a small world. The data of this check is deleted afterwards."""
        print("results of the first payments, compared with a straightforward computation:", flush=True)
        all_payments = check.payments(self.programs)
        expected = list(check.expect(all_payments))
        gather = servers.fastapi(self.folder, SERVER_CORE, self.store, 4, self.model, "gather")
        try:
            for server in (self.fastapi, gather, *self.node.values()):
                check.web(server, expected, all_payments)
        finally:
            gather.stop()
        for name in ("score.lua", "score_hash.lua"):
            check.redis_script(self.store, name, expected, all_payments)
            self.store.client.flushdb()
        self.store.client.flushall()
        check.postgres(self.postgres, expected, all_payments)
        self.postgres.sql("TRUNCATE tile")
        for name, policy, features in (("harrier-check", servers.POLICY, check.SHIPPED), ("harrier-check-same", self.policy, check.SAME)):
            fresh = servers.Harrier(name, self.folder, SERVER_CORE, self.programs, policy)
            try:
                check.harrier(fresh, self.programs, self.folder, all_payments, features)
            finally:
                fresh.stop()

    def fill(self):
        """Gives each server the history, a month of payments before the first measured one."""
        print(f"a history of {HISTORY:,} payments for each", flush=True)
        by_hash, packed = self.store.load_script("score_hash.lua"), self.store.load_script("score.lua")
        for database, script in ((0, packed), (1, by_hash), (2, by_hash), (3, by_hash), (5, by_hash)):
            self.client(self.programs.load, "redis", f"{self.store.port}:{database}:{script}", 1, 100)(0, 0, HISTORY)
        for server in (self.harrier, self.synced, self.same):
            self.client(self.programs.ask, "lib", server.address, 1, 100)(0, 0, HISTORY)
        with open(os.path.join(HERE, "history.sql"), encoding="utf-8") as file:
            variables = {"cards": CARDS, "merchants": MERCHANTS, "history": HISTORY, "start": self.start_us}
            self.postgres.sql("".join(f"\\set {name} {value}\n" for name, value in variables.items()) + file.read())

    def plan(self, only):
        def row(name, words, in_flight, asked, stream, measure, *ours):
            self.rows.append(Row(name, words, in_flight, asked, stream, measure, ours))

        ask, load = self.programs.ask, self.programs.load
        for prefix, words, server, way, counts in (
            ("harrier_nng", "harrierd, a stock nng client", self.harrier, "nng", (1, 32)),
            ("harrier_lib", "harrierd, libharrier", self.harrier, "lib", (1, 32)),
            ("harrier_same_lib", "harrierd, the peers' work, libharrier", self.same, "lib", (1, 32)),
            ("harrier_synced_lib", "harrierd, synced, libharrier", self.synced, "lib", (32,)),
        ):
            for count in counts:
                row(f"{prefix}_{count}", words, str(count), [server], server.name, self.client(ask, way, server.address, count, 1))
        for prefix, words, server in (
            ("harrier", "harrierd, batches", self.harrier),
            ("harrier_same", "harrierd, the peers' work, batches", self.same),
        ):
            row(f"{prefix}_batch_16", words, "1 × 16", [server], server.name, self.client(ask, "lib", server.address, 1, 16))
        webs = [("fastapi", "FastAPI, Redis, XGBoost", self.fastapi)]
        webs += [(f"node_{name.split('-', maxsplit=1)[0]}", f"fastify, Redis, {name}", server) for name, server in self.node.items()]
        for name, words, server in webs:
            for count in (1, 32):
                ours = (f"harrier_nng_{count}", f"harrier_lib_{count}", f"harrier_same_lib_{count}")
                measure = self.client(load, "http", str(server.port), count, 1)
                row(f"{name}_{count}", words, str(count), [server, self.store], name, measure, *ours)
        for name, words, database, script in (
            ("redis_lua", "one Redis script", 0, "score.lua"),
            ("redis_lua_hash", "one Redis script, hashes", 5, "score_hash.lua"),
        ):
            address = f"{self.store.port}:{database}:{self.store.load_script(script)}"
            for count in (1, 32):
                ours = (f"harrier_nng_{count}", f"harrier_lib_{count}", f"harrier_same_lib_{count}")
                row(f"{name}_{count}", words, str(count), [self.store], name, self.client(load, "redis", address, count, 1), *ours)
            measure = self.client(load, "redis", address, 1, 16)
            ours = ("harrier_batch_16", "harrier_same_batch_16")
            row(f"{name}_pipeline_16", f"{words}, pipeline", "1 × 16", [self.store], name, measure, *ours)
        for commit in ("off", "on"):
            for count in (1, 32):
                ours = [f"harrier_nng_{count}", f"harrier_lib_{count}", f"harrier_same_lib_{count}"]
                if (commit, count) == ("on", 32):
                    ours.append("harrier_synced_lib_32")
                words = f"PostgreSQL function, synchronous_commit {commit}"
                measure = self.by_pgbench(self.postgres, count, commit)
                row(f"postgres_{commit}_{count}", words, str(count), [self.postgres], "postgres", measure, *ours)
        wanted = [row for row in self.rows if re.search(only, row.name)]
        needed = {name for row in wanted for name in (row.name, *row.ours)}
        self.rows = [row for row in self.rows if row.name in needed]

    # ---- the run

    def measure(self):
        for number in range(ROUNDS):
            print(f"round {number + 1} of {ROUNDS}; load {os.getloadavg()[0]:.1f}", flush=True)
            for row in self.rows:
                first = self.next.get(row.stream, HISTORY)
                before = processor_us(row.servers)
                rate, p50, p99, self.next[row.stream] = row.measure(first, SECONDS)
                count = self.next[row.stream] - first
                row.rounds.append((rate, p50, p99, *((a - b) / count for a, b in zip(processor_us(row.servers), before, strict=True))))

    def stop(self):
        for server in reversed(self.running):
            server.stop()

    def remarks(self):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = next(line.split(": ")[1].strip() for line in file if line.startswith("model name"))
        packages = ("fastapi", "uvicorn", "uvloop", "httptools", "redis", "hiredis", "orjson", "xgboost-cpu")
        modules = f"{self.cache}/node/node_modules"
        cores = f"servers on core {SERVER_CORE or 'any'}, clients on core {CLIENT_CORE or 'any'}"
        yield f"peers: {os.cpu_count()} cores, {model}; {cores}; loopback TCP, PostgreSQL over a unix socket"
        yield f"peers: {CARDS:,} cards, {MERCHANTS:,} merchants, a history of {HISTORY:,} payments; {ROUNDS} rounds of {SECONDS:g} s each"
        found = [f"{name} {importlib.metadata.version(name)}" for name in packages]
        yield f"peers: Python {sys.version.split()[0]}, {', '.join(found)}"
        found = []
        for name in ("fastify", "ioredis", "json-rules-engine", "@gorules/zen-engine"):
            with open(f"{modules}/{name}/package.json", encoding="utf-8") as file:
                found.append(f"{name.split('/')[-1]} {json.load(file)['version']}")
        yield f"peers: node {output(['node', '--version'])}, " + ", ".join(found)
        yield f"peers: {self.store.version()}, nothing written to disk; {output([f'{self.postgres.bin}/postgres', '--version'])}, fsync on"
        kind = output(["stat", "-f", "-c", "%T", self.folder])
        yield f"peers: the archive's and PostgreSQL's files on {kind}" + (", which is not a disk" if kind == "tmpfs" else "")


def processor_us(asked):
    """Processor time so far: of these servers, and of all ended clients."""
    clients = resource.getrusage(resource.RUSAGE_CHILDREN)
    return sum(server.processor_ns() for server in asked) / 1000, (clients.ru_utime + clients.ru_stime) * 1e6


def output(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("cache")
    parser.add_argument("--out", help="file for the figures: name, tab, value")
    parser.add_argument("--check", action="store_true", help="only check the results of each peer")
    parser.add_argument("--only", default="", help="only rows whose names match this regular expression, and Harrier's for comparison")
    arguments = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="harrier-peers-")
    bench = Bench(os.path.abspath(arguments.build), os.path.abspath(arguments.cache), folder)
    try:
        bench.start()
        remarks = list(bench.remarks())
        print(*remarks, sep="\n")
        bench.check()
        if not arguments.check:
            bench.fill()
            bench.plan(arguments.only)
            bench.measure()
            print_table(bench.rows)
            if arguments.out:
                write_figures(arguments.out, bench.rows, remarks)
    except subprocess.CalledProcessError as error:
        sys.exit(f"{' '.join(error.cmd)}: status {error.returncode}\n{error.stderr or ''}")
    finally:
        bench.stop()
        shutil.rmtree(folder)


main()
