"""find(): every field of the protocol arrives, in the type that is promised, and pages follow one another."""

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable

import pytest

from harrier_client import (
    AmendedTransaction,
    Decision,
    FindQuery,
    InvalidError,
    Label,
    ProtocolError,
    Transaction,
    Verdict,
    _search_codec,
)
from harrier_client._proto import harrier_pb2 as pb

CASES = Path(__file__).parents[3] / "tests" / "cases" / "wire"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are in Harrier's repository only")

QUERY = FindQuery(
    from_time=datetime(2026, 1, 1, tzinfo=timezone.utc),
    until_time=1767312000000000,
    received_from=1767225600000001,
    received_until=1767312000000001,
    verdicts=[Verdict.REVIEW, Verdict.DECLINE],
    score=(0, 1000),
    amount_minor=(100, 9999999999999),
    currency="EUR",
    rule="many",
    shadow=True,
    keys={"card": "c_1", "ip": "192.0.2.1"},
    labels=[Label.NONE, Label.FRAUD],
    transaction_id="t-1",
    limit=1000,
    cursor="000000000004afb2c941a33c3ba07dca",
)


def bytes_of(name: str) -> bytes:
    wanted = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    return bytes.fromhex(wanted["hex"].replace(" ", ""))


@needs_cases
def test_the_bytes_of_a_query() -> None:
    assert _search_codec.find_request(QUERY).encode(0).replace(b"\x10\x01", b"", 1) == bytes_of("request_find")


def test_an_empty_query_is_there() -> None:
    encoded = _search_codec.find_request(FindQuery()).encode(1)
    assert pb.Request.FromString(encoded).WhichOneof("call") == "find"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        (FindQuery(limit=-1), "limit"),
        (FindQuery(score=(0, 1 << 32)), "max"),
        (FindQuery(amount_minor=(0, 1 << 63)), "max_minor"),
        (FindQuery(keys={"card": "\ud800"}), "value"),
        (FindQuery(from_time=datetime(2026, 1, 1)), "from_time"),
    ],
)
def test_what_is_not_sent(query: FindQuery, field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        _search_codec.find_request(query)
    assert caught.value.field == field


@needs_cases
def test_a_page() -> None:
    page = _search_codec.findings(pb.Response.FromString(bytes_of("response_find")).find)
    first, second = page.transactions
    assert first.transaction == Transaction("t-2", 1767225600000000, 500, "EUR", card="c_1")
    assert first.decision == Decision("t-2", Verdict.DECLINE, 900, position=7)
    assert (first.receive_time_us, first.label) == (1767225600000100, Label.FRAUD)
    assert (first.outcome_receive_time_us, first.outcome_known_time_us) == (1767312000000000, 1767311000000000)
    assert (first.amended, first.amended_time_us) == (AmendedTransaction(True, 500, 0), 1767313000000000)
    assert (second.transaction.id, second.label, second.amended) == ("t-1", Label.NONE, None)
    assert (page.cursor, page.incomplete) == ("0000000000000003c941a33c3ba07dca", True)


@needs_cases
@pytest.mark.parametrize(
    "change",
    [
        lambda one: one.ClearField("transaction"),
        lambda one: one.ClearField("decision"),
        lambda one: setattr(one, "label", 9),
        lambda one: setattr(one.decision, "verdict", 9),
    ],
)
def test_what_is_not_known(change: Callable[[Any], None]) -> None:
    answer = pb.Response.FromString(bytes_of("response_find")).find
    change(answer.transactions[1])
    with pytest.raises(ProtocolError):
        _search_codec.findings(answer)
