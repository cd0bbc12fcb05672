"""What sending does when it is not done at once: a connection that takes nothing, or takes its time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from typing import Any, Iterator

import pytest
from conftest import FakeServer

from harrier_client import AsyncClient, Client, ClosedError, DeadlineError, Transaction, UnavailableError, _nng

REP = b"\0SP\0\0\x31\0\0"
LARGE = [Transaction(f"t{number}", 1, attributes={"note": "x" * 1900}) for number in range(1000)]
SLOW_SECONDS = 60.0


@pytest.fixture
def deaf() -> Iterator[str]:
    """The address of who says the right words at first, and reads nothing after them."""
    with socket.socket() as listening, contextlib.ExitStack() as accepted:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    one = accepted.enter_context(listening.accept()[0])
                    one.sendall(REP)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def until_nothing_is_taken(failures: list[type]) -> bool:
    return bool(failures) and failures[-1] is UnavailableError


def test_threads_and_a_deaf_server(deaf: str) -> None:
    failures: list[type] = []
    with Client(deaf, deadline=0.5) as client:
        while not until_nothing_is_taken(failures) and len(failures) < 20:
            begun = time.monotonic()
            with pytest.raises((DeadlineError, UnavailableError)) as caught:
                client.score_many(LARGE)
            failures.append(caught.type)
            assert time.monotonic() - begun < SLOW_SECONDS
    assert DeadlineError in failures  # the system's buffers took the first
    assert until_nothing_is_taken(failures)


def test_tasks_and_a_deaf_server(deaf: str) -> None:
    async def main() -> None:
        failures: list[type] = []
        async with AsyncClient(deaf, deadline=0.5) as client:
            while not until_nothing_is_taken(failures) and len(failures) < 20:
                begun = time.monotonic()
                with pytest.raises((DeadlineError, UnavailableError)) as caught:
                    await client.score_many(LARGE)
                failures.append(caught.type)
                assert time.monotonic() - begun < SLOW_SECONDS
            assert DeadlineError in failures
            assert until_nothing_is_taken(failures)
            with pytest.raises(asyncio.TimeoutError):  # cancelled while it is being sent
                await asyncio.wait_for(client.score(LARGE[0], deadline=60), 0.05)
            # And closed while it is.
            call = asyncio.ensure_future(client.score(LARGE[0], deadline=60))
            await asyncio.sleep(0.05)
            await client.close(timeout=0)
            with pytest.raises(ClosedError):
                await call

    asyncio.run(main())


def test_a_send_that_takes_its_time(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    def is_under_way(context: _nng.CallbackContext) -> bool:
        nonlocal looks
        looks += 1
        return looks % 4 != 0

    monkeypatch.setattr(_nng.CallbackContext, "is_polled_send_busy", is_under_way)

    async def main() -> None:
        async with AsyncClient(server.address, deadline=5) as client:
            await client.status()  # connected by now
            for number in range(3):
                assert (await client.score(Transaction(f"t{number}", 1))).transaction_id == f"t{number}"
            call: asyncio.Future[Any] = asyncio.ensure_future(client.score(Transaction("x", 1)))
            await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert (await client.score(Transaction("y", 1))).transaction_id == "y"

    asyncio.run(main())
    assert looks >= 12
