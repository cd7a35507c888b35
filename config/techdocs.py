"""The `techdocs` section: documentation of entities, how it is built and where it is kept."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from config.generator import Generator
from config.intervals import Duration
from config.sections import Section


class Techdocs(Section):
    """`techdocs`."""

    builder: Literal["local", "external"] = Field(
        default="local",
        description="`local` builds what is missing or out of date when it is read; `external` shows what CI published.",
    )
    check_interval: Duration = Field(
        default=timedelta(seconds=15), description="How long what is shown counts as up to date; with `local`, a later read has it checked."
    )
    legacy_use_case_sensitive_triplet_paths: bool = Field(
        default=False,
        description="Whether the storage names folders in the case in which entities are declared, as Backstage did long ago.",
    )
    generator: Generator = Field(default=Generator(), description="How documentation is built.")
