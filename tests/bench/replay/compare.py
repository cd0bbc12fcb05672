"""Compares the export of a replay with the values of DuckDB, Polars, pandas and PostgreSQL: all rows, cell by cell.

Where an entity is so busy that its history was compacted, a value is exact for a window whose edge is up to a 64th of its
length off (core/feature/state/state.h). The count shows which window it was: it covers that many of the key's newest
transactions. So the count must belong to a window whose edge is within a 64th, and the sum must be exactly that of the same
transactions; where the count equals the other tools', so must the sum."""

import dataclasses
import decimal

import numpy
import pyarrow.parquet

DAY_US = 86400 * 10**6
DAYS = (1, 7, 30)
TIME_BITS = 43


@dataclasses.dataclass
class Comparison:
    cells: int = 0
    same: int = 0  # equal to the other tools
    wrong: int = 0  # sums that do not match the transactions counted
    beyond: int = 0  # windows whose edge is more than a 64th off

    def add(self, other):
        for field in dataclasses.fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def is_good(self):
        return self.cells > 0 and self.wrong == self.beyond == 0


class History:
    """All transactions, sorted by key and time."""

    def __init__(self, columns, key):
        self.times = numpy.fromfile(f"{columns}/time_us.i64", dtype="<i8")
        keys = numpy.fromfile(f"{columns}/{key}.u32", dtype="<u4").astype("int64")
        amounts = numpy.fromfile(f"{columns}/amount.i64", dtype="<i8")
        assert (numpy.diff(self.times) > 0).all(), "times must go up"
        order = numpy.argsort(keys << TIME_BITS | (self.times - self.times[0]))
        self.place = numpy.empty_like(order)  # of each transaction in that order
        self.place[order] = numpy.arange(len(order))
        self.sorted_times, sorted_keys = self.times[order], keys[order]
        self.sums = numpy.concatenate(([0], numpy.cumsum(amounts[order])))
        self.begins = numpy.searchsorted(sorted_keys, sorted_keys)[self.place]  # the first of its key

    def check(self, counts, sums, days):
        """(wrong, beyond): how many of the counts and sums, one for each transaction, fail either check."""
        last, first = self.place + 1, self.place + 1 - counts
        possible = (counts > 0) & (first >= self.begins)
        first = numpy.where(possible, first, self.place)
        wrong = ~possible | (self.sums[last] - self.sums[first] != sums)
        edge, slack = self.times - days * DAY_US, days * DAY_US // 64
        before = numpy.where(first > self.begins, self.sorted_times[first - 1], numpy.iinfo("int64").min)
        beyond = (self.sorted_times[first] <= edge - slack) | (before > edge + slack)
        return int(wrong.sum()), int(beyond.sum())


def minor(column):
    """Sums of amounts in the currency's major unit, as the export has them, in whole minor units."""
    values = column.to_numpy()
    whole = numpy.rint(values * 100)
    assert (whole / 100 == values).all(), "a sum that is not an amount"
    return whole.astype("int64")


def column(path, name):
    return pyarrow.parquet.read_table(path, columns=[name])[name].combine_chunks()


def compare(export, tables, columns):
    """export: the replay's Parquet; tables: those of next_to.py, which must be the same."""
    result = Comparison()
    for key in ("card", "merchant"):
        history = History(columns, key)
        for days in DAYS:
            names = (f"{key}.count_{days}d", f"{key}.sum_{days}d")
            others = [numpy.asarray(column(tables[0], name)) for name in names]
            for table in tables[1:]:
                for name, cells in zip(names, others):
                    assert (numpy.asarray(column(table, name)) == cells).all(), f"{tables} do not agree about {name}"
            counts, sums = numpy.asarray(column(export, names[0])), minor(column(export, names[1]))
            assert len(counts) == len(history.times) == len(others[0])
            wrong, beyond = history.check(counts, sums, days)
            same = int((counts == others[0]).sum() + (sums == others[1]).sum())
            result.add(Comparison(cells=2 * len(counts), same=same, wrong=wrong, beyond=beyond))
    return result


def text_of(value):
    """A cell of Parquet as CSV has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if hasattr(value, "isoformat"):
        return value.strftime("%Y-%m-%dT%H:%M:%S" + (".%f" if value.microsecond else "")) + "Z"
    return value if isinstance(value, str) else str(value)


def cells_differ(text, value):
    if isinstance(value, float):
        # The fewest digits that read back as the same double: both ways.
        return float(text) != value or len(decimal.Decimal(text).normalize().as_tuple().digits) > 17
    return text != text_of(value)


def compare_formats(csv_path, parquet_path, limit):
    """The first rows of an export as CSV and as Parquet: the same cells? Returns (cells, different)."""
    import csv

    file = pyarrow.parquet.ParquetFile(parquet_path)
    cells = different = rows = 0
    with open(csv_path, newline="", encoding="utf-8") as text:
        reader = csv.reader(text)
        names = next(reader)
        assert names == file.schema_arrow.names, "other columns"
        for batch in file.iter_batches(batch_size=10000):
            for row in zip(*(batch.column(i).to_pylist() for i in range(len(names)))):
                texts = next(reader)
                cells += len(row)
                different += sum(cells_differ(*pair) for pair in zip(texts, row, strict=True))
            rows += len(batch)
            if rows >= limit:
                return cells, different
        assert next(reader, None) is None, "more rows in CSV"
    return cells, different
