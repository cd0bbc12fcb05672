"""Both clients against a server on pynng. The scenarios of tests/system/clients go further."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Mapping, Tuple

import pytest
from conftest import FakeServer, MakeServer, approve, failing, standby

from harrier_client import (
    Amendment,
    AmendmentKind,
    AsyncClient,
    BusyError,
    Client,
    ClosedError,
    DeadlineError,
    Decision,
    HarrierError,
    InternalError,
    InvalidError,
    Label,
    Outcome,
    Transaction,
    UnavailableError,
    Verdict,
    _nng,
)
from harrier_client._proto import harrier_pb2 as pb

NOW = 1767225600000000


def transaction(number: int = 1) -> Transaction:
    return Transaction(f"t{number}", NOW + number, amount_minor=100, currency="EUR", card="c1")


def silent(request: Any) -> Any:
    return approve(request) if request.HasField("status") else None


def slow(request: Any) -> Any:
    time.sleep(0.02)
    return approve(request)


def taking_over(server: FakeServer) -> Any:
    """A standby at first."""

    def answer(request: Any) -> Any:
        return (standby() if len(server.requests) <= 5 else approve)(request)

    return answer


class TestOptions:
    @pytest.mark.parametrize(
        ("field", "options"),
        [
            ("addresses", {"addresses": []}),
            ("addresses", {"addresses": [""]}),
            ("addresses", {"addresses": "carrier-pigeon://roof"}),
            ("addresses", {"addresses": ["tcp://127.0.0.1:1", "tcp://127.0.0.1:1"]}),
            ("deadline", {"deadline": 0}),
            ("deadline", {"deadline": 3601}),
            ("deadline", {"deadline": float("nan")}),
            ("retries_max", {"retries_max": -1}),
            ("in_flight_max", {"in_flight_max": 0}),
            ("eject_after", {"eject_after": 0}),
            ("fallback", {"fallback": "approve"}),
            ("token", {"token": ""}),
            ("token", {"token": "t" * 257}),
            ("token", {"token": "t\u00f6ken"}),
            ("token", {"token": b"token"}),
        ],
    )
    @pytest.mark.parametrize("kind", [Client, AsyncClient])
    def test_wrong(self, kind: Any, field: str, options: Dict[str, Any]) -> None:
        with pytest.raises(InvalidError) as caught:
            kind(**{"addresses": "tcp://127.0.0.1:1", **options})
        assert caught.value.field == field

    def test_making_waits_for_nothing(self, closed_address: str) -> None:
        begun = time.monotonic()
        Client(closed_address).close()
        assert time.monotonic() - begun < 1


class TestClient:
    def test_calls(self, server: FakeServer) -> None:
        with Client(server.address, deadline=5) as client:
            decision = client.score(transaction())
            assert (decision.transaction_id, decision.verdict, decision.fallback) == ("t1", Verdict.APPROVE, False)
            assert len(client.score_many([transaction(n) for n in range(1000)])) == 1000
            assert client.report_outcome(Outcome("t1", Label.FRAUD)).changed
            assert client.amend(Amendment("t1", AmendmentKind.VOID)).changed
            assert client.status().state == "ready"
            assert client.get_entity("card", "c1").entries == 3

    def test_one_result_raises(self, server: FakeServer) -> None:
        def answer(request: Any) -> Any:
            response = pb.Response()
            response.score.results.add().error.code = pb.ERROR_INVALID
            return response

        server.answer = answer
        with Client(server.address, deadline=5) as client:
            with pytest.raises(InvalidError):
                client.score(transaction())
            (result,) = client.score_many([transaction()])
            assert isinstance(result, InvalidError)

    def test_threads(self, server: FakeServer) -> None:
        with Client(server.address, deadline=20) as client, ThreadPoolExecutor(64) as pool:
            found = list(pool.map(lambda n: client.score(transaction(n)).transaction_id, range(1000)))
        assert found == [f"t{n}" for n in range(1000)]

    def test_busy(self, server: FakeServer) -> None:
        server.answer = silent
        with Client(server.address, deadline=4, in_flight_max=1) as client:
            client.status()
            pool = ThreadPoolExecutor(1)
            first = pool.submit(client.score, transaction())
            while not server.asked("score"):
                time.sleep(0.005)
            with pytest.raises(BusyError) as caught:
                client.score(transaction(2), deadline=0.05)
            assert caught.value.decided is False
            assert isinstance(first.exception(), DeadlineError)
            pool.shutdown()
            assert client.status().state == "ready", "the room is free again"

    def test_room_is_waited_for(self, server: FakeServer) -> None:
        server.answer = slow
        with Client(server.address, deadline=20, in_flight_max=2) as client, ThreadPoolExecutor(16) as pool:
            assert len(list(pool.map(lambda n: client.score(transaction(n)), range(32)))) == 32

    def test_fallback_function(self, server: FakeServer) -> None:
        server.answer = failing(pb.ERROR_INTERNAL)
        asked: List[Tuple[str, HarrierError]] = []

        def choose(one: Transaction, error: HarrierError) -> Verdict:
            asked.append((one.id, error))
            return Verdict.APPROVE if one.amount_minor < 500 else Verdict.REVIEW

        large = Transaction("large", NOW, amount_minor=501, currency="EUR")
        with Client(server.address, deadline=5, fallback=choose) as client:
            results = client.score_many([transaction(), large])
        assert [one.verdict for one in results if isinstance(one, Decision)] == [Verdict.APPROVE, Verdict.REVIEW]
        assert [key for key, _ in asked] == ["t1", "large"]
        assert isinstance(asked[0][1], InternalError)

    def test_a_fallback_function_that_raises(self, server: FakeServer) -> None:
        server.answer = failing(pb.ERROR_INTERNAL)

        def choose(_: Transaction, __: HarrierError) -> Verdict:
            raise LookupError("no rule for this")

        with Client(server.address, deadline=5, fallback=choose) as client, pytest.raises(LookupError):
            client.score(transaction())

    def test_standby(self, server: FakeServer) -> None:
        server.answer = taking_over(server)
        with Client(server.address, deadline=60, retries_max=0) as client:
            assert client.score(transaction()).verdict is Verdict.APPROVE
        assert len(server.asked("score")) == 6

    def test_closed(self, server: FakeServer) -> None:
        client = Client(server.address, deadline=5)
        client.score(transaction())
        client.close()
        client.close()
        with pytest.raises(ClosedError) as caught:
            client.score(transaction())
        assert caught.value.decided is False

    def test_close_ends_calls_after_a_time(self, server: FakeServer) -> None:
        server.answer = silent
        client = Client(server.address, deadline=60)
        with ThreadPoolExecutor(8) as pool:
            calls = [pool.submit(client.score, transaction(n)) for n in range(8)]
            while len(server.asked("score")) < 8:
                time.sleep(0.005)
            client.close(timeout=0.05)
            for call in calls:
                with pytest.raises(ClosedError) as caught:
                    call.result(120)
                assert caught.value.decided is None

    def test_close_ends_calls_without_a_connection(self, closed_address: str) -> None:
        client = Client(closed_address, deadline=60)
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(client.score, transaction())
            time.sleep(0.1)
            client.close(timeout=0.05)
            with pytest.raises(ClosedError) as caught:
                call.result(120)
            assert caught.value.decided is False

    def test_left_alone(self, server: FakeServer) -> None:
        """A client that is never closed ends without a message."""
        Client(server.address, deadline=5).score(transaction())
        gc.collect()

    def test_clients_know_nothing_of_each_other(self, make_server: MakeServer) -> None:
        first, second = make_server("first"), make_server("second")
        with Client(first.address, deadline=5) as one, Client(second.address, deadline=5) as other:
            one.score(transaction(1))
            other.score(transaction(2))
            one.close()
            other.score(transaction(3))
        assert [len(first.asked("score")), len(second.asked("score"))] == [1, 2]


class Figures:
    def __init__(self) -> None:
        self.reported: List[Tuple[str, str, float, Dict[str, str]]] = []

    def count(self, name: str, amount: float, labels: Mapping[str, str]) -> None:
        self.reported.append(("count", name, amount, dict(labels)))

    def observe(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        self.reported.append(("observe", name, value, dict(labels)))

    def set(self, name: str, value: float, labels: Mapping[str, str]) -> None:
        self.reported.append(("set", name, value, dict(labels)))


class Broken(Figures):
    def count(self, name: str, amount: float, labels: Mapping[str, str]) -> None:
        raise OSError("no collector")


class TestMetrics:
    def test_a_call(self, server: FakeServer) -> None:
        figures = Figures()
        with Client(server.address, deadline=5, metrics=figures) as client:
            client.score_many([transaction(n) for n in range(3)])
        reported = [(kind, name, labels) for kind, name, _, labels in figures.reported]
        assert ("count", "harrier_client_calls_total", {"call": "score", "result": "ok"}) in reported
        assert ("observe", "harrier_client_call_seconds", {"call": "score"}) in reported
        assert ("set", "harrier_client_address_up", {"address": server.address}) in reported
        assert ("observe", "harrier_client_transactions", 3, {}) in figures.reported
        in_flight = [value for _, name, value, _ in figures.reported if name == "harrier_client_in_flight"]
        assert in_flight == [1, 0]

    def test_a_hook_that_fails(self, server: FakeServer, caplog: pytest.LogCaptureFixture) -> None:
        with Client(server.address, deadline=5, metrics=Broken()) as client:
            for number in range(3):
                client.score(transaction(number))
        assert len([one for one in caplog.records if one.name == "harrier_client"]) == 1, "reported once"


class TestNobodyCloses:
    """The client goes with its last reference, or with the process; also with requests under way."""

    def test_threads(self, server: FakeServer) -> None:
        client = Client(server.address, deadline=5)
        client.score(transaction())
        endpoint = client._core.endpoints[0]
        assert endpoint._all
        del client
        gc.collect()
        assert endpoint._all == []

    def test_tasks(self, server: FakeServer) -> None:
        server.answer = silent

        async def main() -> Any:
            client = AsyncClient(server.address, deadline=60)
            call = asyncio.ensure_future(client.score(transaction()))
            while not server.asked("score"):
                await asyncio.sleep(0.005)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
            return client._finalizer

        begun = time.monotonic()
        finalizer = asyncio.run(main())
        gc.collect()
        assert not finalizer.alive
        assert time.monotonic() - begun < 10

    @pytest.mark.parametrize("kind", ["Client", "AsyncClient"])
    def test_exit(self, server: FakeServer, kind: str) -> None:
        server.answer = silent
        program = f"""
import tempfile
kept = tempfile.TemporaryDirectory()  # has a finalizer before pynng is there
import asyncio, sys, threading, time
import harrier_client
client = harrier_client.{kind}(sys.argv[1], deadline=60)
payment = harrier_client.Transaction("t1", 1)
def call():
    client.score(payment)
async def task():
    asyncio.ensure_future(client.score(payment))
    await asyncio.sleep(0.3)
if "{kind}" == "Client":
    threading.Thread(target=call, daemon=True).start()
    time.sleep(0.3)
else:
    asyncio.run(task())
print("end")
"""
        command = [sys.executable, "-c", program, server.address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")

    def test_exit_amid_a_token(self, server: FakeServer) -> None:
        program = """
import sys, threading, time
import harrier_client
entered = threading.Event()
def token():
    entered.set()
    time.sleep(60)
client = harrier_client.Client(sys.argv[1], deadline=60, token=token)
payment = harrier_client.Transaction("t1", 1)
threading.Thread(target=client.score, args=(payment,), daemon=True).start()
entered.wait()
print("end")
"""
        command = [sys.executable, "-c", program, server.address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")

    def test_interrupted(self, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """The context that was at work is not used again: nng may be at work on it still."""
        server.answer = slow
        with Client(server.address, deadline=5) as client:
            client.status()
            (context,) = client._core.endpoints[0]._all

            def interrupted(message: Any) -> bytes:  # before the answer is taken
                raise KeyboardInterrupt

            with monkeypatch.context() as patch:
                patch.setattr(_nng, "_take_out", interrupted)
                with pytest.raises(KeyboardInterrupt):
                    client.score(transaction())
            assert context not in client._core.endpoints[0]._all
            assert client.score(transaction(2)).transaction_id == "t2"


class TestBatcher:
    def test_groups(self, server: FakeServer) -> None:
        with Client(server.address, deadline=20) as client, client.batcher(window=0.1, size_max=10) as batcher:
            with ThreadPoolExecutor(40) as pool:
                found = list(pool.map(lambda n: batcher.score(transaction(n)).transaction_id, range(40)))
        assert found == [f"t{n}" for n in range(40)]
        sizes = [len(request.score.transactions) for request in server.asked("score")]
        assert sum(sizes) == 40
        assert max(sizes) == 10
        assert len(sizes) < 20

    def test_one_at_fault_fails_alone(self, server: FakeServer) -> None:
        bad = Transaction("bad", NOW, amount_minor=1 << 63)
        with Client(server.address, deadline=20) as client, client.batcher(window=0.2, size_max=3) as batcher:
            with ThreadPoolExecutor(3) as pool:
                calls = [pool.submit(batcher.score, one) for one in (transaction(1), bad, transaction(2))]
                assert calls[0].result(10).transaction_id == "t1"
                assert isinstance(calls[1].exception(10), InvalidError)
                assert calls[2].result(10).transaction_id == "t2"

    def test_each_has_an_error_of_its_own(self, closed_address: str) -> None:
        with Client(closed_address, deadline=0.1) as client, client.batcher(window=0.02) as batcher:
            with ThreadPoolExecutor(4) as pool:
                calls = [pool.submit(batcher.score, transaction(n)) for n in range(4)]
                errors = [call.exception(5) for call in calls]
        assert all(isinstance(error, UnavailableError) for error in errors)
        assert len({id(error) for error in errors}) == 4

    def test_closing_sends(self, server: FakeServer) -> None:
        with Client(server.address, deadline=20) as client, ThreadPoolExecutor(1) as pool:
            batcher = client.batcher(window=1.0)
            call = pool.submit(batcher.score, transaction())
            time.sleep(0.05)
            begun = time.monotonic()
            batcher.close()
            assert call.result(120).transaction_id == "t1"
            assert time.monotonic() - begun < 0.8
            with pytest.raises(ClosedError):
                batcher.score(transaction())

    @pytest.mark.parametrize("options", [{"window": -1}, {"window": 2}, {"size_max": 0}, {"size_max": 1001}])
    def test_wrong_options(self, closed_address: str, options: Dict[str, Any]) -> None:
        with Client(closed_address) as client, pytest.raises(InvalidError):
            client.batcher(**options)


class TestAsyncClient:
    def test_calls(self, server: FakeServer) -> None:
        async def main() -> None:
            async with AsyncClient(server.address, deadline=5) as client:
                assert (await client.score(transaction())).verdict is Verdict.APPROVE
                assert len(await client.score_many([transaction(n) for n in range(1000)])) == 1000
                assert (await client.report_outcome(Outcome("t1", Label.FRAUD))).changed
                assert (await client.amend(Amendment("t1", AmendmentKind.VOID))).changed
                assert (await client.status()).state == "ready"
                assert (await client.get_entity("card", "c1")).entries == 3

        asyncio.run(main())

    def test_many_at_once(self, server: FakeServer) -> None:
        async def main() -> None:
            async with AsyncClient(server.address, deadline=20) as client:
                decisions = await asyncio.gather(*(client.score(transaction(n)) for n in range(1000)))
            assert [one.transaction_id for one in decisions] == [f"t{n}" for n in range(1000)]

        asyncio.run(main())

    def test_busy(self, server: FakeServer) -> None:
        server.answer = silent

        async def main() -> None:
            async with AsyncClient(server.address, deadline=4, in_flight_max=1) as client:
                await client.status()
                first = asyncio.ensure_future(client.score(transaction()))
                await asyncio.sleep(0.05)
                with pytest.raises(BusyError):
                    await client.score(transaction(2), deadline=0.05)
                with pytest.raises(DeadlineError):
                    await first
                assert (await client.status()).state == "ready"

        asyncio.run(main())

    def test_cancelled(self, server: FakeServer) -> None:
        """A task that goes leaves its room, and its context is used again."""
        server.answer = silent

        async def main() -> None:
            async with AsyncClient(server.address, deadline=60, in_flight_max=4) as client:
                await client.status()
                for _ in range(3):
                    calls = [asyncio.ensure_future(client.score(transaction(n))) for n in range(8)]
                    await asyncio.sleep(0.05)
                    for call in calls:
                        call.cancel()
                    results = await asyncio.gather(*calls, return_exceptions=True)
                    assert all(isinstance(result, asyncio.CancelledError) for result in results)
                assert (await client.status(deadline=5)).state == "ready"
                assert client._in_flight == 0

        asyncio.run(main())

    def test_cancelled_without_a_connection(self, closed_address: str) -> None:
        async def main() -> None:
            async with AsyncClient(closed_address, deadline=60) as client:
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(client.score(transaction()), 0.05)

        begun = time.monotonic()
        asyncio.run(main())
        assert time.monotonic() - begun < 5

    def test_close_ends_calls_after_a_time(self, server: FakeServer) -> None:
        server.answer = silent

        async def main() -> None:
            client = AsyncClient(server.address, deadline=60)
            calls = [asyncio.ensure_future(client.score(transaction(n))) for n in range(8)]
            while len(server.asked("score")) < 8:
                await asyncio.sleep(0.005)
            await client.close(timeout=0.05)
            await client.close()
            for call in calls:
                with pytest.raises(ClosedError):
                    await call
            with pytest.raises(ClosedError):
                await client.score(transaction())

        asyncio.run(main())

    def test_standby(self, server: FakeServer) -> None:
        server.answer = taking_over(server)

        async def go() -> None:
            async with AsyncClient(server.address, deadline=60, retries_max=0) as client:
                assert (await client.score(transaction())).verdict is Verdict.APPROVE

        asyncio.run(go())
        assert len(server.asked("score")) == 6

    def test_another_loop(self, server: FakeServer) -> None:
        client = AsyncClient(server.address, deadline=5)

        async def score() -> None:
            await client.score(transaction())

        asyncio.run(score())
        with pytest.raises(RuntimeError, match="event loop"):
            asyncio.run(score())
        client._core.close()

    def test_batcher(self, server: FakeServer) -> None:
        bad = Transaction("bad", NOW, amount_minor=1 << 63)

        async def main() -> None:
            async with AsyncClient(server.address, deadline=20) as client:
                async with client.batcher(window=0.05, size_max=10) as batcher:
                    found = await asyncio.gather(*(batcher.score(transaction(n)) for n in range(35)))
                    assert [one.transaction_id for one in found] == [f"t{n}" for n in range(35)]
                    mixed = await asyncio.gather(
                        batcher.score(transaction(1)), batcher.score(bad), return_exceptions=True
                    )
                    assert isinstance(mixed[0], Decision)
                    assert isinstance(mixed[1], InvalidError)
                with pytest.raises(ClosedError):
                    await batcher.score(transaction())

        asyncio.run(main())
        sizes = [len(request.score.transactions) for request in server.asked("score")]
        assert sizes[:4] == [10, 10, 10, 5]

    def test_fallback(self, closed_address: str) -> None:
        async def main() -> None:
            async with AsyncClient(closed_address, deadline=0.05, fallback=Verdict.REVIEW) as client:
                decision = await client.score(transaction())
                assert (decision.verdict, decision.fallback_reason) == (Verdict.REVIEW, "unavailable")
                with pytest.raises(UnavailableError):
                    await client.score(transaction(), dry_run=True)

        asyncio.run(main())


def moody(request: Any) -> Any:
    """Silent, late or quick, as the id says."""
    if request.HasField("score"):
        kind = int(request.score.transactions[0].id[1:]) % 10
        if kind == 0:
            return None
        if kind < 4:
            time.sleep(0.01 * kind)
    return approve(request)


class TestClosingAtAnyTime:
    """Calls end in all the ways they can while the client closes: nothing may crash, hang, or be left."""

    @pytest.mark.parametrize("timeout", [None, 0, 0.01, 0.03])
    def test_threads(self, server: FakeServer, timeout: Any) -> None:
        server.answer = moody
        with ThreadPoolExecutor(16) as pool:
            for round_ in range(8):
                client = Client(server.address, deadline=0.05)
                calls = [pool.submit(client.score, transaction(n)) for n in range(40)]
                time.sleep(0.004 * round_)
                client.close(timeout)
                for call in calls:
                    assert isinstance(call.exception(5) or call.result(), (Decision, HarrierError))

    @pytest.mark.parametrize("timeout", [None, 0, 0.01, 0.03])
    def test_tasks(self, server: FakeServer, timeout: Any) -> None:
        server.answer = moody

        async def main(pause: float) -> None:
            client = AsyncClient(server.address, deadline=0.05)
            calls = [asyncio.ensure_future(client.score(transaction(n))) for n in range(60)]
            await asyncio.sleep(pause)
            for call in calls[::7]:
                call.cancel()
            await client.close(timeout)
            results = await asyncio.gather(*calls, return_exceptions=True)
            wanted = (Decision, HarrierError, asyncio.CancelledError)
            assert [result for result in results if not isinstance(result, wanted)] == []
            assert client._mailbox.abandoned == 0

        for round_ in range(8):
            asyncio.run(main(0.004 * round_))
