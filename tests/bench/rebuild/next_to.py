"""Counts and sums of the last 1, 7 and 30 days for each card and merchant, as of the newest transaction, by
DuckDB or by pandas: a small part of what a rebuild computes, from columns in memory instead of records.

usage: next_to.py duckdb|pandas COLUMNS THREADS"""
import resource
import sys
import time

import numpy
import pandas

tool, folder, threads = sys.argv[1:]
DAY_US = 86400 * 10**6
WINDOWS = (1, 7, 30)
frame = pandas.DataFrame(
    {
        "time_us": numpy.fromfile(f"{folder}/time_us.i64", dtype="<i8"),
        "card": numpy.fromfile(f"{folder}/card.u32", dtype="<u4"),
        "merchant": numpy.fromfile(f"{folder}/merchant.u32", dtype="<u4"),
        "amount": numpy.fromfile(f"{folder}/amount.i64", dtype="<i8"),
    }
)


def by_duckdb():
    import duckdb

    connection = duckdb.connect(config={"threads": int(threads)})
    connection.register("transactions", frame)
    newest = connection.execute("SELECT max(time_us) FROM transactions").fetchone()[0]
    rows = 0
    for key in ("card", "merchant"):
        columns = ", ".join(
            f"count(*) FILTER (time_us > {newest - days * DAY_US}) AS count_{days}d,"
            f" sum(amount) FILTER (time_us > {newest - days * DAY_US}) AS sum_{days}d"
            for days in WINDOWS
        )
        rows += len(connection.execute(f"SELECT {key}, {columns} FROM transactions GROUP BY {key}").fetchnumpy()[key])
    return rows


def by_pandas():
    newest = frame["time_us"].max()
    rows = 0
    for key in ("card", "merchant"):
        parts = []
        for days in WINDOWS:
            recent = frame[frame["time_us"] > newest - days * DAY_US]
            parts.append(recent.groupby(key)["amount"].agg(["count", "sum"]).add_suffix(f"_{days}d"))
        rows += len(pandas.concat(parts, axis=1))
    return rows


before = resource.getrusage(resource.RUSAGE_SELF)
begin = time.monotonic()
rows = by_duckdb() if tool == "duckdb" else by_pandas()
seconds = time.monotonic() - begin
after = resource.getrusage(resource.RUSAGE_SELF)
cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(
    f"  {tool:<8} {seconds:8.2f} s  processor {cpu:8.2f} s, {cpu / len(frame) * 1e6:.2f} µs each:"
    f" 12 features of 2 entities, {rows:,} rows, final state only"
)
