"""One connection to one address, and the nng contexts that share it, one for each request in flight.

Uses pynng's Socket, and below it nng's own contexts and aios (``pynng.lib``, the C interface that pynng exports).
pynng's Context has no deadline for a single operation, leaks a message whose sending failed, and allocates an aio for
each operation. A context here allocates what it needs once.

nng's own resending is off: a request whose connection broke ends with ECONNRESET, and the call decides about a retry.
"""

from __future__ import annotations

import ctypes
import math
import ssl
import threading
import time
from typing import Any, Callable, Generic, List, Optional, Tuple, TypeVar

import pynng

from . import _tls
from ._codec import RESPONSE_SIZE_MAX
from .errors import InvalidError

_ffi: Any = pynng.ffi
_lib: Any = pynng.lib

OK = 0
TIMED_OUT: int = _lib.NNG_ETIMEDOUT
CLOSED: int = _lib.NNG_ECLOSED


Result = Tuple[bool, int, bytes]
"""Whether it was sent, nng's error, the answer."""


def _keeping(name: str, result: Any, *arguments: Any) -> Any:
    """A function of nng, called without releasing the interpreter's lock.

    Through pynng.lib each call releases the lock and takes it back. With many threads that costs more than what these
    functions do, and wakes another thread for nothing. They neither wait nor take a lock that is held for long.
    Functions that send or receive must release the lock: they may wait for a lock of nng, and all threads with them.
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

# Longer timeouts are rounded up, so that they mostly equal the previous one and need not be set again.
TIMEOUT_ROUNDED = 0.04
TIMEOUT_MS_STEP = 4
TIMEOUT_STEPS = 1000 // TIMEOUT_MS_STEP

RECONNECT_MS_MIN = 10
RECONNECT_MS_MAX = 500


def _milliseconds(seconds: float) -> int:
    # 0 would mean "at once": nng would fail before it tries.
    if seconds >= TIMEOUT_ROUNDED:
        return math.ceil(seconds * TIMEOUT_STEPS) * TIMEOUT_MS_STEP
    return max(1, math.ceil(seconds * 1000))


class _Message:
    """A cell for a pointer to an nng message, for pynng.lib and for the functions above."""

    def __init__(self) -> None:
        self.cell = _ffi.new("nng_msg **")
        self.address = int(_ffi.cast("uintptr_t", self.cell))
        self.pointer = _POINTER.from_address(self.address)  # a view of the cell, which must not be freed before it

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
    """Returns the content of a message and frees it."""
    length = _msg_len(message)
    data = ctypes.string_at(_msg_body(message), length) if length else b""
    _msg_free(message)
    return data


class Context:
    """An nng context, which carries one request at a time. To end a request early, the context is closed, and cannot be
    used again."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket  # is closed after its contexts
        self._message = _Message()
        self._context = _ffi.new("nng_ctx *")
        pynng.check_err(_lib.nng_ctx_open(self._context, socket.socket))
        self._end_lock = threading.Lock()
        self._ended = False

    def end(self) -> None:
        """Ends the request in flight, and later ones, with CLOSED."""
        with self._end_lock:
            if not self._ended:
                self._ended = True
                _lib.nng_ctx_close(self._context[0])

    def wait(self) -> None:
        """Waits until no operation is in flight."""

    def close(self) -> None:
        """Must only be called when no operation is in flight."""
        self.end()


class BlockingContext(Context):
    """For a thread that waits in nng, without the interpreter's lock: once to send, once for the answer.

    These are the only two points that release the lock. Releasing it for a moment more often wakes other threads for
    nothing, and makes the slowest calls slower.
    """

    def __init__(self, socket: Any) -> None:
        super().__init__(socket)
        self._id = _ContextId(_lib.nng_ctx_id(self._context[0]))
        self._send_above = self._send_most = self._receive_above = self._receive_most = -math.inf

    def _set(self, name: bytes, timeout: float) -> Tuple[float, float]:
        """Sets a timeout. Returns the range of timeouts for which it need not be set again."""
        milliseconds = _milliseconds(timeout)
        _ctx_set_ms(self._id, name, milliseconds)
        most = milliseconds / 1000
        return most - (TIMEOUT_MS_STEP / 1000 if most > TIMEOUT_ROUNDED else 0.001), most

    def exchange(self, data: bytes, timeout: float, ends: float) -> Result:
        """timeout limits the sending, ends the whole."""
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
    """One of nng's asynchronous operations, reused.

    Never cancelled: nng_aio_cancel() during the start or the end of an operation makes nng treat the aio as idle while
    a thread still works on it (seen with 1.11: a later wait ends at once without a message, or freed memory is
    written to).
    """

    def __init__(self, callback: Any, handle: Any) -> None:
        at = _ffi.new("nng_aio **")
        pynng.check_err(_lib.nng_aio_alloc(at, callback, handle))
        self.pointer = at[0]
        self.address = int(_ffi.cast("uintptr_t", self.pointer))
        self._timeout_ms = 0

    def set_timeout(self, seconds: float) -> None:
        milliseconds = _milliseconds(seconds)
        if milliseconds != self._timeout_ms:  # an aio keeps its timeout
            self._timeout_ms = milliseconds
            _aio_set_timeout(self.address, milliseconds)

    def sent(self) -> int:
        """Returns the result of sending; frees the message if it failed."""
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


class CallbackContext(Context):
    """For an event loop: nng's threads call back when an operation has ended, first sending, then receiving.

    A polled send has no callback: it has mostly ended by the time that its caller looks.

    Sending and receiving have an aio each. nng looks for several aios that are over time at once, and ends them one
    after the other: one that has meanwhile ended and been started again would be ended as if its new time were over
    (seen with 1.11, when a server restarts: receiving ended with the timeout of sending). A send that is ended so is
    tried again.
    """

    def __init__(self, socket: Any, callback: Any, handle: Any) -> None:
        super().__init__(socket)
        self._aios: List[_Aio] = []
        try:
            for call, what in ((callback, handle), (callback, handle), (_ffi.NULL, _ffi.NULL)):
                self._aios.append(_Aio(call, what))
        except BaseException:
            self.close()
            raise
        self._sending, self._receiving, self._polled = self._aios

    def _start_send(self, aio: _Aio, data: bytes, timeout: float) -> int:
        error = self._message.make(data)
        if error:
            return error
        _aio_set_msg(aio.address, self._message.pointer)
        aio.set_timeout(timeout)
        with self._end_lock:
            _lib.nng_ctx_send(self._context[0], aio.pointer)
        return OK

    def start_send(self, data: bytes, timeout: float) -> int:
        """Returns OK if the operation has been started."""
        return self._start_send(self._sending, data, timeout)

    def sent(self) -> int:
        return self._sending.sent()

    def start_polled_send(self, data: bytes, timeout: float) -> int:
        return self._start_send(self._polled, data, timeout)

    def is_polled_send_busy(self) -> bool:
        busy: bool = _aio_busy(self._polled.address)
        return busy

    def polled_sent(self) -> int:
        return self._polled.sent()

    def start_receive(self, timeout: float) -> None:
        self._receiving.set_timeout(timeout)
        with self._end_lock:
            _lib.nng_ctx_recv(self._context[0], self._receiving.pointer)

    def received(self) -> Tuple[int, bytes]:
        return self._receiving.received()

    def wait(self) -> None:
        for aio in self._aios:
            aio.wait()

    def close(self) -> None:
        super().close()
        for aio in self._aios:
            aio.free()


P = TypeVar("P", bound=Context)


class Endpoint(Generic[P]):
    """One address. nng's threads call ``notify(connected)``."""

    def __init__(
        self,
        address: str,
        notify: Callable[[bool], None],
        make_context: Callable[[Any], P],
        tls: Optional[ssl.SSLContext] = None,
    ) -> None:
        self.address = address
        self._notify = notify
        self._make_context = make_context
        self._lock = threading.Lock()
        self._idle: List[P] = []
        self._all: List[P] = []
        self._pipe: Optional[int] = None
        self._relay: Optional[_tls.Relay] = None
        self._socket = pynng.Req0(
            recv_max_size=RESPONSE_SIZE_MAX,
            reconnect_time_min=RECONNECT_MS_MIN,
            reconnect_time_max=RECONNECT_MS_MAX,
            resend_time=-1,
        )
        self._socket.add_pre_pipe_connect_cb(self._connected)
        self._socket.add_post_pipe_remove_cb(self._disconnected)
        try:
            if address.startswith(_tls.SCHEME):
                self._relay = self._start_relay(tls or _tls.default_context())
            else:
                self._socket.dial(address, block=False)
        except pynng.NNGException as error:
            self._socket.close()
            raise InvalidError(
                f'"{address}" cannot be dialled: {error}; expected for example tcp://127.0.0.1:7731, '
                "tls+tcp://scores.example:7731 or ipc:///run/harrier/harrier.sock",
                "addresses",
            ) from None
        except BaseException:
            self._socket.close()
            raise

    def _start_relay(self, context: ssl.SSLContext) -> _tls.Relay:
        try:
            listener = self._socket.listen("socket://").listener
        except pynng.NotSupported:
            raise InvalidError(f'"{self.address}" needs pynng 0.9 or later', "addresses") from None

        def attach(descriptor: int) -> bool:
            return bool(_lib.nng_listener_set_int(listener, b"socket:fd", descriptor) == OK)

        return _tls.Relay(self.address, context, attach, (RECONNECT_MS_MIN / 1000, RECONNECT_MS_MAX / 1000))

    @property
    def connected(self) -> bool:
        return self._pipe is not None

    def _connected(self, pipe: Any) -> None:
        self._pipe = pipe.id
        self._notify(True)

    def _disconnected(self, pipe: Any) -> None:
        if self._pipe == pipe.id:  # unless a newer connection has replaced it
            self._pipe = None
            self._notify(False)

    def take(self) -> P:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        context = self._make_context(self._socket)
        with self._lock:
            self._all.append(context)
        return context

    def give_back(self, context: P) -> None:
        self._idle.append(context)

    def discard(self, context: P) -> None:
        """Instead of give_back(), if an operation may still be in flight."""
        with self._lock:
            self._all.remove(context)
        context.end()
        context.wait()
        context.close()

    def end(self) -> None:
        """Ends all requests in flight with CLOSED."""
        with self._lock:
            for context in self._all:
                context.end()

    def wait(self) -> None:
        """Waits until nng has finished all operations."""
        with self._lock:
            contexts = list(self._all)
        for context in contexts:
            context.wait()

    def close(self) -> None:
        """Must only be called when no request is in flight. Closing again does nothing."""
        self._notify = lambda connected: None
        with self._lock:
            contexts, self._all, self._idle = self._all, [], []
        for context in contexts:
            context.close()
        if self._relay is not None:
            self._relay.close()
        self._socket.close()
