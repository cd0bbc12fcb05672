"""The client that waits: any number of threads may call it at once."""

from __future__ import annotations

import math
import threading
import time
from types import TracebackType
from typing import Any, List, Optional, Sequence, Type, Union

from . import _codec, _fallback, _nng
from ._core import Core
from ._course import Course
from ._ending import Ending
from ._gate import Gate
from .batcher import Batcher
from .errors import BusyError, ClosedError, HarrierError
from .options import Fallback, Metrics, Options, Token, make_options
from .types import Decision, Entity, Outcome, OutcomeAccepted, Status, Time, Transaction


class Client:
    """Asks one server, or others when it is away. clients/README.md says exactly how.

    Made without waiting for a connection. Close it, or use it as a context manager. Not to be used
    across a fork.
    """

    def __init__(
        self,
        addresses: Union[str, Sequence[str]],
        *,
        deadline: float = 0.1,
        fallback: Optional[Fallback] = None,
        retries_max: int = 3,
        in_flight_max: int = 1024,
        eject_after: int = 3,
        metrics: Optional[Metrics] = None,
        token: Optional[Token] = None,
    ) -> None:
        self.options: Options = make_options(
            addresses,
            deadline=deadline,
            fallback=fallback,
            retries_max=retries_max,
            in_flight_max=in_flight_max,
            eject_after=eject_after,
            metrics=metrics,
            token=token,
        )
        self._core = Core(self.options, _nng.WaitingPlace)
        self._meter = self._core.meter
        self._gate = Gate(in_flight_max)
        self._probes: List[threading.Thread] = []
        self._probing = threading.Lock()  # held over a change of the probes
        self._closing = threading.Lock()
        self._finalizer = Ending(self, _abandon, self._core, self._gate, self._probes)

    # ------------------------------------------------------------------------------------------
    # Calls

    def score(
        self,
        transaction: Transaction,
        *,
        deadline: Optional[float] = None,
        dry_run: bool = False,
        return_features: bool = False,
        traceparent: Optional[str] = None,
    ) -> Decision:
        return _fallback.only(self._score((transaction,), deadline, dry_run, return_features, traceparent))

    def score_many(
        self,
        transactions: Sequence[Transaction],
        *,
        deadline: Optional[float] = None,
        dry_run: bool = False,
        return_features: bool = False,
        traceparent: Optional[str] = None,
    ) -> List[Union[Decision, HarrierError]]:
        """1 to 1,000, decided in their order; as many results."""
        return self._score(transactions, deadline, dry_run, return_features, traceparent)

    def _score(
        self,
        transactions: Sequence[Transaction],
        deadline: Optional[float],
        dry_run: bool,
        return_features: bool,
        traceparent: Optional[str],
    ) -> List[Union[Decision, HarrierError]]:
        fallback = None if dry_run else self.options.fallback
        begun = time.monotonic()
        request = _codec.score_request(transactions, dry_run, return_features, traceparent)
        try:
            results = self._call(request, deadline, begun, _codec.decisions)
        except HarrierError as error:
            return _fallback.for_call(fallback, transactions, error, self._meter)
        return results if fallback is None else _fallback.for_results(fallback, transactions, results, self._meter)

    def report_outcome(
        self, outcome: Outcome, *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> OutcomeAccepted:
        """Reporting one again changes nothing."""
        result = self.report_outcomes((outcome,), deadline=deadline, traceparent=traceparent)[0]
        if isinstance(result, HarrierError):
            raise result
        return result

    def report_outcomes(
        self, outcomes: Sequence[Outcome], *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> List[Union[OutcomeAccepted, HarrierError]]:
        begun = time.monotonic()
        found: List[Union[OutcomeAccepted, HarrierError]]
        request = _codec.outcome_request(outcomes, traceparent)
        found = self._call(request, deadline, begun, _codec.outcomes)
        return found

    def get_entity(
        self,
        entity: str,
        *key: str,
        at_time: Optional[Time] = None,
        deadline: Optional[float] = None,
        traceparent: Optional[str] = None,
    ) -> Entity:
        """key: one string for each field that makes up the entity's key, mostly one."""
        begun = time.monotonic()
        request = _codec.entity_request(entity, key, at_time, traceparent)
        found: Entity = self._call(request, deadline, begun, _codec.entity)
        return found

    def status(
        self, *, state_hash: bool = False, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> Status:
        """state_hash reads the states of all entities: give it time."""
        begun = time.monotonic()
        request = _codec.status_request(state_hash, traceparent)
        found: Status = self._call(request, deadline, begun, _codec.status)
        return found

    def batcher(self, *, window: float = 0.001, size_max: int = 100) -> Batcher:
        """Groups calls of score() that threads make within a short time."""
        return Batcher(self, window=window, size_max=size_max)

    # ------------------------------------------------------------------------------------------
    # One call

    def _call(self, request: _codec.Request, deadline: Optional[float], begun: float, decode: Any) -> Any:
        limit = self._core.limit(deadline)
        if not self._meter.on:
            return decode(self._pass_gate(request, begun, limit))
        result = "ok"
        try:
            return decode(self._pass_gate(request, begun, limit))
        except HarrierError as error:
            result = error.code
            raise
        finally:
            self._core.told(request, result, begun)

    def _pass_gate(self, request: _codec.Request, begun: float, deadline: float) -> Any:
        entered = self._gate.enter(begun + deadline)
        if not entered:
            raise self._not_entered(entered)
        if self._meter.on:
            self._meter.in_flight(self._gate.count)
        try:
            if self._core.routes.any_ejected:
                self._probe(begun)
            return self._run(self._core.course(request, begun, deadline))
        finally:
            self._gate.leave()
            if self._meter.on:
                self._meter.in_flight(self._gate.count)

    def _not_entered(self, entered: Optional[bool]) -> HarrierError:
        if entered is None:
            return ClosedError("the client is closed")
        return BusyError(f"{self.options.in_flight_max} requests were in flight until the deadline (in_flight_max)")

    def _run(self, course: Course) -> Any:
        while True:
            now = time.monotonic()
            timeout = course.begin(now)
            sent, error, data = self._exchange(course.index, course.encode(now), timeout, course.ends)
            if sent:
                response = course.received(error, data, time.monotonic())
                if response is not None:
                    return response
            else:
                course.not_sent(error)
            if self._gate.aborted:
                raise ClosedError("the client was closed", decided=None)
            if course.pause:
                time.sleep(course.pause)

    def _exchange(self, index: int, data: bytes, timeout: float, ends: float) -> _nng.Ending:
        link = self._core.links[index]
        place = link.take()
        try:
            ending = place.exchange(data, timeout, ends)
        except BaseException:  # an interrupt, at any point
            link.discard(place)
            raise
        link.give_back(place)
        return ending

    # ------------------------------------------------------------------------------------------
    # Probes: beside the calls, so that no call waits for an address that may be dead.

    def _probe(self, now: float) -> None:
        index = self._core.routes.take_probe(now)
        if index is None:
            return
        thread = threading.Thread(target=self._run_probe, args=(index,), name="harrier-probe", daemon=True)
        with self._probing:
            self._probes[:] = [probe for probe in self._probes if probe.is_alive()]
            thread.start()
            self._probes.append(thread)

    def _run_probe(self, index: int) -> None:
        limit = self._core.probe_limit
        request = _codec.status_request()
        lives = False
        try:
            data = request.encode(limit, self._core.token and self._core.token())
            _, error, data = self._exchange(index, data, limit, time.monotonic() + limit)
            lives = error == _nng.OK and _codec.is_ready(data, request)
        except Exception:  # of the token's function; a call meets it too, and raises it
            lives = False
        finally:
            self._core.routes.probed(index, lives, time.monotonic())

    # ------------------------------------------------------------------------------------------
    # The end

    def close(self, timeout: Optional[float] = None) -> None:
        """Lets calls under way end, at most timeout seconds; then they end with ClosedError."""
        with self._closing:
            if self._finalizer.alive:
                self._gate.close()
                self._gate.wait_empty(timeout)
                _end_all(self._core, self._gate, self._probes)
                self._finalizer.detach()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


def _end_all(
    core: Core[_nng.WaitingPlace], gate: Gate, probes: List[threading.Thread], patience: float = math.inf
) -> None:
    if not gate.wait_empty(0):
        gate.aborted = True
    ends = time.monotonic() + patience
    # A call that is sent again just now takes another place; so again, until all have left.
    while not gate.wait_empty(0.005) and time.monotonic() < ends:
        core.end()
    for probe in probes:
        # Not for itself: a probe that was the last to hold the client has done with its place.
        while probe is not threading.current_thread() and probe.is_alive() and time.monotonic() < ends:
            core.end()
            probe.join(0.005)
    core.close()


_PATIENCE = 1.0
"""Of Python's end with calls that are not in nng, but in their token's function or in metrics."""


def _abandon(core: Core[_nng.WaitingPlace], gate: Gate, probes: List[threading.Thread]) -> None:
    """A client that nobody closed: no call is under way, for calls hold it. Or Python ends, and daemon threads
    may be in calls: pynng ends nng then, which nobody may be in."""
    gate.abandon()
    _end_all(core, gate, probes, _PATIENCE)
