"""The bytes are those of tests/cases/wire, and what comes back is what they say."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Dict

import pytest

from harrier_client import (
    DeadlineError,
    Decision,
    HarrierError,
    IdConflictError,
    InternalError,
    InvalidError,
    Label,
    Location,
    NotFoundError,
    Outcome,
    ProtocolError,
    Reason,
    TooLargeError,
    Transaction,
    UnavailableError,
    UnsupportedError,
    Verdict,
    _codec,
    _wire,
)
from harrier_client._proto import harrier_pb2 as pb

CASES = Path(__file__).resolve().parents[3] / "tests" / "cases" / "wire"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="not in Harrier's tree")
SCORE = _codec.score_request([Transaction("t", 1)], dry_run=False, return_features=False)


def case(name: str) -> Dict[str, Any]:
    found: Dict[str, Any] = json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def transaction_of(value: Dict[str, Any]) -> Transaction:
    members = {key: text for key, text in value.items() if key not in ("event_time_us", "location", "attributes")}
    members["amount_minor"] = int(value.get("amount_minor", 0))
    members["sequence"] = int(value.get("sequence", 0))
    if "location" in value:
        location = value["location"]
        members["location"] = Location(location.get("latitude_e7", 0) / 1e7, location.get("longitude_e7", 0) / 1e7)
    members["attributes"] = {
        one["name"]: int(one["integer"])
        if "integer" in one
        else next(one[kind] for kind in ("text", "number", "flag") if kind in one)
        for one in value.get("attributes", ())
    }
    return Transaction(event_time=int(value["event_time_us"]), **members)


def request_of(value: Dict[str, Any]) -> _codec.Request:
    if "score" in value:
        score = value["score"]
        transactions = [transaction_of(one) for one in score["transactions"]]
        return _codec.score_request(transactions, score.get("dry_run", False), score.get("return_features", False))
    if "report_outcome" in value:
        outcomes = [
            Outcome(
                one["transaction_id"],
                Label(one.get("label", "LABEL_NONE")[len("LABEL_") :].lower()),
                int(one["known_time_us"]) if "known_time_us" in one else None,
                one.get("source", ""),
                one.get("unless_labelled", False),
            )
            for one in value["report_outcome"]["outcomes"]
        ]
        return _codec.outcome_request(outcomes)
    if "get_entity" in value:
        asked = value["get_entity"]
        at_time = int(asked["at_time_us"]) if "at_time_us" in asked else None
        return _codec.entity_request(asked["entity"], asked["key"], at_time)
    return _codec.status_request(value["status"].get("state_hash", False))


@needs_cases
@pytest.mark.parametrize(
    "name",
    [
        *("request_score_full", "request_score_batch", "request_score_minimal", "request_score_location_zero"),
        "request_score_source",
        *("request_report_outcome", "request_report_outcome_unless_labelled", "request_get_entity"),
        *("request_status", "request_status_hash"),
    ],
)
def test_requests_are_those_bytes(name: str) -> None:
    wanted = case(name)
    deadline_us = int(wanted["value"].get("deadline_us", 0))
    encoded = request_of(wanted["value"]).encode(deadline_us / 1e6)
    if not deadline_us:  # a client always sends one
        assert encoded.startswith(b"\x08\x01\x10\x01")
        encoded = encoded.replace(b"\x10\x01", b"", 1)
    assert encoded.hex() == wanted["hex"].replace(" ", "")


@needs_cases
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("deadline", DeadlineError),
        ("id_conflict", IdConflictError),
        ("internal", InternalError),
        ("invalid", InvalidError),
        ("not_found", NotFoundError),
        ("too_large", TooLargeError),
        ("unavailable", UnavailableError),
        ("unsupported", UnsupportedError),
    ],
)
def test_errors(name: str, kind: type) -> None:
    given = case(f"response_error_{name}")
    error = _codec.read_answer(bytes.fromhex(given["hex"]), SCORE)[0]
    assert type(error) is kind
    assert isinstance(error, HarrierError)
    assert error.code == name
    assert error.message == given["value"]["error"].get("message", "")
    assert error.field == given["value"]["error"].get("field", "")


@needs_cases
def test_not_primary() -> None:
    given = case("response_error_not_primary")
    error = _codec.read_answer(bytes.fromhex(given["hex"]), SCORE)[0]
    assert isinstance(error, _codec.NotPrimaryError)
    assert (error.message, error.primary) == ("this server is a standby", "tcp://10.1.0.5:7130")
    assert (error.code, error.decided) == ("unavailable", False)


def test_status() -> None:
    response = pb.Response()
    response.status.state = "standby"
    response.status.node = "b"
    response.status.primary = "tcp://10.1.0.5:7130"
    response.status.committed_position = (1 << 64) - 1
    status = _codec.status(response.status)
    assert (status.state, status.node, status.primary) == ("standby", "b", "tcp://10.1.0.5:7130")
    assert status.committed_position == (1 << 64) - 1


@pytest.mark.parametrize(
    ("state", "up"), [("ready", True), ("standby", True), ("starting", False), ("draining", False), ("", False)]
)
def test_the_answer_to_a_probe(state: str, up: bool) -> None:
    response = pb.Response()
    response.status.state = state
    assert _codec.is_up(response.SerializeToString(), _codec.status_request()) is up


@needs_cases
@pytest.mark.parametrize("name", ["response_score", "response_score_failed_rules", "response_score_arm"])
def test_every_decision_field(name: str) -> None:
    given = case(name)
    results = given["value"]["score"]["results"]
    response = pb.Response.FromString(bytes.fromhex(given["hex"]))
    decoded = _codec.decisions(response.score.results)
    assert len(decoded) == len(results)
    for value, result in zip(results, decoded):
        if "error" in value:
            assert isinstance(result, HarrierError)
            assert result.code == value["error"]["code"][len("ERROR_") :].lower()
            continue
        assert isinstance(result, Decision)
        wanted = value["decision"]
        assert result.verdict.name == wanted["verdict"][len("VERDICT_") :]
        for field in ("transaction_id", "score", "degraded", "degraded_reason", "duplicate", "dry_run"):
            if field in wanted:
                assert getattr(result, field) == wanted[field]
        for field in ("snapshot_id", "generation_id", "position", "server_us", "rule_errors"):
            assert getattr(result, field) == int(wanted.get(field, 0))
        assert result.arm == wanted.get("arm", "ARM_").removeprefix("ARM_").lower()
        assert [reason.rule for reason in result.reasons] == [one["rule"] for one in wanted.get("reasons", ())]
        assert set(result.features) == {one["name"] for one in wanted.get("features", ())}
        assert result.failed_rules == tuple(wanted.get("failed_rules", ()))


def test_a_reason_has_all_its_fields() -> None:
    response = pb.Response()
    decision = response.score.results.add().decision
    decision.verdict = pb.VERDICT_DECLINE
    decision.reasons.add(
        rule="r", text="words", score=-5, verdict=pb.VERDICT_REVIEW, shadow=True, suppressed=True, tags=["a", "b"],
        group="g", capped=7, verdict_if_live=pb.VERDICT_CHALLENGE,
    )  # fmt: skip
    (result,) = _codec.decisions(response.score.results)
    assert isinstance(result, Decision)
    wanted = Reason("r", "words", -5, Verdict.REVIEW, True, True, ("a", "b"), "g", 7, Verdict.CHALLENGE)
    assert result.reasons == [wanted]


def test_feature_values() -> None:
    response = pb.Response()
    decision = response.score.results.add().decision
    decision.verdict = pb.VERDICT_APPROVE
    decision.features.add(name="absent")
    decision.features.add(name="flag", flag=False)
    decision.features.add(name="integer", integer=-3)
    decision.features.add(name="number", number=0.5)
    decision.features.add(name="text", text="x")
    decision.features.add(name="time", timestamp_us=1_000_001)
    decision.features.add(name="age", duration_us=-2_000_000)
    (result,) = _codec.decisions(response.score.results)
    assert isinstance(result, Decision)
    assert result.features == {
        "absent": None,
        "flag": False,
        "integer": -3,
        "number": 0.5,
        "text": "x",
        "time": datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=timezone.utc),
        "age": timedelta(seconds=-2),
    }


def test_times() -> None:
    assert _codec.microseconds(17, "event_time") == 17
    # The last microsecond that a float of seconds could not hold.
    aware = datetime(2026, 1, 1, 1, 0, 0, 123457, tzinfo=timezone(timedelta(hours=1)))
    assert _codec.microseconds(aware, "event_time") == 1767225600123457
    with pytest.raises(InvalidError, match="time zone") as caught:
        _codec.microseconds(datetime(2026, 1, 1), "event_time")
    assert caught.value.field == "event_time"


@pytest.mark.parametrize(
    ("transaction", "field"),
    [
        (Transaction("t", 1, amount_minor=1 << 63), "amount_minor"),
        (Transaction("t", 1 << 63), "event_time_us"),
        (Transaction("t", 1, card="\ud800"), "card"),
        (Transaction("t", 1, location=Location(1e9, 0)), "location"),
        (Transaction("t", 1, location=Location(float("nan"), 0)), "location"),
        (Transaction("t", 1, attributes={"items": 1 << 63}), "items"),
    ],
)
def test_what_a_field_cannot_hold(transaction: Transaction, field: str) -> None:
    with pytest.raises(InvalidError) as caught:
        _codec.score_request([transaction], dry_run=False, return_features=False)
    assert caught.value.field == field
    assert caught.value.decided is False


def any_text(chance: random.Random) -> str:
    length = chance.choice((0, 0, 1, 3, 20, 126, 127, 128, 129, 300))
    return "".join(chance.choices("aZ0 -é€\0\x7f" if chance.random() < 0.2 else "abc_019", k=length))


def test_plain_transactions_are_those_of_the_generated_code() -> None:
    chance = random.Random(7)
    plain = 0
    for _ in range(3000):
        texts: Dict[str, Any] = {name: any_text(chance) for name in ("id", *_codec._TEXTS) if chance.random() < 0.4}
        time = chance.choice((0, 1, 127, 128, 1 << 28, 1767225600123457, (1 << 63) - 1)) >> chance.choice((0, 0, 3, 20))
        amount = chance.choice((0, 1, 2047, 2048, (1 << 18) - 1, 1 << 18, 1 << 25, (1 << 63) - 1))
        message = pb.Transaction(event_time_us=time, amount_minor=amount, **texts)
        transaction = Transaction(texts.pop("id", ""), time, amount, **texts)
        written = _wire.plain(transaction, time)
        plain += written is not None
        assert written is None or written == message.SerializeToString(), transaction
        request = _codec.score_request([transaction], False, False).encode(0.1)
        assert pb.Request.FromString(request).score.transactions[0] == message
    assert 300 < plain < 2900


@pytest.mark.parametrize(
    "value", [0, 1, 127, 128, 2047, 2048, 16383, 16384, 1 << 18, (1 << 25) - 1, 1 << 25, 3600_000_000]
)
def test_varints(value: int) -> None:
    assert _wire.delimited(9, b"").startswith(b"\x4a\0")
    assert pb.Request.FromString(b"\x10" + _wire.varint(value)).deadline_us == value


@pytest.mark.parametrize(
    "transaction",
    [
        Transaction(b"t", 1),  # type: ignore[arg-type]
        Transaction("t", 1, card=7),  # type: ignore[arg-type]
        Transaction("t", 1.5),  # type: ignore[arg-type]
        Transaction("t", 1, amount_minor="5"),  # type: ignore[arg-type]
        Transaction("t", -1),
        Transaction("t", 1, amount_minor=-1),
        Transaction("t", 1, amount_minor=1 << 63),
        Transaction("t", 1, card="x" * 128),
        Transaction("t", 1, card="é"),
        Transaction("t", 1, phone="é"),
        Transaction("t", 1, source="é"),
        Transaction("t", 1, source="a", sequence=1 << 63),
        Transaction("t", 1, location=Location(0, 0)),
        Transaction("t", 1, attributes={"a": 1}),
    ],
)
def test_what_is_not_plain(transaction: Transaction) -> None:
    assert _wire.plain(transaction, transaction.event_time) is None  # type: ignore[arg-type]


def test_a_wrong_type_is_pythons_error() -> None:
    with pytest.raises(TypeError):
        _codec.score_request([Transaction("t", 1, attributes={"a": b"x"})], False, False)  # type: ignore[dict-item]


def test_limits() -> None:
    with pytest.raises(InvalidError):
        _codec.score_request([], False, False)
    one = Transaction("t", 1)
    assert _codec.score_request([one] * 1000, False, False).count == 1000
    with pytest.raises(TooLargeError):
        _codec.score_request([one] * 1001, False, False)
    # To the byte: what is sent with the longest deadline is within 2 MiB.
    room = _codec.REQUEST_SIZE_MAX - len(_codec.score_request([Transaction("t", 1, card="x")], False, False).encode(1))
    for length in range(room - 40, room + 40):
        try:
            request = _codec.score_request([Transaction("t", 1, card="x" * length)], False, False)
        except TooLargeError:
            break
        assert len(request.encode(3600)) <= _codec.REQUEST_SIZE_MAX
    else:
        pytest.fail("nothing is too large")


@pytest.mark.parametrize("left", [0.0, -1.0, 1e-9])
def test_a_deadline_is_never_none(left: float) -> None:
    assert pb.Request.FromString(SCORE.encode(left)).deadline_us == 1


@pytest.mark.parametrize("data", [b"", b"\xff", bytes.fromhex("5200"), bytes.fromhex("6a00")])
def test_no_answer_to_this(data: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        _codec.read_answer(data, SCORE)
    assert caught.value.decided is None


@pytest.mark.parametrize(
    "fields",
    [
        {"event_time": None},
        {"event_time": True},
        {"event_time": []},
        {"event_time": 1.5},
        {"amount_minor": None},
        {"amount_minor": 0.0},
        {"amount_minor": True},
        {"amount_minor": 1 << 63},
        {"phone": None},
        {"phone": []},
        {"card": None},
        {"card": []},
        {"card": 5},
        {"source": None},
        {"source": 5},
        {"sequence": None},
        {"sequence": 1.5},
        {"sequence": -1},
        {"sequence": 1 << 63},
    ],
    ids=repr,
)
def test_what_is_of_another_type_is_as_the_generated_code_has_it(fields: Dict[str, Any]) -> None:
    transaction = Transaction(**{"id": "a", "event_time": 1, **fields})
    time: Any = transaction.event_time

    def outcome(write: Any) -> Any:
        try:
            return write()
        except Exception as error:
            return type(error), str(error)

    def by_generated_code() -> bytes:
        return _codec._any_transaction(transaction, time)

    assert outcome(lambda: _codec._transaction(transaction)) == outcome(by_generated_code)
