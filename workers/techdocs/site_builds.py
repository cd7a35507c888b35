"""From where the documentation of an entity comes from to a finished site in a folder, and whether it has to be built at all."""

import asyncio
import logging
import posixpath
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from config import Config
from config.generator import Diagrams
from graph.entities import canonical_json, content_hash
from graph.refs import Ref
from plugins.contract import SourceError
from workers.techdocs.building import Outcome, run_build
from workers.techdocs.diagrams import draw
from workers.techdocs.isolation import Isolation, found_isolation
from workers.techdocs.layout import SITE, SOURCES, TEMPORARY
from workers.techdocs.metadata import site_files, write_metadata
from workers.techdocs.preparing import Sources, UnusableSourcesError, sources_of
from workers.techdocs.references import LocalFolder, RepositoryFolder
from workers.techdocs.results import BuildResult, BuiltSite, FailedBuild, LeftOut, UnchangedSite
from workers.techdocs.site_configuration import SiteOptions, site_configuration

_TOOLS = ("mkdocs", "mkdocs-material", "mkdocs-techdocs-core", "pymdown-extensions", "Markdown")

_log = logging.getLogger("callboard.techdocs")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A site to build: whose it is, what it is called where its mkdocs.yml says nothing, and where it comes from."""

    ref: Ref
    name: str
    source: LocalFolder | RepositoryFolder


class SiteBuilds:
    """Builds sites, a bounded number at once; one for each process. Without an `isolation` the strongest that works here is found out."""

    def __init__(self, config: Config, isolation: Isolation | None = None) -> None:
        self._reading, self._generator = config.backend.reading, config.techdocs.generator
        self._running = asyncio.Semaphore(self._generator.concurrent_builds)
        self._isolation = isolation

    @asynccontextmanager
    async def build(self, wanted: Wanted, known_etag: str | None = None) -> AsyncGenerator[BuildResult]:
        """The site, whose folder is there until the context is left. `known_etag` is that of the last build: nothing is built if it is
        still right. Whatever is wrong with the sources, or happens to the build, is a FailedBuild.
        """
        sources = sources_of(wanted.source, self._reading, self._generator.limits)
        known = await self._known(wanted, sources, known_etag) if known_etag is not None else None
        if known is not None:
            yield known
            return
        async with self._running:
            folder = await asyncio.to_thread(_own_folder)
            if isinstance(folder, OSError):
                yield _failed(wanted.ref, folder)
                return
            try:
                yield await self._built(wanted, sources, Path(folder.name))
            finally:
                await asyncio.to_thread(folder.cleanup)

    async def _known(self, wanted: Wanted, sources: Sources, etag: str) -> BuildResult | None:
        """The result that needs no build; None where there is something new to build."""
        try:
            return UnchangedSite(wanted.ref, etag) if self._etag(wanted, await sources.version()) == etag else None
        except (UnusableSourcesError, SourceError, OSError) as error:
            return _failed(wanted.ref, error)

    async def isolation(self) -> Isolation:
        """What building processes are kept apart by on this machine; found out once."""
        if self._isolation is None:
            self._isolation = await found_isolation()
            _log.info("%s", self._isolation.described())
        return self._isolation

    async def _built(self, wanted: Wanted, sources: Sources, folder: Path) -> BuildResult:
        left_out: list[LeftOut] = []
        etag: str | None = None
        try:
            isolation = await self.isolation()
            if not isolation.works:
                return FailedBuild(wanted.ref, isolation.described(), "Look at the log of the process that builds.")
            for name in (SOURCES, TEMPORARY):
                (folder / name).mkdir()
            found, left_out = await sources.fetch(folder / SOURCES)
            etag = self._etag(wanted, found)
            configuration = await asyncio.to_thread(site_configuration, folder / SOURCES, _options(wanted), self._generator.mkdocs)
            left_out += configuration.left_out
            outcome = await self._drawn(folder / SITE, await run_build(folder, configuration.settings, self._generator.limits, isolation))
            return await asyncio.to_thread(finished, wanted.ref, folder, etag, outcome, left_out)
        except (UnusableSourcesError, SourceError, OSError, ValueError) as error:
            return replace(_failed(wanted.ref, error), etag=etag, left_out=left_out)

    async def _drawn(self, site: Path, outcome: Outcome) -> Outcome:
        """The outcome after the diagrams of the site were drawn, as far as servers for them are configured."""
        settings, seconds = self._generator.diagrams, self._generator.limits.time.total_seconds()
        if outcome.failure is not None or not outcome.pages or settings == Diagrams():
            return outcome
        problems = await draw(site, outcome.pages, settings, self._reading, seconds)
        return replace(outcome, problems=[*outcome.problems, *problems])

    def _etag(self, wanted: Wanted, found: str) -> str:
        settings = [self._generator.model_dump(mode="json"), wanted.name, _shown_source(wanted), found]
        return content_hash(_code_digest().encode() + canonical_json(settings))


def finished(ref: Ref, folder: Path, etag: str, outcome: Outcome, left_out: Sequence[LeftOut]) -> BuildResult:
    """The result of a build in `folder` that ended, its site complete. Blocking."""
    left_out = [*left_out, *outcome.left_out]
    if outcome.failure is not None:
        reason, remedy = outcome.failure
        return FailedBuild(ref, reason, remedy, etag, outcome.log, left_out)
    site = folder / SITE
    # Whatever ran in the build, nothing is taken from elsewhere.
    if site.is_symlink() or not site.is_dir():
        return FailedBuild(
            ref, "The build left no site behind", "The log of the build says what it was doing.", etag, outcome.log, left_out
        )
    files = site_files(site)
    write_metadata(site, files, etag)
    return BuiltSite(ref, site, etag, outcome.problems, outcome.log, left_out)


def _own_folder() -> TemporaryDirectory[str] | OSError:
    try:
        return TemporaryDirectory(prefix="callboard-docs-", ignore_cleanup_errors=True)
    except OSError as error:
        return error


def _failed(ref: Ref, error: UnusableSourcesError | SourceError | OSError | ValueError) -> FailedBuild:
    if isinstance(error, UnusableSourcesError | SourceError):
        return FailedBuild(ref, error.message, error.remedy)
    _log.error("the documentation of %s could not be built", ref, exc_info=error)
    told = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return FailedBuild(ref, f"The sources could not be read, or the site not written: {told.lower()}", "The log of Callboard says more.")


def _options(wanted: Wanted) -> SiteOptions:
    """The name, and for sources in a repository where people look at and edit them, as Backstage's generator has it."""
    source = wanted.source
    if isinstance(source, LocalFolder):
        return SiteOptions(wanted.name)
    edit = source.host.edit_url(replace(source.place, path=posixpath.join(source.place.path, "docs")))
    # The path of a page is put behind it, so an address with a query does not do.
    return SiteOptions(wanted.name, source.url, f"{edit}/" if edit and "?" not in edit else None)


def _shown_source(wanted: Wanted) -> str:
    return wanted.source.path if isinstance(wanted.source, LocalFolder) else wanted.source.url


@cache
def _code_digest() -> str:
    """The digest of the code and the tools that build sites. A release that builds otherwise builds everything again by itself."""
    code = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
    return content_hash(code + " ".join(f"{name} {version(name)}" for name in _TOOLS).encode())
