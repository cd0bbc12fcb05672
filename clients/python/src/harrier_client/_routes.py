"""The state of each address, and which one a call goes to. The states are those of clients/README.md.

Knows no sockets and no clock: time is an argument. May be used by several threads.
"""

from __future__ import annotations

import random
import threading
from typing import Callable, Dict, List, Optional

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


class Search:
    """One call's search for the primary, once a standby has answered it."""

    def __init__(self) -> None:
        self.waits = 0  # because no address was left that may be the primary
        self.named: Optional[int] = None  # the primary, as the last standby said; None: none of the client's addresses
        self._answers: Dict[int, int] = {}  # by address: which of the standbys' answers was its last one, from 1
        self._count = 0  # of those answers
        self._waited = 0  # the count when the call last waited

    def answered(self, index: int, named: Optional[int]) -> None:
        self._count += 1
        self._answers[index] = self._count
        self.named = named

    def last(self, index: int) -> int:
        """Orders addresses by their last answers as standbys: a lower one is longer ago. 0: none."""
        return self._answers.get(index, 0)

    def tried(self, index: int) -> bool:
        """It has answered since the call last waited."""
        return self.last(index) > self._waited

    def waiting(self) -> None:
        """From here on the call may try all addresses again."""
        self._waited = self._count


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

    def choose(self, search: Optional[Search] = None) -> int:
        """The first that may be the primary; else, of those that are up, the one whose answer to the call as a standby
        is the longest ago, because any may become the primary; else the first that is connected; else the first."""
        first = self.routes[0]
        if first.connected and not (first.ejected or first.standby or search):
            return 0
        untried = self.untried(search)
        if untried is not None:
            return untried
        up = [index for index, route in enumerate(self.routes) if route.up]
        if up:
            return min(up, key=search.last) if search else up[0]
        for index, route in enumerate(self.routes):
            if route.connected:
                return index
        return 0

    def untried(self, search: Optional[Search]) -> Optional[int]:
        """One that may be the primary and has not refused the call since its last wait. The named one may be ejected:
        the word of a standby is newer, and the others refuse the call for certain."""
        for index, route in enumerate(self.routes):
            if route.up and not route.standby and not (search and search.tried(index)):
                return index
        named = search.named if search else None
        if search and named is not None and not search.tried(named):
            route = self.routes[named]
            if route.connected and not route.standby:
                return named
        return None

    def another_may_decide(self, than: int) -> bool:
        """Whether a call need not wait for this one. A standby is no reason not to: it refuses the call for certain."""
        return any(route.up and not route.standby for index, route in enumerate(self.routes) if index != than)

    def refused(self, index: int, primary: str) -> Optional[int]:
        """It answered not_primary, and named the primary if it knew it. Returns which of the addresses that is."""
        self.succeeded(index)
        named = next((other for other, route in enumerate(self.routes) if route.address == primary), None)
        with self._lock:
            if named is not None:
                self.routes[named].standby = False
            self.routes[index].standby = True  # in this order: one that names itself is a standby
        return named

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
