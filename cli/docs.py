"""`callboard docs`: build documentation and look at it, and publish it from CI."""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from api.server import run
from cli.catalogs import Choice, FailedRequestError, data_of, opened
from cli.exits import FINDINGS, OK
from cli.logs import log_to_stderr
from cli.options import config_option
from cli.refs import full_refs
from config import Config, load
from graph.errors import InvalidRefError
from graph.refs import EntityRef, Ref, parse_ref
from workers.techdocs.metadata import METADATA
from workers.techdocs.publishing import VERSION_RULE, Site, is_version
from workers.techdocs.references import LocalFolder
from workers.techdocs.results import BuiltSite, DocsProblem, FailedBuild, LeftOut
from workers.techdocs.site_builds import SiteBuilds, Wanted
from workers.techdocs.storing import publisher_from

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_LOOK_SECONDS = 0.5
_LONGEST_SECONDS = 900


@click.group("docs")
def command() -> None:
    """Build documentation, look at it, and publish it."""


@command.command("build")
@click.argument("what", metavar="REF|DIR")
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), help="Where the site of a folder goes. Without it: site in DIR."
)
@click.option("--name", help="What the site is called where its mkdocs.yml does not say. Without it: the folder's name.")
@click.option("--url", help="Have the server at this address build the documentation of the entity REF.")
@click.option("--strict", is_flag=True, help="Exit with 1 for broken links and missing images too.")
@config_option
def build(what: str, output: Path | None, name: str | None, url: str | None, strict: bool, configs: tuple[Path, ...]) -> int:
    """Build the documentation in the folder DIR, which holds mkdocs.yml or docs/; with --url that of the entity REF, on the server.

    Nothing of the folder is run: it is built as the server builds it. Exits with 1 if no site comes of it.
    """
    if url:
        return asyncio.run(_asked(full_refs([what])[0], Choice(url, (), configs)))
    folder = Path(what).resolve()
    if not folder.is_dir():
        raise click.UsageError(f"{what} is no folder; the documentation of an entity is built by a server, named by --url")
    return asyncio.run(_built(load(configs), folder, output or folder / "site", name or folder.name, strict=strict))


@command.command("publish")
@click.argument("ref", metavar="REF")
@click.option(
    "--directory", type=click.Path(path_type=Path, file_okay=False, exists=True), default="site", show_default=True, help="The built site."
)
@click.option("--version", help="The branch or tag that it is of, shown beside the current documentation.")
@config_option
def publish(ref: str, directory: Path, version: str | None, configs: tuple[Path, ...]) -> int:
    """Put a built site into the storage of the configuration, as the documentation of the entity REF.

    The site may be built by `callboard docs build` or by techdocs-cli. With the legacy setting for case, REF is in the declared case.
    """
    parsed = _entity(ref)
    if version is not None and not is_version(version):
        raise click.UsageError(f"--version: {VERSION_RULE}")
    site = Site(parsed.kind, parsed.namespace, parsed.name, version)
    if not (directory / "index.html").is_file():
        raise click.ClickException(f"{directory} is no built site: it has no index.html")
    config = load(configs)
    files = asyncio.run(publisher_from(config).publish(site, directory))
    click.echo(f"{len(files)} files are the documentation of {site.id} now.")
    return OK


def _entity(text: str) -> EntityRef:
    """The entity, in the case that was typed. UsageError for what can name none, whose documentation nobody could ask for."""
    try:
        parsed = parse_ref(text, default_kind="component")
    except InvalidRefError as error:
        raise click.UsageError(str(error)) from error
    if not all(_NAME.fullmatch(part) for part in (parsed.kind, parsed.namespace, parsed.name)):
        raise click.UsageError(f"{text} can't be an entity: names have 1 to 63 letters, digits, and -, _ or . between them")
    return parsed


@command.command("serve")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, exists=True, file_okay=False), default=".")
@click.option("--port", type=click.IntRange(0, 65535), default=3000, show_default=True, help="Listen on this port of this machine.")
def serve(folder: Path, port: int) -> int:
    """Show the documentation of the entities in DIR/catalog-info.yaml as the server will, built anew whenever it changes."""
    catalog = folder.resolve() / "catalog-info.yaml"
    if not catalog.is_file():
        raise click.ClickException(f"{folder} has no catalog-info.yaml, whose annotation backstage.io/techdocs-ref: dir:. names the docs")
    with tempfile.TemporaryDirectory(prefix="callboard-docs-") as kept:
        config = _preview(catalog, Path(kept), port)
        log_to_stderr(config)
        click.echo(f"Its pages are below http://localhost:{port}/docs/default/component/<name>/.")
        return run(config)


def _preview(catalog: Path, kept: Path, port: int) -> Config:
    backend = {
        "listen": {"port": port},
        "baseUrl": f"http://localhost:{port}",
        "database": {"client": "sqlite", "connection": {"filename": kept / "catalog.db"}},
        "storage": {"url": f"file:{kept}/blobs"},
    }
    locations = [{"type": "file", "target": str(catalog)}]
    return Config.model_validate({"backend": backend, "catalog": {"locations": locations}, "techdocs": {"checkInterval": "PT1S"}})


async def _built(config: Config, folder: Path, output: Path, name: str, *, strict: bool) -> int:
    wanted = Wanted(Ref("component:default/site"), name, LocalFolder(str(folder), str(folder)))
    async with SiteBuilds(config).build(wanted) as result:
        if isinstance(result, FailedBuild):
            click.echo(result.log, err=True, nl=False)
            _show((), result.left_out)
            click.echo(f"No site came of it: {result.reason}. {result.remedy}", err=True)
            return FINDINGS
        if not isinstance(result, BuiltSite):
            raise AssertionError("what was never built can't be unchanged")
        await asyncio.to_thread(_put, result.folder, output)
        _show(result.problems, result.left_out)
        click.echo(f"The site is in {output}.")
        return FINDINGS if strict and result.problems else OK


def _put(site: Path, output: Path) -> None:
    if output.exists() and not (output / METADATA).is_file() and any(output.iterdir()):
        raise click.ClickException(f"{output} holds something else than a site; name an empty folder by --output")
    shutil.rmtree(output, ignore_errors=True)
    shutil.copytree(site, output)


def _show(problems: Sequence[DocsProblem], left_out: Sequence[LeftOut]) -> None:
    for one in problems:
        place = one.page if one.line is None else f"{one.page}:{one.line}"
        click.echo(f"{place}: {one.kind}: {one.target}", err=True)
    for left in left_out:
        click.echo(f"left out: {left.setting}: {left.reason}", err=True)


async def _asked(ref: str, choice: Choice) -> int:
    """Have the server build, and wait until it did."""
    async with opened(choice) as ask:
        before = (await data_of(ask, "docs", {"ref": ref}))["docs"]
        if before is None:
            raise FailedRequestError(f"{ref} has no documentation, or is not in the catalog")
        await data_of(ask, "build_docs", {"ref": ref})
        until = asyncio.get_running_loop().time() + _LONGEST_SECONDS
        docs = before
        while docs["checkedAt"] == before["checkedAt"]:
            if asyncio.get_running_loop().time() > until:
                raise FailedRequestError(f"the documentation of {ref} was not built within {_LONGEST_SECONDS} s")
            await asyncio.sleep(_LOOK_SECONDS)
            docs = (await data_of(ask, "docs", {"ref": ref}))["docs"] or before
    click.echo(docs["log"] or "", err=True, nl=False)
    if docs["error"]:
        click.echo(f"No site came of it: {docs['error']}. {docs['remedy']}", err=True)
        return FINDINGS
    click.echo(f"It is at {docs['url']}")
    return OK
