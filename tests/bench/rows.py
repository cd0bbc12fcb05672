"""The rows of docs/PERFORMANCE.md: what is measured, and what it is meant to be.

`figure` is the name that a measurement prints, or "a / b" for the quotient of two, round by round. `reason` is linked from a row that
falls short: what a profile found, with the day and the commit it was found at.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    section: str
    what: str
    figure: str
    target: float | None  # None: only told
    at_most: bool = True
    unit: str = ""
    reason: "Reason | None" = None


def at_most(section, what, figure, target, unit="", reason=None):
    return Row(section, what, figure, target, True, unit, reason)


def at_least(section, what, figure, target, unit="", reason=None):
    return Row(section, what, figure, target, False, unit, reason)


def told(section, what, figure, unit=""):
    return Row(section, what, figure, None, True, unit)


@dataclasses.dataclass(frozen=True)
class Reason:
    """Why a target was missed when somebody last looked: of that day's program and machine, not of the run on the page."""
    title: str
    found: str  # day, commit
    text: str


CORE = Reason("The decision", "2026-11-23, eeb9083",
    "A decision took 44,000 instructions: 21,000 to read and change the states of nine entities with 45 features, 18,000 for fields, keys, rules"
    " and computed values, 4,000 for messages and the archive. No function took more than a tenth. Decoding raw entries for every read is the largest part.")
TICK = Reason("The clock", "2026-11-23, d076013",
    "The slowest hundredth of the calls over TCP are those with a clock tick in them: a tick took 35 µs of a core, 250 times a second, and a longer"
    " call meets one more often than the echo does.")
PAGES_P99 = Reason("Huge pages that the host finds first", "2026-11-23, eeb9083",
    "11 % of the server's time was the kernel clearing huge pages for the states of new entities while 32 requests waited; a bare program waited"
    " 5.2 ms for such a page, and 0.09 ms once the guest had it.")
SYNCS = Reason("Syncs", "2026-11-22, 3ab241f",
    "Every sync commits the file system's journal, which others on the disk share. Fewer and larger syncs would cost latency.")
NIGHT = Reason("Memory and disk at night", "2026-11-22, 2c86fad",
    "A bare program that touched 500 huge pages for the first time waited 5.2 ms for one in the median and 56 ms for the slowest. In a night with a p99.9"
    " of 32 ms, six writes of the archive waited 8 to 18 ms for a sync that the rebuild's tables had made long. The server itself waited for no lock.")
GROWTH = Reason("Waits for memory", "2026-11-23, 55dca6d",
    "More of what a decision touches lies in memory instead of the caches. Rounds differed between 1.45 and 1.81 on one machine.")
START = Reason("The start", "2026-11-22, 253bf3a",
    "A third of the time was the kernel clearing pages for the states; most of the rest was one thread that decodes the records.")
STATES = Reason("Entity states", "2026-11-22, 1c9b4dc",
    "A quarter of the time was waiting for memory; reading few raw entries and computing their values was another quarter, moving windows a tenth. Each"
    " cache line of a state counts: a plain table with records as long (1 KiB) took 1.9 times as long as one with 256 bytes.")
REPLAY = Reason("Two threads of a replay", "2026-11-23, eeb9083",
    "Two threads pass entries and values to each other. Where the two processors share no cache the same replay took 40 % more processor time: of"
    " eleven rounds, the five with a shared cache reached 2.0 to 2.3 ×, the others 1.65 to 1.9 ×.")
REBUILD = Reason("The rebuild", "2026-11-22, f0dcc09",
    "The target is for ten million transactions, where an entity has more of them; with two million there are nearly as many states to write.")
REPLAY_MEMORY = Reason("Memory of a replay", "2026-11-22, f0dcc09",
    "The states of all cards and merchants are kept at once, some 100 bytes each, with 30 MiB that do not depend on the size; the memory of the others"
    " grows with the transactions.")
DECISION = CORE


def latency(transport):
    name = {"tcp": "TCP", "ipc": "ipc"}[transport]
    section = "One request in flight"
    return [
        at_most(section, f"{name}: a stock nng client, p50, of the nng echo's", f"{transport}_stock_p50_to_nng_echo", 0.85, " ×", reason=DECISION),
        at_most(section, f"{name}: a stock nng client, p99, of the nng echo's", f"{transport}_stock_p99_to_nng_echo", 1.1, " ×"),
        at_most(section, f"{name}: libharrier, p50, of the plain epoll echo's", f"{transport}_libharrier_p50_to_epoll_echo", 1.4, " ×", reason=DECISION),
        at_most(section, f"{name}: libharrier, p99, of the plain epoll echo's", f"{transport}_libharrier_p99_to_epoll_echo", 2.5, " ×", reason=TICK),
    ]


def many(transport):
    name = {"tcp": "TCP", "ipc": "ipc"}[transport]
    section = "Many in flight"
    single = f"{name}: single-transaction messages of 4 nng clients with 32 in flight each"
    return [
        at_least(section, f"{single}, of the plain epoll echo's rate", f"{transport}_many_score / {transport}_many_epoll_echo", 0.8, " ×", reason=DECISION),
        at_least(section, f"{single}, of the nng echo's rate", f"{transport}_many_score / {transport}_many_nng_echo", 1, " ×", reason=DECISION),
        told(section, f"{name}: the plain epoll echo's rate", f"{transport}_many_epoll_echo", "/s"),
        told(section, f"{name}: the nng echo's rate", f"{transport}_many_nng_echo", "/s"),
    ]


def peers():
    section = "What a user would build instead, 32 requests in flight"
    rows = [
        at_least(section, "FastAPI, Redis, XGBoost: our rate with a stock nng client, of theirs", "peers_harrier_nng_32_rate / peers_fastapi_32_rate", 50, " ×"),
        at_least(section, "FastAPI, Redis, XGBoost: our rate with libharrier, of theirs", "peers_harrier_lib_32_rate / peers_fastapi_32_rate", 80, " ×"),
        at_most(section, "FastAPI, Redis, XGBoost: our p99 with a stock nng client, of theirs", "peers_harrier_nng_32_p99_us / peers_fastapi_32_p99_us", 0.02, " ×", reason=PAGES_P99),
        at_least(section, "one Redis script, pipelined by 16: our rate in messages of 16, of its", "peers_harrier_batch_16_rate / peers_redis_lua_pipeline_16_rate", 5, " ×", reason=DECISION),
        told(section, "the same, of a policy that has just the peers' features and rules", "peers_harrier_same_batch_16_rate / peers_redis_lua_pipeline_16_rate", " ×"),
    ]
    for name, words in (
        ("fastapi_32", "FastAPI, Redis, XGBoost"),
        ("node_json_32", "fastify, Redis, json-rules-engine"),
        ("node_zen_32", "fastify, Redis, zen-engine"),
        ("redis_lua_32", "one Redis script"),
        ("postgres_off_32", "PostgreSQL function, not waiting for the disk"),
        ("postgres_on_32", "PostgreSQL function, waiting for the disk"),
        ("harrier_nng_32", "harrierd, a stock nng client"),
        ("harrier_lib_32", "harrierd, libharrier"),
        ("harrier_synced_lib_32", "harrierd, libharrier, waiting for the disk"),
    ):
        rows.append(told(section, f"{words}: transactions", f"peers_{name}_rate", "/s"))
        rows.append(told(section, f"{words}: p99", f"peers_{name}_p99_us", " µs"))
    return rows


def operation():
    section = "In operation"
    return [
        at_most(section, "start with ten million entities and a million records to catch up, page cache warm", "operation_start_s", 8, " s", reason=START),
        at_most(section, "p99.9 during a rebuild and a swap, of that without", "operation_night_p999_us / operation_quiet_p999_us", 3, " ×", reason=NIGHT),
        at_most(section, "anonymous memory outside of a swap, of what states with keys and index need", "operation_anonymous_bytes / operation_overlay_bytes", 1.3, " ×"),
        at_most(section, "anonymous memory during a swap, of the same", "operation_swap_anonymous_bytes / operation_overlay_bytes", 2.3, " ×"),
    ]


def states():
    section = "Entity states: four of a million entities, ten features each, read and changed"
    return [
        at_most(section, "of the time of a plain hash table with four 256-byte records read and written", "states_malloc_ns / plain_table_malloc_ns", 3, " ×", reason=STATES),
        at_most(section, "the time", "states_malloc_ns", 1500, " ns", reason=STATES),
        at_most(section, "of the plain table's time, the next transaction known and fetched meanwhile, as in batches and replay (the plain table's is not)", "states_malloc_next_known_ns / plain_table_malloc_ns", 3, " ×", reason=STATES),
        at_most(section, "the time, the next transaction known and fetched meanwhile", "states_malloc_next_known_ns", 1500, " ns", reason=STATES),
        told(section, "the plain table's", "plain_table_malloc_ns", " ns"),
        told(section, "both in huge pages: of the plain table's time", "states_ns / plain_table_ns", " ×"),
        told(section, "the time in huge pages", "states_ns", " ns"),
        told(section, "the time in huge pages, the next transaction known and fetched meanwhile", "states_next_known_ns", " ns"),
        told(section, "the plain table's in huge pages", "plain_table_ns", " ns"),
        at_most(section, "ten million entities, of the time of one million, half as many transactions each, in huge pages", "states_of_ten_million_ns / states_of_a_million_ns", 2, " ×"),
    ]


def batch():
    tools = (("duckdb", "DuckDB"), ("polars", "Polars"), ("pandas", "pandas"), ("postgres", "PostgreSQL"))
    section = "Batch: counts and sums of 1, 7 and 30 days by card and merchant, as of every transaction's moment (replay); reading and starting included"
    rows = []
    for name, words in tools[:2]:
        prefix, many = "batch_many_replay", f"{words}, ten million transactions"
        rows.append(at_least(section, f"{many}: its time, of ours", f"{prefix}_{name}_s / {prefix}_harrier_s", 2, " ×", reason=REPLAY))
        rows.append(at_most(section, f"{many}: our peak memory, of its", f"{prefix}_harrier_bytes / {prefix}_{name}_bytes", 0.25, " ×", reason=REPLAY_MEMORY))
    rows.append(told(section, "harrier replay, ten million transactions: time", "batch_many_replay_harrier_s", " s"))
    for name, words in tools:
        rows.append(told(section, f"{words}: its time, of ours", f"batch_replay_{name}_s / batch_replay_harrier_s", " ×"))
        rows.append(told(section, f"{words}: our peak memory, of its", f"batch_replay_harrier_bytes / batch_replay_{name}_bytes", " ×"))
    rows += [told(section, f"{words}: time", f"batch_replay_{name}_s", " s") for name, words in (("harrier", "harrier replay"), *tools)]
    section = (
        "Batch: the same as of the end. Ours: a rebuild, which reads records and writes tables; theirs: the queries alone, of columns in memory"
    )
    for name, words in tools:
        rows.append(told(section, f"{words}: its time, of ours", f"batch_rebuild_{name}_s / batch_rebuild_harrier_s", " ×"))
        rows.append(told(section, f"{words}: our peak memory, of its", f"batch_rebuild_harrier_bytes / batch_rebuild_{name}_bytes", " ×"))
    rows += [told(section, f"{words}: time", f"batch_rebuild_{name}_s", " s") for name, words in (("harrier", "harrier rebuild"), *tools)]
    section = "Batch: a rebuild of all features of `card-payments`"
    rows.append(at_least(section, "transactions", "batch_rebuild_all_rate", 1e6, "/s", reason=REBUILD))
    rows.append(at_most(section, "anonymous memory, of a budget of 128 MiB, which it exceeds and has to spill to files", "batch_rebuild_all_budget_used", 1.1, " ×"))
    return rows


ROWS = [
    *latency("ipc"),
    *latency("tcp"),
    *many("ipc"),
    *many("tcp"),
    at_least("Many in flight", "libharrier pipelined, single-transaction messages", "pipelined_rate", 200000, "/s", reason=DECISION),
    at_least("Many in flight", "100 transactions a message, transactions", "batch_rate", 270000, "/s", reason=DECISION),
    at_least("Durability", "the rate of `synced`, of that of `written`, with 256 in flight", "synced_rate / written_rate", 0.8, " ×", reason=SYNCS),
    at_most("Durability", "what `synced` adds to the p50 with one in flight, in times of a bare fdatasync", "synced_added_fdatasyncs", 1.5, " ×"),
    told("Durability", "256 in flight, `written`: the rate, of a bare sequential write of the archive's bytes", "written_rate / sequential_rate", " ×"),
    told("Durability", "256 in flight, `synced`: the same, with an fdatasync after each 256", "synced_rate / sequential_synced_rate", " ×"),
    told("Durability", "a bare sequential write of the archive's bytes, transactions", "sequential_rate", "/s"),
    told("Durability", "the same with an fdatasync after each 256", "sequential_synced_rate", "/s"),
    at_most("The core", "a transaction, from a request's bytes to the answer's, 100 a message, a million cards", "decision_batch_1000000", 3, " µs", reason=CORE),
    at_most("The core", "the same with ten million cards, of that with one", "decision_batch_10000000 / decision_batch_1000000", 1.5, " ×", reason=GROWTH),
    *states(),
    *peers(),
    *operation(),
    *batch(),
]

# README's table: rows of the page by what they measure, and how README says it.
README_ROWS = {
    "ipc: a stock nng client, p50, of the nng echo's": "median of a call with a stock nng client, of a bare nng echo's",
    "harrierd, libharrier: transactions": "rate with `libharrier`, 32 single-transaction requests in flight, client on the other core",
    "FastAPI, Redis, XGBoost: our rate with libharrier, of theirs": "the same, of FastAPI with Redis and XGBoost",
    "one Redis script, pipelined by 16: our rate in messages of 16, of its": "rate in messages of 16, of one Redis script pipelined by 16",
    "DuckDB, ten million transactions: its time, of ours": "point-in-time features of ten million transactions: DuckDB's time, of ours",
    "start with ten million entities and a million records to catch up, page cache warm": "start with ten million entities and a million records to catch up",
}
