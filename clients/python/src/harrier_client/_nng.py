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
_CANCELLED: int = _lib.NNG_ECANCELED
_FOR_EVER = -1


Ending = Tuple[bool, int, bytes]
"""It was sent, nng's error, the answer."""


class _ContextId(ctypes.Structure):
    """nng_ctx, which nng takes by value."""

    _fields_ = (("id", ctypes.c_uint32),)


def _keeping(name: str, result: Any, *arguments: Any) -> Any:
    """A function of nng's, called without giving up the interpreter's lock.

    By way of pynng.lib each call gives it up and takes it back. Among many threads that is dearer than what
    these functions do, and another thread is woken for nothing. None of them waits: they take nng's own
    locks for moments, and nng holds none of those while it calls Python.
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
_aio_busy = _keeping("nng_aio_busy", ctypes.c_bool, _POINTER)
_ctx_send = _keeping("nng_ctx_send", None, _ContextId, _POINTER)
_ctx_recv = _keeping("nng_ctx_recv", None, _ContextId, _POINTER)

# Setting a timeout is a call, too: a longer one is rounded up, so that the aio mostly has it already.
TIMEOUT_MS_ROUNDED = 40
TIMEOUT_MS_STEP = 4

RECONNECT_MS_MIN = 10
RECONNECT_MS_MAX = 500


class _Aio:
    """One of nng's asynchronous operations, used again and again."""

    def __init__(self, callback: Any = None, handle: Any = None) -> None:
        at = _ffi.new("nng_aio **")
        pynng.check_err(_lib.nng_aio_alloc(at, callback or _ffi.NULL, handle or _ffi.NULL))
        self._pointer = at[0]
        self.address = int(_ffi.cast("uintptr_t", at[0]))
        self._timeout_ms: Optional[int] = None

    def set_timeout(self, seconds: float) -> None:
        # 0 would be "at once" and fail before anything was tried.
        milliseconds = max(1, math.ceil(seconds * 1000))
        if milliseconds >= TIMEOUT_MS_ROUNDED:
            milliseconds = -(-milliseconds // TIMEOUT_MS_STEP) * TIMEOUT_MS_STEP
        self.set_timeout_ms(milliseconds)

    def set_timeout_ms(self, milliseconds: int) -> None:
        if milliseconds != self._timeout_ms:  # an aio keeps it
            self._timeout_ms = milliseconds
            _aio_set_timeout(self.address, milliseconds)

    def put_message(self, data: bytes) -> int:
        at = _POINTER()
        error: int = _msg_alloc(ctypes.addressof(at), 0)
        if error:
            return error
        error = _msg_append(at, data, len(data))
        if error:
            _msg_free(at)
            return error
        _aio_set_msg(self.address, at)
        return OK

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
        if error:
            return error, b""
        message = _aio_get_msg(self.address)
        length = _msg_len(message)
        data = ctypes.string_at(_msg_body(message), length) if length else b""
        _msg_free(message)
        return OK, data

    def busy(self) -> bool:
        busy: bool = _aio_busy(self.address)
        return busy

    def wait(self) -> None:
        _lib.nng_aio_wait(self._pointer)

    def free(self) -> None:
        _lib.nng_aio_free(self._pointer)


class Place:
    """A context and what waits for it: room for one request.

    Never cancelled: nng_aio_cancel() that meets an operation which is being started, or is just ending, makes
    nng take the aio for idle while somebody is still at work on it (seen with 1.11: a later wait ends at once,
    without a message, or what was freed is written to). To end an operation before its time the context is
    closed, and the place with it.
    """

    def __init__(self, socket: Any, *aios: _Aio) -> None:
        self._socket = socket  # lives at least as long
        self._context = _ffi.new("nng_ctx *")
        self._aios = aios
        try:
            pynng.check_err(_lib.nng_ctx_open(self._context, socket.socket))
        except BaseException:
            self._free()
            raise
        self._id = _ContextId(_lib.nng_ctx_id(self._context[0]))
        self._starting = threading.Lock()
        self._ended = False

    def wait(self) -> None:
        for aio in self._aios:
            aio.wait()

    def end(self) -> None:
        """What is under way, or is started later, ends with CLOSED."""
        with self._starting:
            if not self._ended:
                self._ended = True
                _lib.nng_ctx_close(self._context[0])

    def close(self) -> None:
        """Nothing is under way any more."""
        self.end()
        self._free()

    def _free(self) -> None:
        for aio in self._aios:
            aio.free()


class WaitingPlace(Place):
    """For a thread that waits for its answer."""

    def __init__(self, socket: Any) -> None:
        self._sending = _Aio()
        self._receiving = _Aio()
        super().__init__(socket, self._sending, self._receiving)

    def exchange(self, data: bytes, timeout: float, ends: float) -> Ending:
        """timeout: of sending, when it is less than what is left until ends."""
        now = time.monotonic()
        error = self._sending.put_message(data)
        if error:
            return False, error, b""
        if timeout < ends - now:
            return self._in_turn(timeout, ends)
        # Both at once, and one wait. The answer's time ends the sending, too: of the other order nng knows nothing.
        self._sending.set_timeout_ms(_FOR_EVER)
        self._receiving.set_timeout(ends - now)
        with self._starting:
            _ctx_send(self._id, self._sending.address)
            _ctx_recv(self._id, self._receiving.address)
        self._receiving.wait()
        error, answer = self._receiving.received()
        if self._sending.busy():  # it is about to be told what came of it
            self._sending.wait()
        failure = self._sending.sent()
        if failure:
            return False, error if failure == _CANCELLED else failure, b""
        return True, error, answer

    def _in_turn(self, timeout: float, ends: float) -> Ending:
        self._sending.set_timeout(timeout)
        with self._starting:
            _ctx_send(self._id, self._sending.address)
        if self._sending.busy():
            self._sending.wait()
        error = self._sending.sent()
        if error:
            return False, error, b""
        self._receiving.set_timeout(ends - time.monotonic())
        with self._starting:
            _ctx_recv(self._id, self._receiving.address)
        self._receiving.wait()
        return (True, *self._receiving.received())


class CallingPlace(Place):
    """For nng's threads to call back at each ending. Sending and receiving are one after the other."""

    def __init__(self, socket: Any, callback: Any, handle: Any) -> None:
        self._aio = _Aio(callback, handle)
        super().__init__(socket, self._aio)

    def start_send(self, data: bytes, timeout: float) -> int:
        """OK: the aio is at work."""
        error = self._aio.put_message(data)
        if error == OK:
            self._aio.set_timeout(timeout)
            with self._starting:
                _ctx_send(self._id, self._aio.address)
        return error

    def start_receive(self, timeout: float) -> None:
        self._aio.set_timeout(timeout)
        with self._starting:
            _ctx_recv(self._id, self._aio.address)

    def sent(self) -> int:
        return self._aio.sent()

    def received(self) -> Tuple[int, bytes]:
        return self._aio.received()


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
