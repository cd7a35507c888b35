"""The time as sign-in reckons it, which tests replace."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Tells the moment, in UTC."""


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)
