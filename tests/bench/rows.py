"""The rows of docs/PERFORMANCE.md: what is measured, and what it is meant to be.

`figure` is the name that a measurement prints, or "a / b" for the quotient of two, round by round. `reason` is said of a row that
falls short: what a profile found, and what would close it.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    section: str
    what: str
    figure: str
    target: float
    at_most: bool = True
    unit: str = ""
    reason: str = ""


def at_most(section, what, figure, target, unit="", reason=""):
    return Row(section, what, figure, target, True, unit, reason)


def at_least(section, what, figure, target, unit="", reason=""):
    return Row(section, what, figure, target, False, unit, reason)


def latency(transport):
    name = {"tcp": "TCP", "ipc": "ipc"}[transport]
    section = "One request in flight"
    return [
        at_most(section, f"{name}: a stock nng client, p50, of the nng echo's", f"{transport}_stock_p50_to_nng_echo", 0.85, " ×"),
        at_most(section, f"{name}: a stock nng client, p99, of the nng echo's", f"{transport}_stock_p99_to_nng_echo", 1.1, " ×"),
        at_most(section, f"{name}: libharrier, p50, of the plain epoll echo's", f"{transport}_libharrier_p50_to_epoll_echo", 1.4, " ×"),
        at_most(section, f"{name}: libharrier, p99, of the plain epoll echo's", f"{transport}_libharrier_p99_to_epoll_echo", 2.5, " ×"),
    ]


def many(transport):
    name = {"tcp": "TCP", "ipc": "ipc"}[transport]
    section = "Many in flight"
    single = f"{name}: single-transaction messages of 4 nng clients with 32 in flight each"
    return [
        at_least(section, f"{single}, of the plain epoll echo's rate", f"{transport}_many_score / {transport}_many_epoll_echo", 0.8, " ×"),
        at_least(section, f"{single}, of the nng echo's rate", f"{transport}_many_score / {transport}_many_nng_echo", 1, " ×"),
    ]


ROWS = [
    *latency("ipc"),
    *latency("tcp"),
    *many("ipc"),
    *many("tcp"),
    at_least("Many in flight", "libharrier pipelined, single-transaction messages", "pipelined_rate", 200000, "/s"),
    at_least("Many in flight", "100 transactions a message, transactions", "batch_rate", 270000, "/s"),
    at_least("Durability", "the rate of `synced`, of that of `written`, with 256 in flight", "synced_rate / written_rate", 0.8, " ×"),
    at_most("Durability", "what `synced` adds to the p50 with one in flight, in times of a bare fdatasync", "synced_added_fdatasyncs", 1.5, " ×"),
    at_most("The core", "a transaction, from a request's bytes to the answer's, 100 a message, a million cards", "decision_batch_1000000", 3, " µs"),
    at_most("The core", "the same with ten million cards, of that with one", "decision_batch_10000000 / decision_batch_1000000", 1.5, " ×"),
]
