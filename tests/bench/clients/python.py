#!/usr/bin/env python3
"""The time of one score from Python with 1 and with 64 requests in flight, beside the same bytes through pynng. Rounds of all
kinds take turns in one run, so that other load on the machine affects all of them alike.

    echo                pynng's own contexts (send/recv, asend/arecv) → tests/bench/echo_server --answer, with requests
                        encoded in advance
    client → echo       Client.score() or AsyncClient.score() → the same echo, which answers a decision's bytes: the cost
                        of the client
    bare → harrierd     pynng's own contexts → harrierd, requests encoded in advance: the cost of the server alone
    client → harrierd   Client.score() or AsyncClient.score() → harrierd

Each score is of a new transaction of one of 10,000 cards. Figures are medians of the rounds; a ratio of medians is followed
by the smallest and largest of a round. CPU is this process's. CALLS is for a round with 1 in flight. With 64 in flight
there are four times as many: in 4,000 calls, a single stall affects 64, more than a hundredth, and so sets the 99th
percentile.

usage: python.py ECHO_ADDRESS HARRIERD_ADDRESS [ROUNDS [CALLS]]
"""

import asyncio
import contextlib
import gc
import os
import statistics
import sys
import threading
import time

import harrier_client
import pynng
from harrier_client import AsyncClient, Client, Transaction

TIMES_CALLS = {1: 1, 64: 4}  # by requests in flight
WARM_UP = 200
SAMPLE = 1001  # answers of harrierd to choose the echo's from
TARGET = 1.3
KINDS = ("echo", "client → echo", "bare → harrierd", "client → harrierd")
RUN = os.urandom(4).hex()  # part of the ids, different in every run


def transaction(number):
    mixed = number * 0x9E3779B97F4A7C15 % (1 << 64)
    card = (mixed >> 40) % 10000
    return Transaction(
        id=f"b{RUN}-{number:010d}", event_time=time.time_ns() // 1000, amount_minor=100 + (mixed >> 50),
        currency="EUR", card=f"card_{card:05d}", customer=f"cust_{card // 2:05d}",
        merchant=f"merchant_{(mixed >> 20) % 500:03d}", device=f"device_{card:05d}",
        ip=f"198.18.{card // 250}.{card % 250}", country="DE", mcc="5411", channel="ecom",
    )


class Numbers:
    def __init__(self):
        self.last = 0

    def __next__(self):
        self.last += 1
        return self.last


numbers = Numbers()


def encoded(count):
    """Encoded requests of new transactions."""
    calls = [harrier_client._codec.score_request([transaction(next(numbers))], False, False) for _ in range(count)]
    return [call.encode(5) for call in calls]


def teach(echo, harrierd):
    """Samples answers of harrierd and gives the echo the one of median length, which has a typical number of reasons.
    Returns a request, the answer and its decision."""
    requests = encoded(SAMPLE)
    answers = []
    with pynng.Req0(dial=harrierd, recv_timeout=5000) as socket:
        for request in requests:
            socket.send(request)
            answers.append(socket.recv())
    answer = sorted(answers, key=len)[SAMPLE // 2]
    with pynng.Req0(dial=echo, recv_timeout=5000) as socket:
        socket.send(answer)
        if socket.recv() != answer:
            sys.exit("the echo does not return the answer that it was given")
    with Client(echo, deadline=5) as client:
        return requests[0], answer, client.score(transaction(next(numbers)))


def set_aside():
    """Excludes the objects prepared for a round from garbage collection during it."""
    gc.collect()
    gc.freeze()


def timed_threads(in_flight, calls, make_call):
    """make_call(count) returns, for each thread, a function that makes one call with requests prepared in advance."""
    waits, lock, failures = [], threading.Lock(), []

    def work(call):
        mine = []
        try:
            for _ in range(calls // in_flight):
                begun = time.perf_counter()
                call()
                mine.append(time.perf_counter() - begun)
        except BaseException as failure:
            failures.append(failure)
        with lock:
            waits.extend(mine)

    threads = [threading.Thread(target=work, args=(make_call(calls // in_flight),)) for _ in range(in_flight)]
    set_aside()
    begun, worked = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return waits, time.perf_counter() - begun, time.process_time() - worked


async def timed_tasks(in_flight, calls, make_call):
    waits = []

    async def work(call):
        for _ in range(calls // in_flight):
            begun = time.perf_counter()
            await call()
            waits.append(time.perf_counter() - begun)

    works = [work(make_call(calls // in_flight)) for _ in range(in_flight)]
    set_aside()
    begun, worked = time.perf_counter(), time.process_time()
    await asyncio.gather(*works)
    return waits, time.perf_counter() - begun, time.process_time() - worked


def must_be(decision, expected):
    """The echo always answers the same decision."""
    if decision.position != expected.position or decision.transaction_id != expected.transaction_id:
        sys.exit(f"the decision is {decision}; expected {expected}")


class Figures:
    """For each round: median and 99th percentile in µs, calls a second, processor time of a call in µs."""

    def __init__(self):
        self.rounds = []

    def add(self, waits, seconds, worked):
        waits.sort()
        count = len(waits)
        p50, p99 = statistics.median(waits) * 1e6, waits[count * 99 // 100] * 1e6
        self.rounds.append((p50, p99, count / seconds, worked / count * 1e6))

    def row(self, name):
        p50, p99, rate, cpu = (statistics.median(column) for column in zip(*self.rounds))
        print(f"{name:<26} {p50:>9.1f} {p99:>9.1f} {rate:>10.0f} {cpu:>9.1f}")

    def over(self, other, what):
        """Ratios, round by round."""
        return [one[what] / base[what] for one, base in zip(self.rounds, other.rounds)]

    def ratios(self, other):
        texts = []
        for what, name in enumerate(("p50", "p99", "calls/s")):
            over = self.over(other, what)
            texts.append(f"{name} {statistics.median(over):.2f} ({min(over):.2f} to {max(over):.2f})")
        return ", ".join(texts)


def report(name, figures):
    """Prints the table. Returns whether the client's median at the echo is over the limit."""
    print(name)
    for kind in KINDS:
        figures[kind].row(kind)
    echo, added, server, took = figures.values()
    is_over = statistics.median(added.over(echo, 0)) > TARGET
    print(f"  client of the echo: {added.ratios(echo)}{f'; over {TARGET}' if is_over else ''}")
    print(f"  at harrierd, of bare: {took.ratios(server)}")
    print(f"  at harrierd, of the echo: {took.ratios(echo)}", flush=True)
    return is_over


# Each of these returns a function that makes one call with a request prepared in advance. All of them keep the same number of
# transactions, even if they do not send them, so that the cost of garbage collection is the same for all kinds.


def transactions(count):
    return [transaction(next(numbers)) for _ in range(count)]


def through(socket, messages):
    context, sent = socket.new_context(), iter(zip(messages, transactions(len(messages))))

    def call():
        context.send(next(sent)[0])
        context.recv()

    return call


def athrough(socket, messages):
    context, sent = socket.new_context(), iter(zip(messages, transactions(len(messages))))

    async def call():
        await context.asend(next(sent)[0])
        await context.arecv()

    return call


def by_client(client, count, expected):
    sent = iter(transactions(count))
    if expected is None:
        return lambda: client.score(next(sent))
    return lambda: must_be(client.score(next(sent)), expected)


def by_async_client(client, count, expected):
    sent = iter(transactions(count))
    if expected is None:
        return lambda: client.score(next(sent))

    async def call():
        must_be(await client.score(next(sent)), expected)

    return call


def makers(sockets, clients, through, by_client, request, expected):
    """For each kind, the function that prepares `count` calls."""
    return dict(
        zip(
            KINDS,
            (
                lambda count: through(sockets[0], [request] * count),
                lambda count: by_client(clients[0], count, expected),
                lambda count: through(sockets[1], encoded(count)),
                lambda count: by_client(clients[1], count, None),
            ),
        )
    )


def bench_sync(addresses, request, expected, in_flight, rounds, calls):
    figures = {kind: Figures() for kind in KINDS}
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(pynng.Req0(dial=one, recv_timeout=5000)) for one in addresses]
        clients = [stack.enter_context(Client(one, deadline=5)) for one in addresses]
        kinds = makers(sockets, clients, through, by_client, request, expected)
        for make in kinds.values():
            timed_threads(in_flight, WARM_UP, make)
        for _ in range(rounds):
            for kind, make in kinds.items():
                figures[kind].add(*timed_threads(in_flight, calls, make))
    return report(f"threads, {in_flight} in flight", figures)


async def bench_async(addresses, request, expected, in_flight, rounds, calls):
    figures = {kind: Figures() for kind in KINDS}
    async with contextlib.AsyncExitStack() as stack:
        sockets = [stack.enter_context(pynng.Req0(dial=one, recv_timeout=5000)) for one in addresses]
        clients = [await stack.enter_async_context(AsyncClient(one, deadline=5)) for one in addresses]
        kinds = makers(sockets, clients, athrough, by_async_client, request, expected)
        for make in kinds.values():
            await timed_tasks(in_flight, WARM_UP, make)
        for _ in range(rounds):
            for kind, make in kinds.items():
                figures[kind].add(*await timed_tasks(in_flight, calls, make))
    return report(f"asyncio, {in_flight} in flight", figures)


def main():
    if not 3 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    addresses = sys.argv[1:3]
    rounds, calls = int((sys.argv[3:] or [5])[0]), int((sys.argv[4:] or [4000])[0])
    request, answer, expected = teach(*addresses)
    sizes = f"{len(request)} and {len(answer)} bytes"
    sizes += f" ({len(expected.reasons)} reasons at the echo)"
    counts = ", ".join(f"{times * calls} with {n} in flight" for n, times in TIMES_CALLS.items())
    print(f"messages of {sizes}; {rounds} rounds, calls: {counts}; pynng {pynng.__version__}")
    print(f"{'':<26} {'p50 µs':>9} {'p99 µs':>9} {'calls/s':>10} {'CPU µs':>9}")
    given = addresses, request, expected
    over = [bench_sync(*given, n, rounds, times * calls) for n, times in TIMES_CALLS.items()]
    over += [asyncio.run(bench_async(*given, n, rounds, times * calls)) for n, times in TIMES_CALLS.items()]
    return any(over)


if __name__ == "__main__":
    sys.exit(main())
