#!/usr/bin/env python3
"""Writes networks.tsv: what Python's ipaddress module says of addresses in every notation, of some
that are none, and of their prefixes.

usage: generate.py > networks.tsv
"""
import ipaddress
import random

REFUSED = [
    "", ".", ":", "::1::", ":::", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.04", "01.2.3.4", "1.2.3.4 ", " 1.2.3.4",
    "1.2.3.-4", "1..3.4", "1.2.3.", ".1.2.3", "1.2.3.4/24", "0x1.2.3.4", "1.2.3.1000", "٣.2.3.4", "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9", "1::2::3", "1:2:3:4:5:6:7::8", "12345::", "g::", "fe80::1%eth0", "::1.2.3", "::1.2.3.256",
    "::1.2.3.04", "1.2.3.4::", "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5::6:1.2.3.4", "[::1]", "::1/64",
    "1:", ":1", "1:2:3:4:5:6:7:", ":2:3:4:5:6:7:8", "localhost", "2001:db8::-1", "2001:db8::+1", "::ffff:1.2.3",
]
ADDRESSES = [
    "0.0.0.0", "255.255.255.255", "192.0.2.77", "10.1.2.3", "::", "::1", "1::", "::ffff:192.0.2.77", "::FFFF:c000:24d",
    "0:0:0:0:0:ffff:192.0.2.77", "::192.0.2.77", "64:ff9b::192.0.2.77", "2001:DB8::1", "2001:0db8:0000::0001",
    "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", "2001:0:0:1:0:0:0:1", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8",
    "1:0:3:4:5:6:7:8", "1:2:3:4:5:6:1.2.3.4", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::fffe:192.0.2.77",
    "0:0:0:0:1:ffff:192.0.2.77", "1:2::1.2.3.4",
]


def network(text, v4_bits, v6_bits):
    """As a person would write it with the standard library."""
    if "%" in text:
        return "refused"
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return "refused"
    if address.version == 6 and address.ipv4_mapped:
        address = address.ipv4_mapped
    bits = v4_bits if address.version == 4 else v6_bits
    return str(ipaddress.ip_network((address, bits), strict=False))


def spelled(chance, number):
    """One of the many ways to write the 128 bits."""
    address = ipaddress.IPv6Address(number)
    ways = [address.compressed, address.exploded, address.compressed.upper()]
    ways.append(":".join(f"{number >> shift & 0xFFFF:x}" for shift in range(112, -1, -16)))
    head = ":".join(f"{number >> shift & 0xFFFF:x}" for shift in range(112, 16, -16))
    ways.append(f"{head}:{ipaddress.IPv4Address(number & 0xFFFFFFFF)}")
    return chance.choice(ways)


def random_v6(chance):
    groups = [chance.choice([0, 0, 0, 1, 0xFFFF, chance.getrandbits(16)]) for _ in range(8)]
    if chance.random() < 0.2:
        groups[:6] = [0, 0, 0, 0, 0, 0xFFFF]
    return sum(group << 16 * (7 - place) for place, group in enumerate(groups))


def broken(chance, text):
    """One character more, less or other."""
    at = chance.randrange(len(text))
    other = chance.choice("0123456789abcdef:.:.:./ gx")
    return chance.choice([text[:at] + text[at + 1:], text[:at] + other + text[at:], text[:at] + other + text[at + 1:]])


def main():
    chance = random.Random(1)
    rows = [(text, 24, 48) for text in REFUSED + ADDRESSES]
    rows += [("192.0.2.205", bits, 0) for bits in range(33)]
    rows += [("2001:db8:aaaa:5555:aaaa:5555:aaaa:5555", 0, bits) for bits in range(129)]
    for _ in range(300):
        text = spelled(chance, random_v6(chance))
        rows.append((text, chance.randrange(33), chance.randrange(129)))
        rows.append((broken(chance, text), 24, 48))
    for _ in range(100):
        text = str(ipaddress.IPv4Address(chance.getrandbits(32)))
        rows.append((text, chance.randrange(33), 48))
        rows.append((broken(chance, text), 24, 48))
    print("# address, bits of an IPv4 prefix, bits of an IPv6 prefix, the network. Made by generate.py.")
    for text, v4_bits, v6_bits in rows:
        print(text, v4_bits, v6_bits, network(text, v4_bits, v6_bits), sep="\t")


if __name__ == "__main__":
    main()
