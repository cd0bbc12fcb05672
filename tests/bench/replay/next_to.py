"""Counts and sums of the last 1, 7 and 30 days for each card and merchant as of every transaction, itself
included, by DuckDB or Polars from a CSV file: what a replay with the policy in windows/ computes from an archive.

usage: next_to.py duckdb|polars CSV THREADS [TABLE]

Prints the sum of each column as JSON, so that every cell has been computed and looked at. TABLE: writes the cells
as Parquet instead, in the order of the transactions.

Both as quick as we could make them. A window of T is (T - length, T]. DuckDB: window functions straight from the file; a
table in between costs memory and no less time. Polars: rolling sums within groups (`over`, or `rolling` with
`group_by`) take three times as long as this: key and time put into one integer, in which the next key lies further
off than any window is long, so that one sort and one pass do for all keys."""

import json
import os
import sys

DAY_US = 86400 * 10**6
DAYS = (1, 7, 30)
KEYS = ("card", "merchant")
NAMES = [f"{key}.{what}_{days}d" for key in KEYS for days in DAYS for what in ("count", "sum")]
TIME_BITS = 43  # a hundred days of microseconds
START_US = 1767225600 * 10**6


def by_duckdb(csv, threads, table):
    import duckdb

    types = {"event_time": "TIMESTAMP", "card": "VARCHAR", "merchant": "VARCHAR", "amount_minor": "BIGINT"}
    rows = f"read_csv('{csv}', header = true, columns = {types})"
    windows = ", ".join(
        f"{key}_{days} AS (PARTITION BY {key} ORDER BY event_time RANGE BETWEEN"
        f" INTERVAL {days * DAY_US - 1} MICROSECONDS PRECEDING AND CURRENT ROW)"
        for key in KEYS
        for days in DAYS
    )
    cells = ", ".join(
        f'count(*) OVER {key}_{days} AS "{key}.count_{days}d",'
        f' sum(amount_minor) OVER {key}_{days} AS "{key}.sum_{days}d"'
        for key in KEYS
        for days in DAYS
    )
    connection = duckdb.connect(config={"threads": threads})
    if table:
        whole = ", ".join(f'"{name}"::BIGINT AS "{name}"' for name in NAMES)
        query = f"SELECT {whole} FROM (SELECT event_time, {cells} FROM {rows} WINDOW {windows}) ORDER BY event_time"
        connection.execute(f"COPY ({query}) TO '{table}' (FORMAT parquet)")
        return None
    sums = ", ".join(f'sum("{name}")' for name in NAMES)
    return connection.execute(f"SELECT {sums} FROM (SELECT {cells} FROM {rows} WINDOW {windows})").fetchone()


def windows_of(frame, key):
    """The cells of one key's windows, in the order of key and time, with the time."""
    import polars

    number = polars.col(key).cast(polars.Categorical).to_physical().cast(polars.Int64)
    time = polars.col("event_time").dt.timestamp("us") - START_US
    cells = [
        cell
        for days in DAYS
        for cell in (
            polars.col("one").rolling_sum_by("place", f"{days * DAY_US}i").alias(f"{key}.count_{days}d"),
            polars.col("amount_minor").rolling_sum_by("place", f"{days * DAY_US}i").alias(f"{key}.sum_{days}d"),
        )
    ]
    placed = frame.lazy().select(((number * 2**TIME_BITS) + time).alias("place"), "amount_minor").sort("place")
    return placed.with_columns(one=polars.lit(1, dtype=polars.Int64)), cells


def by_polars(csv, threads, table):
    os.environ["POLARS_MAX_THREADS"] = threads
    import polars

    types = {
        "event_time": polars.Datetime("us"),
        "card": polars.String,
        "merchant": polars.String,
        "amount_minor": polars.Int64,
    }
    frame = polars.read_csv(csv, schema=types)
    if not table:
        sums = []
        for key in KEYS:
            placed, cells = windows_of(frame, key)
            sums += placed.select(cells).sum().collect().row(0)
        return sums
    parts = []
    for key in KEYS:
        placed, cells = windows_of(frame, key)
        time = (polars.col("place") % 2**TIME_BITS).alias("time")
        parts.append(placed.select(time, *cells).sort("time").drop("time").collect())
    polars.concat(parts, how="horizontal").select(NAMES).write_parquet(table)
    return None


def main():
    tool, csv, threads, *table = sys.argv[1:]
    sums = (by_duckdb if tool == "duckdb" else by_polars)(csv, threads, table[0] if table else None)
    print(json.dumps({name: int(cell) for name, cell in zip(NAMES, sums or ())}))


main()
