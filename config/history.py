"""How long the log of changes is kept, and how closely."""

from datetime import timedelta

from pydantic import Field

from config.intervals import Duration, Interval
from config.sections import Section


class Compaction(Section):
    """`catalog.history.compaction`."""

    after: Duration = Field(default=timedelta(days=30), description="Changes older than this are merged.")
    span: Duration = Field(
        default=timedelta(days=1),
        description="The changes of an entity within one such span become one, their net change; spans are counted from 1970 in UTC. "
        "The past within a span is then told as it was at one of its ends.",
    )


class History(Section):
    """`catalog.history`."""

    retention: Interval = Field(
        default=timedelta(days=365), description="How long changes are kept, and the past can be asked for; `false` for ever."
    )
    consumer_grace: Duration = Field(
        default=timedelta(days=30),
        description="How much longer changes are kept, and left as they are, that an outgoing webhook or another consumer has not taken "
        "yet.",
    )
    compaction: Compaction | None = Field(
        default=None, description="How older changes are merged; without it each is kept as it was written. `{}` takes the defaults."
    )
