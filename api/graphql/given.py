"""Arguments that were left out, which mean the same as null everywhere."""

from typing import TypeVar

import strawberry

T = TypeVar("T")


def given(value: T | None) -> T | None:
    """The value, or None where it was null or left out."""
    return None if value is strawberry.UNSET else value
