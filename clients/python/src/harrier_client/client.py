"""The blocking client. Any number of threads may call it at once."""

from __future__ import annotations

import math
import ssl
import threading
import time
from types import TracebackType
from typing import Any, List, Optional, Sequence, Type, Union

from . import _analyst_codec, _codec, _fallback, _nng, _search_codec
from ._call import Call
from ._core import Core
from ._finalizer import Finalizer
from ._limiter import Limiter
from .analyst import BrakeChange, BrakeChanged, Explanation, ListChange, ListChanged, ListPage, Reload
from .batcher import Batcher
from .errors import BusyError, ClosedError, HarrierError
from .options import Fallback, Metrics, Options, Token, make_options
from .search import Findings, FindQuery
from .types import (
    Amendment,
    AmendmentAccepted,
    Decision,
    Entity,
    Outcome,
    OutcomeAccepted,
    Status,
    Time,
    Transaction,
)


class Client:
    """Asks one server, or others when it is not available. clients/README.md specifies the behaviour.

    Does not wait for a connection when it is made. Close it, or use it as a context manager. It must not be used
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
        tls: Optional[ssl.SSLContext] = None,
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
            tls=tls,
        )
        self._core = Core(self.options, _nng.BlockingContext)
        self._meter = self._core.meter
        self._limiter = Limiter(in_flight_max)
        self._probes: List[threading.Thread] = []
        self._probing = threading.Lock()  # held while the list of probes changes
        self._closing = threading.Lock()
        self._finalizer = Finalizer(self, _abandon, self._core, self._limiter, self._probes)

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
        """Scores 1 to 1,000 transactions, in their order. Returns a decision or an error for each."""
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

    def amend(
        self, amendment: Amendment, *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> AmendmentAccepted:
        """Reports that a transaction was voided, captured with another amount, refunded or restored. What is
        reported last holds."""
        result = self.amend_many((amendment,), deadline=deadline, traceparent=traceparent)[0]
        if isinstance(result, HarrierError):
            raise result
        return result

    def amend_many(
        self, amendments: Sequence[Amendment], *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> List[Union[AmendmentAccepted, HarrierError]]:
        """Reports 1 to 1,000 amendments, in their order. Returns what the transaction is now or an error for each."""
        begun = time.monotonic()
        found: List[Union[AmendmentAccepted, HarrierError]]
        request = _codec.amend_request(amendments, traceparent)
        found = self._call(request, deadline, begun, _codec.amendments)
        return found

    def get_entity(
        self,
        entity: str,
        *key: str,
        at_time: Optional[Time] = None,
        deadline: Optional[float] = None,
        traceparent: Optional[str] = None,
    ) -> Entity:
        """key: one string for each field of the entity's key, mostly one."""
        begun = time.monotonic()
        request = _codec.entity_request(entity, key, at_time, traceparent)
        found: Entity = self._call(request, deadline, begun, _codec.entity)
        return found

    def status(
        self, *, state_hash: bool = False, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> Status:
        """state_hash also hashes the states of all entities, which reads all of them: set a long deadline."""
        begun = time.monotonic()
        request = _codec.status_request(state_hash, traceparent)
        found: Status = self._call(request, deadline, begun, _codec.status)
        return found

    def change_list(
        self, changes: Sequence[ListChange], *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> List[Union[ListChanged, HarrierError]]:
        """Makes 1 to 1,000 changes of the policy's lists, in their order. Returns what changed or an error for each.
        Making one again changes nothing."""
        begun = time.monotonic()
        found: List[Union[ListChanged, HarrierError]]
        request = _analyst_codec.change_request(changes, traceparent)
        found = self._call(request, deadline, begun, _analyst_codec.changes)
        return found

    def get_list(
        self,
        name: str = "",
        *,
        after_position: int = 0,
        limit: int = 0,
        deadline: Optional[float] = None,
        traceparent: Optional[str] = None,
    ) -> ListPage:
        """Returns the list and a page of its added entries: at most limit (up to 1,000; 0: 1,000) of those after an
        archive position, which is next_position of the page before. Without a name: all lists, without entries."""
        begun = time.monotonic()
        request = _analyst_codec.list_request(name, after_position, limit, traceparent)
        found: ListPage = self._call(request, deadline, begun, _analyst_codec.page)
        return found

    def change_brake(
        self, change: BrakeChange, *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> BrakeChanged:
        """Lifts or pulls the brake of a rule. Doing it again changes nothing. status() has the brakes."""
        begun = time.monotonic()
        request = _analyst_codec.brake_request(change, traceparent)
        found: BrakeChanged = self._call(request, deadline, begun, _analyst_codec.brake_changed)
        return found

    def reload(
        self, *, wait: bool = False, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> Reload:
        """Makes the server load its policy and shadow policies again. wait: until it is done, which may take seconds:
        set a long deadline. A refused policy is a result, not an error."""
        begun = time.monotonic()
        request = _analyst_codec.reload_request(wait, traceparent)
        found: Reload = self._call(request, deadline, begun, _analyst_codec.reload)
        return found

    def explain(
        self, transaction_id: str, *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> Explanation:
        """Derives a decision again from the archive, which may take long if that is large: set a deadline of a minute.
        Raises UnavailableError if the server is busy with other explanations, after the usual retries."""
        begun = time.monotonic()
        request = _analyst_codec.explain_request(transaction_id, traceparent)
        found: Explanation = self._call(request, deadline, begun, _analyst_codec.explanation)
        return found

    def find(
        self, query: Optional[FindQuery] = None, *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> Findings:
        """Transactions of the server's archive, the newest first: a page of them. Raises UnavailableError if the server
        is busy with other searches, after the usual retries."""
        begun = time.monotonic()
        request = _search_codec.find_request(query if query is not None else FindQuery(), traceparent)
        found: Findings = self._call(request, deadline, begun, _search_codec.findings)
        return found

    def batcher(self, *, window: float = 0.001, size_max: int = 100) -> Batcher:
        """Groups calls of score() that threads make within a short time."""
        return Batcher(self, window=window, size_max=size_max)

    # ------------------------------------------------------------------------------------------
    # One call

    def _call(self, request: _codec.Request, deadline: Optional[float], begun: float, decode: Any) -> Any:
        limit = self._core.limit(deadline)
        if not self._meter.on:
            return decode(self._admit(request, begun, limit))
        result = "ok"
        try:
            return decode(self._admit(request, begun, limit))
        except HarrierError as error:
            result = error.code
            raise
        finally:
            self._core.record(request, result, begun)

    def _admit(self, request: _codec.Request, begun: float, deadline: float) -> Any:
        admitted = self._limiter.acquire(begun + deadline)
        if not admitted:
            raise self._not_admitted(admitted)
        if self._meter.on:
            self._meter.in_flight(self._limiter.count)
        try:
            if self._core.routes.any_ejected:
                self._probe(begun)
            return self._run(self._core.new_call(request, begun, deadline))
        finally:
            self._limiter.release()
            if self._meter.on:
                self._meter.in_flight(self._limiter.count)

    def _not_admitted(self, admitted: Optional[bool]) -> HarrierError:
        if admitted is None:
            return ClosedError("the client is closed")
        return BusyError(f"{self.options.in_flight_max} requests were in flight until the deadline (in_flight_max)")

    def _run(self, call: Call) -> Any:
        while True:
            now = time.monotonic()
            timeout = call.begin(now)
            sent, error, data = self._exchange(call.index, call.encode(now), timeout, call.ends)
            if sent:
                response = call.received(error, data, time.monotonic())
                if response is not None:
                    return response
            else:
                call.not_sent(error)
            if self._limiter.aborted:
                raise ClosedError("the client was closed", decided=None)
            if call.pause:
                time.sleep(call.pause)

    def _exchange(self, index: int, data: bytes, timeout: float, ends: float) -> _nng.Result:
        endpoint = self._core.endpoints[index]
        context = endpoint.take()
        try:
            result = context.exchange(data, timeout, ends)
        except BaseException:  # KeyboardInterrupt, at any point
            endpoint.discard(context)
            raise
        endpoint.give_back(context)
        return result

    # ------------------------------------------------------------------------------------------
    # Probes run in threads of their own, so that no call waits for an address that may be dead.

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
        ready = False
        try:
            data = request.encode(limit, self._core.token and self._core.token())
            _, error, data = self._exchange(index, data, limit, time.monotonic() + limit)
            ready = error == _nng.OK and _codec.is_up(data, request)
        except Exception:  # of the token function: calls raise it, too
            ready = False
        finally:
            self._core.routes.probed(index, ready, time.monotonic())

    # ------------------------------------------------------------------------------------------
    # The end

    def close(self, timeout: Optional[float] = None) -> None:
        """Waits at most timeout seconds for calls in flight, then ends them with ClosedError. May be called again."""
        with self._closing:
            if self._finalizer.alive:
                self._limiter.close()
                self._limiter.wait_empty(timeout)
                _end_all(self._core, self._limiter, self._probes)
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
    core: Core[_nng.BlockingContext], limiter: Limiter, probes: List[threading.Thread], patience: float = math.inf
) -> None:
    if not limiter.wait_empty(0):
        limiter.aborted = True
    ends = time.monotonic() + patience
    # A call that is being sent again takes another context: repeat until all have ended.
    while not limiter.wait_empty(0.005) and time.monotonic() < ends:
        core.end()
    for probe in probes:
        # A probe may run this itself, as the last one that referred to the client: it has finished its request.
        while probe is not threading.current_thread() and probe.is_alive() and time.monotonic() < ends:
            core.end()
            probe.join(0.005)
    core.close()


_PATIENCE = 1.0
"""Seconds at exit for calls that are not in nng, but in the token function or in metrics."""


def _abandon(core: Core[_nng.BlockingContext], limiter: Limiter, probes: List[threading.Thread]) -> None:
    """Ends a client that was not closed. Either it was collected: then no call is in flight, because calls refer to it.
    Or Python exits, and daemon threads may be in calls; pynng shuts nng down next, and no thread may use it then."""
    limiter.abandon()
    _end_all(core, limiter, probes, _PATIENCE)
