#!/usr/bin/env python3
"""A stock client, pynng: requests as lines of hexadecimal digits on standard input, answers likewise and in the
same order on standard output, so many in flight at a time.

usage: pynng_client.py ADDRESS IN_FLIGHT [CA CERTIFICATE KEY]"""
import asyncio
import sys

import pynng


def tls_of(ca, certificate, key):
    def read(path):
        with open(path, encoding="ascii") as file:
            return file.read()

    return pynng.TLSConfig(
        pynng.TLSConfig.MODE_CLIENT, ca_string=read(ca), own_cert_string=read(certificate), own_key_string=read(key),
        server_name="localhost",
    )


async def main():
    address, in_flight, *files = sys.argv[1:]
    requests = [bytes.fromhex(line) for line in sys.stdin]
    answers = [b""] * len(requests)
    waiting = iter(range(len(requests)))
    with pynng.Req0(recv_timeout=10000, send_timeout=10000) as socket:
        if files:
            socket.tls_config = tls_of(*files)
        socket.dial(address, block=True)

        async def work():
            with socket.new_context() as context:
                for i in waiting:
                    await context.asend(requests[i])
                    answers[i] = await context.arecv()

        await asyncio.gather(*(work() for _ in range(int(in_flight))))
    for answer in answers:
        print(answer.hex())


asyncio.run(main())
