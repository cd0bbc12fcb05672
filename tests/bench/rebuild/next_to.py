"""Counts and sums of the last 1, 7 and 30 days for each card and merchant as of the newest transaction, computed by
DuckDB, Polars, pandas or PostgreSQL: the same as a rebuild with the policy in sums/, but from columns in memory.

usage: next_to.py duckdb|polars|pandas|postgres COLUMNS THREADS RESULT

RESULT: the folder for card.npz and merchant.npz, which compare.py reads. Prints the time as JSON.

Only the queries are timed. PostgreSQL runs as a separate server in a temporary folder, with the columns loaded into an
unlogged, vacuumed table in its buffers; its results go to tables, which are read after the timing. It has one session for
each key, both at once with two threads. This is faster than parallel workers, which it does not plan for so many keys."""

import concurrent.futures
import io
import json
import os
import resource
import sys
import tempfile
import time

import numpy

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import postgres  # noqa: E402  (found by the line before)

DAY_US = 86400 * 10**6
WINDOWS = (1, 7, 30)
KEYS = ("card", "merchant")


def load(folder, frame):
    """frame: makes the tool's table from a dict of columns."""
    return frame(
        {
            "time_us": numpy.fromfile(f"{folder}/time_us.i64", dtype="<i8"),
            "card": numpy.fromfile(f"{folder}/card.u32", dtype="<u4"),
            "merchant": numpy.fromfile(f"{folder}/merchant.u32", dtype="<u4"),
            "amount": numpy.fromfile(f"{folder}/amount.i64", dtype="<i8"),
        }
    )


def by_duckdb(frame, threads):
    import duckdb

    connection = duckdb.connect(config={"threads": threads})
    connection.register("transactions", frame)
    newest = connection.execute("SELECT max(time_us) FROM transactions").fetchone()[0]
    results = {}
    for key in KEYS:
        columns = ", ".join(
            f"count(*) FILTER (time_us > {newest - days * DAY_US}) AS count_{days}d,"
            f" coalesce(sum(amount) FILTER (time_us > {newest - days * DAY_US}), 0)::BIGINT AS sum_{days}d"
            for days in WINDOWS
        )
        results[key] = connection.execute(f"SELECT {key}, {columns} FROM transactions GROUP BY {key}").fetchnumpy()
    return results


def by_pandas(frame, _threads):
    import pandas

    newest = frame["time_us"].max()
    results = {}
    for key in KEYS:
        parts = [pandas.DataFrame(index=pandas.Index(frame[key].unique(), name=key))]
        for days in WINDOWS:
            recent = frame[frame["time_us"] > newest - days * DAY_US]
            sums = recent.groupby(key)["amount"].agg(["count", "sum"])
            parts.append(sums.rename(columns={"count": f"count_{days}d", "sum": f"sum_{days}d"}))
        joined = pandas.concat(parts, axis=1).fillna(0).astype("int64")
        results[key] = {key: joined.index.to_numpy()} | {name: joined[name].to_numpy() for name in joined}
    return results


def by_polars(frame, _threads):
    import polars

    newest = frame["time_us"].max()
    results = {}
    for key in KEYS:
        cells = []
        for days in WINDOWS:
            amounts = polars.col("amount").filter(polars.col("time_us") > newest - days * DAY_US)
            cells += [amounts.len().alias(f"count_{days}d"), amounts.sum().alias(f"sum_{days}d")]
        table = frame.lazy().group_by(key).agg(cells).collect()
        results[key] = {name: table[name].to_numpy() for name in table.columns}
    return results


def by_postgres(server, threads):
    newest = server.sql("SELECT max(time_us) FROM transactions")
    cells = ", ".join(
        f"count(*) FILTER (WHERE time_us > {newest} - {days * DAY_US}) AS count_{days}d,"
        f" coalesce(sum(amount) FILTER (WHERE time_us > {newest} - {days * DAY_US}), 0)::bigint AS sum_{days}d"
        for days in WINDOWS
    )

    def ask(key):
        server.sql(
            f"SET max_parallel_workers_per_gather = {threads // len(KEYS)};"
            f" CREATE UNLOGGED TABLE by_{key} AS SELECT {key}, {cells} FROM transactions GROUP BY {key}"
        )

    with concurrent.futures.ThreadPoolExecutor(min(threads, len(KEYS))) as sessions:
        list(sessions.map(ask, KEYS))


def start_postgres(frame, folder):
    server = postgres.Postgres(folder, None, postgres.ANALYTIC)
    path = f"{folder}/transactions.csv"
    frame.write_csv(path, include_header=False)
    columns = "time_us bigint NOT NULL, card integer NOT NULL, merchant integer NOT NULL, amount bigint NOT NULL"
    server.sql(f"CREATE UNLOGGED TABLE transactions ({columns});\n\\copy transactions FROM '{path}' (FORMAT csv)")
    server.sql("VACUUM ANALYZE transactions")
    os.unlink(path)
    return server


def read_postgres(server, key):
    import pandas

    text = server.sql(f"COPY by_{key} TO STDOUT (FORMAT csv, HEADER)")
    table = pandas.read_csv(io.StringIO(text), dtype="int64")
    return {name: table[name].to_numpy() for name in table}


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(compute, frame, threads, cpu=cpu_seconds):
    before, begin = cpu(), time.monotonic()
    results = compute(frame, threads)
    return results, {"seconds": time.monotonic() - begin, "cpu_seconds": cpu() - before}


def measure_postgres(frame, threads):
    with tempfile.TemporaryDirectory() as folder:
        server = start_postgres(frame, folder)
        try:
            _, used = measure(by_postgres, server, threads, server.cpu_seconds)
            return {key: read_postgres(server, key) for key in KEYS}, used
        finally:
            server.throw_away()


def main():
    tool, columns, threads, result = sys.argv[1:]
    if tool in ("polars", "postgres"):
        os.environ["POLARS_MAX_THREADS"] = threads
        import polars

        frame = load(columns, polars.DataFrame)
    else:
        import pandas

        frame = load(columns, pandas.DataFrame)
    if tool == "postgres":
        results, used = measure_postgres(frame, int(threads))
    else:
        by = {"duckdb": by_duckdb, "polars": by_polars, "pandas": by_pandas}[tool]
        results, used = measure(by, frame, int(threads))
    for key in KEYS:
        numpy.savez(f"{result}/{key}.npz", **results[key])
    print(json.dumps(used))


main()
