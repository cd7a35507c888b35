"""Folders of documentation that tests write and build."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from config import Config
from graph.refs import Ref
from workers.techdocs.isolation import Isolation, found_isolation
from workers.techdocs.references import LocalFolder
from workers.techdocs.results import BuildResult, BuiltSite
from workers.techdocs.site_builds import SiteBuilds, Wanted

_found: list[Isolation] = []
SHOP = Ref("component:default/shop")


def configured(limits: Mapping[str, Any] | None = None, **generator: Any) -> Config:
    """A configuration with these limits of builds."""
    return Config.model_validate({"techdocs": {"generator": {"limits": limits or {}, **generator}}})


async def builds(config: Config | None = None) -> SiteBuilds:
    """What builds; how it is isolated is found out once."""
    if not _found:
        _found.append(await found_isolation())
    return SiteBuilds(config or configured(), _found[0])


def written(folder: Path, files: Mapping[str, str]) -> Wanted:
    """The documentation of a component, with these files."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return Wanted(SHOP, "Shop", LocalFolder(str(folder), str(folder)))


@asynccontextmanager
async def built(folder: Path, files: Mapping[str, str], config: Config | None = None) -> AsyncIterator[BuiltSite]:
    """The site of these files, which has to be built."""
    async with (await builds(config)).build(written(folder, files)) as result:
        assert isinstance(result, BuiltSite), result
        yield result


def text_of(site: BuiltSite) -> str:
    """All pages of a site."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(site.folder.rglob("*.html")))


async def outcome(folder: Path, files: Mapping[str, str], config: Config | None = None) -> BuildResult:
    """How a build of these files ends."""
    async with (await builds(config)).build(written(folder, files)) as result:
        return result
