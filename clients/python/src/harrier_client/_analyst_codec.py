"""Conversion between the types of an analyst's calls and protobuf's, as in _codec.py."""

from __future__ import annotations

import enum
from dataclasses import fields
from typing import Any, Dict, List, Mapping, Optional, Sequence, Type, TypeVar, Union

from . import _codec
from ._codec import Request
from ._proto import harrier_pb2 as pb
from .analyst import (
    BrakeChange,
    BrakeChanged,
    ExplainedAmendment,
    ExplainedComputed,
    ExplainedCutoff,
    ExplainedEntity,
    ExplainedGroup,
    ExplainedKind,
    ExplainedModel,
    ExplainedOutcome,
    ExplainedPart,
    ExplainedPolicy,
    ExplainedRule,
    ExplainedShadow,
    Explanation,
    ListChange,
    ListChanged,
    ListEntry,
    ListPage,
    ListSummary,
    Reload,
    ReloadResult,
    RuleFate,
    RuleMode,
    ShadowReload,
    ThresholdOrigin,
)
from .errors import HarrierError, ProtocolError
from .types import AttributeValue, Location, Transaction, Verdict

T = TypeVar("T")
E = TypeVar("E", bound=enum.Enum)

# ----------------------------------------------------------------------------------------------
# Requests


def change_request(changes: Sequence[ListChange], traceparent: Optional[str] = None) -> Request:
    _codec.check_count(len(changes), "changes")
    message = pb.Request()
    for change in changes:
        target = message.change_list.changes.add()
        for name in ("list", "value", "remove", "source", "reason"):
            _codec.fill(target, name, getattr(change, name))
        if change.expiry_time is not None:
            _codec.fill(target, "expiry_time_us", _codec.microseconds(change.expiry_time, "expiry_time"))
    return Request("change_list", message.SerializeToString(), len(changes), traceparent)


def list_request(name: str, after_position: int, limit: int, traceparent: Optional[str] = None) -> Request:
    message = pb.Request()
    message.get_list.SetInParent()
    _codec.fill(message.get_list, "list", name)
    _codec.fill(message.get_list, "after_position", after_position)
    _codec.fill(message.get_list, "limit", limit)
    return Request("get_list", message.SerializeToString(), traceparent=traceparent)


def brake_request(change: BrakeChange, traceparent: Optional[str] = None) -> Request:
    message = pb.Request()
    message.change_brake.SetInParent()
    for one in fields(change):
        _codec.fill(message.change_brake, one.name, getattr(change, one.name))
    return Request("change_brake", message.SerializeToString(), traceparent=traceparent)


def reload_request(wait: bool, traceparent: Optional[str] = None) -> Request:
    message = pb.Request()
    message.reload.SetInParent()
    message.reload.wait = wait
    return Request("reload", message.SerializeToString(), traceparent=traceparent)


def explain_request(transaction_id: str, traceparent: Optional[str] = None) -> Request:
    message = pb.Request()
    message.explain.SetInParent()
    _codec.fill(message.explain, "transaction_id", transaction_id)
    return Request("explain", message.SerializeToString(), traceparent=traceparent)


# ----------------------------------------------------------------------------------------------
# Responses


def _copy(kind: Type[T], message: Any, /, **converted: Any) -> T:
    """Makes a dataclass of a message with fields of the same names, but for those that are given."""
    return kind(
        **{
            one.name: converted[one.name] if one.name in converted else getattr(message, one.name)
            for one in fields(kind)  # type: ignore[arg-type]
        }
    )


def _members(kind: Type[E], prefix: str, numbers: Mapping[str, int]) -> Dict[int, E]:
    """The members of an enum by the numbers of protobuf's, which has the same names after a prefix."""
    return {number: kind[name[len(prefix) :]] for name, number in numbers.items()}


_KINDS = _members(ExplainedKind, "EXPLAINED_KIND_", pb.ExplainedKind)  # type: ignore[arg-type]
_ORIGINS = _members(ThresholdOrigin, "THRESHOLD_ORIGIN_", pb.ThresholdOrigin)  # type: ignore[arg-type]
_MODES = _members(RuleMode, "RULE_MODE_", pb.RuleMode)  # type: ignore[arg-type]
_FATES = _members(RuleFate, "RULE_FATE_", pb.RuleFate)  # type: ignore[arg-type]
_RELOAD_RESULTS: Dict[int, ReloadResult] = {
    pb.RELOAD_UNSPECIFIED: ReloadResult.NONE,
    pb.RELOAD_ADOPTED: ReloadResult.ADOPTED,
    pb.RELOAD_UNCHANGED: ReloadResult.UNCHANGED,
    pb.RELOAD_REFUSED: ReloadResult.REFUSED,
}


def _known(members: Mapping[int, E], number: int, what: str) -> E:
    found = members.get(number)
    if found is None:
        raise ProtocolError(f"the server's answer: {what} {number} is not known", decided=None)
    return found


def _maybe_verdict(number: int) -> Optional[Verdict]:
    return _codec.verdict_of(number) if number else None


def changes(results: Sequence[Any]) -> List[Union[ListChanged, HarrierError]]:
    found: List[Union[ListChanged, HarrierError]] = []
    for result in results:
        kind = result.WhichOneof("result")
        if kind == "changed":
            found.append(_copy(ListChanged, result.changed))
        elif kind == "error":
            found.append(_codec.error_of(result.error))
        else:
            raise ProtocolError("the server's answer: a result is empty", decided=None)
    return found


def page(found: Any) -> ListPage:
    return ListPage(
        [_copy(ListSummary, summary) for summary in found.lists],
        [_copy(ListEntry, entry) for entry in found.entries],
        found.next_position,
    )


def brake_changed(found: Any) -> BrakeChanged:
    return _copy(BrakeChanged, found)


def _shadow_reload(shadow: Any) -> ShadowReload:
    return _copy(ShadowReload, shadow, result=_known(_RELOAD_RESULTS, shadow.result, "reload result"))


def reload(found: Any) -> Reload:
    return _copy(
        Reload,
        found,
        result=_known(_RELOAD_RESULTS, found.result, "reload result"),
        warming_features=tuple(found.warming_features),
        warming_rules=tuple(found.warming_rules),
        shadows=[_shadow_reload(shadow) for shadow in found.shadows],
    )


def _attributes(attributes: Any) -> Dict[str, AttributeValue]:
    found: Dict[str, AttributeValue] = {}
    for attribute in attributes:
        kind = attribute.WhichOneof("value")
        if kind is None:
            raise ProtocolError(f"the server's answer: attribute {attribute.name} has no value", decided=None)
        found[attribute.name] = getattr(attribute, kind)
    return found


def transaction_of(found: Any) -> Transaction:
    location = None
    if found.HasField("location"):
        location = Location(found.location.latitude_e7 / 1e7, found.location.longitude_e7 / 1e7)
    attributes = _attributes(found.attributes)
    return _copy(Transaction, found, event_time=found.event_time_us, location=location, attributes=attributes)


def _part(part: Any) -> ExplainedPart:
    return _copy(
        ExplainedPart,
        part,
        kind=_KINDS.get(part.kind, ExplainedKind.OTHER),
        value=_codec.value_of(part.value),
        origin=_known(_ORIGINS, part.origin, "threshold origin"),
    )


def _parts(parts: Any) -> List[ExplainedPart]:
    return [_part(part) for part in parts]


def _rule(rule: Any) -> ExplainedRule:
    return _copy(
        ExplainedRule,
        rule,
        mode=_known(_MODES, rule.mode, "rule mode"),
        fate=_known(_FATES, rule.fate, "rule fate"),
        verdict=_maybe_verdict(rule.verdict),
        verdict_on_error=_maybe_verdict(rule.verdict_on_error),
        verdict_if_live=_maybe_verdict(rule.verdict_if_live),
        parts=_parts(rule.parts),
    )


def _shadow(shadow: Any) -> ExplainedShadow:
    return _copy(
        ExplainedShadow,
        shadow,
        verdict=_maybe_verdict(shadow.verdict),
        rules=tuple(shadow.rules),
        arm=_codec.arm_of(shadow.arm),
    )


def _model(model: Any) -> ExplainedModel:
    return _copy(ExplainedModel, model, inputs=_codec.values_of(model.inputs), contributions=tuple(model.contributions))


def _policy(policy: Any) -> ExplainedPolicy:
    if policy.refusal:
        return ExplainedPolicy(policy.name, policy.snapshot_id, policy.refusal, policy.refused_field, None)
    return _copy(
        ExplainedPolicy,
        policy,
        decision=_codec.decision_of(policy.decision),
        fields=_codec.values_of(policy.fields),
        computed=[ExplainedComputed(computed.name, _parts(computed.parts)) for computed in policy.computed],
        rules=[_rule(rule) for rule in policy.rules],
        groups=[_copy(ExplainedGroup, group) for group in policy.groups],
        cutoffs=[_copy(ExplainedCutoff, one, verdict=_codec.verdict_of(one.verdict)) for one in policy.cutoffs],
        shadows=[_shadow(shadow) for shadow in policy.shadows],
        warming_features=tuple(policy.warming_features),
        models=[_model(model) for model in policy.models],
    )


def _outcome(outcome: Any) -> ExplainedOutcome:
    return _copy(
        ExplainedOutcome, outcome, previous=_codec.label_of(outcome.previous), label=_codec.label_of(outcome.label)
    )


def _amendment(amendment: Any) -> ExplainedAmendment:
    return _copy(
        ExplainedAmendment,
        amendment,
        previous=_codec.amended_of(amendment.previous),
        now=_codec.amended_of(amendment.now),
    )


def explanation(found: Any) -> Explanation:
    for name in ("transaction", "archived", "then"):
        if not found.HasField(name):
            raise ProtocolError(f"the server's answer: the explanation has no field {name}", decided=None)
    return _copy(
        Explanation,
        found,
        transaction=transaction_of(found.transaction),
        archived=_codec.decision_of(found.archived),
        entities=[_copy(ExplainedEntity, entity) for entity in found.entities],
        outcomes=[_outcome(outcome) for outcome in found.outcomes],
        amendments=[_amendment(amendment) for amendment in found.amendments],
        notes=tuple(found.notes),
        then=_policy(found.then),
    )
