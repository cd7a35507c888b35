"""How a document's reading reaches the files that it includes."""

from collections.abc import Callable

Include = Callable[[str], bytes]
"""Resolves a target, relative to the document's file, to its content; IncludeError where that can't be."""


class IncludeError(Exception):
    """A target can't be read; `remedy` says what the author of the document has to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy
