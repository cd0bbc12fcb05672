"""Rows in, rows out, of pandas and of pyarrow."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from conftest import FakeServer, approve

from harrier_client import Client, InvalidError, UnavailableError, Verdict, score_frame
from harrier_client._proto import harrier_pb2 as pb

pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")

TIME = datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=timezone.utc)
COLUMNS = {
    "id": ["a", "b", "c"],
    "when": [TIME] * 3,
    "amount_minor": [100, None, 300],
    "currency": ["EUR", None, "EUR"],
    "card": [11, 12, 13],
    "latitude": [47.0, None, 48.0],
    "longitude": [8.0, None, 9.0],
    "items": [1, None, 3],
    "not_sent": ["x", "y", "z"],
}
OPTIONS: Any = {"columns": {"event_time": "when"}, "attributes": ["items"]}


def sent(server: FakeServer) -> Any:
    return [one for request in server.asked("score") for one in request.score.transactions]


@pytest.mark.parametrize("kind", ["pandas", "pyarrow"])
def test_rows(server: FakeServer, kind: str) -> None:
    frame = pd.DataFrame(COLUMNS, index=[7, 8, 9]) if kind == "pandas" else pa.table(COLUMNS)
    with Client(server.address, deadline=5) as client:
        result = score_frame(client, frame, batch_size=2, **OPTIONS)
    assert [len(request.score.transactions) for request in server.asked("score")] == [2, 1]
    first, second, _ = sent(server)
    assert (first.id, first.event_time_us, first.amount_minor, first.card) == ("a", 1767225600123456, 100, "11")
    assert (first.location.latitude_e7, first.location.longitude_e7) == (470000000, 80000000)
    assert [one.name for one in first.attributes] == ["items"]
    assert (second.amount_minor, second.currency, second.HasField("location"), len(second.attributes)) == (0, "", 0, 0)
    if kind == "pandas":
        assert list(result.index) == [7, 8, 9]
        assert list(result["verdict"]) == ["approve"] * 3
        assert result["score"].dtype == "Int64"
    else:
        assert result.column("id").to_pylist() == ["a", "b", "c"]
        assert result.column("verdict").to_pylist() == ["approve"] * 3
    assert list(result["error"].tolist() if kind == "pandas" else result.column("error").to_pylist()) == [""] * 3


def test_rows_that_fail(server: FakeServer) -> None:
    def answer(request: Any) -> Any:
        response = approve(request)
        for one, result in zip(request.score.transactions, response.score.results):
            if one.id == "refused":
                result.error.CopyFrom(pb.Error(code=pb.ERROR_INVALID, field="currency", message="no such"))
        return response

    server.answer = answer
    times = [TIME, TIME, None, TIME, datetime(2026, 1, 1), TIME]
    amounts = [1, 2, 3, Decimal("1.5"), 5, 1 << 63]
    ids = ["good", "refused", "no time", "half", "naive", "huge"]
    frame = pd.DataFrame({"id": ids, "event_time": pd.Series(times, dtype=object), "amount_minor": amounts})
    with Client(server.address, deadline=5) as client:
        result = score_frame(client, frame)
    errors = list(result["error"])
    assert errors[0] == ""
    assert errors[1] == "invalid: currency: no such"
    assert errors[2].startswith("invalid: event_time: is missing")
    assert "whole number" in errors[3]
    assert "time zone" in errors[4]
    assert errors[5].startswith("invalid: amount_minor")
    assert result["verdict"].notna().tolist() == [True] + [False] * 5


@pytest.mark.parametrize("fallback", [None, Verdict.REVIEW])
def test_a_server_that_is_away(closed_address: str, fallback: Any) -> None:
    frame = pd.DataFrame({"id": ["a", "b"], "event_time": [1, 2]})
    with Client(closed_address, fallback=fallback) as client:
        result = score_frame(client, frame, deadline=0.05)
    assert result["verdict"].isna().all(), "a fallback decision is none in a table"
    assert all(error.startswith(UnavailableError.code) for error in result["error"])


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({}, "columns"),
        ({"columns": {"event_time": "nowhere"}}, "columns"),
        ({"columns": {"shoe_size": "when"}}, "columns"),
        ({"columns": {"event_time": "when"}, "attributes": ["nowhere"]}, "attributes"),
        ({"columns": {"event_time": "when"}, "batch_size": 0}, "batch_size"),
    ],
)
def test_wrong(closed_address: str, options: Any, field: str) -> None:
    with Client(closed_address) as client, pytest.raises(InvalidError) as caught:
        score_frame(client, pd.DataFrame(COLUMNS), **options)
    assert caught.value.field == field


@pytest.mark.parametrize("kind", ["pandas", "pyarrow"])
def test_no_rows(closed_address: str, kind: str) -> None:
    frame = pd.DataFrame(COLUMNS).iloc[:0] if kind == "pandas" else pa.table(COLUMNS).slice(0, 0)
    with Client(closed_address) as client:
        result = score_frame(client, frame, **OPTIONS)
    assert len(result) == 0
