"""The state of each address, and which one a call goes to. The states are those of clients/README.md.

Knows no sockets and no clock: time is an argument. May be used by several threads.
"""

from __future__ import annotations

import random
import threading
from typing import Callable, Collection, List, Optional

EJECT_SECONDS_MIN = 1.0
EJECT_SECONDS_MAX = 30.0
EJECT_JITTER = 0.2


class Route:
    def __init__(self, address: str) -> None:
        self.address = address
        self.connected = False
        self.failures = 0  # in a row
        self.ejections = 0  # without a success in between
        self.ejected = False
        self.probe_at = 0.0
        self.probing = False
        self.standby = False  # the mark of an address that answered not_primary

    @property
    def up(self) -> bool:
        return self.connected and not self.ejected


class Routes:
    """``changed(route)`` is called after a route's ``up`` changed, ``ejected(route)`` after an ejection;
    both without the lock."""

    def __init__(
        self,
        addresses: List[str],
        eject_after: int,
        changed: Callable[[Route], None] = lambda route: None,
        ejected: Callable[[Route], None] = lambda route: None,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.routes = [Route(address) for address in addresses]
        self._eject_after = eject_after
        self._changed = changed
        self._ejected = ejected
        self._uniform = uniform
        self._lock = threading.Lock()
        self.any_ejected = False
        self.only_one = len(addresses) == 1

    def set_connected(self, index: int, connected: bool) -> None:
        route = self.routes[index]
        with self._lock:
            before = route.up
            route.connected = connected
            changed = route.up != before
        if changed:
            self._changed(route)

    def choose(self, tried: Collection[int] = ()) -> int:
        """Of those that are up, the first that is no standby, and best none of those that were tried; else the first
        that is connected; else the first."""
        first = self.routes[0]
        if first.connected and not (first.ejected or first.standby or tried):
            return 0
        up = [index for index, route in enumerate(self.routes) if route.up]
        if up:
            return min(up, key=lambda index: (index in tried, self.routes[index].standby))
        for index, route in enumerate(self.routes):
            if route.connected:
                return index
        return 0

    def another_is_up(self, tried: Collection[int]) -> bool:
        return any(route.up for index, route in enumerate(self.routes) if index not in tried)

    def refused(self, index: int, primary: str) -> None:
        """It answered not_primary, and named the primary if it knew it."""
        self.succeeded(index)
        with self._lock:
            self.routes[index].standby = True
            for route in self.routes:
                if route.address == primary:
                    route.standby = False

    def wrote(self, index: int) -> None:
        """It answered a call that a standby refuses."""
        route = self.routes[index]
        if route.standby:
            with self._lock:
                route.standby = False

    def succeeded(self, index: int) -> None:
        route = self.routes[index]
        if route.failures == 0 and not route.ejected:
            return
        with self._lock:
            # The answer to a call ends an ejection, too.
            changed = route.ejected and route.connected
            route.failures = route.ejections = 0
            route.ejected = route.probing = False
            self.any_ejected = any(other.ejected for other in self.routes)
        if changed:
            self._changed(route)

    def failed(self, index: int, now: float) -> None:
        if self.only_one:
            return
        route = self.routes[index]
        with self._lock:
            route.failures += 1
            if route.ejected or route.failures < self._eject_after:
                return
            was_up = route.up
            self._eject(route, now)
        self._ejected(route)
        if was_up:
            self._changed(route)

    def _eject(self, route: Route, now: float) -> None:
        length = min(EJECT_SECONDS_MAX, EJECT_SECONDS_MIN * 2**route.ejections)
        route.ejections = min(route.ejections + 1, 10)
        route.failures = 0
        route.ejected = self.any_ejected = True
        route.probing = False
        route.probe_at = now + length * self._uniform(1 - EJECT_JITTER, 1 + EJECT_JITTER)

    def take_probe(self, now: float) -> Optional[int]:
        """Returns an address to probe now; the caller must report the result with probed()."""
        if not self.any_ejected:
            return None
        with self._lock:
            for index, route in enumerate(self.routes):
                if route.ejected and route.connected and not route.probing and now >= route.probe_at:
                    route.probing = True
                    return index
        return None

    def probed(self, index: int, ready: bool, now: float) -> None:
        if ready:
            self.succeeded(index)
            return
        route = self.routes[index]
        with self._lock:
            if not route.probing:  # a call has succeeded meanwhile
                return
            self._eject(route, now)
        self._ejected(route)
