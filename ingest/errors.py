"""What can be wrong with what a catalog reads: the codes of catalog errors, and the error of a source that can't be read."""

from enum import StrEnum

from graph.errors import CallboardError


class ErrorCode(StrEnum):
    """The codes of catalog errors. `docs/reference/errors.md` explains each."""

    NOT_FOUND = "not-found"
    UNREADABLE = "unreadable"
    OUTSIDE_ROOT = "outside-root"
    TOO_LARGE = "too-large"
    UNSUPPORTED_TYPE = "unsupported-type"
    NOT_ALLOWED = "not-allowed"
    CONFLICT = "conflict"


class ReadError(CallboardError):
    """A source can't be read. `path` is what was to be read, `remedy` what its author or operator has to do."""

    code = "BAD_USER_INPUT"

    def __init__(self, reason: ErrorCode, path: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.reason, self.path, self.message, self.remedy = reason, path, message, remedy

    def __reduce__(self) -> tuple[type["ReadError"], tuple[ErrorCode, str, str, str]]:
        return type(self), (self.reason, self.path, self.message, self.remedy)
