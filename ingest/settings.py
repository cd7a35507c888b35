"""What ingestion has to know of the configuration, and the digest by which a change of it is noticed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path

from config import Config, ConfigurationError
from config.catalog import KindConfig
from graph.entities import canonical_json, content_hash
from graph.relations import RelationRegistry
from graph.store import Location
from ingest.files import FileContext
from ingest.kinds import ConfiguredKind, InvalidSchemaError, rules_of
from ingest.processors import processors_from
from ingest.readers import AnyReader, file_reader
from ingest.reading import ReadingSettings
from ingest.rules import Rule, kinds_allowed, rules_from
from ingest.sources import SourceLimits, SourceReader
from plugins.hosts import Hosts


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
    hosts: Hosts | None = None
    source_limits: SourceLimits | None = None
    removal_grace: timedelta = timedelta(0)
    infers: bool = False


def settings_from(config: Config, registry: RelationRegistry, hosts: Hosts | None = None) -> IngestSettings:
    """The settings of a configuration and its relations; `hosts` are those that URLs are read from."""
    reading = config.backend.reading
    catalog = config.catalog
    dump = catalog.model_dump(mode="json", include={"kinds", "relations", "max_file_size_bytes", "inference"})
    read = reading_settings(config, registry)
    return IngestSettings(
        reading=read,
        rules=rules_from(catalog),
        max_bytes=catalog.max_file_size_bytes,
        keep_orphans=catalog.orphan_strategy == "keep",
        fingerprint=content_hash(canonical_json([_code_digest(), dump, read.processors.versions])),
        hosts=hosts,
        source_limits=SourceLimits(catalog.max_file_size_bytes, reading.max_archive_bytes, reading.max_unpacked_bytes),
        removal_grace=catalog.removal_grace,
        infers=catalog.inference.enabled,
    )


def reading_settings(config: Config, registry: RelationRegistry) -> ReadingSettings:
    """What parsing and validation have to know of the configuration. ConfigurationError if a kind's JSON Schema is invalid."""
    catalog = config.catalog
    return ReadingSettings(configured_kinds(catalog.kinds), registry, catalog.max_file_size_bytes, processors_from(config.plugins))


def configured_kinds(kinds: Sequence[KindConfig]) -> tuple[ConfiguredKind, ...]:
    """The kinds as reading needs them. ConfigurationError if a JSON Schema is invalid."""
    configured = tuple(ConfiguredKind(kind.kind, kind.api_versions, canonical_json(dict(kind.json_schema))) for kind in kinds)
    try:
        rules_of(configured)
    except InvalidSchemaError as error:
        raise ConfigurationError(f"catalog.kinds[{error.place}].jsonSchema", error.problem) from error
    return configured


def context_of(location: Location, settings: IngestSettings, remote: SourceReader | None = None) -> FileContext:
    """What reading the location's files needs; `remote` reads URLs. Its reader works in this process alone, `local_context` elsewhere."""
    allowed = kinds_allowed(settings.rules, location.type, location.target)
    local = file_reader(location.target, settings.max_bytes) if location.type == "file" else None
    types = [name for name, reader in (("file", local), ("url", remote)) if reader]
    return FileContext(
        location.type,
        f"{location.type}:{location.target}",
        AnyReader(local, remote),
        settings.reading,
        allowed,
        fingerprint_of(location, settings),
        frozenset(types),
    )


def local_context(context: FileContext) -> FileContext:
    """The context with nothing but files of this machine to read, to be handed to other processes."""
    return replace(context, reader=context.reader.local) if isinstance(context.reader, AnyReader) and context.reader.local else context


def fingerprint_of(location: Location, settings: IngestSettings) -> str:
    """The digest of everything that reading the location's files depends on beside their content."""
    allowed = kinds_allowed(settings.rules, location.type, location.target)
    return content_hash(f"{settings.fingerprint} {','.join(sorted(allowed))}".encode())


@cache
def _code_digest() -> str:
    """The digest of the code that reads files. A release that reads otherwise reads everything again by itself."""
    package = Path(__file__).parent
    parts = sorted(path for path in package.rglob("*") if path.suffix in {".py", ".json"})
    return content_hash(b"".join(path.read_bytes() for path in parts))
