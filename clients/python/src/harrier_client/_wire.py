"""A fast encoder of transactions in protobuf's wire format. The generated code is slower, and every call waits for it.
It still encodes what is unusual: the tests compare the two byte for byte.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Callable, List, Optional

from .types import Transaction

SHORT = 128  # the length of a shorter text takes one byte
_LENGTH_DELIMITED = 2


def _varint(value: int) -> bytes:
    groups = []
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*groups, value))


_VARINTS = [_varint(value) for value in range(1 << 11)]
_MORE = [bytes((group | 0x80,)) for group in range(0x80)]


def varint(value: int) -> bytes:
    """Encodes an integer of 0 or more."""
    if value < 1 << 11:
        return _VARINTS[value]
    if value < 1 << 18:
        return _MORE[value & 0x7F] + _VARINTS[value >> 7]
    if value < 1 << 25:
        return _MORE[value & 0x7F] + _MORE[value >> 7 & 0x7F] + _VARINTS[value >> 14]
    return _varint(value)


_kept_varint = lru_cache(maxsize=64)(varint)


def _long_varint(value: int) -> bytes:
    """Encodes a time in microseconds. Times within a few minutes share their upper bytes, which are cached."""
    if value < 1 << 28:
        return _varint(value)
    first = (value & 0x7F | 0x80, value >> 7 & 0x7F | 0x80, value >> 14 & 0x7F | 0x80, value >> 21 & 0x7F | 0x80)
    return bytes(first) + _kept_varint(value >> 28)


def delimited(number: int, content: bytes) -> bytes:
    return varint(number << 3 | _LENGTH_DELIMITED) + varint(len(content)) + content


def _pair(outer: int, inner: int, length: int) -> bytes:
    """The bytes before a content of that length, which is field `inner` of a message, which is field `outer`."""
    head = varint(inner << 3 | _LENGTH_DELIMITED) + varint(length)
    return varint(outer << 3 | _LENGTH_DELIMITED) + varint(len(head) + length) + head


def nested(outer: int, inner: int) -> Callable[[bytes], bytes]:
    """Returns a function that encodes such a message with one field."""
    heads = [_pair(outer, inner, length) for length in range(1 << 10)]

    def write(content: bytes) -> bytes:
        length = len(content)
        return (heads[length] if length < 1 << 10 else _pair(outer, inner, length)) + content

    return write


def _heads(number: int) -> List[str]:
    """The bytes before a string, by its length. An empty string is not written at all."""
    return ["", *(chr(number << 3 | _LENGTH_DELIMITED) + chr(length) for length in range(1, SHORT))]


_ID, _CURRENCY, _CARD, _CUSTOMER, _ACCOUNT = (_heads(number) for number in (1, 4, 5, 6, 7))
_MERCHANT, _TERMINAL, _DEVICE, _IP, _COUNTRY = (_heads(number) for number in (8, 9, 10, 11, 12))
_MCC, _CHANNEL, _EMAIL = (_heads(number) for number in (13, 14, 15))
_PHONE, _SOURCE, _SEQUENCE = 16, 17, b"\x90\x01"
_TIME, _AMOUNT = b"\x10", b"\x18"
_INT64_END = 1 << 63


def plain(t: Transaction, time: int) -> Optional[bytes]:
    """Returns the transaction's bytes; None if the generated code must encode it, or report what is wrong with it."""
    amount, phone, source, sequence = t.amount_minor, t.phone, t.source, t.sequence
    if t.location is not None or t.attributes:
        return None
    # An empty value of another type would be left out below; the generated code decides whether it is an error.
    if type(time) is not int or type(amount) is not int or type(phone) is not str:
        return None
    if type(source) is not str or type(sequence) is not int:
        return None
    name, currency, card, customer, account = t.id, t.currency, t.card, t.customer, t.account
    merchant, terminal, device, ip, country = t.merchant, t.terminal, t.device, t.ip, t.country
    mcc, channel, email = t.mcc, t.channel, t.email
    try:
        # join(), because unlike formatting it refuses anything but str.
        texts = "".join(
            (
                _CURRENCY[len(currency)], currency, _CARD[len(card)], card, _CUSTOMER[len(customer)], customer,
                _ACCOUNT[len(account)], account, _MERCHANT[len(merchant)], merchant, _TERMINAL[len(terminal)], terminal,
                _DEVICE[len(device)], device, _IP[len(ip)], ip, _COUNTRY[len(country)], country, _MCC[len(mcc)], mcc,
                _CHANNEL[len(channel)], channel, _EMAIL[len(email)], email,
            )
        ).encode("ascii")  # fmt: skip
        written = (_ID[len(name)] + name).encode("ascii")
        if time:
            written += _TIME + _long_varint(time)
        if amount:
            written += _AMOUNT + varint(amount)
        if phone:
            texts += delimited(_PHONE, phone.encode("ascii"))
        if source:
            texts += delimited(_SOURCE, source.encode("ascii"))
        if sequence:
            texts += _SEQUENCE + varint(sequence)
    except (TypeError, ValueError, AttributeError, IndexError):
        return None
    if not (0 <= time < _INT64_END and 0 <= amount < _INT64_END and 0 <= sequence < _INT64_END):
        return None
    return written + texts
