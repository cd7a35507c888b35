"""What is wrong with a configuration: the key, the place, and what to write instead."""

from collections.abc import Sequence


class ConfigurationError(Exception):
    """A start can't go on. `key` is dotted, `place` is file:line where known, `others` are the remaining problems of the same reading."""

    def __init__(self, key: str, message: str, place: str | None = None, others: Sequence["ConfigurationError"] = ()) -> None:
        super().__init__(key, message)
        self.key = key
        self.message = message
        self.place = place
        self.others = tuple(others)

    @property
    def line(self) -> str:
        """This problem alone, as one line."""
        return ": ".join(part for part in (self.place, self.key, self.message) if part)

    @property
    def all(self) -> tuple["ConfigurationError", ...]:
        """This problem and the others."""
        return (self, *self.others)

    def __str__(self) -> str:
        return "\n".join(error.line for error in self.all)
