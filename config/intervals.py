"""Durations in the configuration, in Backstage's forms."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

_UNITS = ("weeks", "days", "hours", "minutes", "seconds", "milliseconds")


def _interval(value: object) -> object:
    """Backstage's forms of a duration: a mapping of units, an ISO 8601 text, or false for never."""
    return None if value is False else _duration(value)


def _duration(value: object) -> object:
    if isinstance(value, Mapping):
        units = cast("Mapping[str, Any]", value)
        try:
            return timedelta(**{unit: float(amount) for unit, amount in units.items()})
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"should be a mapping of {', '.join(_UNITS)}, each a number") from error
    if isinstance(value, str | timedelta):
        return value
    raise ValueError("should be a mapping such as { minutes: 10 }, a text such as PT10M, or false")


def _at_least_a_second(value: timedelta | None) -> timedelta | None:
    if value is not None and value < timedelta(seconds=1):
        raise ValueError("should be at least one second")
    return value


def _not_negative(value: timedelta) -> timedelta:
    if value < timedelta(0):
        raise ValueError("should not be negative")
    return value


_written = PlainSerializer(lambda value: {"seconds": value.total_seconds()} if value is not None else False)

Interval = Annotated[timedelta | None, BeforeValidator(_interval), AfterValidator(_at_least_a_second), _written]
"""How often something happens, at least a second; None for never."""

Duration = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_at_least_a_second), _written]
"""How long something takes at most, or how often it happens; at least a second."""

Delay = Annotated[timedelta, BeforeValidator(_duration), AfterValidator(_not_negative), _written]
"""How long something waits; not at all is possible."""
