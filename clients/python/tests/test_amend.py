"""What amend() sends and refuses to send, what it makes of answers, and that it is a call like the others."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Mapping, Tuple

import pytest
from conftest import FakeServer, approve, failing, standby

from harrier_client import (
    AmendedTransaction,
    Amendment,
    AmendmentAccepted,
    AmendmentKind,
    AsyncClient,
    Client,
    HarrierError,
    InvalidError,
    NotFoundError,
    ProtocolError,
    TooLargeError,
    _codec,
    _nng,
)
from harrier_client._call import Call
from harrier_client._meter import Meter
from harrier_client._proto import harrier_pb2 as pb
from harrier_client._routes import Routes

# Made by tests/cases/wire/encode.py, which shares no code with the generated one.
REQUEST_BYTES = bytes.fromhex(
    "9201490a290a03742d31100218ffbfcaf384a3022080c0de9fc6eb91032a0f736574746c656d656e742d66656564"
    "0a0a0a03742d31100318e8070a070a03742d3210010a070a03742d321004"
)
RESPONSE_BYTES = bytes.fromhex(
    "92016f0a220a200a03742d3110878080808020180122031088272a0b10ffbfcaf384a30218e807"
    "0a150a130a03742d32220508011088272a0508011088270a2912270801120c616d6f756e745f6d696e6f72"
    "1a153930303020726566756e646564206f6620343530300a070a050a03742d33"
)
KNOWN = datetime(2026, 1, 2, tzinfo=timezone.utc)
AMENDMENTS = [
    Amendment("t-1", AmendmentKind.CAPTURE, 9_999_999_999_999, KNOWN, "settlement-feed"),
    Amendment("t-1", AmendmentKind.REFUND, 1000),
    Amendment("t-2", AmendmentKind.VOID),
    Amendment("t-2", AmendmentKind.RESTORE),
]
VOID = Amendment("t1", AmendmentKind.VOID)
VOIDED = AmendedTransaction(True, 5000, 0)
NOTHING = AmendedTransaction(False, 0, 0)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_these_bytes() -> None:
    request = _codec.amend_request(AMENDMENTS)
    assert (request.call, request.count) == ("amend", 4)
    # After the protocol and a deadline of 1 µs.
    assert request.encode(0) == b"\x08\x01\x10\x01" + REQUEST_BYTES


def test_every_kind_can_be_sent() -> None:
    names = {name[len("AMENDMENT_") :].lower() for name in pb.AmendmentKind.DESCRIPTOR.values_by_name} - {"unspecified"}
    assert {kind.value for kind in AmendmentKind} == names
    for kind in AmendmentKind:
        sent = pb.Request.FromString(_codec.amend_request([Amendment("t", kind)]).encode(1)).amend.amendments[0].kind
        assert pb.AmendmentKind.Name(sent) == f"AMENDMENT_{kind.name}"


def test_answers() -> None:
    failure, results = _codec.read_answer(RESPONSE_BYTES, _codec.amend_request(AMENDMENTS))
    assert failure is None
    changed, unchanged, refused, bare = _codec.amendments(results)
    before, now = AmendedTransaction(False, 5000, 0), AmendedTransaction(False, 9_999_999_999_999, 1000)
    assert changed == AmendmentAccepted("t-1", (1 << 40) + 7, True, before, now)
    assert unchanged == AmendmentAccepted("t-2", 0, False, VOIDED, VOIDED)
    assert isinstance(refused, InvalidError)
    assert (refused.field, refused.message, refused.decided) == ("amount_minor", "9000 refunded of 4500", False)
    assert bare == AmendmentAccepted("t-3", 0, False, NOTHING, NOTHING)


def test_answers_that_do_not_fit() -> None:
    with pytest.raises(ProtocolError, match="4 results; expected 3") as caught:
        _codec.read_answer(RESPONSE_BYTES, _codec.amend_request(AMENDMENTS[:3]))
    assert caught.value.decided is None
    with pytest.raises(ProtocolError, match="a result is empty"):
        _codec.amendments([pb.AmendmentResult()])


@pytest.mark.parametrize(
    ("kind", "message"),
    [(AmendmentAccepted, pb.AmendmentAccepted), (AmendedTransaction, pb.AmendedTransaction)],
)
def test_no_field_of_the_protocol_is_left_out(kind: Any, message: Any) -> None:
    assert {field.name for field in dataclasses.fields(kind)} == {field.name for field in message.DESCRIPTOR.fields}


@pytest.mark.parametrize(
    ("amendments", "kind", "field"),
    [
        ([], InvalidError, "amendments"),
        ([VOID] * 1001, TooLargeError, "amendments"),
        ([Amendment("t", AmendmentKind.VOID, source="x" * 3000)] * 1000, TooLargeError, ""),
        ([VOID, Amendment("\ud800", AmendmentKind.VOID)], InvalidError, "transaction_id"),
        ([Amendment("t", AmendmentKind.REFUND, 1 << 63)], InvalidError, "amount_minor"),
        ([Amendment("t", AmendmentKind.VOID, known_time=1 << 63)], InvalidError, "known_time_us"),
        ([Amendment("t", AmendmentKind.VOID, known_time=datetime(2026, 1, 2))], InvalidError, "known_time"),
        ([Amendment("t", AmendmentKind.VOID, source="\ud800")], InvalidError, "source"),
    ],
)
def test_what_is_not_sent(server: FakeServer, amendments: List[Amendment], kind: type, field: str) -> None:
    with Client(server.address, deadline=5) as client, pytest.raises(HarrierError) as caught:
        client.amend_many(amendments)
    assert (type(caught.value), caught.value.field, caught.value.decided) == (kind, field, False)
    assert server.requests == []


def test_a_thousand_are_sent(server: FakeServer) -> None:
    with Client(server.address, deadline=30) as client:
        results = client.amend_many([Amendment(f"t{n}", AmendmentKind.VOID) for n in range(1000)])
    wanted = [AmendmentAccepted(f"t{n}", n + 1, True, NOTHING, NOTHING) for n in range(1000)]
    assert results == wanted


# ----------------------------------------------------------------------------------------------
# The calls of both clients

Run = Callable[..., List[Any]]


def blocking(addresses: Any, *calls: Tuple[str, Any], **options: Any) -> List[Any]:
    """The result of each call, or the error that it raises."""
    found: List[Any] = []
    with Client(addresses, deadline=30, **options) as client:
        for name, argument in calls:
            try:
                found.append(getattr(client, name)(argument, traceparent=TRACE))
            except HarrierError as error:
                found.append(error)
    return found


def in_tasks(addresses: Any, *calls: Tuple[str, Any], **options: Any) -> List[Any]:
    async def run() -> List[Any]:
        found: List[Any] = []
        async with AsyncClient(addresses, deadline=30, **options) as client:
            for name, argument in calls:
                try:
                    found.append(await getattr(client, name)(argument, traceparent=TRACE))
                except HarrierError as error:
                    found.append(error)
        return found

    return asyncio.run(run())


both = pytest.mark.parametrize("run", [blocking, in_tasks])


@both
def test_calls(server: FakeServer, run: Run) -> None:
    def answer(request: Any) -> Any:
        response = approve(request)
        for amendment, result in zip(request.amend.amendments, response.amend.results):
            if amendment.transaction_id == "nobody":
                result.error.code, result.error.field = pb.ERROR_NOT_FOUND, "transaction_id"
        return response

    server.answer = answer
    nobody = Amendment("nobody", AmendmentKind.VOID)
    one, refused, (first, second) = run(
        server.address, ("amend", VOID), ("amend", nobody), ("amend_many", [nobody, VOID])
    )
    assert one == AmendmentAccepted("t1", 1, True, NOTHING, NOTHING)
    assert second == AmendmentAccepted("t1", 2, True, NOTHING, NOTHING)
    for error in (refused, first):
        assert isinstance(error, NotFoundError)
        assert (error.field, error.decided) == ("transaction_id", False)
    sent = server.asked("amend")
    assert [request.traceparent for request in sent] == [TRACE] * 3
    assert all(0 < request.deadline_us <= 30_000_000 for request in sent)


@both
def test_sent_again_when_the_server_is_unavailable(server: FakeServer, run: Run) -> None:
    def answer(request: Any) -> Any:
        return (failing(pb.ERROR_UNAVAILABLE) if len(server.requests) < 3 else approve)(request)

    server.answer = answer
    (accepted,) = run(server.address, ("amend", AMENDMENTS[0]))
    assert accepted.changed
    assert [request.amend.amendments[0].amount_minor for request in server.requests] == [9_999_999_999_999] * 3


@both
def test_no_fallback_replaces_its_errors(server: FakeServer, run: Run) -> None:
    server.answer = failing(pb.ERROR_INTERNAL)
    (error,) = run(server.address, ("amend", VOID), fallback=lambda *_: pytest.fail("it is asked"))
    assert (error.code, error.decided) == ("internal", None)


def test_its_answer_takes_the_mark_of_a_standby_away() -> None:
    routes = Routes(["a0", "a1"], eject_after=2)
    for index in range(2):
        routes.set_connected(index, True)
        routes.refused(index, "")
    request = _codec.amend_request([VOID])
    call = Call(request, routes, Meter(None), 3, None, begun=100.0, deadline=1.0)
    call.begin(100.0)
    call.received(_nng.OK, approve(pb.Request.FromString(request.encode(1))).SerializeToString(), 100.0)
    assert [route.standby for route in routes.routes] == [False, True]


@both
def test_it_waits_for_a_primary(server: FakeServer, run: Run) -> None:
    def answer(request: Any) -> Any:
        return (standby() if len(server.requests) <= 5 else approve)(request)

    server.answer = answer
    (accepted,) = run(server.address, ("amend", VOID), retries_max=0)
    assert accepted.changed
    assert len(server.asked("amend")) == 6


@both
def test_metrics(server: FakeServer, run: Run) -> None:
    counts: List[Tuple[str, Dict[str, str]]] = []

    class Reported:
        def count(self, name: str, amount: float, labels: Mapping[str, str]) -> None:
            counts.append((name, dict(labels)))

        def observe(self, name: str, value: float, labels: Mapping[str, str]) -> None:
            counts.append((name, dict(labels)))

        def set(self, name: str, value: float, labels: Mapping[str, str]) -> None: ...

    def answer(request: Any) -> Any:
        return (approve if len(server.requests) == 1 else failing(pb.ERROR_DENIED))(request)

    server.answer = answer
    run(server.address, ("amend", VOID), ("amend", VOID), metrics=Reported())
    calls, seconds = "harrier_client_calls_total", "harrier_client_call_seconds"
    assert counts == [
        (calls, {"call": "amend", "result": "ok"}),
        (seconds, {"call": "amend"}),
        (calls, {"call": "amend", "result": "denied"}),
        (seconds, {"call": "amend"}),
    ]
