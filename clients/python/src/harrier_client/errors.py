"""The errors of calls: one class for each code of the contract (clients/README.md)."""

from __future__ import annotations

from typing import ClassVar, Optional

from .types import Verdict


class HarrierError(Exception):
    """The base of all. ``code`` is the contract's name of it, ``field`` the field at fault as policies
    name it (empty when no single one is), ``message`` one sentence.

    ``decided`` is False when the call certainly did not decide its transactions, None when it may have.
    To send the same again settles it: a transaction is decided once.
    """

    code: ClassVar[str] = "internal"
    #: The policy's verdict for what there was no time to decide, if the server sent one.
    fallback: Optional[Verdict] = None

    def __init__(self, message: str, field: str = "", *, decided: Optional[bool] = False) -> None:
        super().__init__(message, field)
        self.message = message
        self.field = field
        self.decided = decided

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidError(HarrierError):
    """The call breaks a rule; the same call will fail again."""

    code = "invalid"


class UnsupportedError(HarrierError):
    """Client and server versions are not compatible."""

    code = "unsupported"


class NotFoundError(HarrierError):
    """No such transaction or entity."""

    code = "not_found"


class IdConflictError(HarrierError):
    """This transaction id was scored before with other content."""

    code = "id_conflict"


class TooLargeError(HarrierError):
    """Over a limit: bytes of a message, transactions of a call."""

    code = "too_large"


class DeadlineError(HarrierError):
    """No answer in time."""

    code = "deadline"


class UnavailableError(HarrierError):
    """No server took it in time, none is the primary, or the connection broke too often."""

    code = "unavailable"


class OverloadedError(HarrierError):
    """The server refused it at once, because it would not have answered in time. Nothing happened."""

    code = "overloaded"


class DeniedError(HarrierError):
    """The token is missing, unknown, or lacks the scope of this call."""

    code = "denied"


class BusyError(HarrierError):
    """``in_flight_max`` requests were in flight until the deadline."""

    code = "busy"


class ClosedError(HarrierError):
    """The client is closed, or was closed during the call."""

    code = "closed"


class InternalError(HarrierError):
    """A defect of the server."""

    code = "internal"


class ProtocolError(HarrierError):
    """The answer cannot be decoded, or does not match the request."""

    code = "protocol"
