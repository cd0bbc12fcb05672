"""The rows of docs/PERFORMANCE.md, with their targets.

`figure` is the name that a measurement prints, or "a / b" for the quotient of two figures, computed for each round. A row that misses its
target links to its `reason`: the cause that a profile showed, with the day and commit of that profile.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    section: str
    what: str
    figure: str
    target: float | None  # None: shown without a target
    at_most: bool = True
    unit: str = ""
    reason: "Reason | None" = None


def at_most(section, what, figure, target, unit="", reason=None):
    return Row(section, what, figure, target, True, unit, reason)


def at_least(section, what, figure, target, unit="", reason=None):
    return Row(section, what, figure, target, False, unit, reason)


def shown(section, what, figure, unit=""):
    return Row(section, what, figure, None, True, unit)


@dataclasses.dataclass(frozen=True)
class Reason:
    """Why a target was missed, according to the last profile. It applies to the program and machine of that day, not to the run on the page."""
    title: str
    found: str  # day, commit
    text: str


DECISION = Reason("The decision", "2026-11-25, 29b59ae",
    "A decision took 42,000 instructions: 19,000 to read and update the states of nine entities with 45 features, 20,000 for fields, keys, rules"
    " and computed values, and 3,000 for messages and the archive. No function took more than a tenth of them.")
TICK = Reason("Timer interrupts", "2026-11-23, d076013",
    "The slowest 1 % of the calls over TCP were delayed by timer interrupts, each of which took 35 µs of a core, 250 times a second. Calls to harrierd take longer"
    " than calls to the echo server, so more of them are interrupted.")
PAGES_P99 = Reason("Huge pages on first touch", "2026-11-23, eeb9083",
    "While 32 requests waited, the kernel spent 11 % of the server's time on clearing huge pages for the states of new entities. A minimal program waited"
    " 5.2 ms for such a page, and 0.09 ms once the virtual machine had the memory.")
SYNCS = Reason("Syncs", "2026-11-22, 3ab241f",
    "Every sync commits the file system's journal, which is shared with other users of the disk. Fewer and larger syncs would increase latency.")
NIGHT = Reason("Memory and disk during a rebuild", "2026-11-22, 2c86fad",
    "A minimal program that touched 500 huge pages for the first time waited 5.2 ms for the median page and 56 ms for the slowest. During a rebuild with a p99.9"
    " of 32 ms, six writes to the archive waited 8 to 18 ms for a sync that writing the rebuild's tables had prolonged. The server itself did not wait for locks.")
GROWTH = Reason("Memory latency", "2026-11-23, 55dca6d",
    "With more entities, more of the data that a decision uses is in memory rather than in the caches. Rounds varied between 1.45 and 1.81 on one machine.")
START = Reason("Startup", "2026-11-22, 253bf3a",
    "The kernel took a third of the time to clear pages for the states; most of the rest was the single thread that decodes records.")
STATES = Reason("Entity states", "2026-11-25, 29b59ae",
    "A quarter of the time went to waiting until states, rows and windows had arrived from memory. After that, a state of up to 16 rows took 480 cycles"
    " to read and update, one with windows 820, and one with collapsed tiles 1,860. With a hundred thousand entities these were 430, 640 and 1,210.")
REPLAY = Reason("Two threads of a replay", "2026-11-23, eeb9083",
    "Two threads exchange entries and values. Where the two processors did not share a cache, the same replay took 40 % more CPU time: of"
    " eleven rounds, the five with a shared cache reached 2.0 to 2.3 ×, the others 1.65 to 1.9 ×.")
REBUILD = Reason("The rebuild", "2026-11-22, f0dcc09",
    "The target is for ten million transactions, several for each entity; with two million transactions there are nearly as many states to write.")
REPLAY_MEMORY = Reason("Memory of a replay", "2026-11-22, f0dcc09",
    "A replay keeps the states of all cards and merchants, about 100 bytes each, and a fixed 30 MiB; the memory of the other tools"
    " grows with the number of transactions.")


def latency(transport):
    name = {"tcp": "TCP", "ipc": "ipc"}[transport]
    section = "One request in flight"
    return [
        at_most(section, f"{name}: p50 of a stock nng client, relative to the nng echo server", f"{transport}_stock_p50_to_nng_echo", 0.85, " ×", reason=DECISION),
        at_most(section, f"{name}: p99 of a stock nng client, relative to the nng echo server", f"{transport}_stock_p99_to_nng_echo", 1.1, " ×"),
        at_most(section, f"{name}: p50 of libharrier, relative to the epoll echo server", f"{transport}_libharrier_p50_to_epoll_echo", 1.4, " ×", reason=DECISION),
        at_most(section, f"{name}: p99 of libharrier, relative to the epoll echo server", f"{transport}_libharrier_p99_to_epoll_echo", 2.5, " ×", reason=TICK),
    ]


def many(transport):
    name = {"tcp": "TCP", "ipc": "ipc"}[transport]
    section = "Many requests in flight"
    single = f"{name}: throughput of single-transaction messages, 4 nng clients with 32 in flight each"
    return [
        at_least(section, f"{single}, relative to the epoll echo server", f"{transport}_many_score / {transport}_many_epoll_echo", 0.8, " ×", reason=DECISION),
        at_least(section, f"{single}, relative to the nng echo server", f"{transport}_many_score / {transport}_many_nng_echo", 1, " ×", reason=DECISION),
        shown(section, f"{name}: throughput of the epoll echo server", f"{transport}_many_epoll_echo", "/s"),
        shown(section, f"{name}: throughput of the nng echo server", f"{transport}_many_nng_echo", "/s"),
    ]


def peers():
    section = "Alternatives to Harrier, 32 requests in flight"
    rows = [
        at_least(section, "throughput of harrierd with a stock nng client, relative to FastAPI, Redis, XGBoost", "peers_harrier_nng_32_rate / peers_fastapi_32_rate", 50, " ×"),
        at_least(section, "throughput of harrierd with libharrier, relative to FastAPI, Redis, XGBoost", "peers_harrier_lib_32_rate / peers_fastapi_32_rate", 80, " ×"),
        at_most(section, "p99 of harrierd with a stock nng client, relative to FastAPI, Redis, XGBoost", "peers_harrier_nng_32_p99_us / peers_fastapi_32_p99_us", 0.02, " ×", reason=PAGES_P99),
        at_least(section, "throughput of harrierd in messages of 16, relative to one Redis script with a pipeline of 16", "peers_harrier_batch_16_rate / peers_redis_lua_pipeline_16_rate", 5, " ×", reason=DECISION),
        shown(section, "throughput of harrierd in messages of 16 with only the peers' features and rules, relative to the same script", "peers_harrier_same_batch_16_rate / peers_redis_lua_pipeline_16_rate", " ×"),
    ]
    for name, words in (
        ("fastapi_32", "FastAPI, Redis, XGBoost"),
        ("node_json_32", "fastify, Redis, json-rules-engine"),
        ("node_zen_32", "fastify, Redis, zen-engine"),
        ("redis_lua_32", "one Redis script"),
        ("postgres_off_32", "PostgreSQL function, without waiting for the disk"),
        ("postgres_on_32", "PostgreSQL function, waiting for the disk"),
        ("harrier_nng_32", "harrierd, stock nng client"),
        ("harrier_lib_32", "harrierd, libharrier"),
        ("harrier_synced_lib_32", "harrierd, libharrier, waiting for the disk"),
    ):
        rows.append(shown(section, f"{words}: transactions", f"peers_{name}_rate", "/s"))
        rows.append(shown(section, f"{words}: p99", f"peers_{name}_p99_us", " µs"))
    return rows


def operation():
    section = "In operation"
    return [
        at_most(section, "startup with ten million entities and a million records to catch up on, page cache warm", "operation_start_s", 8, " s", reason=START),
        at_most(section, "p99.9 during a rebuild and a swap, relative to p99.9 without", "operation_night_p999_us / operation_quiet_p999_us", 3, " ×", reason=NIGHT),
        at_most(section, "anonymous memory outside a swap, relative to the states with keys and index", "operation_anonymous_bytes / operation_overlay_bytes", 1.3, " ×"),
        at_most(section, "anonymous memory during a swap, relative to the states with keys and index", "operation_swap_anonymous_bytes / operation_overlay_bytes", 2.3, " ×"),
    ]


def states():
    section = "Entity states: reading and updating four of a million entities, ten features each"
    return [
        at_most(section, "time relative to a plain hash table, in which four 256-byte records are read and written", "states_malloc_ns / plain_table_malloc_ns", 3, " ×", reason=STATES),
        at_most(section, "time per transaction", "states_malloc_ns", 1500, " ns", reason=STATES),
        at_most(section, "time relative to the plain table without prefetching, with Harrier's next transaction known and prefetched, as in batches and replay", "states_malloc_next_known_ns / plain_table_malloc_ns", 3, " ×", reason=STATES),
        at_most(section, "time with the next transaction known and prefetched", "states_malloc_next_known_ns", 1500, " ns", reason=STATES),
        shown(section, "time of the plain table", "plain_table_malloc_ns", " ns"),
        shown(section, "both in huge pages: time relative to the plain table", "states_ns / plain_table_ns", " ×"),
        shown(section, "in huge pages: time", "states_ns", " ns"),
        shown(section, "in huge pages: time with the next transaction known and prefetched", "states_next_known_ns", " ns"),
        shown(section, "in huge pages: time of the plain table", "plain_table_ns", " ns"),
        at_most(section, "in huge pages: time with ten million entities, relative to one million, with half as many transactions for each entity", "states_of_ten_million_ns / states_of_a_million_ns", 2, " ×"),
    ]


def batch():
    tools = (("duckdb", "DuckDB"), ("polars", "Polars"), ("pandas", "pandas"), ("postgres", "PostgreSQL"))
    section = "Batch: point-in-time counts and sums over 1, 7 and 30 days by card and merchant (`harrier replay`, including startup and reading)"
    rows = []
    for name, words in tools[:2]:
        prefix, many = "batch_many_replay", f"ten million transactions: {words}"
        rows.append(at_least(section, f"{many}, time relative to Harrier", f"{prefix}_{name}_s / {prefix}_harrier_s", 2, " ×", reason=REPLAY))
        rows.append(at_most(section, f"{many}, peak memory of Harrier relative to it", f"{prefix}_harrier_bytes / {prefix}_{name}_bytes", 0.25, " ×", reason=REPLAY_MEMORY))
    rows.append(shown(section, "ten million transactions: harrier replay, time", "batch_many_replay_harrier_s", " s"))
    for name, words in tools:
        rows.append(shown(section, f"{words}: time relative to Harrier", f"batch_replay_{name}_s / batch_replay_harrier_s", " ×"))
        rows.append(shown(section, f"{words}: peak memory of Harrier relative to it", f"batch_replay_harrier_bytes / batch_replay_{name}_bytes", " ×"))
    rows += [shown(section, f"{words}: time", f"batch_replay_{name}_s", " s") for name, words in (("harrier", "harrier replay"), *tools)]
    section = (
        "Batch: the same counts and sums as of the end of the history (Harrier reads records and writes tables; the others only query columns in memory)"
    )
    for name, words in tools:
        rows.append(shown(section, f"{words}: time relative to Harrier", f"batch_rebuild_{name}_s / batch_rebuild_harrier_s", " ×"))
        rows.append(shown(section, f"{words}: peak memory of Harrier relative to it", f"batch_rebuild_harrier_bytes / batch_rebuild_{name}_bytes", " ×"))
    rows += [shown(section, f"{words}: time", f"batch_rebuild_{name}_s", " s") for name, words in (("harrier", "harrier rebuild"), *tools)]
    section = "Batch: a rebuild of all features of `card-payments`"
    rows.append(at_least(section, "transactions", "batch_rebuild_all_rate", 1e6, "/s", reason=REBUILD))
    rows.append(at_most(section, "anonymous memory relative to a budget of 128 MiB, which is too small and makes it spill to files", "batch_rebuild_all_budget_used", 1.1, " ×"))
    return rows


ROWS = [
    *latency("ipc"),
    *latency("tcp"),
    *many("ipc"),
    *many("tcp"),
    at_least("Many requests in flight", "throughput of libharrier with pipelined single-transaction messages", "pipelined_rate", 200000, "/s", reason=DECISION),
    at_least("Many requests in flight", "throughput of transactions in messages of 100", "batch_rate", 270000, "/s", reason=DECISION),
    at_least("Durability", "256 in flight: throughput with `synced`, relative to `written`", "synced_rate / written_rate", 0.8, " ×", reason=SYNCS),
    at_most("Durability", "one in flight: what `synced` adds to the p50, relative to a bare fdatasync", "synced_added_fdatasyncs", 1.5, " ×"),
    shown("Durability", "256 in flight: throughput with `written`, relative to a bare sequential write of the archive's bytes", "written_rate / sequential_rate", " ×"),
    shown("Durability", "256 in flight: throughput with `synced`, relative to a bare sequential write with an fdatasync after each 256", "synced_rate / sequential_synced_rate", " ×"),
    shown("Durability", "bare sequential write of the archive's bytes, in transactions", "sequential_rate", "/s"),
    shown("Durability", "bare sequential write with an fdatasync after each 256, in transactions", "sequential_synced_rate", "/s"),
    at_most("The core, without a network", "one transaction, from request bytes to answer bytes, in messages of 100, with a million cards", "decision_batch_1000000", 3, " µs", reason=DECISION),
    at_most("The core, without a network", "time with ten million cards, relative to one million", "decision_batch_10000000 / decision_batch_1000000", 1.5, " ×", reason=GROWTH),
    *states(),
    *peers(),
    *operation(),
    *batch(),
]

# The table of README.md: rows of the page, and their wording there.
README_ROWS = {
    "ipc: p50 of a stock nng client, relative to the nng echo server": "median latency of harrierd with a stock nng client, relative to a bare nng echo server",
    "harrierd, libharrier: transactions": "throughput with `libharrier`, 32 single-transaction requests in flight, client on the other core",
    "throughput of harrierd with libharrier, relative to FastAPI, Redis, XGBoost": "the same, relative to FastAPI with Redis and XGBoost",
    "throughput of harrierd in messages of 16, relative to one Redis script with a pipeline of 16": "throughput in messages of 16, relative to one Redis script with a pipeline of 16",
    "ten million transactions: DuckDB, time relative to Harrier": "point-in-time features of ten million transactions: DuckDB's time, relative to Harrier's",
    "startup with ten million entities and a million records to catch up on, page cache warm": "startup with ten million entities and a million records to catch up on",
}
