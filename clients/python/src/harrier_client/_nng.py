"""One connection to one address, and the places for requests that share it.

Uses pynng's Socket, and under it nng's own contexts and aios (``pynng.lib``, the C interface that pynng
exports). pynng's Context would do for an echo, but it has no deadline of a single operation, loses the memory of a
message whose sending failed, and makes and frees an aio for each operation. Here a place has what it needs
for as long as it lives.

nng's own resending is off: a request whose connection broke ends with ECONNRESET, and who sent
it decides.
"""

from __future__ import annotations

import ctypes
import math
import threading
import time
from typing import Any, Callable, Generic, List, Optional, Tuple, TypeVar

import pynng

from ._codec import RESPONSE_SIZE_MAX
from .errors import InvalidError

_ffi: Any = pynng.ffi
_lib: Any = pynng.lib

OK = 0
TIMED_OUT: int = _lib.NNG_ETIMEDOUT
CLOSED: int = _lib.NNG_ECLOSED


Ending = Tuple[bool, int, bytes]
"""It was sent, nng's error, the answer."""


def _keeping(name: str, result: Any, *arguments: Any) -> Any:
    """A function of nng's, called without giving up the interpreter's lock.

    By way of pynng.lib each call gives it up and takes it back. Among many threads that is dearer than what
    these functions do, and wakes another thread for nothing. They neither wait nor take a lock that is held for long.
    What sends or receives goes by way of pynng.lib: 64 threads make half as many calls on one core where either keeps
    the lock, maybe because all wait with the one that meets a lock of nng's.
    """
    address = int(_ffi.cast("uintptr_t", _ffi.addressof(_lib, name)))
    return ctypes.PYFUNCTYPE(result, *arguments)(address)


class _ContextId(ctypes.Structure):
    """nng_ctx, which nng takes by value."""

    _fields_ = (("id", ctypes.c_uint32),)


_POINTER = ctypes.c_void_p
_msg_alloc = _keeping("nng_msg_alloc", ctypes.c_int, _POINTER, ctypes.c_size_t)
_msg_append = _keeping("nng_msg_append", ctypes.c_int, _POINTER, ctypes.c_char_p, ctypes.c_size_t)
_msg_body = _keeping("nng_msg_body", _POINTER, _POINTER)
_msg_len = _keeping("nng_msg_len", ctypes.c_size_t, _POINTER)
_msg_free = _keeping("nng_msg_free", None, _POINTER)
_aio_set_msg = _keeping("nng_aio_set_msg", None, _POINTER, _POINTER)
_aio_get_msg = _keeping("nng_aio_get_msg", _POINTER, _POINTER)
_aio_set_timeout = _keeping("nng_aio_set_timeout", None, _POINTER, ctypes.c_int32)
_aio_result = _keeping("nng_aio_result", ctypes.c_int, _POINTER)
_aio_busy = _keeping("nng_aio_busy", ctypes.c_bool, _POINTER)
_ctx_set_ms = _keeping("nng_ctx_set_ms", ctypes.c_int, _ContextId, ctypes.c_char_p, ctypes.c_int32)

# Longer timeouts are rounded up, so that they are mostly those of the operation before.
TIMEOUT_ROUNDED = 0.04
TIMEOUT_MS_STEP = 4
TIMEOUT_STEPS = 1000 // TIMEOUT_MS_STEP

RECONNECT_MS_MIN = 10
RECONNECT_MS_MAX = 500


def _milliseconds(seconds: float) -> int:
    # 0 would be "at once" and fail before anything was tried.
    if seconds >= TIMEOUT_ROUNDED:
        return math.ceil(seconds * TIMEOUT_STEPS) * TIMEOUT_MS_STEP
    return max(1, math.ceil(seconds * 1000))


class _Message:
    """Room for a pointer to one of nng's messages, for pynng.lib and for the functions above."""

    def __init__(self) -> None:
        self.cell = _ffi.new("nng_msg **")
        self.address = int(_ffi.cast("uintptr_t", self.cell))
        self.pointer = _POINTER.from_address(self.address)  # of the cell, which lives as long

    def make(self, data: bytes) -> int:
        error: int = _msg_alloc(self.address, 0)
        if error:
            return error
        message = self.pointer.value
        error = _msg_append(message, data, len(data))
        if error:
            _msg_free(message)
        return error


def _take_out(message: Optional[int]) -> bytes:
    """What is in a message, which is freed."""
    length = _msg_len(message)
    data = ctypes.string_at(_msg_body(message), length) if length else b""
    _msg_free(message)
    return data


class Place:
    """A context: room for one request. To end what is under way before its time the context is closed, and the place
    with it."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket  # lives at least as long
        self._message = _Message()
        self._context = _ffi.new("nng_ctx *")
        pynng.check_err(_lib.nng_ctx_open(self._context, socket.socket))
        self._ending = threading.Lock()
        self._ended = False

    def end(self) -> None:
        """What is under way, or is started later, ends with CLOSED."""
        with self._ending:
            if not self._ended:
                self._ended = True
                _lib.nng_ctx_close(self._context[0])

    def wait(self) -> None:
        """Until nothing is under way."""

    def close(self) -> None:
        """Nothing is under way any more."""
        self.end()


class WaitingPlace(Place):
    """For a thread that waits, in nng and without the interpreter's lock: once for sending, once for the answer.

    A thread that gives the lock up for a moment, and comes back, wakes another for nothing, which has lost its turn
    then: with 64 of them the slowest calls were those that met this most often.
    """

    def __init__(self, socket: Any) -> None:
        super().__init__(socket)
        self._id = _ContextId(_lib.nng_ctx_id(self._context[0]))
        self._send_above = self._send_most = self._receive_above = self._receive_most = -math.inf

    def _set(self, name: bytes, timeout: float) -> Tuple[float, float]:
        """Returns for which timeouts this one stands, for setting it is a call, and a context keeps it."""
        milliseconds = _milliseconds(timeout)
        _ctx_set_ms(self._id, name, milliseconds)
        most = milliseconds / 1000
        return most - (TIMEOUT_MS_STEP / 1000 if most > TIMEOUT_ROUNDED else 0.001), most

    def exchange(self, data: bytes, timeout: float, ends: float) -> Ending:
        """timeout is that of sending."""
        message = self._message
        error: int = message.make(data)
        if error:
            return False, error, b""
        if not self._send_above < timeout <= self._send_most:
            self._send_above, self._send_most = self._set(b"send-timeout", timeout)
        error = _lib.nng_ctx_sendmsg(self._context[0], message.cell[0], 0)
        if error:
            _msg_free(message.pointer)
            return False, error, b""
        timeout = ends - time.monotonic()
        if not self._receive_above < timeout <= self._receive_most:
            self._receive_above, self._receive_most = self._set(b"recv-timeout", timeout)
        error = _lib.nng_ctx_recvmsg(self._context[0], message.cell, 0)
        if error:
            return True, error, b""
        return True, OK, _take_out(message.pointer.value)


class _Aio:
    """One of nng's asynchronous operations, used again and again.

    Never cancelled: nng_aio_cancel() that meets an operation which is being started, or is just ending, makes
    nng take the aio for idle while somebody is still at work on it (seen with 1.11: a later wait ends at once,
    without a message, or what was freed is written to).
    """

    def __init__(self, callback: Any, handle: Any) -> None:
        at = _ffi.new("nng_aio **")
        pynng.check_err(_lib.nng_aio_alloc(at, callback, handle))
        self.pointer = at[0]
        self.address = int(_ffi.cast("uintptr_t", self.pointer))
        self._timeout_ms = 0

    def set_timeout(self, seconds: float) -> None:
        milliseconds = _milliseconds(seconds)
        if milliseconds != self._timeout_ms:  # an aio keeps it
            self._timeout_ms = milliseconds
            _aio_set_timeout(self.address, milliseconds)

    def sent(self) -> int:
        """The result of sending; the message of a failed one is freed."""
        error: int = _aio_result(self.address)
        if error:
            message = _aio_get_msg(self.address)
            if message:
                _msg_free(message)
        return error

    def received(self) -> Tuple[int, bytes]:
        error: int = _aio_result(self.address)
        return (error, b"") if error else (OK, _take_out(_aio_get_msg(self.address)))

    def wait(self) -> None:
        _lib.nng_aio_wait(self.pointer)

    def free(self) -> None:
        _lib.nng_aio_free(self.pointer)


class CallingPlace(Place):
    """For an event loop: nng's threads call back when an operation has ended, sending and receiving one after the
    other. Or sending without that, which mostly ends before it has begun."""

    def __init__(self, socket: Any, callback: Any, handle: Any) -> None:
        super().__init__(socket)
        self._aios: List[_Aio] = []
        try:
            for call, what in ((callback, handle), (_ffi.NULL, _ffi.NULL)):
                self._aios.append(_Aio(call, what))
        except BaseException:
            self.close()
            raise
        self._calling, self._quiet = self._aios

    def _start_send(self, aio: _Aio, data: bytes, timeout: float) -> int:
        error = self._message.make(data)
        if error:
            return error
        _aio_set_msg(aio.address, self._message.pointer)
        aio.set_timeout(timeout)
        with self._ending:
            _lib.nng_ctx_send(self._context[0], aio.pointer)
        return OK

    def start_send(self, data: bytes, timeout: float) -> int:
        """OK: it is under way."""
        return self._start_send(self._calling, data, timeout)

    def sent(self) -> int:
        return self._calling.sent()

    def start_quiet_send(self, data: bytes, timeout: float) -> int:
        return self._start_send(self._quiet, data, timeout)

    def is_quiet_send_under_way(self) -> bool:
        busy: bool = _aio_busy(self._quiet.address)
        return busy

    def quiet_sent(self) -> int:
        return self._quiet.sent()

    def start_receive(self, timeout: float) -> None:
        self._calling.set_timeout(timeout)
        with self._ending:
            _lib.nng_ctx_recv(self._context[0], self._calling.pointer)

    def received(self) -> Tuple[int, bytes]:
        return self._calling.received()

    def wait(self) -> None:
        for aio in self._aios:
            aio.wait()

    def close(self) -> None:
        super().close()
        for aio in self._aios:
            aio.free()


P = TypeVar("P", bound=Place)


class Link(Generic[P]):
    """One address. ``notify(connected)`` is called by threads of nng."""

    def __init__(self, address: str, notify: Callable[[bool], None], make_place: Callable[[Any], P]) -> None:
        self.address = address
        self._notify = notify
        self._make_place = make_place
        self._lock = threading.Lock()
        self._idle: List[P] = []
        self._all: List[P] = []
        self._pipe: Optional[int] = None
        self._socket = pynng.Req0(
            recv_max_size=RESPONSE_SIZE_MAX,
            reconnect_time_min=RECONNECT_MS_MIN,
            reconnect_time_max=RECONNECT_MS_MAX,
            resend_time=-1,
        )
        self._socket.add_pre_pipe_connect_cb(self._connected)
        self._socket.add_post_pipe_remove_cb(self._disconnected)
        try:
            self._socket.dial(address, block=False)
        except pynng.NNGException as error:
            self._socket.close()
            raise InvalidError(
                f'"{address}" cannot be dialled: {error}; expected for example tcp://127.0.0.1:7731 '
                "or ipc:///run/harrier/harrier.sock",
                "addresses",
            ) from None

    @property
    def connected(self) -> bool:
        return self._pipe is not None

    def _connected(self, pipe: Any) -> None:
        self._pipe = pipe.id
        self._notify(True)

    def _disconnected(self, pipe: Any) -> None:
        if self._pipe == pipe.id:  # not yet a newer one
            self._pipe = None
            self._notify(False)

    def take(self) -> P:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        place = self._make_place(self._socket)
        with self._lock:
            self._all.append(place)
        return place

    def give_back(self, place: P) -> None:
        self._idle.append(place)

    def discard(self, place: P) -> None:
        """Instead of giving it back, when something may be under way."""
        with self._lock:
            self._all.remove(place)
        place.end()
        place.wait()
        place.close()

    def end(self) -> None:
        """All requests under way, with CLOSED."""
        with self._lock:
            for place in self._all:
                place.end()

    def wait(self) -> None:
        """Until nng has done with all that is under way."""
        with self._lock:
            places = list(self._all)
        for place in places:
            place.wait()

    def close(self) -> None:
        """No request is under way any more. Closing again does nothing."""
        self._notify = lambda connected: None
        with self._lock:
            places, self._all, self._idle = self._all, [], []
        for place in places:
            place.close()
        self._socket.close()
