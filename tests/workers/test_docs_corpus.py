"""Real sites, which people did not write for this: each is built, or refused with the reason that its author would need."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath

import pytest

from graph.refs import Ref
from tests.corpus import CorpusFile, corpus_files
from tests.workers.docs import builds
from workers.techdocs.references import LocalFolder
from workers.techdocs.results import BuiltSite, FailedBuild
from workers.techdocs.site_builds import Wanted

LEFT_OUT = {
    "plugins.minify": 1,
    "plugins.kroki": 1,
    "plugins.git-revision-date-localized": 1,
    "markdown_extensions.mkpatcher": 1,
    "kind": 1,
    "metadata": 1,
}
WITHOUT_PAGES = "mkdocs.yml is there, but no folder docs"
FIRST = (23, {WITHOUT_PAGES: 4}, LEFT_OUT, {"broken-link": 66, "missing-image": 26, "missing-anchor": 11, "missing-page": 5})
ALL = (63, {WITHOUT_PAGES: 6}, LEFT_OUT, {"broken-link": 69, "missing-image": 31, "missing-anchor": 11, "missing-page": 5})


def sites() -> Sequence[CorpusFile]:
    return list(corpus_files("mkdocs"))


async def results(files: Sequence[CorpusFile]) -> list[BuiltSite | str]:
    """Each site, or why there is none."""
    site_builds = await builds()

    async def result(file: CorpusFile) -> BuiltSite | str:
        folder = str(file.root / PurePosixPath(file.path).parent)
        async with site_builds.build(Wanted(Ref("component:default/it"), "It", LocalFolder(folder, folder))) as found:
            if isinstance(found, BuiltSite):
                assert (found.folder / "index.html").is_file() or (found.folder / "404.html").is_file()
                assert (found.folder / "search" / "search_index.json").is_file()
                return found
            assert isinstance(found, FailedBuild)
            return found.reason

    return await asyncio.gather(*map(result, files))


def counted(found: Sequence[BuiltSite | str]) -> tuple[int, Counter[str], Counter[str], Counter[str]]:
    """Sites, reasons why there is none, what was left out, and problems."""
    built = [site for site in found if isinstance(site, BuiltSite)]
    reasons = Counter(reason for reason in found if isinstance(reason, str))
    left_out = Counter(each.setting for site in built for each in site.left_out)
    return len(built), reasons, left_out, Counter(str(each.kind) for site in built for each in site.problems)


async def test_the_site_of_every_repository_is_built_or_refused_with_a_reason():
    first = {site.repository: site for site in reversed(sites())}
    assert counted(await results(list(first.values()))) == FIRST


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_every_site_is_built_or_refused_with_a_reason():
    assert counted(await results(sites())) == ALL
