"""TLS between nng and a server: one thread for each tls+tcp:// address, which connects, verifies the server, and copies
bytes between it and nng.

nng gets one end of a socket pair, through its own transport for descriptors ("socket://"), once the handshake has
succeeded; so for nng a connection is one to the server, and everything above it works as over tcp://. nng's own
tls+tcp is not used: it takes no ssl.SSLContext, knows nothing of the machine's authorities, and its Mbed TLS is part of
pynng's wheel, which the machine's updates do not reach.

The thread refers to no client, so a client that was left alone is collected, which ends it.
"""

from __future__ import annotations

import contextlib
import random
import re
import select
import socket
import ssl
import threading
import time
from typing import Callable, Optional, Tuple

from .errors import InvalidError

SCHEME = "tls+tcp://"
CONNECT_SECONDS = 10.0
"""For one attempt with its handshake."""

_CHUNK = 1 << 16
_BUFFERED_MAX = 1 << 18
"""Bytes that wait in one direction; above it, the other side is not read."""

_ADDRESS = re.compile(r"tls\+tcp://(?:\[([0-9a-fA-F:.]+)\]|([^\s\[\]:/?#@]+)):(\d{1,5})")


class _ClosedError(Exception):
    """The relay was closed."""


def split(address: str) -> Tuple[str, int]:
    """The host and the port of a tls+tcp:// address."""
    found = _ADDRESS.fullmatch(address)
    if not found or not 0 < int(found[3]) < 1 << 16:
        raise InvalidError(f'"{address}"; expected for example tls+tcp://scores.example:7731', "addresses")
    return found[1] or found[2], int(found[3])


def default_context() -> ssl.SSLContext:
    """Trusts the machine's authorities. TLS 1.2 or later."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class _Session:
    """TLS over a connected socket that does not block. The bytes of TLS wait in memory, so that reading, writing and
    the handshake each do what they can, and the socket is waited for in one place."""

    def __init__(self, connected: socket.socket, context: ssl.SSLContext, host: str) -> None:
        self.socket = connected
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._unsent = b""
        self.ended = False  # by the server, in the way of TLS

    def shake_hands(self) -> bool:
        """Returns whether it has finished. Raises ssl.SSLError if the server is not to be trusted."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError:
            with contextlib.suppress(OSError):
                self.flush()  # tells the server why
            raise
        return True

    def fill(self) -> None:
        """Takes what the socket has. Raises ConnectionError if the server has ended the connection."""
        with contextlib.suppress(BlockingIOError):
            data = self.socket.recv(_CHUNK)
            if not data:
                raise ConnectionResetError("the server ended the connection")
            self._incoming.write(data)

    def flush(self) -> None:
        """Gives the socket what it takes."""
        while self.wants_to_send:
            self._unsent = self._unsent or self._outgoing.read()
            try:
                sent = self.socket.send(self._unsent)
            except BlockingIOError:
                return
            self._unsent = self._unsent[sent:]

    @property
    def wants_to_send(self) -> bool:
        return bool(self._unsent) or self._outgoing.pending > 0

    def read(self) -> bytes:
        """Returns what has been decrypted; nothing if more has to arrive first."""
        found = bytearray()
        try:
            while data := self._tls.read(_CHUNK):
                found += data
            self.ended = True
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        return bytes(found)

    def write(self, data: bytearray) -> None:
        """Takes all of data, unless the server has to be read first."""
        with contextlib.suppress(ssl.SSLWantReadError):
            while data:
                del data[: self._tls.write(data[:_CHUNK])]


class Relay:
    """attach(descriptor) hands a connection over to nng, and returns whether nng has taken it."""

    def __init__(
        self,
        address: str,
        context: ssl.SSLContext,
        attach: Callable[[int], bool],
        pauses: Tuple[float, float],
    ) -> None:
        """pauses: the shortest and the longest one between two attempts, in seconds."""
        self._host, self._port = split(address)
        self._context = context
        self._attach = attach
        self._pause_min, self._pause_max = pauses
        self._lock = threading.Lock()  # held while nng is used
        self._closed = False
        self._woken, self._wake = socket.socketpair()  # the first becomes readable when the relay is closed
        self._thread = threading.Thread(target=self._run, name="harrier-tls", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """nng is not used any more when it returns."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._wake.send(b"x")  # closing alone says nothing while a forked child has a copy
        self._wake.close()
        if self._thread is not threading.current_thread():
            # It can only be held up by the search for the host's addresses, which cannot be ended.
            self._thread.join(1.0)

    # ------------------------------------------------------------------------------------------
    # The thread

    def _run(self) -> None:
        pause = self._pause_min
        with self._woken, contextlib.suppress(_ClosedError):
            while True:
                served = False
                with contextlib.suppress(OSError, ValueError):  # ssl.SSLError is an OSError; a host name may be none
                    session = self._connect()
                    with session.socket:
                        served = self._serve(session)
                pause = self._pause_min if served else min(self._pause_max, pause * 2)
                self._sleep(random.uniform(self._pause_min, pause))

    def _wait(self, until: Optional[float], *wanted: Tuple[socket.socket, int]) -> None:
        """Waits for one of the wanted events; for the closing of the relay, too."""
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        for one, events in wanted:
            poll.register(one, events)
        left = None if until is None else max(0.0, until - time.monotonic()) * 1000
        found = dict(poll.poll(left))
        if self._closed:
            raise _ClosedError
        if not found:
            raise TimeoutError
        for one, events in wanted:
            # Nobody reads this one now, so nobody else would notice.
            if not events & select.POLLIN and found.get(one.fileno(), 0) & (select.POLLHUP | select.POLLERR):
                error = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                raise OSError(error, "the connection ended")

    def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            self._wait(time.monotonic() + seconds)

    def _connect(self) -> _Session:
        """Returns a session with a verified server; raises OSError if there is none."""
        failure: OSError = ConnectionError("the host has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM):
            connected = socket.socket(family, kind, protocol)
            try:
                return self._connect_to(connected, address, time.monotonic() + CONNECT_SECONDS)
            except OSError as error:
                connected.close()
                failure = error
            except BaseException:
                connected.close()
                raise
        raise failure

    def _connect_to(self, connected: socket.socket, address: Tuple[object, ...], until: float) -> _Session:
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(BlockingIOError):
            connected.connect(address)
        self._wait(until, (connected, select.POLLOUT))
        session = _Session(connected, self._context, self._host)
        while not session.shake_hands():
            session.flush()
            self._wait(until, (connected, select.POLLIN | (select.POLLOUT if session.wants_to_send else 0)))
            session.fill()
        return session

    def _serve(self, session: _Session) -> bool:
        """Copies until one of both sides ends. Returns whether the server has sent anything."""
        ours, theirs = socket.socketpair()
        with ours:
            ours.setblocking(False)
            with theirs, self._lock:
                if self._closed:
                    raise _ClosedError
                if self._attach(theirs.fileno()):
                    theirs.detach()  # it is nng's now
                else:
                    return False
            copy = _Copy(session, ours)
            try:
                while True:  # something may have arrived with the handshake: the first time without waiting
                    copy.go_on()
                    self._wait(None, *copy.wanted())
            except OSError:
                return copy.served
            finally:
                copy.hand_over()


class _Copy:
    """What is on its way between nng (`ours` is the end of the pair that nng does not have) and the server."""

    def __init__(self, session: _Session, ours: socket.socket) -> None:
        self.served = False
        self._session = session
        self._ours = ours
        self._up, self._down = bytearray(), bytearray()  # to the server, to nng

    @property
    def _takes_more(self) -> bool:
        """Whether nng may give more."""
        return len(self._up) < _BUFFERED_MAX and not self._session.wants_to_send

    def wanted(self) -> Tuple[Tuple[socket.socket, int], Tuple[socket.socket, int]]:
        """Each of the two sockets with what it is waited for."""
        of_ours = (select.POLLIN if self._takes_more else 0) | (select.POLLOUT if self._down else 0)
        of_server = (select.POLLIN if len(self._down) < _BUFFERED_MAX else 0) | (
            select.POLLOUT if self._session.wants_to_send else 0
        )
        return (self._ours, of_ours), (self._session.socket, of_server)

    def go_on(self) -> None:
        """Does what can be done without waiting. Raises OSError if one of both sides has ended."""
        if self._takes_more:
            with contextlib.suppress(BlockingIOError):
                data = self._ours.recv(_CHUNK)
                if not data:
                    raise ConnectionResetError("nng ended the connection")
                self._up += data
        self._session.write(self._up)
        self._session.flush()
        if len(self._down) < _BUFFERED_MAX:
            try:
                self._session.fill()
            finally:
                self._take()
        self._give()
        if self._session.ended:
            raise ConnectionResetError("the server ended the session")

    def _take(self) -> None:
        data = self._session.read()
        if data:
            self.served = True
            self._down += data

    def _give(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._down:
                del self._down[: self._ours.send(self._down)]

    def hand_over(self) -> None:
        """At the end: nng still gets the answers that have arrived, if it takes them at once."""
        with contextlib.suppress(OSError):
            self._give()
