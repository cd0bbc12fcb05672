"""Counts and sums of the last 1, 7 and 30 days for each card and merchant as of every transaction, itself included,
computed by DuckDB, Polars, pandas or PostgreSQL from a CSV file: the same as a replay with the policy in windows/.

usage: next_to.py duckdb|polars|pandas|postgres CSV THREADS [TABLE]

Prints the sum of each column as JSON, so that every cell is computed; for PostgreSQL also its time, without the start of
the server. TABLE: writes the cells as Parquet instead, in the order of the transactions.

Each tool uses the fastest way that we found. A window of T is (T - length, T].

- DuckDB: window functions directly on the file. A table in between costs memory without saving time.
- Polars: key and time are packed into one integer, in which keys are further apart than any window is long, so that one
  sort and one rolling pass serve all keys. Rolling sums within groups (`over`, or `rolling` with `group_by`) take three
  times as long.
- pandas: the same integers; a binary search finds the start of each window, and running sums are subtracted.
  groupby(key).rolling() takes some fifty times as long.
- PostgreSQL: the file is copied into an unlogged table. Window functions run in one process, so there is one session for
  each key, both at once with two threads."""

import concurrent.futures
import json
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import postgres  # noqa: E402  (found by the line before)

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
    """A frame sorted by key and time, and the expressions for the cells of one key's windows."""
    import polars

    categories = polars.Categorical(polars.Categories(key))  # separate categories, numbered from 0
    number = polars.col(key).cast(categories).to_physical().cast(polars.Int64)
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


def by_pandas(csv, _threads, table):
    import pandas

    types = {"card": "category", "merchant": "category", "amount_minor": "int64"}
    frame = pandas.read_csv(csv, dtype=types, parse_dates=["event_time"], engine="pyarrow")
    times = frame["event_time"].dt.tz_localize(None).astype("datetime64[us]").astype("int64") - START_US
    cells = {}
    for key in KEYS:
        place = (frame[key].cat.codes.astype("int64") * 2**TIME_BITS + times).sort_values()
        amounts = frame["amount_minor"].reindex(place.index)
        before = (amounts.cumsum() - amounts).to_numpy()  # the sum of all preceding rows
        until = amounts.cumsum().to_numpy()
        until_count = pandas.RangeIndex(1, len(place) + 1).to_numpy()
        for days in DAYS:
            first = place.searchsorted(place - days * DAY_US, side="right")
            cells[f"{key}.count_{days}d"] = pandas.Series(until_count - first, index=place.index)
            cells[f"{key}.sum_{days}d"] = pandas.Series(until - before[first], index=place.index)
    if not table:
        return [cells[name].sum() for name in NAMES]
    pandas.DataFrame({name: cells[name] for name in NAMES}).sort_index().to_parquet(table)
    return None


def postgres_windows(key):
    """The query for one key's cells, in no particular order."""
    windows = ", ".join(
        f"of_{days} AS (PARTITION BY {key} ORDER BY event_time RANGE BETWEEN"
        f" INTERVAL '{days * DAY_US - 1} microseconds' PRECEDING AND CURRENT ROW)"
        for days in DAYS
    )
    cells = ", ".join(
        f'count(*) OVER of_{days} AS "{key}.count_{days}d", sum(amount_minor) OVER of_{days} AS "{key}.sum_{days}d"'
        for days in DAYS
    )
    return f"SELECT event_time, {cells} FROM transactions WINDOW {windows}"


def ask_postgres(server, csv, threads, table):
    server.sql(
        "CREATE UNLOGGED TABLE transactions (event_time timestamp, card text, merchant text, amount_minor bigint);\n"
        f"\\copy transactions FROM '{csv}' (FORMAT csv, HEADER)"
    )

    def ask(key):
        names = [name for name in NAMES if name.startswith(f"{key}.")]
        if table:
            return server.sql(f"CREATE UNLOGGED TABLE by_{key} AS {postgres_windows(key)}")
        sums = ", ".join(f'sum("{name}")' for name in names)
        return server.sql(f"SELECT {sums} FROM ({postgres_windows(key)}) AS cells").split("|")

    with concurrent.futures.ThreadPoolExecutor(min(int(threads), len(KEYS))) as sessions:
        return [cell for cells in sessions.map(ask, KEYS) for cell in cells]


def export_postgres(server, table, folder):
    import pandas

    cells = ", ".join(f'"{name}"::bigint' for name in NAMES)
    path = f"{folder}/cells.csv"
    query = f"SELECT {cells} FROM by_card JOIN by_merchant USING (event_time) ORDER BY event_time"
    server.sql(f"\\copy ({query}) TO '{path}' (FORMAT csv, HEADER)")
    pandas.read_csv(path, dtype="int64", engine="pyarrow").to_parquet(table)


def by_postgres(csv, threads, table):
    """Returns (sums, {seconds, cpu_seconds})."""
    with tempfile.TemporaryDirectory() as folder:
        server = postgres.Postgres(folder, None, postgres.ANALYTIC)
        try:
            cpu, begin = server.cpu_seconds() + os.times().children_user, time.monotonic()
            sums = ask_postgres(server, os.path.abspath(csv), threads, table)
            seconds = time.monotonic() - begin
            cpu = server.cpu_seconds() + os.times().children_user - cpu
            if table:
                export_postgres(server, table, folder)
            return sums, {"seconds": seconds, "cpu_seconds": cpu}
        finally:
            server.throw_away()


def main():
    tool, csv, threads, *table = sys.argv[1:]
    by = {"duckdb": by_duckdb, "polars": by_polars, "pandas": by_pandas, "postgres": by_postgres}[tool]
    sums, used = by(csv, threads, table[0] if table else None), {}
    if tool == "postgres":
        sums, used = sums
    cells = {} if table else {name: int(cell) for name, cell in zip(NAMES, sums)}
    print(json.dumps({"sums": cells} | used))


main()
