"""TLS to a server that is made with another library: pynng's own, on Mbed TLS. And to servers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import shutil
import socket
import ssl
import subprocess
import threading
import time
import weakref
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional

import pynng
import pytest
from conftest import FakeServer

from harrier_client import AsyncClient, Client, InvalidError, Transaction, UnavailableError, Verdict, _tls

REP = b"\0SP\0\0\x31\0\0"
PAYMENT = Transaction("t1", 1767225600000000, amount_minor=100, currency="EUR", card="c1")
WAIT = 60.0  # only there to catch a hang

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is not installed")
pytestmark = needs_openssl


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem; server.pem, wrong.pem (for another name) and client.pem, signed by it; other.pem, another authority."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S607

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    for name in ("ca", "other"):
        usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        openssl("req", "-x509", *key, "-subj", f"/CN={name}", *usage, "-keyout", f"{name}.key", "-out", f"{name}.pem")
    for name, extension in (
        ("server", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        ("wrong", "subjectAltName=DNS:other.example"),
        ("client", "extendedKeyUsage=clientAuth"),
    ):
        (folder / f"{name}.ext").write_text(extension + "\nauthorityKeyIdentifier=keyid\n", encoding="utf-8")
        openssl("req", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", f"{name}.ext")
        openssl("x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.pem")
    return folder


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


MakeServer = Callable[..., FakeServer]


@pytest.fixture
def serve(certificates: Path) -> Iterator[MakeServer]:
    made: List[FakeServer] = []

    def make(name: str = "server", *, authority: Optional[str] = None) -> FakeServer:
        """authority: of the certificate that a client must have."""
        config = pynng.TLSConfig(
            pynng.TLSConfig.MODE_SERVER,
            own_cert_string=(certificates / f"{name}.pem").read_text(),
            own_key_string=(certificates / f"{name}.key").read_text(),
            ca_string=(certificates / f"{authority}.pem").read_text() if authority else None,
            auth_mode=pynng.TLSConfig.AUTH_MODE_REQUIRED if authority else None,
        )
        made.append(FakeServer(f"tls+tcp://127.0.0.1:{free_port()}", tls_config=config))
        return made[-1]

    yield make
    for server in made:
        server.close()


def trusting(certificates: Path, authority: str = "ca", own: Optional[str] = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificates / f"{authority}.pem"))
    if own:
        context.load_cert_chain(str(certificates / f"{own}.pem"), str(certificates / f"{own}.key"))
    return context


def score(address: str, context: Optional[ssl.SSLContext], deadline: float) -> Verdict:
    with Client(address, tls=context, deadline=deadline) as client:
        return client.score(PAYMENT).verdict


async def score_of_task(address: str, context: Optional[ssl.SSLContext], deadline: float) -> Verdict:
    async with AsyncClient(address, tls=context, deadline=deadline) as client:
        return (await client.score(PAYMENT)).verdict


BOTH = pytest.mark.parametrize(
    "score_once", [score, lambda *arguments: asyncio.run(score_of_task(*arguments))], ids=["threads", "tasks"]
)


@BOTH
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_call(certificates: Path, serve: MakeServer, host: str, score_once: Any) -> None:
    server = serve()
    address = server.address.replace("127.0.0.1", host)
    assert score_once(address, trusting(certificates), WAIT) is Verdict.APPROVE
    assert len(server.asked("score")) == 1


@BOTH
@pytest.mark.parametrize(
    ("name", "authority"), [("server", "other"), ("server", None), ("wrong", "ca")], ids=["other", "machine's", "name"]
)
def test_who_is_not_trusted(
    certificates: Path, serve: MakeServer, name: str, authority: Optional[str], score_once: Any
) -> None:
    server = serve(name)
    context = trusting(certificates, authority) if authority else None
    with pytest.raises(UnavailableError) as caught:
        score_once(server.address, context, 0.5)
    assert caught.value.decided is False
    assert server.requests == []


def test_a_certificate_of_the_client(certificates: Path, serve: MakeServer) -> None:
    server = serve(authority="ca")
    with pytest.raises(UnavailableError):
        score(server.address, trusting(certificates), 0.5)
    assert server.requests == []
    assert score(server.address, trusting(certificates, own="client"), WAIT) is Verdict.APPROVE


def test_large_messages_at_once(certificates: Path, serve: MakeServer) -> None:
    server = serve()
    large = [Transaction(f"t{number}", 1, attributes={"note": "x" * 1900}) for number in range(1000)]

    async def run() -> List[int]:
        async with AsyncClient(server.address, tls=trusting(certificates), deadline=WAIT) as client:
            answers = await asyncio.gather(*(client.score_many(large) for _ in range(8)))
        return [len(answer) for answer in answers]

    assert asyncio.run(run()) == [1000] * 8


def test_connects_again(certificates: Path, serve: MakeServer) -> None:
    """The address stays, and the client finds the next server there."""
    first = serve()
    with Client(first.address, tls=trusting(certificates), deadline=WAIT) as client:
        assert client.score(PAYMENT).verdict is Verdict.APPROVE
        first.close()
        second = FakeServer(first.address, tls_config=first.tls_config)
        try:
            assert client.score(PAYMENT).verdict is Verdict.APPROVE
        finally:
            second.close()


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("tls", {"addresses": "tls+tcp://127.0.0.1:1", "tls": True}),
        ("tls", {"addresses": "tls+tcp://127.0.0.1:1", "tls": "ca.pem"}),
        ("addresses", {"addresses": "tls+tcp://127.0.0.1"}),
        ("addresses", {"addresses": "tls+tcp://:7731"}),
        ("addresses", {"addresses": "tls+tcp://127.0.0.1:0"}),
        ("addresses", {"addresses": "tls+tcp://127.0.0.1:65536"}),
        ("addresses", {"addresses": "tls+tcp://user@host:1"}),
    ],
)
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_wrong_options(kind: Any, field: str, options: Any) -> None:
    with pytest.raises(InvalidError) as caught:
        kind(**options)
    assert caught.value.field == field


def test_addresses() -> None:
    assert _tls.split("tls+tcp://scores.example:7731") == ("scores.example", 7731)
    assert _tls.split("tls+tcp://[2001:db8::1]:7731") == ("2001:db8::1", 7731)


def test_the_default() -> None:
    context = _tls.default_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.fixture
def misbehaving() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Listens, and has a function of the test do with each connection what it wants."""
    with contextlib.ExitStack() as ends:

        def listen(behave: Callable[[socket.socket], None]) -> str:
            listening = ends.enter_context(socket.create_server(("127.0.0.1", 0)))

            def accept() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        behave(ends.enter_context(listening.accept()[0]))

            thread = threading.Thread(target=accept, daemon=True)
            thread.start()
            ends.callback(thread.join)
            ends.callback(listening.shutdown, socket.SHUT_RDWR)
            return f"tls+tcp://127.0.0.1:{listening.getsockname()[1]}"

        yield listen


def relay_threads() -> List[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "harrier-tls"]


def test_a_server_that_says_nothing(misbehaving: Any) -> None:
    """Neither a call nor closing waits for its handshake."""
    address = misbehaving(lambda connection: None)
    begun = time.monotonic()
    with pytest.raises(UnavailableError):
        score(address, None, 0.1)
    assert time.monotonic() - begun < _tls.CONNECT_SECONDS / 2
    assert relay_threads() == []


def test_a_server_that_reads_nothing(certificates: Path, misbehaving: Any) -> None:
    """What it does not take waits in buffers of a fixed size, without using the processor."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(str(certificates / "server.pem"), str(certificates / "server.key"))
    sessions = []

    def behave(connection: socket.socket) -> None:
        session = context.wrap_socket(connection, server_side=True)
        session.sendall(REP)
        sessions.append(session)

    address = misbehaving(behave)
    large = [Transaction(f"t{number}", 1, attributes={"note": "x" * 1900}) for number in range(1000)]
    failure: Optional[Exception] = None
    with Client(address, tls=trusting(certificates), deadline=1.0) as client:
        for _ in range(20):
            try:
                client.score_many(large)
            except Exception as error:
                failure = error
            if isinstance(failure, UnavailableError) and sessions:
                break
        assert isinstance(failure, UnavailableError), "it took everything"
        assert "took no request" in str(failure)
        used = time.process_time()
        time.sleep(1.0)
        assert time.process_time() - used < 0.3
    assert relay_threads() == []
    for session in sessions:
        session.close()


def test_no_plaintext(misbehaving: Any) -> None:
    """A server that answers as if there were no TLS gets a handshake, and nothing else."""
    heard: List[bytes] = []

    def behave(connection: socket.socket) -> None:
        connection.sendall(REP)
        heard.append(connection.recv(8))

    address = misbehaving(behave)
    with pytest.raises(UnavailableError):
        score(address, None, 1.0)
    assert heard
    assert {data[:2] for data in heard} == {b"\x16\x03"}


def test_left_alone(certificates: Path, serve: MakeServer) -> None:
    """A client that is never closed is collected, and its thread ends."""
    client = Client(serve().address, tls=trusting(certificates), deadline=WAIT)
    client.score(PAYMENT)
    gone = weakref.ref(client)
    del client
    gc.collect()
    assert gone() is None
    deadline = time.monotonic() + WAIT
    while relay_threads():
        assert time.monotonic() < deadline
        time.sleep(0.01)
