"""A server on pynng that answers as a test says."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pynng
import pytest

from harrier_client._proto import harrier_pb2 as pb

Answer = Callable[[Any], Any]


def approve(request: Any) -> Any:
    response = pb.Response()
    if request.HasField("status"):
        response.status.state = "ready"
    elif request.HasField("report_outcome"):
        for outcome in request.report_outcome.outcomes:
            accepted = response.report_outcome.results.add().accepted
            accepted.transaction_id = outcome.transaction_id
            accepted.changed = True
    elif request.HasField("amend"):
        for position, amendment in enumerate(request.amend.amendments, 1):
            amended = response.amend.results.add().accepted
            amended.transaction_id = amendment.transaction_id
            amended.position = position
            amended.changed = True
    elif request.HasField("get_entity"):
        response.get_entity.entries = 3
    else:
        response.score.SetInParent()
        for position, transaction in enumerate(request.score.transactions, 1):
            decision = response.score.results.add().decision
            decision.transaction_id = transaction.id
            decision.verdict = pb.VERDICT_APPROVE
            decision.position = position
    return response


def failing(code: pb.ErrorCode, message: str = "so it is", field: str = "") -> Answer:
    def answer(_request: Any) -> Any:
        return pb.Response(error=pb.Error(code=code, message=message, field=field))

    return answer


def standby(primary: str = "") -> Answer:
    def answer(_request: Any) -> Any:
        return pb.Response(error=pb.Error(code=pb.ERROR_NOT_PRIMARY, message="a standby", primary=primary))

    return answer


class FakeServer:
    """answer(request) → a Response; bytes, to send as they are; or None, to stay silent."""

    def __init__(self, address: str, tls_config: Any = None) -> None:
        self.address = address
        self.tls_config = tls_config
        self.answer: Answer = approve
        self.requests: List[Any] = []
        self._socket = pynng.Rep0(listen=address, recv_timeout=50, tls_config=tls_config)
        self._closing = False
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(32)]
        for thread in self._threads:
            thread.start()

    def _serve(self) -> None:
        with self._socket.new_context() as context:
            while not self._closing:
                with contextlib.suppress(pynng.Timeout):
                    self._handle(context, pb.Request.FromString(context.recv()))

    def _handle(self, context: pynng.Context, request: Any) -> None:
        self.requests.append(request)
        answer = self.answer(request)
        if answer is not None:
            context.send(answer if isinstance(answer, bytes) else answer.SerializeToString())

    def close(self) -> None:
        """nng does not bear that a socket is closed while threads are in its contexts."""
        if self._closing:
            return
        self._closing = True
        for thread in self._threads:
            thread.join()
        self._socket.close()

    def asked(self, call: str) -> List[Any]:
        return [request for request in self.requests if request.HasField(call)]


MakeServer = Callable[[str], FakeServer]


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    made: List[FakeServer] = []

    def make(name: str) -> FakeServer:
        made.append(FakeServer(f"ipc://{tmp_path}/{name}"))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def server(make_server: MakeServer) -> FakeServer:
    return make_server("server")


@pytest.fixture
def closed_address(tmp_path: Path) -> str:
    """An address that no server listens on."""
    return f"ipc://{tmp_path}/closed"
