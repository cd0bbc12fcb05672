"""Conversion between the types of find() and protobuf's, as in _codec.py."""

from __future__ import annotations

from typing import Any, Optional

from . import _analyst_codec, _codec
from ._codec import Request
from ._proto import harrier_pb2 as pb
from .errors import ProtocolError
from .search import Findings, FindQuery, FoundTransaction

_TIMES = (
    ("from_time", "from_us"),
    ("until_time", "until_us"),
    ("received_from", "received_from_us"),
    ("received_until", "received_until_us"),
)


def find_request(query: FindQuery, traceparent: Optional[str] = None) -> Request:
    message = pb.Request()
    find = message.find
    find.SetInParent()
    for name, member in _TIMES:
        time = getattr(query, name)
        if time is not None:
            _codec.fill(find, member, _codec.microseconds(time, name))
    find.verdicts.extend(_codec.VERDICT_NUMBERS[verdict] for verdict in query.verdicts)  # type: ignore[misc]
    find.labels.extend(_codec.LABEL_NUMBERS[label] for label in query.labels)  # type: ignore[misc]
    if query.score is not None:
        find.score.SetInParent()
        _codec.fill(find.score, "min", query.score[0])
        _codec.fill(find.score, "max", query.score[1])
    if query.amount_minor is not None:
        find.amount.SetInParent()
        _codec.fill(find.amount, "min_minor", query.amount_minor[0])
        _codec.fill(find.amount, "max_minor", query.amount_minor[1])
    for name in ("currency", "rule", "shadow", "transaction_id", "limit", "cursor"):
        _codec.fill(find, name, getattr(query, name))
    for field, value in query.keys.items():
        key = find.keys.add()
        _codec.fill(key, "field", field)
        _codec.fill(key, "value", value)
    return Request("find", message.SerializeToString(), traceparent=traceparent)


def _found(found: Any) -> FoundTransaction:
    for name in ("transaction", "decision"):
        if not found.HasField(name):
            raise ProtocolError(f"the server's answer: a found transaction has no field {name}", decided=None)
    return FoundTransaction(
        _analyst_codec.transaction_of(found.transaction),
        _codec.decision_of(found.decision),
        found.receive_time_us,
        _codec.label_of(found.label),
        found.outcome_receive_time_us,
        found.outcome_known_time_us,
        _codec.amended_of(found.amended) if found.HasField("amended") else None,
        found.amended_time_us,
    )


def findings(found: Any) -> Findings:
    return Findings([_found(one) for one in found.transactions], found.cursor, found.incomplete)
