"""`callboard ingest`: catalog files into the configured store."""

import asyncio
import gc
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

import click

from cli.exits import FINDINGS, OK
from cli.options import config_option, format_option
from cli.progress import shown_progress
from cli.reports import Report, Table, show
from config import Config, load
from config.paths import anchored
from graph.configured import registry_from
from graph.stores import store_from
from ingest.pipeline import RefreshReport, add_locations, location_of, refresh
from ingest.settings import settings_from
from plugins.hosts import opened_hosts

_ORIGIN = "command line"
_COUNTS = ("files", "created", "updated", "removed", "orphaned", "unchanged", "errors")


@click.command("ingest")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True)
@click.option("--infer", "infers", is_flag=True, help="Store nothing; show what CODEOWNERS and package manifests below PATH… tell.")
@format_option("table", "json", "csv")
@config_option
def command(paths: tuple[str, ...], infers: bool, format_: str, configs: tuple[Path, ...]) -> int:
    """Read the catalog files at PATH… (files, folders or globs) into the configured store.

    Each PATH becomes a location of the catalog: a server on the same store shows it at once, and reads it again from now on. Kinds are
    those that `catalog.rules` allow. Exits with 1 if something could not be read; `callboard validate` says what.

    With --infer each PATH is a folder with a repository, or with several clones: owners by CODEOWNERS and dependencies by package manifests
    are shown with their evidence and confidence, beside what is declared. Nothing is stored.
    """
    if infers:
        # It brings the GraphQL schema along, for which an ordinary read should not wait.
        return import_module("cli.inferring").show_inferred(load(configs), [_folder(path) for path in paths], format_)
    # A process that ends soon can leave what is in cycles for longer than a server.
    gc.set_threshold(500_000, 10, 10)
    reports = asyncio.run(_ingested(load(configs), [anchored(path, Path.cwd()) for path in paths]))
    rows = [(report.location.target, *(f"{getattr(report, name):,}" for name in _COUNTS)) for report in reports]
    written = sum(report.written for report in reports)
    data = [{"target": report.location.target, **{name: asdict(report)[name] for name in _COUNTS}} for report in reports]
    table = Table(("Location", *(name.title() for name in _COUNTS)), rows, frozenset(name.title() for name in _COUNTS))
    show(Report(f"{written:,} entities written.", (table,), (), data), format_)
    return FINDINGS if any(report.errors for report in reports) else OK


def _folder(path: str) -> Path:
    if not Path(path).is_dir():
        raise click.BadParameter(f"{path} is no folder; --infer looks at repositories", param_hint="PATH")
    return Path(path)


async def _ingested(config: Config, targets: Sequence[str]) -> Sequence[RefreshReport]:
    registry = registry_from(config.catalog.relations)
    store = store_from(config.backend.database, registry)
    after = len(config.catalog.locations)
    locations = [location_of("file", target, origin=_ORIGIN, order=after + place) for place, target in enumerate(targets)]
    await store.open()
    try:
        known = {location.id: location for location in await store.locations()}
        await add_locations(store, [location for location in locations if location.id not in known])
        async with opened_hosts(config) as hosts:
            settings = settings_from(config, registry, hosts)
            with shown_progress() as progress:
                return [await refresh(known.get(new.id, new), store, settings, progress) for new in locations]
    finally:
        await store.close()
