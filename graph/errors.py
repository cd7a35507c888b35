"""Every error that Callboard raises on purpose, in one tree.

config.errors.ConfigurationError, below it, stops a start instead, plugins.contract.SourceError says that another system could not be
read, and workers.techdocs.preparing.UnusableSourcesError that there is no documentation where it should be.

CallboardError
├── InputError              BAD_USER_INPUT     the caller can mend the request
│   ├── InvalidRefError
│   └── InvalidCursorError
├── UnauthenticatedError    UNAUTHENTICATED
├── ForbiddenError          FORBIDDEN
├── NotFoundError           NOT_FOUND
├── ConflictError           CONFLICT
│   └── StaleWriteError     what a write was computed from has changed since
├── LimitExceededError      LIMIT_EXCEEDED
│   └── RateLimitedError    too much in too short a time; try again later
└── StoreError              INTERNAL           the store answered something unexpected
    ├── PatchError          a patch of the log does not fit the document
    └── StoreUnavailableError  UNAVAILABLE     the store does not answer; try again later
"""

from typing import ClassVar


class CallboardError(Exception):
    """An error with a code that clients can rely on and a message that says what to do next."""

    code: ClassVar[str] = "INTERNAL"


class InputError(CallboardError):
    """The request can't be answered as it stands; the message says how to mend it."""

    code = "BAD_USER_INPUT"


class InvalidRefError(InputError):
    """The text is no entity ref of the form [kind:][namespace/]name."""


class InvalidCursorError(InputError):
    """The cursor was not handed out by this connection with this ordering."""


class UnauthenticatedError(CallboardError):
    """The request needs a signed-in principal."""

    code = "UNAUTHENTICATED"


class ForbiddenError(CallboardError):
    """The principal may not do this."""

    code = "FORBIDDEN"


class NotFoundError(CallboardError):
    """What the request names does not exist, or is hidden from the principal."""

    code = "NOT_FOUND"


class ConflictError(CallboardError):
    """The request contradicts the present state."""

    code = "CONFLICT"


class StaleWriteError(ConflictError):
    """An entity changed between reading it and writing it; nothing was written. Read again and retry."""


class LimitExceededError(CallboardError):
    """The request asks for more than the configured limit allows."""

    code = "LIMIT_EXCEEDED"


class RateLimitedError(LimitExceededError):
    """Too much was asked for in too short a time. The same can be had `retry_after_seconds` later."""

    def __init__(self, message: str, retry_after_seconds: int) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class StoreError(CallboardError):
    """The store answered in a way that the adapter can't use."""


class PatchError(StoreError):
    """A JSON Patch does not fit the document that it is applied to, or can't be taken back."""


class StoreUnavailableError(StoreError):
    """The store does not answer at the moment."""

    code = "UNAVAILABLE"
