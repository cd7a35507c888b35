"""Text that engines refuse, since it is no Unicode, as the error of whoever gave it."""

from collections.abc import Generator
from contextlib import contextmanager

from orjson import JSONEncodeError

from graph.errors import InputError


@contextmanager
def valid_unicode() -> Generator[None]:
    """InputError where text turns out to be no Unicode."""
    try:
        yield
    except (UnicodeEncodeError, JSONEncodeError) as failure:
        raise InputError(f"search is given text that is not valid Unicode: {failure}") from failure
