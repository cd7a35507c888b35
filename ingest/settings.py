"""What ingestion has to know of the configuration, and the digest by which a change of it is noticed."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from config import Config
from graph.entities import canonical_json, content_hash
from graph.relations import RelationRegistry
from graph.store import Location
from ingest.files import FileContext
from ingest.readers import file_reader
from ingest.reading import ReadingSettings
from ingest.rules import Rule, kinds_allowed, rules_from


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """How locations are read. `keep_orphans` marks what no location leads to any more instead of removing it; `removal_grace` is how long
    it waits before it removes it.
    """

    reading: ReadingSettings
    rules: tuple[Rule, ...]
    max_bytes: int
    keep_orphans: bool
    fingerprint: str
    removal_grace: timedelta = timedelta(0)


def settings_from(config: Config, registry: RelationRegistry) -> IngestSettings:
    """The settings of a configuration and its relations."""
    catalog = config.catalog
    dump = catalog.model_dump(mode="json", include={"kinds", "relations", "max_file_size_bytes"})
    return IngestSettings(
        reading=reading_settings(config, registry),
        rules=rules_from(catalog),
        max_bytes=catalog.max_file_size_bytes,
        keep_orphans=catalog.orphan_strategy == "keep",
        fingerprint=content_hash(canonical_json([_code_digest(), dump])),
        removal_grace=catalog.removal_grace,
    )


def reading_settings(config: Config, registry: RelationRegistry) -> ReadingSettings:
    """What parsing and validation have to know of the configuration."""
    return ReadingSettings(kinds=config.catalog.kinds, registry=registry, max_bytes=config.catalog.max_file_size_bytes)


def context_of(location: Location, settings: IngestSettings) -> FileContext:
    """What reading the location's files needs. Only locations of type file are read."""
    allowed = kinds_allowed(settings.rules, location.type, location.target)
    return FileContext(
        location.type,
        f"{location.type}:{location.target}",
        file_reader(location.target, settings.max_bytes),
        settings.reading,
        allowed,
        content_hash(f"{settings.fingerprint} {','.join(sorted(allowed))}".encode()),
    )


@cache
def _code_digest() -> str:
    """The digest of the code that reads files. A release that reads otherwise reads everything again by itself."""
    package = Path(__file__).parent
    parts = sorted(path for path in package.rglob("*") if path.suffix in {".py", ".json"})
    return content_hash(b"".join(path.read_bytes() for path in parts))
