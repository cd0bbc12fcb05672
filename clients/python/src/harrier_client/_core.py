"""What both clients have in common: options, routes, endpoints, meter."""

from __future__ import annotations

import time
from typing import Any, Callable, Generic, List, Optional, TypeVar

from . import _codec, _nng
from ._call import Call
from ._meter import Meter
from ._routes import Routes
from .options import Options, check_deadline, check_token

PROBE_DEADLINE_MIN = 0.1

P = TypeVar("P", bound=_nng.Context)


def _token_of(options: Options) -> Optional[Callable[[], str]]:
    """A function that returns the token for the next request; None if there is no token."""
    token = options.token
    if token is None:
        return None
    return (lambda: check_token(token())) if callable(token) else (lambda: token)


class Core(Generic[P]):
    def __init__(self, options: Options, make_context: Callable[[Any], P]) -> None:
        self.options = options
        self.meter = Meter(options.metrics)
        self.routes = Routes(
            list(options.addresses), options.eject_after, self.meter.route_changed, self.meter.route_ejected
        )
        self.token = _token_of(options)
        self.endpoints: List[_nng.Endpoint[P]] = []
        try:
            for index, address in enumerate(options.addresses):
                self.endpoints.append(_nng.Endpoint(address, self._notifier(index), make_context, options.tls))
        except BaseException:
            self.close()
            raise

    def _notifier(self, index: int) -> Callable[[bool], None]:
        return lambda connected: self.routes.set_connected(index, connected)

    def limit(self, deadline: Optional[float]) -> float:
        return self.options.deadline if deadline is None else check_deadline(deadline)

    def new_call(self, request: _codec.Request, begun: float, deadline: float) -> Call:
        return Call(request, self.routes, self.meter, self.options.retries_max, self.token, begun, deadline)

    def record(self, request: _codec.Request, result: str, begun: float) -> None:
        """Reports a finished call to the metrics."""
        self.meter.called(request.call, result, time.monotonic() - begun)
        if request.call == "score":
            self.meter.scored(request.count)

    @property
    def probe_limit(self) -> float:
        return max(PROBE_DEADLINE_MIN, self.options.deadline)

    def end(self) -> None:
        for endpoint in self.endpoints:
            endpoint.end()

    def abandon(self) -> None:
        """For a client that was not closed: none of its calls waits any more, but nng may still work for them."""
        self.end()
        for endpoint in self.endpoints:
            endpoint.wait()
        self.close()

    def close(self) -> None:
        for endpoint in self.endpoints:
            endpoint.close()
