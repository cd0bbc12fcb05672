"""The states of addresses, with a clock of the test's own."""

from __future__ import annotations

from typing import List

from harrier_client._routes import Route, Routes, Search


def make(count: int = 2, eject_after: int = 3) -> Routes:
    routes = Routes([f"a{n}" for n in range(count)], eject_after, uniform=lambda low, high: (low + high) / 2)
    for index in range(count):
        routes.set_connected(index, True)
    return routes


def eject(routes: Routes, index: int, now: float, failures: int = 3) -> None:
    for _ in range(failures):
        routes.failed(index, now)


def test_the_first_that_is_up() -> None:
    routes = make(3)
    assert routes.choose() == 0
    routes.set_connected(0, False)
    assert routes.choose() == 1
    eject(routes, 1, 0.0)
    assert routes.choose() == 2
    routes.set_connected(2, False)
    assert routes.choose() == 1, "ejected, but connected"
    routes.set_connected(1, False)
    assert routes.choose() == 0, "none is connected"
    routes.set_connected(0, True)
    assert routes.choose() == 0, "preferred again at once"


def test_only_failures_in_a_row_count() -> None:
    routes = make()
    for _ in range(5):
        routes.failed(0, 0.0)
        routes.failed(0, 0.0)
        routes.succeeded(0)
    assert routes.routes[0].up
    eject(routes, 0, 0.0)
    assert not routes.routes[0].up


def test_one_address_is_never_ejected() -> None:
    routes = make(1)
    eject(routes, 0, 0.0, failures=100)
    assert routes.routes[0].up


def test_probe_when_it_is_time_and_by_one_only() -> None:
    routes = make()
    assert routes.take_probe(0.0) is None
    eject(routes, 0, 10.0)
    assert routes.take_probe(10.99) is None
    assert routes.take_probe(11.0) == 0
    assert routes.take_probe(11.0) is None, "another one is under way"
    routes.probed(0, True, 11.1)
    assert routes.choose() == 0
    assert routes.take_probe(99.0) is None


def test_not_probed_without_a_connection() -> None:
    routes = make()
    eject(routes, 0, 0.0)
    routes.set_connected(0, False)
    assert routes.take_probe(5.0) is None
    routes.set_connected(0, True)
    assert not routes.routes[0].up, "a connection alone proves nothing"
    assert routes.take_probe(5.0) == 0


def test_ejected_for_longer_each_time() -> None:
    routes = make()
    now, lengths = 0.0, []
    eject(routes, 0, now)
    for _ in range(8):
        length = routes.routes[0].probe_at - now
        lengths.append(length)
        now += length
        assert routes.take_probe(now) == 0
        routes.probed(0, False, now)
    assert lengths == [1, 2, 4, 8, 16, 30, 30, 30]
    now = routes.routes[0].probe_at
    routes.take_probe(now)
    routes.probed(0, True, now)
    eject(routes, 0, now)
    assert routes.routes[0].probe_at - now == 1, "a success starts anew"


def test_jitter() -> None:
    drawn: List[tuple[float, float]] = []

    def uniform(low: float, high: float) -> float:
        drawn.append((low, high))
        return high

    routes = Routes(["a", "b"], 1, uniform=uniform)
    routes.failed(0, 100.0)
    assert drawn == [(0.8, 1.2)]
    assert routes.routes[0].probe_at == 101.2


def test_a_calls_answer_ends_an_ejection() -> None:
    routes = make()
    eject(routes, 0, 0.0)
    assert routes.take_probe(1.0) == 0
    routes.succeeded(0)
    assert routes.choose() == 0
    routes.probed(0, False, 1.1)  # the probe that was under way is of no account
    assert routes.choose() == 0


def test_what_is_told() -> None:
    reported: List[str] = []
    routes = Routes(
        ["a", "b"],
        2,
        changed=lambda route: reported.append(f"{route.address} {route.up}"),
        ejected=lambda route: reported.append(f"{route.address} ejected"),
    )
    routes.set_connected(0, True)
    routes.set_connected(0, True)
    eject(routes, 0, 0.0, failures=5)
    routes.set_connected(0, False)
    routes.set_connected(0, True)
    routes.succeeded(0)
    assert reported == ["a True", "a ejected", "a False", "a True"]


def test_another_may_decide() -> None:
    routes = make()
    assert routes.another_may_decide(0)
    routes.refused(1, "")
    assert not routes.another_may_decide(0)
    assert routes.another_may_decide(1)
    routes.wrote(1)
    routes.set_connected(1, False)
    assert not routes.another_may_decide(0)
    assert isinstance(routes.routes[0], Route)


def test_standbys_are_left_out() -> None:
    routes = make(3)
    routes.refused(0, "")
    assert routes.choose() == 1
    routes.refused(1, "a0")
    assert routes.choose() == 0, "its mark is gone"
    routes.refused(0, "a9")
    assert routes.choose() == 2, "nobody in the list was named"
    routes.set_connected(2, False)
    assert routes.choose() == 0, "all are standbys"
    search = Search()
    search.answered(0, None)
    assert routes.choose(search) == 1
    search.answered(1, None)
    assert routes.choose(search) == 0, "its answer is longer ago"
    routes.wrote(1)
    assert routes.choose() == 1
    assert routes.choose(search) == 0, "the other was tried"
    assert routes.untried(search) is None
    search.waiting()
    assert routes.choose(search) == 1


def test_one_that_names_itself_is_a_standby() -> None:
    routes = make()
    assert routes.refused(0, "a0") == 0
    assert routes.choose() == 1


def test_the_named_one_may_be_ejected() -> None:
    routes, search = make(3), Search()
    eject(routes, 0, 0.0)
    search.answered(1, routes.refused(1, "a0"))
    assert routes.choose(search) == 2, "it may be the primary, too"
    search.answered(2, routes.refused(2, "a0"))
    assert routes.choose(search) == 0
    assert routes.choose() == 1, "other calls ask a standby first"
    routes.set_connected(0, False)
    assert routes.untried(search) is None
    assert routes.choose(search) == 1


def test_the_mark_outlives_the_connection() -> None:
    routes = make()
    routes.refused(0, "")
    routes.set_connected(0, False)
    routes.set_connected(0, True)
    assert routes.choose() == 1


def test_a_standbys_answer_is_a_success() -> None:
    routes = make()
    for _ in range(5):
        routes.failed(0, 0.0)
        routes.failed(0, 0.0)
        routes.refused(0, "")
    assert routes.routes[0].up
    eject(routes, 0, 0.0)
    routes.refused(0, "")
    assert routes.routes[0].up
    assert routes.choose() == 1
