"""What an analyst's calls send and return: changes of lists and brakes, reloads and explanations. The meaning of every
field is in proto/harrier.proto.

Names tell units: ``_us`` are microseconds, for times since 1970-01-01 UTC; 0 is none. Positions are those of records in
the server's archive. Ids are shown to people as 16 hexadecimal digits.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Mapping, Optional, Sequence

from .types import AmendedTransaction, Decision, Label, Time, Transaction, Value, Verdict

# ----------------------------------------------------------------------------------------------
# Lists


@dataclass(frozen=True)
class ListChange:
    """Adds an entry to a list of the policy while the server runs, or removes an added one with ``remove``; entries of
    the policy's own files stay.

    Transactions with event times from ``expiry_time`` on do not match the entry; None: it does not expire. Adding an
    entry that is there changes its expiry. ``source`` says who makes the change ("analyst:7"), ``reason`` why.
    """

    list: str
    value: str
    remove: bool = False
    expiry_time: Optional[Time] = None
    source: str = ""
    reason: str = ""


@dataclass(frozen=True)
class ListChanged:
    """What became of a change.

    ``value`` is in the canonical form of the list. ``changed`` is False if the entry was there with this expiry already
    or, for a removal, was not there; then ``position`` is 0. ``was_there``: it had been added before, until
    ``previous_expiry_time_us``. ``in_policy``: the policy's own entries cover all of it, whatever is removed.
    """

    list: str
    value: str
    position: int
    changed: bool
    was_there: bool
    previous_expiry_time_us: int
    in_policy: bool


@dataclass(frozen=True)
class ListSummary:
    """A list and the number of its entries.

    ``type`` is "string", "network" or "int"; empty if the policy does not declare the list. ``runtime``: it accepts
    changes. ``added_entries`` were added and not removed; ``used_entries`` are those of them that are valid for the
    type. ``changes`` counts all so far, with removals.
    """

    list: str
    type: str
    about: str
    declared: bool
    runtime: bool
    file: str
    policy_entries: int
    added_entries: int
    used_entries: int
    changes: int
    last_change_time_us: int


@dataclass(frozen=True)
class ListEntry:
    """An entry that was added while the server ran. ``expiry_time_us`` 0: it does not expire."""

    value: str
    expiry_time_us: int
    position: int
    receive_time_us: int
    source: str
    reason: str


@dataclass(frozen=True)
class ListPage:
    """The list that was asked for, or all of them, and a page of added entries, in the order of their positions.

    ``next_position`` is the ``after_position`` of the next page; 0: there is none.
    """

    lists: Sequence[ListSummary]
    entries: Sequence[ListEntry]
    next_position: int


# ----------------------------------------------------------------------------------------------
# Brakes


@dataclass(frozen=True)
class BrakeChange:
    """Lifts the brake of a rule or, with ``pull``, pulls it. With ``policy`` and no rule: of all of the policy's rules.

    ``definition`` lifts a brake that is for another declaration of the rule than that of the policy in force: as in
    :class:`Brake`; 0: that one. ``source`` says who makes the change ("analyst:7"), ``reason`` why.
    """

    rule: str = ""
    policy: bool = False
    pull: bool = False
    definition: int = 0
    source: str = ""
    reason: str = ""


@dataclass(frozen=True)
class BrakeChanged:
    """``changed`` is false if it was so already, and ``position`` is 0 then. ``definition`` is that of the declaration
    that the brake is, or was, for."""

    changed: bool
    position: int
    definition: int


# ----------------------------------------------------------------------------------------------
# Reload


class ReloadResult(enum.Enum):
    NONE = "none"
    """The call did not wait for it."""
    ADOPTED = "adopted"
    UNCHANGED = "unchanged"
    """The files are those of the policy in force."""
    REFUSED = "refused"
    """It has an error, or one of its cases fails: the policy in force stays."""


@dataclass(frozen=True)
class ShadowReload:
    """What became of the shadow policy in ``folder``. The others are as in :class:`Reload`, with id 0 if there is no
    policy in use for this folder."""

    folder: str
    result: ReloadResult
    policy_name: str
    snapshot_id: int
    error: str
    messages: str


@dataclass(frozen=True)
class Reload:
    """What became of the policy, and of each shadow policy in the order of the server's options.

    ``policy_name`` and ``snapshot_id`` are of the policy in force now. ``error``: one sentence why it was refused;
    ``messages``: all errors, warnings and failed cases, with line breaks. The warming features have no history until
    the next rebuild, and the warming rules use them: the first names, and how many there are.
    """

    result: ReloadResult
    policy_name: str
    snapshot_id: int
    error: str
    messages: str
    warming_features: Sequence[str]
    warming_feature_count: int
    warming_rules: Sequence[str]
    warming_rule_count: int
    shadows: Sequence[ShadowReload]


# ----------------------------------------------------------------------------------------------
# Explain


class ExplainedKind(enum.Enum):
    """What a part of an expression is. OTHER is arithmetic, a function, an index, or what this client does not know."""

    OTHER = "other"
    NAME = "name"
    HAS = "has"
    LIST = "list"
    THRESHOLD = "threshold"
    COMPARISON = "comparison"
    AND = "and"
    OR = "or"
    NOT = "not"
    CONDITIONAL = "conditional"
    MACRO = "macro"
    EACH = "each"
    """What a macro evaluates for each item; its value is the list of the results."""


class ThresholdOrigin(enum.Enum):
    """Where the value of a threshold comes from."""

    NONE = "none"
    FALLBACK = "fallback"
    """The policy's own value: nothing was computed, or from too few transactions."""
    OVERALL = "overall"
    """Computed with the tables, over all groups."""
    GROUP = "group"
    """Computed with the tables, for the transaction's group."""


class RuleMode(enum.Enum):
    LIVE = "live"
    SHADOW = "shadow"
    OFF = "off"


class RuleFate(enum.Enum):
    """What became of a rule."""

    FALSE = "false"
    ABSENT = "absent"
    """Its condition depends on something that is absent."""
    ERROR = "error"
    """Its condition could not be evaluated."""
    FIRED = "fired"
    SHADOW = "shadow"
    """A shadow rule that fired: without effect."""
    SUPPRESSED = "suppressed"
    """It fired, but also recently for the same entity: without effect."""
    OFF = "off"
    EARLY = "early"
    """The transaction is before the rule's ``from_us``."""
    OVER = "over"
    """The transaction is not before the rule's ``until_us``."""
    LEFT_OUT = "left_out"
    """Its condition is true, but its rollout excludes this key."""


@dataclass(frozen=True)
class ExplainedPart:
    """A part of an expression. Parts are in the order in which they are written, each followed by its own parts, which
    are one deeper (``depth`` 0: the whole expression). Literals are left out.

    ``type`` is that of the value: "bool", "int", "double", "string", "timestamp", "duration", "list", "map", "absent"
    or "error"; a list or map is printed as a text. ``error`` says why there is no value. ``reached``: it was evaluated.
    ``decides``: the result of the whole follows from it. ``list`` is the list that is searched; ``added``: found there
    only because it was added at run time.
    """

    text: str
    depth: int
    kind: ExplainedKind
    type: str
    value: Value
    error: str
    reached: bool
    decides: bool
    list: str
    added: bool
    origin: ThresholdOrigin


@dataclass(frozen=True)
class ExplainedComputed:
    """How a computed value came about; the value itself is among the features of the decision."""

    name: str
    parts: Sequence[ExplainedPart]


@dataclass(frozen=True)
class ExplainedRule:
    """A rule of the policy, and what became of it.

    ``verdict`` is what it asks for, ``verdict_on_error`` if its condition cannot be evaluated; None: nothing.
    ``capped``, ``verdict_if_live`` and ``reason``, if it fired, are as in :class:`Reason`. It applies to event times
    from ``from_us`` on and before ``until_us`` (0: no bound), and to ``rollout`` hundredths of a percent of the keys in
    the field ``rollout_key``: 10,000 is all. The first of ``parts`` is its whole condition.
    ``braked``: in shadow by its brake; live in the policy.
    """

    name: str
    about: str
    file: str
    line: int
    mode: RuleMode
    fate: RuleFate
    verdict: Optional[Verdict]
    verdict_on_error: Optional[Verdict]
    score: int
    group: str
    reason: str
    capped: int
    verdict_if_live: Optional[Verdict]
    from_us: int
    until_us: int
    rollout: int
    rollout_key: str
    parts: Sequence[ExplainedPart]
    braked: bool = False


@dataclass(frozen=True)
class ExplainedGroup:
    """A group of rules. ``greatest``: the greatest of its rules' scores counts; else their sum, which is ``asked``.
    ``counted`` was added to the score: at most ``at_most``, if the group is ``limited``."""

    name: str
    about: str
    greatest: bool
    limited: bool
    at_most: int
    asked: int
    counted: int


@dataclass(frozen=True)
class ExplainedCutoff:
    """The smallest score with this verdict. ``computed`` by a rebuild from the policy's budget; else stated in it."""

    verdict: Verdict
    score: int
    computed: bool


@dataclass(frozen=True)
class ExplainedShadow:
    """The decision of a shadow policy; ``verdict`` None: it refuses the transaction. ``rules`` had effect.
    ``degraded``: it lacked features, or read them beyond its lateness. With an ``arm`` ("champion" or "challenger") it
    is no shadow policy, but the other side of the experiment."""

    name: str
    snapshot_id: int
    verdict: Optional[Verdict]
    score: int
    rules: Sequence[str]
    rule_errors: int
    degraded: bool
    arm: str = ""


@dataclass(frozen=True)
class ExplainedModel:
    """What the inputs contributed to a value of a model, as expressions write it: "models.fraud".

    ``inputs`` has them by the model's names, the greatest contribution first, None: it is missing; ``contributions`` is
    parallel to it. They are SHAP values: with ``bias`` they add up to ``margin``, up to rounding.
    """

    name: str
    inputs: Mapping[str, Value]
    contributions: Sequence[float]
    bias: float
    margin: float


@dataclass(frozen=True)
class ExplainedPolicy:
    """How a policy decides the transaction.

    ``refusal`` says why it refuses it, because of ``refused_field``; then ``decision`` is None and nothing after it is
    set. ``decision`` has all features and computed values. ``fields`` are those of the transaction as expressions read
    them, with derived ones. ``rules`` are all, in the policy's order; ``cutoffs`` in rising severity.
    ``warming_features`` had no history in the tables.
    """

    name: str
    snapshot_id: int
    refusal: str
    refused_field: str
    decision: Optional[Decision]
    fields: Mapping[str, Value] = field(default_factory=dict)
    computed: Sequence[ExplainedComputed] = ()
    rules: Sequence[ExplainedRule] = ()
    groups: Sequence[ExplainedGroup] = ()
    cutoffs: Sequence[ExplainedCutoff] = ()
    shadows: Sequence[ExplainedShadow] = ()
    warming_features: Sequence[str] = ()
    models: Sequence[ExplainedModel] = ()


@dataclass(frozen=True)
class ExplainedEntity:
    """An entity of the transaction; the parts of its key are separated by ", ". Its state held ``entries``
    transactions, the newest of ``newest_time_us`` (event time; 0: none). ``applied`` records were applied to the state
    from the tables, if that had one (``in_tables``)."""

    name: str
    key: str
    entries: int
    newest_time_us: int
    applied: int
    in_tables: bool


@dataclass(frozen=True)
class ExplainedOutcome:
    """An outcome reported after the decision, which could not influence it."""

    position: int
    receive_time_us: int
    known_time_us: int
    previous: Label
    label: Label
    source: str


@dataclass(frozen=True)
class ExplainedAmendment:
    """An amendment reported after the decision, which could not influence it. ``previous`` is what the transaction was
    until then, ``now`` what it was from then on."""

    position: int
    receive_time_us: int
    known_time_us: int
    previous: AmendedTransaction
    now: AmendedTransaction
    source: str


@dataclass(frozen=True)
class Explanation:
    """A decision, derived again from the archive, with everything that went into it.

    ``transaction`` is as the server received it, with ``event_time`` in microseconds. ``archived`` is the decision in
    the archive, without features; the derived one is ``then.decision``, and ``equal`` says that it is bit for bit the
    same: ``difference`` says otherwise how they differ. It was decided with the policy recorded at ``policy_position``
    on the tables ``generation_id`` (0: none), which were built for ``generation_position`` and adopted at
    ``adopted_position``. The history was folded from ``base_position``: ``records_read``, of which ``records_applied``
    concern its entities. ``notes`` are sentences that the reader should know. ``experiment`` is the name of the one
    whose arm the decision names, or "".
    """

    transaction: Transaction
    position: int
    receive_time_us: int
    archived: Decision
    equal: bool
    difference: str
    policy_position: int
    generation_id: int
    generation_position: int
    adopted_position: int
    base_position: int
    records_read: int
    records_applied: int
    entities: Sequence[ExplainedEntity]
    outcomes: Sequence[ExplainedOutcome]
    amendments: Sequence[ExplainedAmendment]
    notes: Sequence[str]
    then: ExplainedPolicy
    experiment: str = ""
