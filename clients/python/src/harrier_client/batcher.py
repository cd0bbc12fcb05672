"""Groups calls made within a short time into one message."""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, List, Optional, Sequence, Tuple, Type, Union

from ._codec import ITEMS_MAX
from .errors import ClosedError, HarrierError, InvalidError, TooLargeError
from .options import check_deadline
from .types import Decision, Transaction

if TYPE_CHECKING:
    from .client import Client


def check_batch(window: float, size_max: int) -> None:
    if not 0 <= window <= 1:
        raise InvalidError(f"{window} s; expected 0 to 1", "window")
    if not 1 <= size_max <= ITEMS_MAX:
        raise InvalidError(f"{size_max}; expected 1 to {ITEMS_MAX}", "size_max")


def isolate(error: HarrierError) -> HarrierError:
    """A copy for each waiting caller: the traceback of an exception belongs to one thread or task."""
    return type(error)(error.message, error.field, decided=error.decided)


# Errors of a whole batch that one transaction causes: it cannot be encoded, or makes the message too large.
ONE_AT_FAULT = (InvalidError, TooLargeError)


def left(ends: float) -> float:
    """Never 0: a call whose deadline has passed still gets its error, or its fallback decision, from the client."""
    return max(ends - time.monotonic(), 1e-6)


class _Batch:
    def __init__(self, sent_at: float) -> None:
        self.transactions: List[Transaction] = []
        self.sent_at = sent_at
        self.ends = float("inf")
        self.traceparent: Optional[str] = None
        self.full = False
        self.done = threading.Event()
        self.results: Sequence[Union[Decision, HarrierError]] = ()
        self.failure: Optional[BaseException] = None


class Batcher:
    """The thread whose call opens a batch sends it for all of its calls; the batcher has no thread of its own."""

    def __init__(self, client: Client, *, window: float, size_max: int) -> None:
        check_batch(window, size_max)
        self._client = client
        self._window = window
        self._size_max = size_max
        self._changed = threading.Condition(threading.Lock())
        self._open: Optional[_Batch] = None
        self._closed = False

    def score(
        self, transaction: Transaction, *, deadline: Optional[float] = None, traceparent: Optional[str] = None
    ) -> Decision:
        """traceparent: the first one of a batch is sent."""
        limit = self._client.options.deadline if deadline is None else check_deadline(deadline)
        ends = time.monotonic() + limit
        batch, index = self._join(transaction, ends, traceparent)
        if index == 0:
            self._lead(batch)
        batch.done.wait()
        if isinstance(batch.failure, HarrierError):
            raise isolate(batch.failure)
        if batch.failure is not None:
            raise RuntimeError("the batch could not be sent") from batch.failure
        result = batch.results[index]
        if isinstance(result, HarrierError):
            raise result
        return result

    def _join(self, transaction: Transaction, ends: float, traceparent: Optional[str]) -> Tuple[_Batch, int]:
        with self._changed:
            if self._closed:
                raise ClosedError("the batcher is closed")
            batch = self._open
            if batch is None:
                batch = self._open = _Batch(time.monotonic() + self._window)
            batch.transactions.append(transaction)
            batch.ends = min(batch.ends, ends)
            batch.traceparent = batch.traceparent or traceparent
            if len(batch.transactions) == self._size_max:
                batch.full = True
                self._open = None
                self._changed.notify_all()
            return batch, len(batch.transactions) - 1

    def _lead(self, batch: _Batch) -> None:
        with self._changed:
            while not batch.full and not self._closed:
                pause = min(batch.sent_at, batch.ends) - time.monotonic()
                if pause <= 0:
                    break
                self._changed.wait(pause)
            if self._open is batch:
                self._open = None
        try:
            batch.results = self._send(batch)
        except BaseException as error:
            batch.failure = error
            if not isinstance(error, Exception):  # KeyboardInterrupt belongs to this thread
                raise
        finally:
            batch.done.set()

    def _send(self, batch: _Batch) -> Sequence[Union[Decision, HarrierError]]:
        try:
            return self._client.score_many(batch.transactions, deadline=left(batch.ends), traceparent=batch.traceparent)
        except ONE_AT_FAULT:
            if len(batch.transactions) == 1:
                raise
        return [self._send_one(transaction, batch) for transaction in batch.transactions]

    def _send_one(self, transaction: Transaction, batch: _Batch) -> Union[Decision, HarrierError]:
        try:
            return self._client.score_many((transaction,), deadline=left(batch.ends), traceparent=batch.traceparent)[0]
        except HarrierError as error:
            return error

    def close(self) -> None:
        """Sends the open batch. The client stays open."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def __enter__(self) -> Batcher:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()
