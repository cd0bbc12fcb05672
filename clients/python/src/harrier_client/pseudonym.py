"""Pseudonyms as the server makes them of a field with ``protect: hmac``: docs/operations/pseudonyms.md."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from .errors import InvalidError

_KEY_ID = re.compile(r"[a-z0-9]{1,8}")
_KEY_BYTES_MIN = 32
_VALUE_BYTES_MAX = 1024
_DOMAIN_BYTES_MAX = 64
_PSEUDONYM = re.compile(r"p1\.[a-z0-9]{1,8}\.[a-z2-7]{25}[aeimquy4]")


def pseudonym(key: bytes, key_id: str, domain: str, value: str) -> str:
    """The pseudonym of a value by this key. ``domain`` is the name of the protected field, or its ``protect_as``.

    The value is taken as it is: trim and fold it before, if the server's values are. Raises :class:`InvalidError`.
    """
    if len(key) < _KEY_BYTES_MIN:
        raise InvalidError(f"the key has {len(key)} bytes; expected at least {_KEY_BYTES_MIN}")
    if not _KEY_ID.fullmatch(key_id):
        raise InvalidError("a key id has 1 to 8 small letters and digits")
    domain_bytes, value_bytes = domain.encode(), value.encode()
    if not 0 < len(domain_bytes) <= _DOMAIN_BYTES_MAX or b"\0" in domain_bytes:
        raise InvalidError(f"expected a field's name of at most {_DOMAIN_BYTES_MAX} bytes")
    if len(value_bytes) > _VALUE_BYTES_MAX:
        raise InvalidError(f"the value has {len(value_bytes)} bytes; expected at most {_VALUE_BYTES_MAX}")
    mac = hmac.new(key, domain_bytes + b"\0" + value_bytes, hashlib.sha256).digest()
    return f"p1.{key_id}." + base64.b32encode(mac[:16]).decode().rstrip("=").lower()


def is_pseudonym(value: str) -> bool:
    """Whether the value has exactly the form of a pseudonym."""
    return _PSEUDONYM.fullmatch(value) is not None
