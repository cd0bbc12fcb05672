"""Scores the rows of a pandas DataFrame or a pyarrow Table. Imports only the library of the table it is given."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from .client import Client
from .errors import HarrierError, InvalidError, TooLargeError
from .types import Decision, Location, Transaction

FIELDS = tuple(name for name in Transaction.__dataclass_fields__ if name not in ("location", "attributes"))
_NUMBERS = ("amount_minor", "event_time", "sequence")
RESULT_COLUMNS = ("verdict", "score", "reasons", "position", "duplicate", "error")

Row = Dict[str, Any]


def score_frame(
    client: Client,
    frame: Any,
    *,
    columns: Optional[Mapping[str, str]] = None,
    attributes: Sequence[str] = (),
    batch_size: int = 500,
    deadline: float = 5.0,
    dry_run: bool = False,
) -> Any:
    """A frame of the same kind and length: column ``id``, then the columns ``RESULT_COLUMNS``. A DataFrame
    keeps its index.

    Columns are named after the fields of a Transaction, ``latitude`` and ``longitude`` too; ``columns``
    names those that are not: ``{"amount_minor": "cents"}``. Columns in ``attributes`` are sent as attributes.
    Others are not sent. Missing values (None, NaN, NaT) are absent; times are aware datetimes or
    microseconds; a number in a text's place (a card's) is written in decimal.

    Rows are sent in their order, one batch after the other. ``error`` of a row is "" or the code, the field
    and the sentence; a client's fallback decisions are errors here. Scoring again what failed is safe.
    """
    if not 1 <= batch_size <= 1000:
        raise InvalidError(f"{batch_size}; expected 1 to 1000", "batch_size")
    names = _names(list(_column_names(frame)), dict(columns or {}), attributes)
    results: List[Row] = []
    batch: List[Row] = []
    for row in _rows(frame, list(names.values()), batch_size):
        batch.append(row)
        if len(batch) == batch_size:
            results += _score(client, batch, names, attributes, deadline, dry_run)
            batch = []
    if batch:
        results += _score(client, batch, names, attributes, deadline, dry_run)
    return _like(frame, results, names["id"])


def _is_pandas(frame: Any) -> bool:
    return type(frame).__module__.partition(".")[0] == "pandas"


def _column_names(frame: Any) -> Sequence[str]:
    found: Sequence[str] = list(frame.columns) if _is_pandas(frame) else frame.column_names
    return found


def _names(present: List[str], columns: Dict[str, str], attributes: Sequence[str]) -> Dict[str, str]:
    """Field or attribute → column."""
    known = (*FIELDS, "latitude", "longitude")
    for field, column in columns.items():
        if field not in known:
            raise InvalidError(f"a transaction has no field {field}", "columns")
        if column not in present:
            raise InvalidError(f"the frame has no column {column}", "columns")
    names = {field: columns.get(field, field) for field in known if columns.get(field, field) in present}
    for name in attributes:
        if name not in present:
            raise InvalidError(f"the frame has no column {name}", "attributes")
        names[name] = name
    for field in ("id", "event_time"):
        if field not in names:
            raise InvalidError(f"the frame has no column {field}; name it with columns", "columns")
    return names


def _rows(frame: Any, columns: List[str], batch_size: int) -> Iterator[Row]:
    """Yields batches of rows, so that never all of them exist as Python objects."""
    columns = list(dict.fromkeys(columns))
    if _is_pandas(frame):
        for start in range(0, len(frame), batch_size):
            part = frame.iloc[start : start + batch_size]
            values = [part[name].tolist() for name in columns]
            for row in zip(*values):
                yield dict(zip(columns, row))
    else:
        for part in frame.select(columns).to_batches(max_chunksize=batch_size):
            yield from part.to_pylist()


def _missing(value: Any) -> bool:
    # NaN and NaT differ from themselves; pandas.NA does not compare at all.
    return value is None or type(value).__name__ == "NAType" or bool(value != value)  # noqa: PLR0124


def _transaction(row: Row, names: Mapping[str, str], attributes: Sequence[str]) -> Transaction:
    given = {field: row[column] for field, column in names.items() if not _missing(row[column])}
    made: Dict[str, Any] = {field: given[field] for field in FIELDS if field in given}
    for field, value in made.items():
        if isinstance(value, (float, Decimal)):
            made[field] = _whole(value, field)
        if field not in _NUMBERS and isinstance(made[field], int):
            made[field] = str(made[field])
    for field in ("id", "event_time"):
        if field not in made:
            raise InvalidError("is missing", field)
    if "latitude" in given and "longitude" in given:
        made["location"] = Location(float(given["latitude"]), float(given["longitude"]))
    made["attributes"] = {name: given[name] for name in attributes if name in given}
    return Transaction(**made)


def _whole(value: Union[float, Decimal], field: str) -> int:
    """pandas turns a column of integers with missing values into floats: this turns them back."""
    if value != int(value):
        raise InvalidError(f"{value}; expected a whole number", field)
    return int(value)


def _score(
    client: Client,
    rows: List[Row],
    names: Mapping[str, str],
    attributes: Sequence[str],
    deadline: float,
    dry_run: bool,
) -> List[Row]:
    made: List[Union[Transaction, HarrierError]] = []
    for row in rows:
        try:
            made.append(_transaction(row, names, attributes))
        except HarrierError as error:
            made.append(error)
    good = [transaction for transaction in made if isinstance(transaction, Transaction)]
    answered = iter(_ask(client, good, deadline, dry_run))
    return [
        _result(row[names["id"]], one if isinstance(one, HarrierError) else next(answered))
        for row, one in zip(rows, made)
    ]


def _ask(
    client: Client, transactions: List[Transaction], deadline: float, dry_run: bool
) -> List[Union[Decision, HarrierError]]:
    if not transactions:
        return []
    try:
        return client.score_many(transactions, deadline=deadline, dry_run=dry_run)
    except (InvalidError, TooLargeError) as error:
        if len(transactions) == 1:
            return [error]
    except HarrierError as error:
        return [error] * len(transactions)
    # One row cannot be encoded, or the batch is too large.
    half = len(transactions) // 2
    return _ask(client, transactions[:half], deadline, dry_run) + _ask(client, transactions[half:], deadline, dry_run)


def _result(key: Any, result: Union[Decision, HarrierError]) -> Row:
    if isinstance(result, HarrierError) or result.fallback:
        words = f"{result.code}: {result}" if isinstance(result, HarrierError) else result.fallback_reason
        return {
            "id": key, "verdict": None, "score": None, "reasons": None, "position": None, "duplicate": None,
            "error": words,
        }  # fmt: skip
    return {
        "id": key,
        "verdict": result.verdict.value,
        "score": result.score,
        "reasons": [reason.rule for reason in result.reasons if not reason.shadow],
        "position": result.position,
        "duplicate": result.duplicate,
        "error": "",
    }


def _like(frame: Any, results: List[Row], key: str) -> Any:
    columns = {name: [row[name] for row in results] for name in ("id", *RESULT_COLUMNS)}
    if _is_pandas(frame):
        import pandas as pd  # noqa: PLC0415  (only callers with a DataFrame need pandas)

        kinds = {"score": "Int64", "position": "Int64", "duplicate": "boolean"}
        return pd.DataFrame(columns, index=frame.index).astype(kinds)
    import pyarrow as pa  # noqa: PLC0415

    schema = pa.schema(
        [
            ("id", frame.schema.field(key).type),
            ("verdict", pa.string()),
            ("score", pa.int64()),
            ("reasons", pa.list_(pa.string())),
            ("position", pa.uint64()),
            ("duplicate", pa.bool_()),
            ("error", pa.string()),
        ]
    )
    return pa.table(columns, schema=schema)
