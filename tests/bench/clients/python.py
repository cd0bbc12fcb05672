#!/usr/bin/env python3
"""How long one score takes from Python, with 1 and with 64 in flight, beside a bare echo of the same sizes
through pynng. Rounds of both take turns in one run, so that whatever else the machine does falls on both.

    echo      pynng's own contexts (send/recv, asend/arecv) → tests/bench/echo_server
    bare      the same → harrierd, with requests encoded before: what the server takes, and no client
    client    Client.score() or AsyncClient.score() → harrierd

Each score is of a new transaction of one of 10,000 cards. The ratio of the medians is the figure; the absolute
ones belong to the machine. client to bare is what the client adds; client to echo has the server in it, too.

usage: python.py ECHO_ADDRESS HARRIERD_ADDRESS [ROUNDS [CALLS]]
"""

import asyncio
import os
import statistics
import struct
import sys
import threading
import time

import harrier_client
import pynng
from harrier_client import AsyncClient, Client, Transaction

IN_FLIGHT = (1, 64)
WARM_UP = 200
TARGET = 1.3
RUN = os.urandom(4).hex()  # makes ids new in every run


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


def measure_sizes(address):
    """Of a score's request and of its answer, as they are on the wire."""
    request = harrier_client._codec.score_request([transaction(0)], False, False).encode(0.1)
    with pynng.Req0(dial=address, recv_timeout=5000) as socket:
        socket.send(request)
        return len(request), len(socket.recv())


def echo_message(sizes):
    request, answer = sizes
    return struct.pack("<I", answer) + b"x" * (request - 4)


def timed_threads(in_flight, calls, make_call):
    """make_call(count) → a function that makes one call, for each thread; what it sends is made before."""
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
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return waits, time.perf_counter() - begun


async def timed_tasks(in_flight, calls, make_call):
    waits = []

    async def work(call):
        for _ in range(calls // in_flight):
            begun = time.perf_counter()
            await call()
            waits.append(time.perf_counter() - begun)

    works = [work(make_call(calls // in_flight)) for _ in range(in_flight)]
    begun = time.perf_counter()
    await asyncio.gather(*works)
    return waits, time.perf_counter() - begun


class Figures:
    def __init__(self):
        self.waits = []
        self.seconds = 0.0

    def add(self, measured):
        self.waits += measured[0]
        self.seconds += measured[1]

    def row(self, name):
        waits = sorted(self.waits)
        p50, p99 = statistics.median(waits) * 1e6, waits[len(waits) * 99 // 100] * 1e6
        rate = len(waits) / self.seconds
        print(f"{name:<34} {p50:>9.1f} {p99:>9.1f} {rate:>10.0f}")
        return p50, p99, rate


def report(name, echo, bare, client):
    base, server = echo.row(f"{name}: echo"), bare.row("bare")
    took = client.row("client")
    ratio = took[0] / base[0]
    over = "" if ratio <= TARGET else f", over {TARGET}"
    print(f"  of bare: {ratios(took, server)}; of the echo: {ratios(took, base)}{over}")
    return ratio


def ratios(these, those):
    p50, p99, rate = (one / other for one, other in zip(these, those))
    return f"p50 {p50:.2f}, p99 {p99:.2f}, calls/s {rate:.2f}"


def requests(numbers, count):
    made = [harrier_client._codec.score_request([transaction(next(numbers))], False, False) for _ in range(count)]
    return iter([one.encode(5) for one in made])


def bench_sync(echo_address, address, sizes, in_flight, rounds, calls, numbers):
    message = echo_message(sizes)
    echo, bare, client = Figures(), Figures(), Figures()
    with (
        pynng.Req0(dial=echo_address, recv_timeout=5000) as echo_socket,
        pynng.Req0(dial=address, recv_timeout=5000) as bare_socket,
        Client(address, deadline=5) as harrier,
    ):

        def through(socket, messages):
            context = socket.new_context()

            def call():
                context.send(next(messages))
                context.recv()

            return call

        def echo_call(count):
            return through(echo_socket, iter([message] * count))

        def bare_call(count):
            return through(bare_socket, requests(numbers, count))

        def client_call(count):
            sent = iter([transaction(next(numbers)) for _ in range(count)])
            return lambda: harrier.score(next(sent))

        kinds = ((echo, echo_call), (bare, bare_call), (client, client_call))
        for _, make in kinds:
            timed_threads(in_flight, WARM_UP, make)
        for _ in range(rounds):
            for figures, make in kinds:
                figures.add(timed_threads(in_flight, calls, make))
    return report(f"threads, {in_flight} in flight", echo, bare, client)


async def bench_async(echo_address, address, sizes, in_flight, rounds, calls, numbers):
    message = echo_message(sizes)
    echo, bare, client = Figures(), Figures(), Figures()
    with (
        pynng.Req0(dial=echo_address, recv_timeout=5000) as echo_socket,
        pynng.Req0(dial=address, recv_timeout=5000) as bare_socket,
    ):
        async with AsyncClient(address, deadline=5) as harrier:

            def through(socket, messages):
                context = socket.new_context()

                async def call():
                    await context.asend(next(messages))
                    await context.arecv()

                return call

            def echo_call(count):
                return through(echo_socket, iter([message] * count))

            def bare_call(count):
                return through(bare_socket, requests(numbers, count))

            def client_call(count):
                sent = iter([transaction(next(numbers)) for _ in range(count)])
                return lambda: harrier.score(next(sent))

            kinds = ((echo, echo_call), (bare, bare_call), (client, client_call))
            for _, make in kinds:
                await timed_tasks(in_flight, WARM_UP, make)
            for _ in range(rounds):
                for figures, make in kinds:
                    figures.add(await timed_tasks(in_flight, calls, make))
    return report(f"asyncio, {in_flight} in flight", echo, bare, client)


def main():
    if not 3 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    echo_address, address = sys.argv[1:3]
    rounds, calls = int((sys.argv[3:] or [5])[0]), int((sys.argv[4:] or [2000])[0])
    sizes = measure_sizes(address)
    numbers = Numbers()
    print(f"messages of {sizes[0]} and {sizes[1]} bytes; {rounds} rounds of {calls} calls; pynng {pynng.__version__}")
    print(f"{'':<34} {'p50 µs':>9} {'p99 µs':>9} {'calls/s':>10}")
    found = [bench_sync(echo_address, address, sizes, n, rounds, calls, numbers) for n in IN_FLIGHT]
    found += [asyncio.run(bench_async(echo_address, address, sizes, n, rounds, calls, numbers)) for n in IN_FLIGHT]
    return any(ratio > TARGET for ratio in found)


if __name__ == "__main__":
    sys.exit(main())
