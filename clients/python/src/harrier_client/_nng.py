"""One connection to one address, and the places for requests that share it.

Uses pynng's Socket, and under it nng's own contexts and aios (``pynng.lib``, the C interface that pynng
exports). pynng's Context would do for an echo, but it has no deadline of a single operation, loses the memory of a
message whose sending failed, and makes and frees an aio for each operation. Here a place has one of each
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
    What starts an operation goes by way of pynng.lib: 64 threads that give way there are slower without (a third
    fewer calls on one core, for then nng's threads are woken for each message, not for many).
    """
    address = int(_ffi.cast("uintptr_t", _ffi.addressof(_lib, name)))
    return ctypes.PYFUNCTYPE(result, *arguments)(address)


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

# Setting a timeout is a call, too: a longer one is rounded up, so that the aio mostly has it already.
TIMEOUT_ROUNDED = 0.04
TIMEOUT_MS_STEP = 4
TIMEOUT_STEPS = 1000 // TIMEOUT_MS_STEP

RECONNECT_MS_MIN = 10
RECONNECT_MS_MAX = 500


class Place:
    """A context and an aio: room for one request. Sending and receiving are one after the other.

    Never cancelled: nng_aio_cancel() that meets an operation which is being started, or is just ending, makes
    nng take the aio for idle while somebody is still at work on it (seen with 1.11: a later wait ends at once,
    without a message, or what was freed is written to). To end an operation before its time the context is
    closed, and the place with it.
    """

    def __init__(self, socket: Any, callback: Any = None, handle: Any = None) -> None:
        self._socket = socket  # lives at least as long
        self._context = _ffi.new("nng_ctx *")
        aio_at = _ffi.new("nng_aio **")
        pynng.check_err(_lib.nng_ctx_open(self._context, socket.socket))
        error = _lib.nng_aio_alloc(aio_at, callback or _ffi.NULL, handle or _ffi.NULL)
        if error:
            _lib.nng_ctx_close(self._context[0])
            pynng.check_err(error)
        self._aio = aio_at[0]
        self._aio_address = int(_ffi.cast("uintptr_t", self._aio))
        self._message = _POINTER()
        self._message_at = ctypes.addressof(self._message)
        self._starting = threading.Lock()
        self._ended = False
        self._timeout_ms = 0

    def start_send(self, data: bytes, timeout: float) -> int:
        """OK: the aio is at work."""
        error: int = _msg_alloc(self._message_at, 0)
        if error:
            return error
        message = self._message.value
        error = _msg_append(message, data, len(data))
        if error:
            _msg_free(message)
            return error
        _aio_set_msg(self._aio_address, message)
        self._set_timeout(timeout)
        with self._starting:
            _lib.nng_ctx_send(self._context[0], self._aio)
        return OK

    def sent(self) -> int:
        """The result of sending; the message of a failed one is freed."""
        error: int = _aio_result(self._aio_address)
        if error:
            message = _aio_get_msg(self._aio_address)
            if message:
                _msg_free(message)
        return error

    def start_receive(self, timeout: float) -> None:
        self._set_timeout(timeout)
        with self._starting:
            _lib.nng_ctx_recv(self._context[0], self._aio)

    def received(self) -> Tuple[int, bytes]:
        error: int = _aio_result(self._aio_address)
        if error:
            return error, b""
        message = _aio_get_msg(self._aio_address)
        length = _msg_len(message)
        data = ctypes.string_at(_msg_body(message), length) if length else b""
        _msg_free(message)
        return OK, data

    def _set_timeout(self, seconds: float) -> None:
        # 0 would be "at once" and fail before anything was tried.
        if seconds >= TIMEOUT_ROUNDED:
            milliseconds = math.ceil(seconds * TIMEOUT_STEPS) * TIMEOUT_MS_STEP
        else:
            milliseconds = max(1, math.ceil(seconds * 1000))
        if milliseconds != self._timeout_ms:  # an aio keeps it
            self._timeout_ms = milliseconds
            _aio_set_timeout(self._aio_address, milliseconds)

    def wait(self) -> None:
        _lib.nng_aio_wait(self._aio)

    def exchange(self, data: bytes, timeout: float, ends: float) -> Ending:
        """For a thread that waits: timeout is that of sending."""
        error = self.start_send(data, timeout)
        if error:
            return False, error, b""
        _lib.nng_aio_wait(self._aio)
        error = self.sent()
        if error:
            return False, error, b""
        self.start_receive(ends - time.monotonic())
        _lib.nng_aio_wait(self._aio)
        return (True, *self.received())

    def end(self) -> None:
        """What is under way, or is started later, ends with CLOSED."""
        with self._starting:
            if not self._ended:
                self._ended = True
                _lib.nng_ctx_close(self._context[0])

    def close(self) -> None:
        """Nothing is under way any more."""
        self.end()
        _lib.nng_aio_free(self._aio)


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
