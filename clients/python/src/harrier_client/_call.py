"""One call with its retries: which address it goes to, when it is sent again, and how it ends.

A Call decides and does no I/O: the clients send and wait as it says, and report the result to it. "One call" in
clients/README.md has a diagram.
"""

from __future__ import annotations

import random
from typing import Any, Callable, Optional

from . import _codec, _nng
from ._meter import Meter
from ._routes import Routes, Search
from .errors import ClosedError, DeadlineError, HarrierError, UnavailableError

# How long to try one address, in seconds, while another one may connect first.
SLICE = 0.02
BACK_OFF_MIN = 0.01
BACK_OFF_MAX = 0.5


def _back_off(n: int) -> float:
    """Seconds to wait before the n-th retry."""
    return random.uniform(0, min(BACK_OFF_MAX, BACK_OFF_MIN * 2 ** min(n - 1, 10)))


class Call:
    """Times are seconds of a monotonic clock. The methods raise the error that the call ends with."""

    # Class attributes, because most calls need no retry and are faster to make without setting these.
    index = 0
    pause = 0.0  # before the next attempt
    _retries = 0
    _broken = 0
    _search: Optional[Search] = None  # for the primary, once a standby has answered
    _last: Optional[HarrierError] = None

    def __init__(
        self,
        request: _codec.Request,
        routes: Routes,
        meter: Meter,
        retries_max: int,
        token: Optional[Callable[[], str]],
        begun: float,
        deadline: float,
    ) -> None:
        self.request = request
        self.ends = begun + deadline
        self._routes = routes
        self._meter = meter
        self._retries_max = retries_max
        self._token = token
        self._deadline = deadline

    def begin(self, now: float) -> float:
        """Chooses where to send. Returns for how many seconds to try."""
        left = self.ends - now
        if left <= 0:
            raise self._unavailable(now)
        if self._routes.only_one:
            return left
        self.index = self._routes.choose(self._search)
        if self._search and not self._routes.routes[self.index].connected:
            self._search.waiting()  # for a connection
        return min(left, SLICE)

    def encode(self, now: float) -> bytes:
        token = self._token
        return self.request.encode(self.ends - now, token() if token is not None else None)

    def not_sent(self, error: int) -> None:
        if error == _nng.CLOSED:
            raise ClosedError("the client was closed", decided=self._decided)
        if error != _nng.TIMED_OUT:
            raise UnavailableError(f"sending failed with nng error {error}", decided=self._decided)
        self.pause = 0.0

    def received(self, error: int, data: bytes, now: float) -> Any:
        """Returns the answer; None if the call goes on with another attempt after ``pause``."""
        if error == _nng.OK:
            return self._answered(data, now)
        if error == _nng.CLOSED:
            raise ClosedError("the client was closed before an answer arrived", decided=None)
        self._routes.failed(self.index, now)
        if error == _nng.TIMED_OUT:
            raise DeadlineError(f"no answer from {self._address} within {self._deadline * 1e3:g} ms", decided=None)
        self._broken += 1
        self._again("connection", now)
        return None

    def _answered(self, data: bytes, now: float) -> Any:
        failure, answer = _codec.read_answer(data, self.request)
        if isinstance(failure, _codec.NotPrimaryError):
            self._go_on(failure, now)
            return None
        if self.request.writes:
            self._routes.wrote(self.index)
        if failure is None:
            self._routes.succeeded(self.index)
            return answer
        if not isinstance(failure, UnavailableError):
            self._routes.succeeded(self.index)
            raise failure
        self._last = failure
        self._routes.failed(self.index, now)
        self._again("unavailable", now)
        return None

    def _again(self, reason: str, now: float) -> None:
        if self._retries >= self._retries_max:
            raise self._unavailable(now)
        self._retries += 1
        self._meter.retried(reason)
        self.pause = 0.0
        if not self._routes.another_may_decide(self.index):
            if self._search:
                self._search.waiting()
            # At most half of the time that is left: the answer needs some, too.
            self.pause = min(_back_off(self._retries), max(0.0, self.ends - now) / 2)

    def _go_on(self, failure: _codec.NotPrimaryError, now: float) -> None:
        """After the answer of a standby: on to one that may be the primary, else after a wait to any."""
        search = self._search = self._search or Search()
        search.answered(self.index, self._routes.refused(self.index, failure.primary))
        self._last = failure
        self._meter.retried("not_primary")
        self.pause = 0.0
        if self._routes.untried(search) is None:
            search.waiting()
            search.waits += 1
            # A wait may take all the time that is left: no request is in flight then, so nothing was decided.
            self.pause = min(_back_off(search.waits), max(0.0, self.ends - now))

    @property
    def _address(self) -> str:
        return self._routes.routes[self.index].address

    @property
    def _decided(self) -> Optional[bool]:
        return None if self._broken else False

    def _unavailable(self, now: float) -> UnavailableError:
        addresses = ", ".join(route.address for route in self._routes.routes)
        if self._broken:
            times = "once" if self._broken == 1 else f"{self._broken} times"
            words = f"the connection to {addresses} broke {times} before an answer arrived"
        elif isinstance(self._last, _codec.NotPrimaryError):
            words = f"none of {addresses} is the primary; {self._address} says: {self._last.message}"
        elif self._last is not None:
            words = f"{self._address} says: {self._last.message}"
        elif self._routes.routes[self.index].connected:
            self._routes.failed(self.index, now)
            words = f"{self._address} took no request within {self._deadline * 1e3:g} ms"
        else:
            words = f"no connection to {addresses} within {self._deadline * 1e3:g} ms"
        return UnavailableError(words, decided=self._decided)
