"""Client for a Harrier fraud-scoring server: :class:`Client` blocks, :class:`AsyncClient` is for asyncio."""

from .aio import AsyncBatcher, AsyncClient
from .batcher import Batcher
from .client import Client
from .errors import (
    BusyError,
    ClosedError,
    DeadlineError,
    DeniedError,
    HarrierError,
    IdConflictError,
    InternalError,
    InvalidError,
    NotFoundError,
    ProtocolError,
    TooLargeError,
    UnavailableError,
    UnsupportedError,
)
from .frames import score_frame
from .options import Fallback, Metrics, Options, Token
from .types import (
    AttributeValue,
    Decision,
    Entity,
    Label,
    Location,
    Outcome,
    OutcomeAccepted,
    Reason,
    Status,
    Time,
    Transaction,
    Value,
    Verdict,
)

__version__ = "0.1.0"

__all__ = [
    "AsyncBatcher",
    "AsyncClient",
    "AttributeValue",
    "Batcher",
    "BusyError",
    "Client",
    "ClosedError",
    "DeadlineError",
    "Decision",
    "DeniedError",
    "Entity",
    "Fallback",
    "HarrierError",
    "IdConflictError",
    "InternalError",
    "InvalidError",
    "Label",
    "Location",
    "Metrics",
    "NotFoundError",
    "Options",
    "Outcome",
    "OutcomeAccepted",
    "ProtocolError",
    "Reason",
    "Status",
    "Time",
    "Token",
    "TooLargeError",
    "Transaction",
    "UnavailableError",
    "UnsupportedError",
    "Value",
    "Verdict",
    "score_frame",
]
