"""Compares the values in a generation with those of DuckDB, Polars, pandas and PostgreSQL, cell by cell.

Where an entity is so busy that its history was compacted, a value is exact for a window whose edge is up to a 64th of its
length off (core/feature/state/state.h). So each cell is compared twice: with the count and sum over exactly that window,
which must be equal; and with the other tools' cell, which must be equal if no transaction lies between the two edges."""

import dataclasses
import subprocess

import numpy

DAY_US = 86400 * 10**6
WINDOWS = (1, 7, 30)
GOLDEN = 0x9E3779B97F4A7C15
TIME_BITS = 43  # a hundred days of microseconds, and a million keys


@dataclasses.dataclass
class Comparison:
    cells: int = 0
    wrong: int = 0  # not the count or sum of the window's transactions
    same: int = 0  # equal to the other tools
    beyond: int = 0  # the window's edge is more than a 64th off
    unlike: int = 0  # differs although no transaction lies between the edges

    def add(self, other):
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def is_good(self):
        return self.cells > 0 and self.wrong == self.beyond == self.unlike == 0


class History:
    """All transactions sorted by key and time: count and sum over any window of any key."""

    def __init__(self, columns, key):
        times = numpy.fromfile(f"{columns}/time_us.i64", dtype="<i8")
        keys = numpy.fromfile(f"{columns}/{key}.u32", dtype="<u4").astype("int64")
        amounts = numpy.fromfile(f"{columns}/amount.i64", dtype="<i8")
        self.oldest, self.newest = int(times.min()), int(times.max())
        assert self.newest - self.oldest < (1 << TIME_BITS) - 2 and keys.max() < 1 << (63 - TIME_BITS)
        places = keys << TIME_BITS | self.offset(times)
        order = numpy.argsort(places)
        self.places = places[order]
        self.sums = numpy.concatenate(([0], numpy.cumsum(amounts[order])))
        self.keys = numpy.unique(keys)

    def offset(self, times):
        return numpy.clip(times - self.oldest + 1, 0, (1 << TIME_BITS) - 1)

    def over(self, keys, after, until):
        """Counts and sums of transactions with after < time <= until."""
        low = numpy.searchsorted(self.places, keys << TIME_BITS | self.offset(after), side="right")
        high = numpy.searchsorted(self.places, keys << TIME_BITS | self.offset(until), side="right")
        return high - low, self.sums[high] - self.sums[low]


def numbers_of(tokens, limit):
    """The inverse of token() in make_archive.c."""
    numbers = numpy.arange(limit, dtype="uint64")
    with numpy.errstate(over="ignore"):
        of_all = ((numbers * numpy.uint64(GOLDEN)) >> numpy.uint64(20)).astype("int64")
    order = numpy.argsort(of_all)
    found = order[numpy.searchsorted(of_all[order], tokens)]
    assert (of_all[found] == tokens).all(), "a key that make_archive did not make"
    return found.astype("int64")


def others_cells(folder, tools, key):
    """The cells by key, after checking that all tools agree."""
    tables = []
    for tool in tools:
        table = numpy.load(f"{folder}/{tool}/{key}.npz")
        order = numpy.argsort(table[key])
        tables.append({name: table[name][order].astype("int64") for name in table})
    for table in tables[1:]:
        for name, cells in table.items():
            assert (cells == tables[0][name]).all(), f"{tools} do not agree about {name}"
    return tables[0]


def compare_window(history, others, rows, keys, days):
    after, until, count, total = rows
    window_us = days * DAY_US
    expected_count, expected_total = history.over(keys, after, until)
    place = numpy.searchsorted(others["key"], keys)
    assert (others["key"][place] == keys).all()
    same = (others[f"count_{days}d"][place] == count) & (others[f"sum_{days}d"][place] == total)
    asked = history.over(keys, numpy.full_like(keys, history.newest - window_us), numpy.full_like(keys, history.newest))
    nothing_between = (asked[0] == expected_count) & (asked[1] == expected_total)
    edge = numpy.abs(after - (history.newest - window_us))
    return Comparison(
        cells=2 * len(keys),
        wrong=int((expected_count != count).sum() + (expected_total != total).sum()),
        same=2 * int(same.sum()),
        beyond=int((edge * 64 >= window_us).sum() + (until != history.newest).sum()),
        unlike=int((nothing_between & ~same).sum()),
    )


def compare(reader, policy, generations, columns, folder, tools):
    """reader: the program read_tables. Entities that are not in the tables must have counts of 0."""
    result = Comparison()
    for key in ("card", "merchant"):
        history = History(columns, key)
        others = others_cells(folder, tools, key)
        others["key"] = others[key]
        assert (others["key"] == history.keys).all()
        read = subprocess.run([reader, policy, generations, key], stdout=subprocess.PIPE, check=True).stdout
        rows = numpy.frombuffer(read, dtype="<i8").reshape(-1, 1 + 4 * len(WINDOWS))
        keys = numbers_of(rows[:, 0], int(history.keys.max()) + 1)
        for i, days in enumerate(WINDOWS):
            result.add(compare_window(history, others, rows[:, 1 + 4 * i : 5 + 4 * i].T, keys, days))
        idle = numpy.setdiff1d(history.keys, keys)
        begin = history.newest - WINDOWS[-1] * DAY_US
        counts, _ = history.over(idle, numpy.full_like(idle, begin), numpy.full_like(idle, history.newest))
        cells = 2 * len(WINDOWS) * len(idle)
        result.add(Comparison(cells=cells, wrong=int((counts > 0).sum()), same=cells))
    return result
