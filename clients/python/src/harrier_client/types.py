"""What is sent and what comes back. The meaning of every field is in proto/harrier.proto."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Mapping, Optional, Sequence, Union

Time = Union[datetime, int]
"""An aware datetime, or microseconds since 1970-01-01 UTC."""

Value = Union[bool, int, float, str, datetime, timedelta, None]
"""A feature's value; None if it is absent."""

AttributeValue = Union[bool, int, float, str, datetime]


class Verdict(enum.Enum):
    APPROVE = "approve"
    REVIEW = "review"
    CHALLENGE = "challenge"
    DECLINE = "decline"


class Label(enum.Enum):
    NONE = "none"
    """Withdraws the label reported before."""
    LEGIT = "legit"
    FRAUD = "fraud"
    CHARGEBACK = "chargeback"
    SUSPECTED = "suspected"


class AmendmentKind(enum.Enum):
    VOID = "void"
    """The transaction never took place."""
    CAPTURE = "capture"
    """What was really taken."""
    REFUND = "refund"
    """What has been paid back so far."""
    RESTORE = "restore"
    """A void was a mistake."""


@dataclass
class Location:
    """Degrees, WGS 84. Sent rounded to 10⁻⁷."""

    latitude: float
    longitude: float


@dataclass
class Transaction:
    """What a server decides on. Empty strings are absent.

    ``amount_minor`` is in minor units of ``currency``: EUR 5.00 is 500, JPY 500 is 500. ``card`` and the
    other keys are tokens of your own making: a card number is refused. ``attributes`` are fields that the
    server's policy declares; a decimal is an int in units of its last digit. ``source`` is who sends it,
    by a name of its own ("checkout-3"), and ``sequence`` the number that it gives it: 1, rising by one; 0:
    none. The server notices numbers that are missing, or come twice.
    """

    id: str
    event_time: Time
    amount_minor: int = 0
    currency: str = ""
    card: str = ""
    customer: str = ""
    account: str = ""
    merchant: str = ""
    terminal: str = ""
    device: str = ""
    ip: str = ""
    country: str = ""
    mcc: str = ""
    channel: str = ""
    email: str = ""
    phone: str = ""
    location: Optional[Location] = None
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    source: str = ""
    sequence: int = 0


@dataclass
class Reason:
    """A rule that fired."""

    rule: str
    text: str = ""
    score: int = 0
    verdict: Optional[Verdict] = None
    shadow: bool = False
    suppressed: bool = False
    tags: Sequence[str] = ()
    group: str = ""
    capped: int = 0
    verdict_if_live: Optional[Verdict] = None


@dataclass
class Decision:
    """A server's decision or, with ``fallback``, the client's own because there was none in time.

    ``rule_errors`` rules could not be evaluated; ``failed_rules`` has the names of the first 16, in the policy's order.
    A server or a record of an earlier version names none. ``arm`` is "champion" or "challenger" while a challenger
    decides for a share of a key that the transaction has.
    """

    transaction_id: str
    verdict: Verdict
    score: int = 0
    reasons: Sequence[Reason] = ()
    snapshot_id: int = 0
    generation_id: int = 0
    position: int = 0
    degraded: bool = False
    degraded_reason: str = ""
    duplicate: bool = False
    dry_run: bool = False
    server_us: int = 0
    rule_errors: int = 0
    features: Mapping[str, Value] = field(default_factory=dict)
    fallback: bool = False
    fallback_reason: str = ""
    failed_rules: Sequence[str] = ()
    arm: str = ""


@dataclass
class Outcome:
    """A label to report for a transaction. ``known_time`` None: now.

    With ``unless_labelled`` nothing changes where the transaction has a label already, which ``previous`` then is.
    """

    transaction_id: str
    label: Label
    known_time: Optional[Time] = None
    source: str = ""
    unless_labelled: bool = False


@dataclass
class OutcomeAccepted:
    """``changed`` is False if the transaction had this label, or any with ``unless_labelled``; ``position`` is then 0."""

    transaction_id: str
    position: int
    changed: bool
    previous: Label


@dataclass
class Amendment:
    """What became known about a transaction's money after it was decided. ``known_time`` None: now.

    ``amount_minor`` is that of a capture or refund, in minor units of the transaction's currency; otherwise 0. It is a
    total and not a difference: what is captured or refunded altogether. ``currency`` is that of the amount, if it is
    known: the server refuses one that is not the transaction's.
    """

    transaction_id: str
    kind: AmendmentKind
    amount_minor: int = 0
    known_time: Optional[Time] = None
    source: str = ""
    currency: str = ""


@dataclass
class AmendedTransaction:
    """What a transaction is by now. ``amount_minor`` is what was taken (until a capture: the amount that was scored),
    ``refunded_minor`` what has been paid back so far."""

    voided: bool
    amount_minor: int
    refunded_minor: int


@dataclass
class AmendmentAccepted:
    """What the transaction was until now, and what it is. ``changed`` is False if it was this already; then
    ``position`` is 0."""

    transaction_id: str
    position: int
    changed: bool
    previous: AmendedTransaction
    now: AmendedTransaction


@dataclass
class Entity:
    """The history of one card, customer, … as the server has it. Times are microseconds since 1970."""

    features: Mapping[str, Value]
    newest_time_us: int
    at_time_us: int
    entries: int
    state_bytes: int
    state_hash: int


@dataclass(frozen=True)
class Brake:
    """A brake that was pulled and not lifted: the rule (empty: the policy as a whole) acts as if in shadow.

    ``definition`` is a hash of the declaration that it is for, and ``applies`` whether the policy in force declares the
    rule so. ``source`` is who pulled it, empty for the server; ``reason`` the person's, or what exceeded ``at_most``.
    """

    rule: str
    definition: int
    applies: bool
    pulled_time_us: int
    position: int
    source: str
    reason: str


@dataclass(frozen=True)
class SourceRange:
    """Numbers of a source; both ends are included."""

    first: int
    last: int


@dataclass(frozen=True)
class Source:
    """What the numbers of a source say, in the whole archive.

    ``transactions`` counts those with and without a number; ``first`` and ``highest`` are the lowest and the highest
    number since the numbering last began anew, 0 for none. ``gaps`` counts ranges that did not come in time, ``missed``
    the numbers in them, ``late`` those of them that came after all; ``repeats`` counts numbers that came again with
    another transaction, ``restarts`` how often the numbering began anew. ``missing`` has the last ranges that are still
    missing, at most 10, in rising order.
    """

    source: str
    transactions: int
    last_receive_time_us: int
    first: int
    highest: int
    gaps: int
    missed: int
    late: int
    repeats: int
    restarts: int
    missing: Sequence[SourceRange] = ()


@dataclass
class Status:
    """What a server reports of itself; its metrics have more. Times are microseconds since 1970."""

    version: str
    state: str
    state_reason: str
    started_time_us: int
    policy_name: str
    snapshot_id: int
    generation_id: int
    position: int
    synced_position: int
    transactions: int
    outcomes: int
    state_hash: int
    stale: bool
    reload_error: str
    # Of a server whose archive is replicated: its name, the address of the primary, and the last committed record.
    node: str
    primary: str
    committed_position: int
    # Those that were pulled and not lifted: the first 100 of brake_count, in the order of their positions.
    brakes: Sequence[Brake] = ()
    brake_count: int = 0
    # The sources of transactions, at most 256, and how many transactions had another one.
    sources: Sequence[Source] = ()
    other_source_transactions: int = 0
