"""Who asks, and for which trace: what both clients send, and what they never show."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Callable, List, Tuple

import pytest
from conftest import FakeServer, MakeServer, approve, failing

from harrier_client import (
    Amendment,
    AmendmentKind,
    AsyncClient,
    Client,
    DeniedError,
    HarrierError,
    InvalidError,
    Label,
    Outcome,
    Transaction,
    Verdict,
)
from harrier_client._proto import harrier_pb2 as pb

TOKEN = "hrr_shop_c2VjcmV0"  # noqa: S105  (of no server)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PAYMENT = Transaction("t1", 1767225600000000)
NO_TRACES = (
    "",
    "01" + TRACE[2:],
    TRACE.upper(),
    TRACE + "0",
    TRACE + "\n",
    f"00-{'0' * 32}-00f067aa0ba902b7-01",
    f"00-4bf92f3577b34da6a3ce929d0e0e4736-{'0' * 16}-01",
)

Score = Callable[..., Any]


def with_sync(address: str, use: Callable[[Score], Any], **options: Any) -> Any:
    with Client(address, deadline=5, **options) as client:
        return use(client.score)


def with_async(address: str, use: Callable[[Score], Any], **options: Any) -> Any:
    """use() waits for each call, as with the other client."""

    async def run() -> Any:
        async with AsyncClient(address, deadline=5, **options) as client:
            loop = asyncio.get_running_loop()

            def score(*arguments: Any, **more: Any) -> Any:
                return asyncio.run_coroutine_threadsafe(client.score(*arguments, **more), loop).result()

            return await asyncio.to_thread(use, score)

    return asyncio.run(run())


both = pytest.mark.parametrize("within", [with_sync, with_async])


@both
def test_a_token_goes_with_every_request(server: FakeServer, within: Any) -> None:
    within(server.address, lambda score: [score(PAYMENT), score(PAYMENT)], token=TOKEN)
    assert [request.token for request in server.requests] == [TOKEN, TOKEN]


@both
def test_a_function_is_asked_for_each_request(server: FakeServer, within: Any) -> None:
    """Also when one is sent again."""
    refusals = [pb.ERROR_UNAVAILABLE]
    server.answer = lambda request: failing(refusals.pop())(request) if refusals else approve(request)
    tokens = ["first", "second", "third"]
    within(server.address, lambda score: [score(PAYMENT), score(PAYMENT)], token=lambda: tokens.pop(0))
    assert [request.token for request in server.requests] == ["first", "second", "third"]


@both
def test_a_function_that_fails_fails_the_call(server: FakeServer, within: Any) -> None:
    def broken() -> str:
        raise KeyError("vault")

    with pytest.raises(KeyError, match="vault"):
        within(server.address, lambda score: score(PAYMENT), token=broken)
    with pytest.raises(InvalidError) as caught:
        within(server.address, lambda score: score(PAYMENT), token=lambda: "line\nline", fallback=Verdict.APPROVE)
    assert caught.value.field == "token"
    assert "line" not in str(caught.value)
    assert not server.requests


@both
def test_denied_has_no_fallback_and_is_not_sent_again(server: FakeServer, within: Any) -> None:
    server.answer = failing(pb.ERROR_DENIED, "the token is not known", "token")
    with pytest.raises(DeniedError) as caught:
        within(server.address, lambda score: score(PAYMENT), token=TOKEN, fallback=Verdict.APPROVE)
    error: HarrierError = caught.value
    assert (error.code, error.field, error.decided) == ("denied", "token", False)
    assert len(server.requests) == 1


@both
def test_a_trace_is_passed_on(server: FakeServer, within: Any) -> None:
    within(server.address, lambda score: score(PAYMENT, traceparent=TRACE))
    assert server.requests[0].traceparent == TRACE


@both
def test_what_is_no_trace_is_left_out(server: FakeServer, within: Any) -> None:
    within(server.address, lambda score: [score(PAYMENT, traceparent=trace) for trace in (*NO_TRACES, None)])
    assert [request.traceparent for request in server.requests] == [""] * (len(NO_TRACES) + 1)


def test_every_call_takes_a_trace(server: FakeServer) -> None:
    with Client(server.address, deadline=5, token=TOKEN) as client:
        client.score_many([PAYMENT], traceparent=TRACE)
        client.report_outcome(Outcome("t1", Label.FRAUD), traceparent=TRACE)
        client.amend(Amendment("t1", AmendmentKind.VOID), traceparent=TRACE)
        client.status(traceparent=TRACE)
        client.get_entity("card", "c1", traceparent=TRACE)
        with client.batcher(window=0) as batcher:
            batcher.score(PAYMENT, traceparent=TRACE)
    sent: List[Tuple[str, str]] = [(request.traceparent, request.token) for request in server.requests]
    assert sent == [(TRACE, TOKEN)] * 6


def test_a_batch_has_the_first_trace(server: FakeServer) -> None:
    async def run() -> None:
        async with AsyncClient(server.address, deadline=5) as client, client.batcher(window=0.05) as batcher:
            traces = (None, TRACE, TRACE[:-1] + "0")
            await asyncio.gather(*(batcher.score(PAYMENT, traceparent=trace) for trace in traces))

    asyncio.run(run())
    assert [request.traceparent for request in server.requests] == [TRACE]


def test_a_probe_has_the_token(make_server: MakeServer) -> None:
    """And a token's function that fails for it fails no call."""
    first, second = make_server("first"), make_server("second")
    first.answer = failing(pb.ERROR_UNAVAILABLE)
    with Client([first.address, second.address], deadline=5, token=TOKEN, eject_after=1) as client:
        while not first.asked("status"):  # ejected for a second, then probed
            client.score(PAYMENT)
            time.sleep(0.02)
    assert {request.token for request in first.asked("status")} == {TOKEN}


def test_it_is_never_shown(server: FakeServer) -> None:
    server.answer = failing(pb.ERROR_DENIED, "the token is not known", "token")
    with Client(server.address, deadline=5, token=TOKEN) as client:
        assert TOKEN not in repr(client.options)
        assert TOKEN not in repr(client)
        with pytest.raises(DeniedError) as caught:
            client.score(PAYMENT)
    assert TOKEN not in repr(caught.value)
    for unwanted in ("\n", " ", " b"):
        with pytest.raises(InvalidError) as wrong:
            Client(server.address, token=TOKEN + unwanted)
        assert TOKEN not in str(wrong.value)
