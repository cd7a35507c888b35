"""The `techdocs` section: documentation of entities, how it is built and where it is kept."""

from typing import Literal

from pydantic import Field

from config.generator import Generator
from config.sections import Section


class Techdocs(Section):
    """`techdocs`."""

    builder: Literal["local", "external"] = Field(
        default="local",
        description="`local` builds what is missing or out of date when it is read; `external` shows what CI published.",
    )
    generator: Generator = Field(default=Generator(), description="How documentation is built.")
