"""What every section of `catalog.providers` is made of: a schedule, ids, and patterns."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BeforeValidator, Field

from config.intervals import Delay, Duration
from config.sections import Section


def _is_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"should be a regular expression: {error}") from error
    return text


Pattern = Annotated[str, AfterValidator(_is_pattern)]
"""A regular expression."""


class ScheduleConfig(Section):
    """`schedule` of a provider."""

    frequency: Duration = Field(default=timedelta(hours=1), description="How often it reads; up to half as much again is added by chance.")
    timeout: Duration = Field(default=timedelta(minutes=30), description="How long one read may take.")
    initial_delay: Delay = Field(default=timedelta(0), description="How long the very first read waits.")


class ProviderConfig(Section):
    """What every provider has."""

    schedule: ScheduleConfig = Field(default=ScheduleConfig(), description="When it reads.")


def by_id(*marks: str) -> BeforeValidator:
    """Takes a mapping of providers by their ids; as in Backstage also a single one, known by one of its keys, whose id is `default`."""

    def validate(value: object) -> object:
        if isinstance(value, Mapping) and any(mark in cast("Mapping[str, Any]", value) for mark in marks):
            return {"default": cast("Mapping[str, Any]", value)}
        return cast("object", value)

    return BeforeValidator(validate)
