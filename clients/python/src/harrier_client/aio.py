"""The client for asyncio: any number of tasks of one event loop may call it at once."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import ssl
import time
from collections import deque
from types import TracebackType
from typing import Any, Deque, Dict, List, Optional, Sequence, Set, Tuple, Type, Union

import pynng

from . import _analyst_codec, _codec, _fallback, _nng, _search_codec
from ._call import Call
from ._core import Core
from ._finalizer import Finalizer
from .analyst import BrakeChange, BrakeChanged, Explanation, ListChange, ListChanged, ListPage, Reload
from .batcher import ONE_AT_FAULT, check_batch, isolate, left
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

_ffi: Any = pynng.ffi


_POLLED_MAX = 1
"""With at most this many requests in flight, a request is sent without a callback: send_polled()."""
_POLLED_PAUSE = 0.0005


class _Phase(enum.Enum):
    SENDING = 1
    RECEIVING = 2


class _Context(_nng.CallbackContext):
    """Driven by nng's threads: they start receiving when sending has ended, and wake the event loop at the end."""

    def __init__(self, socket: Any, mailbox: _Mailbox) -> None:
        self._mailbox = mailbox
        self._handle = _ffi.new_handle(self)
        self._phase = _Phase.SENDING
        self._ends = 0.0
        self.endpoint: Optional[_nng.Endpoint[_Context]] = None
        self.future: Optional[asyncio.Future[_nng.Result]] = None
        super().__init__(socket, mailbox.callback, self._handle)

    async def send_polled(self, data: bytes, timeout: float) -> int:
        """Sends without a callback by nng's threads, which would delay the answer while they wait for the interpreter's
        lock. A connection with nothing else to send has nearly always taken the message when this looks."""
        error = self.start_polled_send(data, timeout)
        if error == _nng.OK:
            pause = 0.0
            while self.is_polled_send_busy():
                await asyncio.sleep(pause)
                pause = _POLLED_PAUSE
            error = self.polled_sent()
        return error

    def receive(self, ends: float) -> None:
        self._phase = _Phase.RECEIVING
        self.start_receive(ends - time.monotonic())

    def start(self, data: bytes, timeout: float, ends: float) -> int:
        self._phase = _Phase.SENDING
        self._ends = ends
        return self.start_send(data, timeout)

    def finished(self) -> None:
        """Called by a thread of nng when an operation has ended."""
        if self._phase is _Phase.RECEIVING:
            self._mailbox.post(self, (True, *self.received()))
            return
        error = self.sent()
        if error == _nng.OK:
            self.receive(self._ends)
            return
        self._mailbox.post(self, (False, error, b""))


class _Mailbox:
    """Passes results from nng's threads to the event loop, and wakes it once for many of them."""

    def __init__(self) -> None:
        self.loop: Optional[asyncio.AbstractEventLoop] = None
        self._results: Deque[Tuple[_Context, _nng.Result]] = deque()
        self._woken = False
        self.abandoned = 0  # requests in flight that no task waits for
        self.callback = _ffi.callback("void(void *)", self._called)

    @staticmethod
    def _called(handle: Any) -> None:
        context: _Context = _ffi.from_handle(handle)
        context.finished()

    def post(self, context: _Context, result: _nng.Result) -> None:
        self._results.append((context, result))
        # _deliver() resets it before it takes results, so a result that is added later wakes the loop again.
        if not self._woken and self.loop is not None:
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the loop is closed, and no task waits
                self.loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._woken = False
        while self._results:
            context, result = self._results.popleft()
            future = context.future
            if future is not None and not future.done():
                future.set_result(result)
            elif context.endpoint is not None:
                self.abandoned -= 1
                context.endpoint.give_back(context)


def _settle(future: asyncio.Future[bool], result: bool) -> None:
    if not future.done():
        future.set_result(result)


class AsyncClient:
    """Like :class:`harrier_client.Client`, for the tasks of one event loop: that of its first call.

    If a task is cancelled during a call, the server may still decide. Close the client in its event loop.
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
        mailbox = self._mailbox = _Mailbox()
        self._core: Core[_Context] = Core(self.options, lambda socket: _Context(socket, mailbox))
        self._meter = self._core.meter
        # For a client that was not closed, or at exit: the callback must exist until nng has finished.
        self._finalizer = Finalizer(self, self._core.abandon)
        self._in_flight = 0
        self._waiting: Deque[asyncio.Future[bool]] = deque()
        self._probes: Set[asyncio.Task[None]] = set()
        self._closed = False
        self._aborted = False
        self._empty: Optional[asyncio.Future[None]] = None
        self._end: Optional[asyncio.Task[None]] = None

    # ------------------------------------------------------------------------------------------
    # Calls

    async def score(
        self,
        transaction: Transaction,
        *,
        deadline: Optional[float] = None,
        dry_run: bool = False,
        return_features: bool = False,
        traceparent: Optional[str] = None,
    ) -> Decision:
        return _fallback.only(
            await self.score_many(
                (transaction,),
                deadline=deadline,
                dry_run=dry_run,
                return_features=return_features,
                traceparent=traceparent,
            )
        )

    async def score_many(
        self,
        transactions: Sequence[Transaction],
        *,
        deadline: Optional[float] = None,
        dry_run: bool = False,
        return_features: bool = False,
        traceparent: Optional[str] = None,
    ) -> List[Union[Decision, HarrierError]]:
        """Scores 1 to 1,000 transactions, in their order. Returns a decision or an error for each."""
        fallback = None if dry_run else self.options.fallback
        begun = time.monotonic()
        request = _codec.score_request(transactions, dry_run, return_features, traceparent)
        try:
            results = await self._call(request, deadline, begun, _codec.decisions)
        except HarrierError as error:
            return _fallback.for_call(fallback, transactions, error, self._meter)
        return _fallback.for_results(fallback, transactions, results, self._meter)

    async def report_outcome(
        self, outcome: Outcome, *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> OutcomeAccepted:
        """Reporting one again changes nothing."""
        result = (await self.report_outcomes((outcome,), deadline=deadline, traceparent=traceparent))[0]
        if isinstance(result, HarrierError):
            raise result
        return result

    async def report_outcomes(
        self, outcomes: Sequence[Outcome], *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> List[Union[OutcomeAccepted, HarrierError]]:
        begun = time.monotonic()
        found: List[Union[OutcomeAccepted, HarrierError]]
        request = _codec.outcome_request(outcomes, traceparent)
        found = await self._call(request, deadline, begun, _codec.outcomes)
        return found

    async def amend(
        self, amendment: Amendment, *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> AmendmentAccepted:
        """Reports that a transaction was voided, captured with another amount, refunded or restored. What is
        reported last holds."""
        result = (await self.amend_many((amendment,), deadline=deadline, traceparent=traceparent))[0]
        if isinstance(result, HarrierError):
            raise result
        return result

    async def amend_many(
        self, amendments: Sequence[Amendment], *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> List[Union[AmendmentAccepted, HarrierError]]:
        """Reports 1 to 1,000 amendments, in their order. Returns what the transaction is now or an error for each."""
        begun = time.monotonic()
        found: List[Union[AmendmentAccepted, HarrierError]]
        request = _codec.amend_request(amendments, traceparent)
        found = await self._call(request, deadline, begun, _codec.amendments)
        return found

    async def get_entity(
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
        found: Entity = await self._call(request, deadline, begun, _codec.entity)
        return found

    async def status(
        self, *, state_hash: bool = False, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> Status:
        """state_hash also hashes the states of all entities, which reads all of them: set a long deadline."""
        begun = time.monotonic()
        request = _codec.status_request(state_hash, traceparent)
        found: Status = await self._call(request, deadline, begun, _codec.status)
        return found

    async def change_list(
        self, changes: Sequence[ListChange], *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> List[Union[ListChanged, HarrierError]]:
        """Makes 1 to 1,000 changes of the policy's lists, in their order. Returns what changed or an error for each.
        Making one again changes nothing."""
        begun = time.monotonic()
        found: List[Union[ListChanged, HarrierError]]
        request = _analyst_codec.change_request(changes, traceparent)
        found = await self._call(request, deadline, begun, _analyst_codec.changes)
        return found

    async def get_list(
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
        found: ListPage = await self._call(request, deadline, begun, _analyst_codec.page)
        return found

    async def change_brake(
        self, change: BrakeChange, *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> BrakeChanged:
        """Lifts or pulls the brake of a rule. Doing it again changes nothing. status() has the brakes."""
        begun = time.monotonic()
        request = _analyst_codec.brake_request(change, traceparent)
        found: BrakeChanged = await self._call(request, deadline, begun, _analyst_codec.brake_changed)
        return found

    async def reload(
        self, *, wait: bool = False, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> Reload:
        """Makes the server load its policy and shadow policies again. wait: until it is done, which may take seconds:
        set a long deadline. A refused policy is a result, not an error."""
        begun = time.monotonic()
        request = _analyst_codec.reload_request(wait, traceparent)
        found: Reload = await self._call(request, deadline, begun, _analyst_codec.reload)
        return found

    async def explain(
        self, transaction_id: str, *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> Explanation:
        """Derives a decision again from the archive, which may take long if that is large: set a deadline of a minute.
        Raises UnavailableError if the server is busy with other explanations, after the usual retries."""
        begun = time.monotonic()
        request = _analyst_codec.explain_request(transaction_id, traceparent)
        found: Explanation = await self._call(request, deadline, begun, _analyst_codec.explanation)
        return found

    async def find(
        self, query: Optional[FindQuery] = None, *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> Findings:
        """Transactions of the server's archive, the newest first: a page of them. Raises UnavailableError if the server
        is busy with other searches, after the usual retries."""
        begun = time.monotonic()
        request = _search_codec.find_request(query if query is not None else FindQuery(), traceparent)
        found: Findings = await self._call(request, deadline, begun, _search_codec.findings)
        return found

    def batcher(self, *, window: float = 0.001, size_max: int = 100) -> AsyncBatcher:
        """Groups calls of score() that tasks make within a short time."""
        return AsyncBatcher(self, window=window, size_max=size_max)

    # ------------------------------------------------------------------------------------------
    # One call

    async def _call(self, request: _codec.Request, deadline: Optional[float], begun: float, decode: Any) -> Any:
        limit = self._core.limit(deadline)
        if not self._meter.on:
            return decode(await self._admit(request, begun, limit))
        result = "ok"
        try:
            return decode(await self._admit(request, begun, limit))
        except HarrierError as error:
            result = error.code
            raise
        finally:
            self._core.record(request, result, begun)

    def _bind(self) -> None:
        loop = asyncio.get_running_loop()
        if self._mailbox.loop is None:
            self._mailbox.loop = loop
        elif self._mailbox.loop is not loop:
            raise RuntimeError("an AsyncClient belongs to the event loop of its first call; this is another one")

    async def _admit(self, request: _codec.Request, begun: float, deadline: float) -> Any:
        self._bind()
        if self._in_flight >= self.options.in_flight_max and not self._closed:
            await self._wait_for_room(begun + deadline)
        if self._closed:
            raise ClosedError("the client is closed")
        self._in_flight += 1
        if self._meter.on:
            self._meter.in_flight(self._in_flight)
        try:
            if self._core.routes.any_ejected:
                self._probe(begun)
            return await self._run(self._core.new_call(request, begun, deadline))
        finally:
            self._leave()

    async def _wait_for_room(self, until: float) -> None:
        loop = asyncio.get_running_loop()
        while self._in_flight >= self.options.in_flight_max and not self._closed:
            room: asyncio.Future[bool] = loop.create_future()
            timer = loop.call_later(max(0.0, until - time.monotonic()), _settle, room, False)
            self._waiting.append(room)
            try:
                if not await room:
                    raise BusyError(
                        f"{self.options.in_flight_max} requests were in flight until the deadline (in_flight_max)"
                    )
            except asyncio.CancelledError:
                if not room.cancelled() and room.result():
                    self._wake_one()  # this task had been given the room
                raise
            finally:
                timer.cancel()

    def _wake_one(self) -> None:
        while self._waiting:
            room = self._waiting.popleft()
            if not room.done():
                room.set_result(True)
                return

    def _leave(self) -> None:
        self._in_flight -= 1
        if self._meter.on:
            self._meter.in_flight(self._in_flight)
        if self._waiting:
            self._wake_one()
        if self._in_flight == 0 and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    async def _run(self, call: Call) -> Any:
        while True:
            response = await self._attempt(call)
            if response is not None:
                return response
            if self._aborted:
                raise ClosedError("the client was closed", decided=None)
            if call.pause:
                await asyncio.sleep(call.pause)

    async def _attempt(self, call: Call) -> Any:
        now = time.monotonic()
        timeout = call.begin(now)
        sent, error, data = await self._exchange(call.index, call.encode(now), timeout, call.ends)
        if not sent:
            call.not_sent(error)
            return None
        return call.received(error, data, time.monotonic())

    async def _exchange(self, index: int, data: bytes, timeout: float, ends: float) -> _nng.Result:
        endpoint = self._core.endpoints[index]
        context = endpoint.take()
        context.endpoint = endpoint
        future: asyncio.Future[_nng.Result] = asyncio.get_running_loop().create_future()
        context.future = future
        if self._in_flight <= _POLLED_MAX and endpoint.connected:
            try:
                error = await context.send_polled(data, timeout)
            except BaseException:
                endpoint.discard(context)
                raise
            if error == _nng.OK:
                context.receive(ends)
        else:
            error = context.start(data, timeout, ends)
        if error != _nng.OK:
            endpoint.give_back(context)
            return False, error, b""
        try:
            result = await future
        except asyncio.CancelledError:
            if future.cancelled():
                self._mailbox.abandoned += 1  # the context is given back when nng is done with it
            else:
                endpoint.give_back(context)
            raise
        endpoint.give_back(context)
        return result

    # ------------------------------------------------------------------------------------------
    # Probes run in tasks of their own, so that no call waits for an address that may be dead.

    def _probe(self, now: float) -> None:
        index = self._core.routes.take_probe(now)
        if index is not None:
            task = asyncio.get_running_loop().create_task(self._run_probe(index))
            self._probes.add(task)
            task.add_done_callback(self._probes.discard)

    async def _run_probe(self, index: int) -> None:
        limit = self._core.probe_limit
        request = _codec.status_request()
        ready = False
        try:
            data = request.encode(limit, self._core.token and self._core.token())
            ends = time.monotonic() + limit
            _, error, data = await self._exchange(index, data, limit, ends)
            ready = error == _nng.OK and _codec.is_up(data, request)
        except Exception:  # of the token function: calls raise it, too
            ready = False
        finally:
            self._core.routes.probed(index, ready, time.monotonic())

    # ------------------------------------------------------------------------------------------
    # The end

    async def close(self, timeout: Optional[float] = None) -> None:
        """Waits at most timeout seconds for calls in flight, then ends them with ClosedError. May be called again."""
        if self._end is None:
            self._end = asyncio.get_running_loop().create_task(self._close(timeout))
        await asyncio.shield(self._end)

    async def _close(self, timeout: Optional[float]) -> None:
        self._closed = True
        while self._waiting:
            self._wake_one()
        if not await self._wait_empty(timeout):
            self._aborted = True
            # A call that is being sent again takes another context: repeat until all have ended.
            while not await self._wait_empty(0.005):
                self._core.end()
        for probe in self._probes:
            probe.cancel()
        await asyncio.gather(*self._probes, return_exceptions=True)
        while self._mailbox.abandoned:
            self._core.end()
            await asyncio.sleep(0.001)
        self._finalizer()

    async def _wait_empty(self, timeout: Optional[float]) -> bool:
        if self._in_flight == 0:
            return True
        self._empty = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._empty], timeout=timeout)
        return self._in_flight == 0

    async def __aenter__(self) -> AsyncClient:
        self._bind()
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()


class _Batch:
    def __init__(self) -> None:
        self.transactions: List[Transaction] = []
        self.futures: List[asyncio.Future[Decision]] = []
        self.ends = float("inf")
        self.traceparent: Optional[str] = None


class AsyncBatcher:
    """A batch is sent by a timer of the event loop, or by the call that fills it."""

    def __init__(self, client: AsyncClient, *, window: float, size_max: int) -> None:
        check_batch(window, size_max)
        self._client = client
        self._window = window
        self._size_max = size_max
        self._open: Optional[_Batch] = None
        self._timer: Optional[asyncio.TimerHandle] = None
        self._sending: Dict[asyncio.Task[None], _Batch] = {}
        self._closed = False

    async def score(
        self, transaction: Transaction, *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> Decision:
        """traceparent: the first one of a batch is sent."""
        if self._closed:
            raise ClosedError("the batcher is closed")
        limit = self._client._core.limit(deadline)
        loop = asyncio.get_running_loop()
        batch = self._open
        if batch is None:
            batch = self._open = _Batch()
            self._timer = loop.call_later(min(self._window, limit), self._flush)
        future: asyncio.Future[Decision] = loop.create_future()
        batch.transactions.append(transaction)
        batch.futures.append(future)
        batch.traceparent = batch.traceparent or traceparent
        batch.ends = min(batch.ends, time.monotonic() + limit)
        if len(batch.transactions) == self._size_max:
            self._flush()
        return await future

    def _flush(self) -> None:
        batch, self._open = self._open, None
        if self._timer is not None:
            self._timer.cancel()
        if batch is not None:
            task = asyncio.get_running_loop().create_task(self._send(batch))
            self._sending[task] = batch
            task.add_done_callback(self._sending.pop)

    async def _send(self, batch: _Batch) -> None:
        try:
            results = await self._results(batch)
        except HarrierError as error:
            results = [isolate(error) for _ in batch.transactions]
        except BaseException as error:
            for future in batch.futures:
                if not future.done():
                    future.set_exception(RuntimeError("the batch could not be sent"))
                    future.exception()  # marks it as retrieved, so that asyncio does not warn if no task waits for it
            if not isinstance(error, Exception):
                raise
            return
        for future, result in zip(batch.futures, results):
            if future.done():  # its task was cancelled
                continue
            if isinstance(result, HarrierError):
                future.set_exception(result)
            else:
                future.set_result(result)

    async def _results(self, batch: _Batch) -> List[Union[Decision, HarrierError]]:
        try:
            return await self._client.score_many(
                batch.transactions, deadline=left(batch.ends), traceparent=batch.traceparent
            )
        except ONE_AT_FAULT:
            if len(batch.transactions) == 1:
                raise
        results: List[Union[Decision, HarrierError]] = []
        for transaction in batch.transactions:
            try:
                results += await self._client.score_many(
                    (transaction,), deadline=left(batch.ends), traceparent=batch.traceparent
                )
            except HarrierError as error:
                results.append(error)
        return results

    async def close(self) -> None:
        """Sends the open batch and waits for all answers. The client stays open."""
        self._closed = True
        self._flush()
        await asyncio.gather(*self._sending, return_exceptions=True)

    async def __aenter__(self) -> AsyncBatcher:
        return self

    async def __aexit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()
