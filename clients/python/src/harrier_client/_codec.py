"""Conversion between the public types and protobuf's. Only this module and _analyst_codec.py use the generated code."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from operator import attrgetter
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Type, Union

from google.protobuf.message import DecodeError

from . import _wire, errors
from ._proto import harrier_pb2 as pb
from .errors import HarrierError, InvalidError, ProtocolError, TooLargeError, UnavailableError
from .options import TOKEN_MAX
from .types import (
    AmendedTransaction,
    Amendment,
    AmendmentAccepted,
    AmendmentKind,
    AttributeValue,
    Brake,
    Decision,
    Entity,
    Label,
    Outcome,
    OutcomeAccepted,
    Reason,
    Source,
    SourceRange,
    Status,
    Time,
    Transaction,
    Value,
    Verdict,
)

PROTOCOL = 1
ITEMS_MAX = 1000
REQUEST_SIZE_MAX = 2 << 20
RESPONSE_SIZE_MAX = 8 << 20
_HEAD = b"\x08%c\x10" % PROTOCOL  # Request.protocol, and the tag of Request.deadline_us
_NUMBERS = {field.name: field.number for field in (*pb.Request.DESCRIPTOR.fields, *pb.ScoreRequest.DESCRIPTOR.fields)}
_TOKEN_NUMBER, _TRACEPARENT_NUMBER = _NUMBERS["token"], _NUMBERS["traceparent"]
_SCORE_NUMBER, _TRANSACTIONS_NUMBER = _NUMBERS["score"], _NUMBERS["transactions"]
# The most bytes that are written before a request at each sending: Request.protocol; Request.deadline_us, a tag and a
# varint; Request.token, a tag, two bytes of length and the text.
SENT_SIZE_MAX = 2 + 11 + 3 + TOKEN_MAX
_ENCODED_SIZE_MAX = REQUEST_SIZE_MAX - SENT_SIZE_MAX
_one_transaction = _wire.nested(_SCORE_NUMBER, _TRANSACTIONS_NUMBER)

_TRACEPARENT = re.compile("00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MICROSECOND = timedelta(microseconds=1)
_TEXTS = (
    *("currency", "card", "customer", "account", "merchant", "terminal", "device", "ip", "country", "mcc"),
    *("channel", "email", "phone", "source"),
)

_VERDICTS: Dict[int, Verdict] = {
    pb.VERDICT_APPROVE: Verdict.APPROVE,
    pb.VERDICT_REVIEW: Verdict.REVIEW,
    pb.VERDICT_CHALLENGE: Verdict.CHALLENGE,
    pb.VERDICT_DECLINE: Verdict.DECLINE,
}
_LABELS: Dict[int, Label] = {
    pb.LABEL_NONE: Label.NONE,
    pb.LABEL_LEGIT: Label.LEGIT,
    pb.LABEL_FRAUD: Label.FRAUD,
    pb.LABEL_CHARGEBACK: Label.CHARGEBACK,
    pb.LABEL_SUSPECTED: Label.SUSPECTED,
}
VERDICT_NUMBERS = {verdict: number for number, verdict in _VERDICTS.items()}
LABEL_NUMBERS = {label: number for number, label in _LABELS.items()}
_KIND_NUMBERS: Dict[AmendmentKind, int] = {
    AmendmentKind.VOID: pb.AMENDMENT_VOID,
    AmendmentKind.CAPTURE: pb.AMENDMENT_CAPTURE,
    AmendmentKind.REFUND: pb.AMENDMENT_REFUND,
    AmendmentKind.RESTORE: pb.AMENDMENT_RESTORE,
}
_ERRORS: Dict[int, Type[HarrierError]] = {
    pb.ERROR_INVALID: errors.InvalidError,
    pb.ERROR_UNSUPPORTED: errors.UnsupportedError,
    pb.ERROR_NOT_FOUND: errors.NotFoundError,
    pb.ERROR_ID_CONFLICT: errors.IdConflictError,
    pb.ERROR_TOO_LARGE: errors.TooLargeError,
    pb.ERROR_DEADLINE: errors.DeadlineError,
    pb.ERROR_UNAVAILABLE: errors.UnavailableError,
    pb.ERROR_OVERLOADED: errors.OverloadedError,
    pb.ERROR_INTERNAL: errors.InternalError,
    pb.ERROR_DENIED: errors.DeniedError,
}

# ----------------------------------------------------------------------------------------------
# Requests


def microseconds(time: Time, field: str) -> int:
    if not isinstance(time, datetime):
        return time
    if time.tzinfo is None:
        raise InvalidError("a datetime without a time zone; expected an aware one, or microseconds", field)
    return (time - _EPOCH) // _MICROSECOND


def _fill_attribute(target: Any, name: str, value: AttributeValue) -> None:
    target.name = name
    if isinstance(value, bool):  # bool is a subclass of int
        target.flag = value
    elif isinstance(value, int):
        target.integer = value
    elif isinstance(value, float):
        target.number = value
    elif isinstance(value, str):
        target.text = value
    elif isinstance(value, datetime):
        target.integer = microseconds(value, name)
    else:
        raise TypeError(f"attribute {name}: {type(value).__name__}; expected bool, int, float, str or datetime")


def fill(target: Any, field: str, value: Any) -> None:
    try:
        setattr(target, field, value)
    except ValueError as error:  # out of range, or not encodable as UTF-8
        raise InvalidError(str(error), field) from None


def _find_fault(transaction: Transaction, time: int) -> None:
    """Raises InvalidError with the field that cannot hold its value."""
    target = pb.Transaction()
    fill(target, "id", transaction.id)
    fill(target, "event_time_us", time)
    fill(target, "amount_minor", transaction.amount_minor)
    for name in (*_TEXTS, "sequence"):
        fill(target, name, getattr(transaction, name))


def _transaction(transaction: Transaction) -> bytes:
    time = transaction.event_time
    if isinstance(time, datetime):
        time = microseconds(time, "event_time")
    plain = _wire.plain(transaction, time)
    return _any_transaction(transaction, time) if plain is None else plain


def _any_transaction(t: Transaction, time: int) -> bytes:
    try:
        target = pb.Transaction(
            id=t.id,
            event_time_us=time,
            amount_minor=t.amount_minor,
            currency=t.currency,
            card=t.card,
            customer=t.customer,
            account=t.account,
            merchant=t.merchant,
            terminal=t.terminal,
            device=t.device,
            ip=t.ip,
            country=t.country,
            mcc=t.mcc,
            channel=t.channel,
            email=t.email,
            phone=t.phone,
            source=t.source,
            sequence=t.sequence,
        )
    except ValueError:
        _find_fault(t, time)
        raise
    if t.location is not None:
        # Sets the message even if both are 0.
        target.location.SetInParent()
        try:
            target.location.latitude_e7 = round(t.location.latitude * 1e7)
            target.location.longitude_e7 = round(t.location.longitude * 1e7)
        except (ValueError, OverflowError) as error:
            raise InvalidError(str(error), "location") from None
    for name, value in t.attributes.items() if t.attributes else ():
        try:
            _fill_attribute(target.attributes.add(), name, value)
        except ValueError as error:
            raise InvalidError(str(error), name) from None
    return target.SerializeToString()


def check_count(count: int, what: str) -> None:
    if count == 0:
        raise InvalidError(f"no {what}; expected 1 to {ITEMS_MAX}", what)
    if count > ITEMS_MAX:
        raise TooLargeError(f"{count} {what}; expected at most {ITEMS_MAX}", what)


class Request:
    """An encoded request. Deadline and token are written anew at each sending."""

    def __init__(
        self, call: str, encoded: bytes, count: int = 0, traceparent: Optional[str] = None, dry_run: bool = False
    ) -> None:
        """encoded: the Request without protocol, deadline, token and trace, which are written before it."""
        self.call = call
        self.count = count
        # Only the primary answers it. A standby answers what only reads, and may answer a dry run.
        self.writes = (count > 0 or call == "change_brake") and not dry_run
        if traceparent and _TRACEPARENT.fullmatch(traceparent):
            encoded = _wire.delimited(_TRACEPARENT_NUMBER, traceparent.encode()) + encoded
        self._encoded = encoded
        if len(encoded) > _ENCODED_SIZE_MAX:
            size = len(encoded) + SENT_SIZE_MAX
            raise TooLargeError(f"a request of {size} bytes; expected at most {REQUEST_SIZE_MAX}")

    def encode(self, left: float, token: Optional[str] = None) -> bytes:
        """left: seconds until the deadline."""
        microseconds = int(left * 1e6)
        deadline = _HEAD + (_wire.varint(microseconds) if microseconds > 1 else b"\x01")
        if token:
            deadline += _wire.delimited(_TOKEN_NUMBER, token.encode())
        return deadline + self._encoded


def score_request(
    transactions: Sequence[Transaction], dry_run: bool, return_features: bool, traceparent: Optional[str] = None
) -> Request:
    count = len(transactions)
    if count == 1 and not (dry_run or return_features):
        return Request("score", _one_transaction(_transaction(transactions[0])), 1, traceparent)
    check_count(count, "transactions")
    score = b"".join([_wire.delimited(_TRANSACTIONS_NUMBER, _transaction(one)) for one in transactions])
    score += pb.ScoreRequest(dry_run=dry_run, return_features=return_features).SerializeToString()
    return Request("score", _wire.delimited(_SCORE_NUMBER, score), count, traceparent, dry_run)


def outcome_request(outcomes: Sequence[Outcome], traceparent: Optional[str] = None) -> Request:
    check_count(len(outcomes), "outcomes")
    message = pb.Request()
    for outcome in outcomes:
        target = message.report_outcome.outcomes.add()
        fill(target, "transaction_id", outcome.transaction_id)
        target.label = LABEL_NUMBERS[outcome.label]  # type: ignore[assignment]
        if outcome.known_time is not None:
            fill(target, "known_time_us", microseconds(outcome.known_time, "known_time"))
        fill(target, "source", outcome.source)
        target.unless_labelled = outcome.unless_labelled
    return Request("report_outcome", message.SerializeToString(), len(outcomes), traceparent)


def amend_request(amendments: Sequence[Amendment], traceparent: Optional[str] = None) -> Request:
    check_count(len(amendments), "amendments")
    message = pb.Request()
    for amendment in amendments:
        target = message.amend.amendments.add()
        fill(target, "transaction_id", amendment.transaction_id)
        target.kind = _KIND_NUMBERS[amendment.kind]  # type: ignore[assignment]
        fill(target, "amount_minor", amendment.amount_minor)
        if amendment.known_time is not None:
            fill(target, "known_time_us", microseconds(amendment.known_time, "known_time"))
        fill(target, "source", amendment.source)
        fill(target, "currency", amendment.currency)
    return Request("amend", message.SerializeToString(), len(amendments), traceparent)


def entity_request(
    entity: str, key: Sequence[str], at_time: Optional[Time], traceparent: Optional[str] = None
) -> Request:
    message = pb.Request()
    fill(message.get_entity, "entity", entity)
    for part in key:
        try:
            message.get_entity.key.append(part)
        except ValueError as error:  # not encodable as UTF-8
            raise InvalidError(str(error), "key") from None
    if at_time is not None:
        fill(message.get_entity, "at_time_us", microseconds(at_time, "at_time"))
    return Request("get_entity", message.SerializeToString(), traceparent=traceparent)


def status_request(state_hash: bool = False, traceparent: Optional[str] = None) -> Request:
    message = pb.Request()
    message.status.state_hash = state_hash
    return Request("status", message.SerializeToString(), traceparent=traceparent)


# ----------------------------------------------------------------------------------------------
# Responses


def error_of(error: Any) -> HarrierError:
    kind = _ERRORS.get(error.code, errors.InternalError)
    made: HarrierError = kind(error.message, error.field, decided=None if kind is errors.InternalError else False)
    if error.fallback:
        made.fallback = _VERDICTS.get(error.fallback)
    return made


class NotPrimaryError(UnavailableError):
    """The answer of a standby; never the error of a call. ``primary`` is empty if the standby knows none."""

    def __init__(self, message: str, primary: str) -> None:
        super().__init__(message)
        self.primary = primary


def _failure(error: Any) -> HarrierError:
    if error.code == pb.ERROR_NOT_PRIMARY:
        return NotPrimaryError(error.message, error.primary)
    return error_of(error)


def read_answer(data: bytes, request: Request) -> Tuple[Optional[HarrierError], Any]:
    """Returns the error of the call as a whole, or the answer: the list of results, if the request has items."""
    try:
        response = pb.Response.FromString(data)
    except DecodeError as error:
        raise ProtocolError(f"the server's answer: {error}", decided=None) from None
    if response.HasField("error"):
        return _failure(response.error), None
    call = request.call
    if request.count:
        results = getattr(response, call).results[:]
        if len(results) == request.count:
            return None, results
    if not response.HasField(call):
        answered = response.WhichOneof("answer") or "nothing"
        raise ProtocolError(f"the server answered {answered}; expected {call}", decided=None)
    if request.count:
        raise ProtocolError(f"the server answered {len(results)} results; expected {request.count}", decided=None)
    return None, getattr(response, call)


def verdict_of(number: int) -> Verdict:
    verdict = _VERDICTS.get(number)
    if verdict is None:
        raise ProtocolError(f"the server's answer: verdict {number} is not known", decided=None)
    return verdict


# Repeated fields are sliced into lists: iterating over protobuf's own containers is slower.


_OF_A_REASON = attrgetter(
    "rule", "text", "score", "verdict", "shadow", "suppressed", "tags", "group", "capped", "verdict_if_live"
)
_OF_A_DECISION = attrgetter(
    "transaction_id",
    "verdict",
    "score",
    "reasons",
    "snapshot_id",
    "generation_id",
    "position",
    "degraded",
    "degraded_reason",
    "duplicate",
    "dry_run",
    "server_us",
    "rule_errors",
    "features",
    "failed_rules",
    "arm",
)

# A number that this version does not know is no arm: nobody has to understand it to act on the verdict.
_ARMS = {1: "champion", 2: "challenger"}


def arm_of(arm: int) -> str:
    return _ARMS.get(arm, "")


def _reason(reason: Any) -> Reason:
    rule, text, score, verdict, shadow, suppressed, tags, group, capped, if_live = _OF_A_REASON(reason)
    return Reason(
        rule,
        text,
        score,
        (_VERDICTS.get(verdict) or verdict_of(verdict)) if verdict else None,
        shadow,
        suppressed,
        tuple(tags[:]),
        group,
        capped,
        (_VERDICTS.get(if_live) or verdict_of(if_live)) if if_live else None,
    )


def value_of(named: Any) -> Value:
    kind = named.WhichOneof("value")
    if kind is None:
        return None
    value = getattr(named, kind)
    if kind == "timestamp_us":
        return _EPOCH + timedelta(microseconds=value)
    if kind == "duration_us":
        return timedelta(microseconds=value)
    plain: Union[bool, int, float, str] = value
    return plain


def values_of(named: Any) -> Mapping[str, Value]:
    return {value.name: value_of(value) for value in named}


def decision_of(decision: Any) -> Decision:
    (
        transaction_id, verdict, score, reasons, snapshot_id, generation_id, position, degraded, degraded_reason,
        duplicate, dry_run, server_us, rule_errors, features, failed_rules, arm,
    ) = _OF_A_DECISION(decision)  # fmt: skip
    reasons = reasons[:]
    return Decision(
        transaction_id,
        _VERDICTS.get(verdict) or verdict_of(verdict),
        score,
        [_reason(reason) for reason in reasons] if reasons else (),
        snapshot_id,
        generation_id,
        position,
        degraded,
        degraded_reason,
        duplicate,
        dry_run,
        server_us,
        rule_errors,
        values_of(features) if features else {},
        False,
        "",
        tuple(failed_rules) if failed_rules else (),
        arm_of(arm) if arm else "",
    )


def decisions(results: Sequence[Any]) -> List[Union[Decision, HarrierError]]:
    found: List[Union[Decision, HarrierError]] = []
    for result in results:
        if result.HasField("decision"):
            found.append(decision_of(result.decision))
        elif result.HasField("error"):
            found.append(error_of(result.error))
        else:
            raise ProtocolError("the server's answer: a result is empty", decided=None)
    return found


def label_of(number: int) -> Label:
    label = _LABELS.get(number)
    if label is None:
        raise ProtocolError(f"the server's answer: label {number} is not known", decided=None)
    return label


def _accepted(accepted: Any) -> OutcomeAccepted:
    return OutcomeAccepted(accepted.transaction_id, accepted.position, accepted.changed, label_of(accepted.previous))


def outcomes(results: Sequence[Any]) -> List[Union[OutcomeAccepted, HarrierError]]:
    found: List[Union[OutcomeAccepted, HarrierError]] = []
    for result in results:
        kind = result.WhichOneof("result")
        if kind == "accepted":
            found.append(_accepted(result.accepted))
        elif kind == "error":
            found.append(error_of(result.error))
        else:
            raise ProtocolError("the server's answer: a result is empty", decided=None)
    return found


def amended_of(amended: Any) -> AmendedTransaction:
    return AmendedTransaction(amended.voided, amended.amount_minor, amended.refunded_minor)


def _amendment_accepted(accepted: Any) -> AmendmentAccepted:
    previous, now = amended_of(accepted.previous), amended_of(accepted.now)
    return AmendmentAccepted(accepted.transaction_id, accepted.position, accepted.changed, previous, now)


def amendments(results: Sequence[Any]) -> List[Union[AmendmentAccepted, HarrierError]]:
    found: List[Union[AmendmentAccepted, HarrierError]] = []
    for result in results:
        kind = result.WhichOneof("result")
        if kind == "accepted":
            found.append(_amendment_accepted(result.accepted))
        elif kind == "error":
            found.append(error_of(result.error))
        else:
            raise ProtocolError("the server's answer: a result is empty", decided=None)
    return found


def entity(found: Any) -> Entity:
    return Entity(
        features=values_of(found.features),
        newest_time_us=found.newest_time_us,
        at_time_us=found.at_time_us,
        entries=found.entries,
        state_bytes=found.state_bytes,
        state_hash=found.state_hash,
    )


_STATUS_FIELDS: Tuple[str, ...] = tuple(Status.__dataclass_fields__)
_BRAKE_FIELDS: Tuple[str, ...] = tuple(Brake.__dataclass_fields__)
_SOURCE_FIELDS: Tuple[str, ...] = tuple(name for name in Source.__dataclass_fields__ if name != "missing")


def status(found: Any) -> Status:
    members = {name: getattr(found, name) for name in _STATUS_FIELDS}
    members["brakes"] = [Brake(**{name: getattr(one, name) for name in _BRAKE_FIELDS}) for one in found.brakes]
    members["sources"] = [
        Source(
            **{name: getattr(one, name) for name in _SOURCE_FIELDS},
            missing=tuple(SourceRange(each.first, each.last) for each in one.missing),
        )
        for one in found.sources
    ]
    return Status(**members)


def is_up(data: bytes, request: Request) -> bool:
    """Returns whether the answer to a probe reports a state in which calls are answered."""
    try:
        failure, found = read_answer(data, request)
    except ProtocolError:
        return False
    return failure is None and found.state in ("ready", "standby")
