"""Fallback decisions: what scoring returns if there is no decision in time."""

from __future__ import annotations

from typing import List, Optional, Sequence, Union

from ._meter import Meter
from .errors import (
    BusyError,
    DeadlineError,
    HarrierError,
    InternalError,
    OverloadedError,
    ProtocolError,
    UnavailableError,
)
from .options import Fallback
from .types import Decision, Transaction, Verdict

_OF_A_CALL = (DeadlineError, UnavailableError, BusyError, OverloadedError, InternalError, ProtocolError)
_OF_A_TRANSACTION = (DeadlineError, UnavailableError, OverloadedError, InternalError)

Results = List[Union[Decision, HarrierError]]


def _decide(fallback: Fallback, transaction: Transaction, error: HarrierError) -> Decision:
    # The policy's verdict, if the server sent one, knows more than the client's.
    verdict = error.fallback or fallback if isinstance(fallback, Verdict) else fallback(transaction, error)
    return Decision(transaction.id, verdict, fallback=True, fallback_reason=error.code)


def for_call(
    fallback: Optional[Fallback], transactions: Sequence[Transaction], error: HarrierError, meter: Meter
) -> Results:
    """Raises the error if there is no fallback for it."""
    if fallback is None or not isinstance(error, _OF_A_CALL):
        raise error
    made: Results = [_decide(fallback, transaction, error) for transaction in transactions]
    meter.fell_back(error.code, len(made))
    return made


def for_results(
    fallback: Optional[Fallback], transactions: Sequence[Transaction], results: Results, meter: Meter
) -> Results:
    if fallback is None:
        return results
    for index, result in enumerate(results):
        if isinstance(result, _OF_A_TRANSACTION):
            results[index] = _decide(fallback, transactions[index], result)
            meter.fell_back(result.code, 1)
    return results


def only(results: Sequence[Union[Decision, HarrierError]]) -> Decision:
    """The decision of a call with one transaction."""
    result = results[0]
    if isinstance(result, HarrierError):
        raise result
    return result
