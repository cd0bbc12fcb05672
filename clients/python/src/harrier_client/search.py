"""What find() sends and returns. The meaning of every field is in proto/harrier.proto."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional, Sequence, Tuple

from .types import AmendedTransaction, Decision, Label, Time, Transaction, Verdict


@dataclass(frozen=True)
class FindQuery:
    """Filters for the transactions of the archive; all that are given must hold.

    Times are from the first on and before the second; the other ranges include both ends. ``amount_minor`` is the
    amount that was scored, and needs ``currency``. ``rule`` fired and had effect; with ``shadow`` it may also have
    fired in shadow or been suppressed. ``keys`` are fields of the transaction: ``{"card": "tok_17"}``. ``labels`` are
    what is known by now; Label.NONE: nothing is. ``limit``: at most 1,000; 0: 100. ``cursor``: of the page before,
    with the same filters.
    """

    from_time: Optional[Time] = None
    until_time: Optional[Time] = None
    received_from: Optional[Time] = None
    received_until: Optional[Time] = None
    verdicts: Sequence[Verdict] = ()
    score: Optional[Tuple[int, int]] = None
    amount_minor: Optional[Tuple[int, int]] = None
    currency: str = ""
    rule: str = ""
    shadow: bool = False
    keys: Mapping[str, str] = field(default_factory=dict)
    labels: Sequence[Label] = ()
    transaction_id: str = ""
    limit: int = 0
    cursor: str = ""


@dataclass(frozen=True)
class FoundTransaction:
    """A transaction with its decision as archived, and what is known about it by now.

    With Label.NONE the two times of the outcome are 0. ``amended`` is None if there was no amendment.
    """

    transaction: Transaction
    decision: Decision
    receive_time_us: int
    label: Label
    outcome_receive_time_us: int
    outcome_known_time_us: int
    amended: Optional[AmendedTransaction]
    amended_time_us: int


@dataclass(frozen=True)
class Findings:
    """A page, the newest transaction first.

    ``cursor`` is that of the next page, empty if there is none. ``incomplete``: the search took too long, or the page
    would be too large, before the limit was reached.
    """

    transactions: Sequence[FoundTransaction]
    cursor: str
    incomplete: bool
