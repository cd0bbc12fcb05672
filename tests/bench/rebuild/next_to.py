"""Counts and sums of the last 1, 7 and 30 days for each card and merchant, as of the newest transaction, by
DuckDB or by pandas: what a rebuild with the policy in sums/ computes, from columns in memory instead of records.

usage: next_to.py duckdb|pandas COLUMNS THREADS RESULT

RESULT: for compare.py; the folder that card.npz and merchant.npz go to. Prints seconds as JSON."""

import json
import resource
import sys
import time

import numpy
import pandas

DAY_US = 86400 * 10**6
WINDOWS = (1, 7, 30)
KEYS = ("card", "merchant")


def load(folder):
    return pandas.DataFrame(
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


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main():
    tool, columns, threads, result = sys.argv[1:]
    frame = load(columns)
    before, begin = cpu_seconds(), time.monotonic()
    results = (by_duckdb if tool == "duckdb" else by_pandas)(frame, int(threads))
    seconds, cpu = time.monotonic() - begin, cpu_seconds() - before
    for key in KEYS:
        numpy.savez(f"{result}/{key}.npz", **results[key])
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu}))


main()
