"""The options of a client. clients/README.md has the table."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Callable, Mapping, Optional, Protocol, Sequence, Tuple, Union

from .errors import HarrierError, InvalidError
from .types import Transaction, Verdict

DEADLINE_MAX = 3600.0

Fallback = Union[Verdict, Callable[[Transaction, HarrierError], Verdict]]
"""The verdict if there is no decision in time, or a function that returns it."""


Token = Union[str, Callable[[], str]]
"""A token, or a function that returns one: it is called for each request, by any thread."""

TOKEN_MAX = 256  # printable ASCII, so as many bytes


class Metrics(Protocol):
    """Receives the client's metrics. Called by any thread, it must be quick; exceptions are dropped."""

    def count(self, name: str, amount: float, labels: Mapping[str, str]) -> None: ...

    def observe(self, name: str, value: float, labels: Mapping[str, str]) -> None: ...

    def set(self, name: str, value: float, labels: Mapping[str, str]) -> None: ...


@dataclass(frozen=True)
class Options:
    """Validated when made. Times are seconds."""

    addresses: Tuple[str, ...]
    deadline: float = 0.1
    fallback: Optional[Fallback] = None
    retries_max: int = 3
    in_flight_max: int = 1024
    eject_after: int = 3
    metrics: Optional[Metrics] = None
    token: Optional[Token] = field(default=None, repr=False)
    tls: Optional[ssl.SSLContext] = None

    def __post_init__(self) -> None:
        if not self.addresses or not all(self.addresses):
            raise InvalidError("no address; expected for example tcp://127.0.0.1:7731", "addresses")
        if len(set(self.addresses)) != len(self.addresses):
            raise InvalidError("an address stands there twice", "addresses")
        check_deadline(self.deadline)
        if self.retries_max < 0:
            raise InvalidError(f"{self.retries_max}; expected at least 0", "retries_max")
        for name in ("in_flight_max", "eject_after"):
            if getattr(self, name) < 1:
                raise InvalidError(f"{getattr(self, name)}; expected at least 1", name)
        if not (self.fallback is None or isinstance(self.fallback, Verdict) or callable(self.fallback)):
            raise InvalidError("expected a Verdict or a function that returns one", "fallback")
        if not (self.token is None or callable(self.token)):
            check_token(self.token)
        if not (self.tls is None or isinstance(self.tls, ssl.SSLContext)):
            raise InvalidError(f"{type(self.tls).__name__}; expected an ssl.SSLContext", "tls")


def check_token(token: object) -> str:
    """Raises an error that does not show the token."""
    if not isinstance(token, str):
        raise InvalidError(f"{type(token).__name__}; expected a str or a function that returns one", "token")
    if not 0 < len(token) <= TOKEN_MAX or not (token.isascii() and token.isprintable() and " " not in token):
        raise InvalidError(f"expected 1 to {TOKEN_MAX} characters of printable ASCII without spaces", "token")
    return token


def check_deadline(deadline: float) -> float:
    if not 0 < deadline <= DEADLINE_MAX:
        raise InvalidError(f"{deadline} s; expected more than 0 and at most {DEADLINE_MAX:.0f}", "deadline")
    return deadline


def make_options(addresses: Union[str, Sequence[str]], **others: object) -> Options:
    """One address may be written without a list."""
    listed = (addresses,) if isinstance(addresses, str) else tuple(addresses)
    return Options(addresses=listed, **others)  # type: ignore[arg-type]
