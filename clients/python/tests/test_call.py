"""One call, step by step, without sockets and with a clock of the test's own."""

from __future__ import annotations

import contextlib
from typing import Dict, List, Mapping, Optional

import pytest
from conftest import approve, failing, standby

from harrier_client import ClosedError, DeadlineError, InvalidError, Transaction, UnavailableError, _codec, _nng
from harrier_client._call import BACK_OFF_MAX, SLICE, Call
from harrier_client._meter import Meter
from harrier_client._proto import harrier_pb2 as pb
from harrier_client._routes import Routes

RESET = 19  # NNG_ECONNRESET
REQUEST = _codec.score_request([Transaction("t", 1)], False, False)
ANSWER = approve(pb.Request.FromString(REQUEST.encode(1))).SerializeToString()
UNAVAILABLE = failing(pb.ERROR_UNAVAILABLE, "draining")(None).SerializeToString()


class Reported:
    def __init__(self) -> None:
        self.counts: List[tuple[str, Dict[str, str]]] = []

    def count(self, name: str, amount: float, labels: Mapping[str, str]) -> None:
        self.counts.append((name, dict(labels)))

    def observe(self, name: str, value: float, labels: Mapping[str, str]) -> None: ...

    def set(self, name: str, value: float, labels: Mapping[str, str]) -> None: ...


def make(addresses: int = 1, retries_max: int = 3, reported: Optional[Reported] = None) -> Call:
    routes = Routes([f"a{n}" for n in range(addresses)], eject_after=2)
    for index in range(addresses):
        routes.set_connected(index, True)
    return Call(REQUEST, routes, Meter(reported), retries_max, None, begun=100.0, deadline=1.0)


def test_an_answer() -> None:
    call = make()
    assert call.begin(100.1) == pytest.approx(0.9)
    (result,) = call.received(_nng.OK, ANSWER, 100.2)
    assert result.decision.transaction_id == "t"


def test_the_deadline_after_it_was_sent() -> None:
    call = make()
    call.begin(100.0)
    with pytest.raises(DeadlineError, match="no answer from a0 within 1000 ms") as caught:
        call.received(_nng.TIMED_OUT, b"", 101.0)
    assert caught.value.decided is None


def test_the_deadline_before_it_was_sent() -> None:
    call = make()
    call.begin(100.0)
    call.not_sent(_nng.TIMED_OUT)
    with pytest.raises(UnavailableError, match="a0 took no request within 1000 ms") as caught:
        call.begin(101.0)
    assert caught.value.decided is False


def test_what_is_left_is_told_each_time() -> None:
    call = make()
    left = [pb.Request.FromString(call.encode(now)).deadline_us for now in (100.0, 100.25, 100.999, 101.5)]
    assert left == [1000000, 750000, pytest.approx(1000, abs=1), 1]


@pytest.mark.parametrize(("error", "data"), [(RESET, b""), (_nng.OK, UNAVAILABLE)])
def test_sent_again_so_often(error: int, data: bytes) -> None:
    reported = Reported()
    call = make(retries_max=3, reported=reported)
    longest = 0.01
    for _ in range(3):
        call.begin(100.0)
        assert call.received(error, data, 100.0) is None
        assert 0 <= call.pause <= longest
        longest *= 2
    call.begin(100.0)
    with pytest.raises(UnavailableError) as caught:
        call.received(error, data, 100.0)
    assert caught.value.decided is (None if error else False)
    reason = "connection" if error else "unavailable"
    assert reported.counts == [("harrier_client_retries_total", {"reason": reason})] * 3


def test_the_pause_leaves_time_for_the_answer() -> None:
    for _ in range(50):
        call = make(retries_max=99)
        for _ in range(10):
            call.received(RESET, b"", 100.99)
            assert call.pause <= 0.005 + 1e-9


def test_no_pause_when_another_is_up() -> None:
    call = make(addresses=2)
    assert call.begin(100.0) == SLICE, "the other may be first"
    assert call.index == 0
    assert call.received(RESET, b"", 100.0) is None
    assert call.pause == 0.0
    call.received(RESET, b"", 100.0)  # the second failure in a row ejects it
    call.begin(100.0)
    assert call.index == 1


def test_errors_are_successes_of_the_address() -> None:
    call = make(addresses=2)
    for _ in range(5):
        with pytest.raises(InvalidError):
            call.received(_nng.OK, failing(pb.ERROR_INVALID)(None).SerializeToString(), 100.0)
    assert call.begin(100.0)
    assert call.index == 0


@pytest.mark.parametrize("sent", [False, True])
def test_closed(sent: bool) -> None:
    call = make()
    with pytest.raises(ClosedError) as caught:
        call.received(_nng.CLOSED, b"", 100.0) if sent else call.not_sent(_nng.CLOSED)
    assert caught.value.decided is (None if sent else False)


def test_a_broken_connection_leaves_it_unknown() -> None:
    call = make()
    call.received(RESET, b"", 100.0)
    call.not_sent(_nng.TIMED_OUT)
    with pytest.raises(UnavailableError, match="broke once") as caught:
        call.begin(101.0)
    assert caught.value.decided is None


def test_the_servers_words() -> None:
    call = make(retries_max=0)
    call.begin(100.0)
    with pytest.raises(UnavailableError, match="a0 says: draining"):
        call.received(_nng.OK, UNAVAILABLE, 100.0)


def refuse(call: Call, now: float, primary: str = "") -> int:
    """Lets the address that the call goes to next answer that it is a standby. Returns its index."""
    call.begin(now)
    assert call.received(_nng.OK, standby(primary)(None).SerializeToString(), now) is None
    return call.index


def test_standbys_in_turns() -> None:
    """Each is asked once, then each after a wait, ever longer; retries_max is not for this."""
    reported = Reported()
    call = make(addresses=3, retries_max=0, reported=reported)
    assert refuse(call, 100.0) == 0
    assert call.pause == 0.0
    assert refuse(call, 100.0) == 1
    assert call.pause == 0.0
    longest = 0.01
    for index in (2, 0, 1, 2, 0):
        assert refuse(call, 100.0) == index
        assert 0 < call.pause <= longest
        longest *= 2
    assert reported.counts == [("harrier_client_retries_total", {"reason": "not_primary"})] * 7
    call.begin(100.0)
    assert call.received(_nng.OK, ANSWER, 100.0)


def test_two_that_name_each_other() -> None:
    call = make(addresses=2)
    assert refuse(call, 100.0, "a1") == 0
    assert refuse(call, 100.0, "a0") == 1
    assert call.pause > 0.0, "both were asked in this round"
    assert refuse(call, 100.0, "a1") == 0
    assert refuse(call, 100.0, "a0") == 1


def test_one_that_nobody_names_has_its_turn() -> None:
    call = make(addresses=3)
    assert [refuse(call, 100.0) for _ in range(3)] == [0, 1, 2]
    assert [refuse(call, 100.0, primary) for primary in ("a2", "", "", "a2", "")] == [0, 2, 1, 0, 2]


def test_a_wait_for_a_connection_is_a_wait() -> None:
    call = make(addresses=2)
    routes = call._routes
    refuse(call, 100.0)
    routes.wrote(0)  # in another call
    for index in range(2):
        routes.set_connected(index, False)
    call.begin(100.0)
    call.not_sent(_nng.TIMED_OUT)
    for index in range(2):
        routes.set_connected(index, True)
    call.begin(100.0)
    assert call.index == 0


def test_a_standby_is_no_other_address() -> None:
    call = make(addresses=2)
    assert refuse(call, 100.0) == 0
    call.begin(100.0)
    assert call.received(_nng.OK, UNAVAILABLE, 100.0) is None
    assert call.pause > 0.0
    call.begin(100.0)
    assert call.index == 1


def test_a_named_address_may_be_ejected() -> None:
    call = make(addresses=2)
    for _ in range(2):
        call._routes.failed(0, 100.0)
    assert refuse(call, 100.0, "a0") == 1
    assert call.pause == 0.0
    call.begin(100.0)
    assert call.index == 0
    assert call.received(_nng.OK, ANSWER, 100.0)
    assert call._routes.routes[0].up


def test_the_longest_wait_for_a_primary() -> None:
    call = make()
    call.ends = 1e9
    for _ in range(2000):
        refuse(call, 100.0)
        assert call.pause <= BACK_OFF_MAX


def test_no_primary_until_the_deadline() -> None:
    call = make(addresses=2)
    for _ in range(20):
        refuse(call, 100.99)
        assert call.pause <= 0.01 + 1e-9
    with pytest.raises(UnavailableError, match="none of a0, a1 is the primary; a1 says: a standby") as caught:
        call.begin(101.0)
    assert caught.value.decided is False


def test_standbys_and_a_broken_connection() -> None:
    call = make(addresses=2)
    call.begin(100.0)
    call.received(RESET, b"", 100.0)
    refuse(call, 100.0)
    with pytest.raises(UnavailableError) as caught:
        call.begin(101.0)
    assert caught.value.decided is None


@pytest.mark.parametrize("answer", [ANSWER, failing(pb.ERROR_INVALID)(None).SerializeToString(), UNAVAILABLE])
def test_another_answer_takes_the_mark_away(answer: bytes) -> None:
    call = make(addresses=2)
    refuse(call, 100.0)
    refuse(call, 100.0)
    refuse(call, 100.0)
    call.begin(100.0)
    assert call.index == 1
    with contextlib.suppress(InvalidError):
        call.received(_nng.OK, answer, 100.0)
    assert [route.standby for route in call._routes.routes] == [True, False]


def test_an_answer_to_a_read_keeps_the_mark() -> None:
    routes = Routes(["a0", "a1"], eject_after=2)
    routes.set_connected(0, True)
    routes.refused(0, "")
    call = Call(_codec.status_request(), routes, Meter(None), 3, None, begun=100.0, deadline=1.0)
    call.begin(100.0)
    response = pb.Response()
    response.status.state = "standby"
    assert call.received(_nng.OK, response.SerializeToString(), 100.0)
    assert routes.routes[0].standby


def test_a_dry_run_keeps_the_mark() -> None:
    """A standby may answer it."""
    routes = Routes(["a0", "a1"], eject_after=2)
    routes.set_connected(0, True)
    routes.refused(0, "")
    request = _codec.score_request([Transaction("t", 1)], True, False)
    call = Call(request, routes, Meter(None), 3, None, begun=100.0, deadline=1.0)
    call.begin(100.0)
    assert call.received(_nng.OK, ANSWER, 100.0)
    assert routes.routes[0].standby
