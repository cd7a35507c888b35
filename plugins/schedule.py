"""Turns the `schedule` of a provider's section into the contract's."""

from config.provider import ScheduleConfig
from plugins.contract import Schedule


def schedule_of(config: ScheduleConfig) -> Schedule:
    """The schedule of a provider's section."""
    return Schedule(config.frequency, config.timeout, config.initial_delay)
