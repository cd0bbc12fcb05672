"""Entities, lists, reload and explain: every field of the protocol arrives, in the type that is promised."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import pytest
from conftest import FakeServer, approve

from harrier_client import (
    AmendedTransaction,
    AsyncClient,
    Brake,
    BrakeChange,
    BrakeChanged,
    Client,
    Decision,
    Entity,
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
    HarrierError,
    InvalidError,
    Label,
    ListChange,
    ListChanged,
    ListEntry,
    ListPage,
    ListSummary,
    Location,
    NotFoundError,
    ProtocolError,
    Reason,
    Reload,
    ReloadResult,
    RuleFate,
    RuleMode,
    ShadowReload,
    Source,
    SourceRange,
    ThresholdOrigin,
    TooLargeError,
    Transaction,
    Verdict,
    _analyst_codec,
    _codec,
)
from harrier_client._proto import harrier_pb2 as pb

CASES = Path(__file__).resolve().parents[3] / "tests" / "cases" / "wire"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="not in Harrier's tree")
CHANGE = ListChange("blocked_cards", "tok_9")


def bytes_of(name: str) -> bytes:
    wanted: Dict[str, Any] = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    return bytes.fromhex(wanted["hex"].replace(" ", ""))


@needs_cases
@pytest.mark.parametrize(
    ("name", "request_"),
    [
        (
            "request_change_list",
            _analyst_codec.change_request(
                [
                    ListChange(
                        "blocked_cards",
                        "tok_9",
                        expiry_time=datetime(2026, 1, 2, tzinfo=timezone.utc),
                        source="analyst:7",
                        reason="seen in a test of stolen cards",
                    ),
                    ListChange("blocked_ips", "2001:db8::/32"),
                    ListChange("blocked_cards", "tok_8", remove=True),
                ]
            ),
        ),
        (
            "request_change_brake",
            _analyst_codec.brake_request(BrakeChange("night_spree", source="analyst:7", reason="the sale is over")),
        ),
        ("request_change_brake_policy", _analyst_codec.brake_request(BrakeChange(policy=True, pull=True))),
        ("request_get_list", _analyst_codec.list_request("blocked_cards", 4711, 100)),
        ("request_get_list_all", _analyst_codec.list_request("", 0, 0)),
        ("request_reload", _analyst_codec.reload_request(True)),
    ],
)
def test_requests_are_those_bytes(name: str, request_: _codec.Request) -> None:
    wanted = pb.Request.FromString(bytes_of(name))
    encoded = request_.encode(wanted.deadline_us / 1e6)
    if not wanted.deadline_us:  # a client always sends one
        encoded = encoded.replace(b"\x10\x01", b"", 1)
    assert encoded == bytes_of(name)


def test_a_request_is_there_even_if_it_is_empty() -> None:
    for request, call in (
        (_analyst_codec.reload_request(False), "reload"),
        (_analyst_codec.list_request("", 0, 0), "get_list"),
        (_analyst_codec.brake_request(BrakeChange()), "change_brake"),
        (_codec.entity_request("", [], None), "get_entity"),
        (_analyst_codec.explain_request(""), "explain"),
    ):
        assert pb.Request.FromString(request.encode(1)).WhichOneof("call") == call


@pytest.mark.parametrize(
    ("make", "kind", "field"),
    [
        (lambda: _analyst_codec.change_request([]), InvalidError, "changes"),
        (lambda: _analyst_codec.change_request([CHANGE] * 1001), TooLargeError, "changes"),
        (lambda: _analyst_codec.change_request([ListChange("l", "x" * 3000)] * 1000), TooLargeError, ""),
        (lambda: _analyst_codec.change_request([ListChange("l", "\ud800")]), InvalidError, "value"),
        (
            lambda: _analyst_codec.change_request([ListChange("l", "v", expiry_time=1 << 63)]),
            InvalidError,
            "expiry_time_us",
        ),
        (
            lambda: _analyst_codec.change_request([ListChange("l", "v", expiry_time=datetime(2026, 1, 1))]),
            InvalidError,
            "expiry_time",
        ),
        (lambda: _analyst_codec.list_request("l", -1, 0), InvalidError, "after_position"),
        (lambda: _analyst_codec.list_request("l", 0, 1 << 32), InvalidError, "limit"),
        (lambda: _analyst_codec.explain_request("\ud800"), InvalidError, "transaction_id"),
        (lambda: _codec.entity_request("card", ["\ud800"], None), InvalidError, "key"),
    ],
)
def test_what_is_not_sent(make: Callable[[], Any], kind: type, field: str) -> None:
    with pytest.raises(HarrierError) as caught:
        make()
    assert (type(caught.value), caught.value.field) == (kind, field)


# Fields of the protocol whose name or shape is another one here.
OTHERWISE = {Transaction: ({"event_time"}, {"event_time_us"})}


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Entity, pb.GetEntityResponse),
        (ListChanged, pb.ListChanged),
        (ListSummary, pb.ListSummary),
        (ListEntry, pb.ListEntry),
        (ListPage, pb.GetListResponse),
        (Reload, pb.ReloadResponse),
        (ShadowReload, pb.ShadowReload),
        (Explanation, pb.ExplainResponse),
        (ExplainedEntity, pb.ExplainedEntity),
        (ExplainedOutcome, pb.ExplainedOutcome),
        (ExplainedAmendment, pb.ExplainedAmendment),
        (AmendedTransaction, pb.AmendedTransaction),
        (ExplainedPolicy, pb.ExplainedPolicy),
        (ExplainedModel, pb.ExplainedModel),
        (ExplainedPart, pb.ExplainedPart),
        (ExplainedComputed, pb.ExplainedComputed),
        (ExplainedRule, pb.ExplainedRule),
        (ExplainedGroup, pb.ExplainedGroup),
        (ExplainedCutoff, pb.ExplainedCutoff),
        (ExplainedShadow, pb.ExplainedShadow),
        (Transaction, pb.Transaction),
    ],
)
def test_no_field_of_the_protocol_is_left_out(kind: Any, message: Any) -> None:
    ours, theirs = OTHERWISE.get(kind, (set(), set()))
    names = {field.name for field in dataclasses.fields(kind)}
    assert names - ours == {field.name for field in message.DESCRIPTOR.fields} - theirs


@needs_cases
def test_changes() -> None:
    answer = pb.Response.FromString(bytes_of("response_change_list")).change_list
    found = _analyst_codec.changes(answer.results)
    assert len(found) == len(answer.results)
    for one, result in zip(found, answer.results):
        if result.HasField("error"):
            assert isinstance(one, HarrierError)
            assert one.field == result.error.field
        else:
            assert isinstance(one, ListChanged)
            assert dataclasses.asdict(one) == {
                field.name: getattr(result.changed, field.name) for field in pb.ListChanged.DESCRIPTOR.fields
            }
    with pytest.raises(ProtocolError):
        _analyst_codec.changes([pb.ListChangeResult()])


def test_a_page() -> None:
    summary = ListSummary("l", "int", "words", True, True, "l.txt", 1, 2, 3, 4, 5)
    entry = ListEntry("7", 1, 2, 3, "analyst:7", "why")
    answer = pb.GetListResponse(
        lists=[pb.ListSummary(**dataclasses.asdict(summary))],
        entries=[pb.ListEntry(**dataclasses.asdict(entry))],
        next_position=9,
    )
    assert _analyst_codec.page(answer) == ListPage([summary], [entry], 9)


@needs_cases
def test_brakes() -> None:
    changed = _analyst_codec.brake_changed(pb.Response.FromString(bytes_of("response_change_brake")).change_brake)
    assert changed == BrakeChanged(True, 18, 72623859790382856)
    status = _codec.status(pb.Response.FromString(bytes_of("response_status_brakes")).status)
    assert status.brake_count == 2
    assert status.brakes == [
        Brake("night_spree", 72623859790382856, True, 1, 17, "", "12 of 400 decisions, at_most 2% per 10m"),
        Brake("", 7, False, 2, 18, "analyst:7", "a sale"),
    ]


@needs_cases
def test_sources() -> None:
    status = _codec.status(pb.Response.FromString(bytes_of("response_status_sources")).status)
    ranges = (SourceRange(5, 6), SourceRange(9, 9))
    assert status.sources == [
        Source("checkout-3", 2000, 1767225600200000, 1, 2004, 2, 4, 1, 3, 1, ranges),
        Source("shop", 1, 0, 0, 0, 0, 0, 0, 0, 0),
    ]
    assert status.other_source_transactions == 12


@needs_cases
def test_a_reload() -> None:
    reload = _analyst_codec.reload(pb.Response.FromString(bytes_of("response_reload")).reload)
    error = 'rules/all.yaml:2:9: there is no name "x"'
    assert reload == Reload(
        ReloadResult.ADOPTED,
        "card-payments",
        11400714819323198485,
        "",
        "rules/velocity.yaml:3:5: warning: an example\n",
        ("card.count_5m",),
        1,
        ("many", "often"),
        2,
        [ShadowReload("/etc/harrier/tried", ReloadResult.REFUSED, "tried", 42, error, error + "\n")],
    )
    assert _analyst_codec.reload(pb.ReloadResponse()).result is ReloadResult.NONE


def explained() -> pb.ExplainResponse:
    """Every field has a value of its own."""
    answer = pb.ExplainResponse(
        transaction=pb.Transaction(
            id="t",
            event_time_us=17,
            amount_minor=5,
            currency="EUR",
            card="c",
            location=pb.Location(latitude_e7=-5, longitude_e7=10_000_000),
            attributes=[
                pb.Attribute(name="text", text="x"),
                pb.Attribute(name="integer", integer=-1),
                pb.Attribute(name="number", number=0.5),
                pb.Attribute(name="flag", flag=False),
            ],
        ),
        position=1,
        receive_time_us=2,
        archived=pb.Decision(transaction_id="t", verdict=pb.VERDICT_REVIEW, score=3, reasons=[pb.Reason(rule="r")]),
        equal=True,
        difference="words",
        policy_position=4,
        generation_id=5,
        generation_position=6,
        adopted_position=7,
        base_position=8,
        records_read=9,
        records_applied=10,
        notes=["first", "second"],
        experiment="spring",
    )
    answer.entities.add(name="card", key="c, m", entries=1, newest_time_us=2, applied=3, in_tables=True)
    answer.outcomes.add(
        position=1, receive_time_us=2, known_time_us=3, previous=pb.LABEL_FRAUD, label=pb.LABEL_LEGIT, source="s"
    )
    amendment = answer.amendments.add(position=4, receive_time_us=5, known_time_us=6, source="feed")
    amendment.previous.amount_minor = 500
    amendment.now.CopyFrom(pb.AmendedTransaction(voided=True, amount_minor=400, refunded_minor=30))
    answer.amendments.add(position=7)
    then = answer.then
    then.name, then.snapshot_id = "policy", 11
    then.decision.CopyFrom(pb.Decision(transaction_id="t", verdict=pb.VERDICT_DECLINE))
    then.decision.features.add(name="card.count", integer=3)
    then.fields.add(name="event_time", timestamp_us=1_000_000)
    then.computed.add(name="ratio").parts.add(text="a / b", type="error", error="division by zero")
    rule = then.rules.add(
        name="r",
        about="words",
        file="rules/r.yaml",
        line=4,
        mode=pb.RULE_MODE_SHADOW,
        fate=pb.RULE_FATE_LEFT_OUT,
        verdict=pb.VERDICT_CHALLENGE,
        verdict_on_error=pb.VERDICT_REVIEW,
        score=-1,
        group="g",
        reason="because",
        capped=2,
        verdict_if_live=pb.VERDICT_DECLINE,
        from_us=3,
        until_us=4,
        rollout=5,
        rollout_key="card",
    )
    part = rule.parts.add(
        text="card in lists.l",
        depth=1,
        kind=pb.EXPLAINED_KIND_LIST,
        type="bool",
        error="e",
        reached=True,
        decides=True,
        list="l",
        added=True,
        origin=pb.THRESHOLD_ORIGIN_GROUP,
    )
    part.value.flag = True
    then.groups.add(name="g", about="words", greatest=True, limited=True, at_most=-1, asked=2, counted=3)
    then.cutoffs.add(verdict=pb.VERDICT_REVIEW, score=300, computed=True)
    then.shadows.add(
        name="s",
        snapshot_id=1,
        verdict=pb.VERDICT_APPROVE,
        score=2,
        rules=["r"],
        rule_errors=3,
        degraded=True,
        arm=pb.ARM_CHALLENGER,
    )
    then.warming_features.append("card.new")
    model = then.models.add(name="models.fraud", contributions=[0.5, -0.25], bias=-1.0, margin=-0.75)
    model.inputs.add(name="count", integer=3)
    model.inputs.add(name="ratio")
    return answer


EXPLANATION = Explanation(
    transaction=Transaction(
        "t",
        17,
        5,
        "EUR",
        "c",
        location=Location(-5e-7, 1.0),
        attributes={"text": "x", "integer": -1, "number": 0.5, "flag": False},
    ),
    position=1,
    receive_time_us=2,
    archived=Decision("t", Verdict.REVIEW, 3, [Reason("r")]),
    equal=True,
    difference="words",
    policy_position=4,
    generation_id=5,
    generation_position=6,
    adopted_position=7,
    base_position=8,
    records_read=9,
    records_applied=10,
    entities=[ExplainedEntity("card", "c, m", 1, 2, 3, True)],
    outcomes=[ExplainedOutcome(1, 2, 3, Label.FRAUD, Label.LEGIT, "s")],
    amendments=[
        ExplainedAmendment(4, 5, 6, AmendedTransaction(False, 500, 0), AmendedTransaction(True, 400, 30), "feed"),
        ExplainedAmendment(7, 0, 0, AmendedTransaction(False, 0, 0), AmendedTransaction(False, 0, 0), ""),
    ],
    notes=("first", "second"),
    then=ExplainedPolicy(
        "policy",
        11,
        "",
        "",
        Decision("t", Verdict.DECLINE, features={"card.count": 3}),
        {"event_time": datetime(1970, 1, 1, 0, 0, 1, tzinfo=timezone.utc)},
        [
            ExplainedComputed(
                "ratio",
                [
                    ExplainedPart(
                        "a / b",
                        0,
                        ExplainedKind.OTHER,
                        "error",
                        None,
                        "division by zero",
                        False,
                        False,
                        "",
                        False,
                        ThresholdOrigin.NONE,
                    )
                ],
            )
        ],
        [
            ExplainedRule(
                "r",
                "words",
                "rules/r.yaml",
                4,
                RuleMode.SHADOW,
                RuleFate.LEFT_OUT,
                Verdict.CHALLENGE,
                Verdict.REVIEW,
                -1,
                "g",
                "because",
                2,
                Verdict.DECLINE,
                3,
                4,
                5,
                "card",
                [
                    ExplainedPart(
                        "card in lists.l",
                        1,
                        ExplainedKind.LIST,
                        "bool",
                        True,
                        "e",
                        True,
                        True,
                        "l",
                        True,
                        ThresholdOrigin.GROUP,
                    )
                ],
            )
        ],
        [ExplainedGroup("g", "words", True, True, -1, 2, 3)],
        [ExplainedCutoff(Verdict.REVIEW, 300, True)],
        [ExplainedShadow("s", 1, Verdict.APPROVE, 2, ("r",), 3, True, "challenger")],
        ("card.new",),
        [ExplainedModel("models.fraud", {"count": 3, "ratio": None}, (0.5, -0.25), -1.0, -0.75)],
    ),
    experiment="spring",
)


def test_an_explanation() -> None:
    assert _analyst_codec.explanation(explained()) == EXPLANATION


@needs_cases
def test_an_explanation_of_a_server() -> None:
    answer = pb.Response.FromString(bytes_of("response_explain")).explain
    found = _analyst_codec.explanation(answer)
    assert found.transaction.id == answer.transaction.id
    assert [rule.name for rule in found.then.rules] == [rule.name for rule in answer.then.rules]


def test_a_policy_that_refuses_the_transaction() -> None:
    answer = explained()
    answer.then.ClearField("decision")
    answer.then.refusal, answer.then.refused_field = "it is too late", "event_time"
    found = _analyst_codec.explanation(answer).then
    assert found == ExplainedPolicy("policy", 11, "it is too late", "event_time", None)


def test_absent_verdicts() -> None:
    answer = explained()
    for target in (answer.then.rules[0], answer.then.shadows[0]):
        target.ClearField("verdict")
    found = _analyst_codec.explanation(answer).then
    assert (found.rules[0].verdict, found.shadows[0].verdict) == (None, None)


def test_what_is_not_known() -> None:
    """A new kind of expression is like any other; anything else new cannot be understood."""
    answer = explained()
    answer.then.rules[0].parts[0].kind = 99  # type: ignore[assignment]
    assert _analyst_codec.explanation(answer).then.rules[0].parts[0].kind is ExplainedKind.OTHER

    def broken(change: Callable[[Any], None]) -> None:
        answer = explained()
        change(answer)
        with pytest.raises(ProtocolError):
            _analyst_codec.explanation(answer)

    broken(lambda answer: answer.archived.ClearField("verdict"))
    broken(lambda answer: answer.ClearField("transaction"))
    broken(lambda answer: answer.ClearField("then"))
    broken(lambda answer: setattr(answer.then.decision, "verdict", 9))
    broken(lambda answer: setattr(answer.then.cutoffs[0], "verdict", 9))
    broken(lambda answer: setattr(answer.then.rules[0], "verdict", 9))
    broken(lambda answer: setattr(answer.then.rules[0], "fate", 99))
    broken(lambda answer: setattr(answer.then.rules[0], "mode", 99))
    broken(lambda answer: setattr(answer.outcomes[0], "label", 99))
    broken(lambda answer: answer.transaction.attributes.add(name="nothing"))
    with pytest.raises(ProtocolError):
        _analyst_codec.reload(pb.ReloadResponse(result=99))  # type: ignore[arg-type]


def test_they_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        EXPLANATION.position = 2  # type: ignore[misc]


def analyst(request: Any) -> Any:
    """A server that answers these calls, too."""
    response = pb.Response()
    if request.HasField("change_list"):
        for change in request.change_list.changes:
            result = response.change_list.results.add()
            if change.list == "nothing":
                result.error.code, result.error.field = pb.ERROR_NOT_FOUND, "list"
            else:
                result.changed.list, result.changed.value, result.changed.changed = change.list, change.value, True
    elif request.HasField("get_list"):
        response.get_list.next_position = request.get_list.after_position + request.get_list.limit
    elif request.HasField("change_brake"):
        response.change_brake.changed, response.change_brake.position = request.change_brake.pull, 4
    elif request.HasField("reload"):
        response.reload.result = pb.RELOAD_REFUSED if request.reload.wait else pb.RELOAD_UNSPECIFIED
    elif request.HasField("explain"):
        response.explain.CopyFrom(explained())
    else:
        return approve(request)
    return response


TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def check(results: Tuple[Any, ...], server: FakeServer) -> None:
    entity, (changed, refused), page, pulled, scheduled, waited, found = results
    assert (pulled.changed, pulled.position) == (True, 4)
    assert entity.entries == 3
    assert (changed.list, changed.value, changed.changed) == ("blocked_cards", "tok_9", True)
    assert isinstance(refused, NotFoundError)
    assert (refused.field, refused.decided) == ("list", False)
    assert page.next_position == 12
    assert (scheduled.result, waited.result) == (ReloadResult.NONE, ReloadResult.REFUSED)
    assert found == EXPLANATION
    calls = [request for request in server.requests if not request.HasField("status")]
    assert {request.traceparent for request in calls} == {TRACE}
    assert all(50_000_000 < request.deadline_us <= 60_000_000 for request in calls)
    (asked,) = server.asked("get_entity")
    assert (asked.get_entity.entity, list(asked.get_entity.key), asked.get_entity.at_time_us) == (
        "card_merchant",
        ["c", "m"],
        17,
    )


def test_calls(server: FakeServer) -> None:
    server.answer = analyst
    more: Dict[str, Any] = {"deadline": 60, "traceparent": TRACE}
    with Client(server.address) as client:
        results = (
            client.get_entity("card_merchant", "c", "m", at_time=17, **more),
            client.change_list([CHANGE, ListChange("nothing", "x")], **more),
            client.get_list("blocked_cards", after_position=5, limit=7, **more),
            client.change_brake(BrakeChange("r", pull=True), **more),
            client.reload(**more),
            client.reload(wait=True, **more),
            client.explain("t", **more),
        )
    check(results, server)


def test_calls_of_tasks(server: FakeServer) -> None:
    server.answer = analyst
    more: Dict[str, Any] = {"deadline": 60, "traceparent": TRACE}

    async def run() -> Tuple[Any, ...]:
        async with AsyncClient(server.address) as client:
            return (
                await client.get_entity("card_merchant", "c", "m", at_time=17, **more),
                await client.change_list([CHANGE, ListChange("nothing", "x")], **more),
                await client.get_list("blocked_cards", after_position=5, limit=7, **more),
                await client.change_brake(BrakeChange("r", pull=True), **more),
                await client.reload(**more),
                await client.reload(wait=True, **more),
                await client.explain("t", **more),
            )

    check(asyncio.run(run()), server)
