"""The `techdocs` section: documentation of entities, how it is built and where it is kept."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import Field

from config.generator import Generator
from config.intervals import Duration, Interval
from config.publisher import Publisher
from config.sections import Section


class Cache(Section):
    """`techdocs.cache`."""

    ttl: int | str | Mapping[str, Any] | None = Field(default=None, description="Without meaning here: what is read is asked for its tag.")
    read_timeout: int | str | Mapping[str, Any] | None = Field(default=None, description="Without meaning here.")


class Techdocs(Section):
    """`techdocs`."""

    builder: Literal["local", "external"] = Field(
        default="local",
        description="`local` builds what is missing or out of date when it is read; `external` shows what CI published.",
    )
    check_interval: Duration = Field(
        default=timedelta(seconds=15), description="How long what is shown counts as up to date; with `local`, a later read has it checked."
    )
    keep_removed: Interval = Field(
        default=timedelta(days=7),
        description="How long the documentation of an entity that is gone stays in the storage, if it was built here; `false` for ever.",
    )
    legacy_use_case_sensitive_triplet_paths: bool = Field(
        default=False,
        description="Whether the storage names folders in the case in which entities are declared, as Backstage did long ago.",
    )
    publisher: Publisher | None = Field(
        default=None, description="Backstage's way to write `backend.storage`; one of the two may be given."
    )
    cache: Cache | None = Field(default=None, description="Backstage's cache in front of the storage; there is none here.")
    generator: Generator = Field(default=Generator(), description="How documentation is built.")

    def taken_over(self) -> Iterator[tuple[str, str]]:
        """What keys of Backstage became that mean something else here, or nothing: each with what to know of it."""
        if self.publisher is not None:
            storage = self.publisher.storage
            yield "techdocs.publisher", f"backend.storage.url: {storage.url}" if storage else "the default of backend.storage"
        if self.cache is not None:
            yield "techdocs.cache", "nothing: documentation is read from its storage each time, and pages are kept by their tags"
        yield from self.generator.taken_over()
