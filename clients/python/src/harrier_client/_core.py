"""What both clients are made of: options, routes, links, meter."""

from __future__ import annotations

import time
from typing import Any, Callable, Generic, List, Optional, TypeVar

from . import _codec, _nng
from ._course import Course
from ._meter import Meter
from ._routes import Routes
from .options import Options, check_deadline, check_token

PROBE_DEADLINE_MIN = 0.1

P = TypeVar("P", bound=_nng.Place)


def _token_of(options: Options) -> Optional[Callable[[], str]]:
    """A function that says the token for the request that is sent now."""
    token = options.token
    if token is None:
        return None
    return (lambda: check_token(token())) if callable(token) else (lambda: token)


class Core(Generic[P]):
    def __init__(self, options: Options, make_place: Callable[[Any], P]) -> None:
        self.options = options
        self.meter = Meter(options.metrics)
        self.routes = Routes(
            list(options.addresses), options.eject_after, self.meter.route_changed, self.meter.route_ejected
        )
        self.token = _token_of(options)
        self.links: List[_nng.Link[P]] = []
        try:
            for index, address in enumerate(options.addresses):
                self.links.append(_nng.Link(address, self._notifier(index), make_place))
        except BaseException:
            self.close()
            raise

    def _notifier(self, index: int) -> Callable[[bool], None]:
        return lambda connected: self.routes.set_connected(index, connected)

    def limit(self, deadline: Optional[float]) -> float:
        return self.options.deadline if deadline is None else check_deadline(deadline)

    def course(self, request: _codec.Request, begun: float, deadline: float) -> Course:
        return Course(request, self.routes, self.meter, self.options.retries_max, self.token, begun, deadline)

    def told(self, request: _codec.Request, result: str, begun: float) -> None:
        """The call has ended."""
        self.meter.called(request.call, result, time.monotonic() - begun)
        if request.call == "score":
            self.meter.scored(request.count)

    @property
    def probe_limit(self) -> float:
        return max(PROBE_DEADLINE_MIN, self.options.deadline)

    def end(self) -> None:
        for link in self.links:
            link.end()

    def abandon(self) -> None:
        """For a client that nobody closed: its calls are gone, but nng may be at work for them."""
        self.end()
        for link in self.links:
            link.wait()
        self.close()

    def close(self) -> None:
        for link in self.links:
            link.close()
