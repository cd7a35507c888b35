"""Sites as they are built: from folders and repositories, with everything in them that readers and other tools look for."""

import json
from pathlib import Path

import pytest

from config import Config
from graph.refs import Ref
from plugins.hosts import opened_hosts
from tests.servers.github.serving import serving_github
from tests.workers.docs import SHOP, builds, built, outcome, text_of, written
from workers.techdocs.isolation import found_isolation
from workers.techdocs.pages import page_of
from workers.techdocs.references import LocalFolder, RepositoryFolder
from workers.techdocs.results import BuiltSite, DocsProblem, FailedBuild, LeftOut, ProblemKind, UnchangedSite
from workers.techdocs.site_builds import Wanted

EXAMPLE = Path(__file__).parents[2] / "examples" / "services" / "booking" / "checkout"
EVERYTHING = """---
icon: material/there-is-no-such-icon
---
# All of it

[start](guide/start.md) [bad](guide/bad.md) [anchor](guide/start.md#nope) [own](#nothing) ![img](missing.png)
[good](guide/start.md#two) [good](guide/start.md) :smile: :material-check: [portal](/catalog) [mail](mailto:a@b.example)

```mermaid
graph TD; A-->B
```

```plantuml
A -> B: <hi>
```

::uml::
C -> D
::end-uml::

```kroki-d2
x -> y
```

{% dot graph.svg
digraph G { a -> b }
%}

```python
print(1)
```

!!! note "Look"
    here

> [!WARNING]
> Alert

=== "Tab A"
    a

- [x] done

Term
:   Definition

--8<-- "snippet.txt"
--8<-- "/etc/passwd"
--8<-- "https://example.com/x"
"""


async def test_the_example_is_built_as_backstage_describes_it():
    async with (await builds()).build(Wanted(Ref("component:default/checkout"), "?", LocalFolder(str(EXAMPLE), str(EXAMPLE)))) as site:
        assert isinstance(site, BuiltSite)
        assert (site.problems, site.left_out) == ([], [])
        files = sorted(path.relative_to(site.folder).as_posix() for path in site.folder.rglob("*") if path.is_file())
        assert [name for name in files if name.endswith(".html")] == ["404.html", "index.html", "runbook/index.html", "states/index.html"]
        metadata = json.loads((site.folder / "techdocs_metadata.json").read_text())
        timestamp = metadata.pop("build_timestamp")
        assert isinstance(timestamp, int)
        assert metadata == {
            "site_name": "Checkout",
            "site_description": "How a basket becomes a booking.",
            "engine": "mkdocs",
            "etag": site.etag,
            "files": files,
        }
        index = json.loads((site.folder / "search" / "search_index.json").read_text())
        assert {doc["location"].partition("#")[0] for doc in index["docs"]} == {"", "states/", "runbook/"}
        assert "fonts.g" not in text_of(site)
        assert "Building documentation to directory: site" in site.log
    assert not site.folder.exists()


async def test_everything_that_techdocs_can_is_in_the_page(tmp_path: Path):
    files = {"docs/index.md": EVERYTHING, "docs/guide/start.md": "# Start\n\n## Two\n", "snippet.txt": "from a snippet", "mkdocs.yml": ""}
    async with built(tmp_path, files) as site:
        article = page_of((site.folder / "index.html").read_text()).article
        shown = text_of(site)
    for part in (
        '<pre class="mermaid"><code>graph TD; A--&gt;B</code></pre>',
        "This diagram is shown as its source: PlantUML is not at hand where this site is built.",
        '<pre class="diagram-source language-plantuml"><code>A -&gt; B: &lt;hi&gt;</code></pre>',
        '<pre class="diagram-source language-plantuml"><code>C -&gt; D</code></pre>',
        '<pre class="diagram-source language-kroki-d2"><code>x -&gt; y</code></pre>',
        '<div class="admonition note">',
        '<p class="admonition-title">Warning</p>',
        '<div class="tabbed-set tabbed-alternate"',
        'type="checkbox" disabled="" checked=""',
        "<dd>Definition</dd>",
        "from a snippet",
        "😄",
        '<span class="twemoji"><svg viewBox',
    ):
        assert part in article or part in shown, part
    assert "root:" not in shown
    assert [link for link in ("unpkg", "cdnjs", "googleapis", "gstatic", "plantuml.com", "kroki.io") if link in shown] == []
    assert site.left_out == [LeftOut("index.md: icon", "The theme has no icon material/there-is-no-such-icon.")]
    kinds = ProblemKind
    assert site.problems == [
        DocsProblem(kinds.MISSING_ANCHOR, "docs/index.md", "#nothing", 6),
        DocsProblem(kinds.BROKEN_LINK, "docs/index.md", "guide/bad.md", 6),
        DocsProblem(kinds.MISSING_ANCHOR, "docs/index.md", "guide/start/#nope", 6),
        DocsProblem(kinds.MISSING_IMAGE, "docs/index.md", "missing.png", 6),
        DocsProblem(kinds.MISSING_SNIPPET, "docs/index.md", "/etc/passwd", 48),
        DocsProblem(kinds.MISSING_SNIPPET, "docs/index.md", "https://example.com/x", 49),
    ]


async def test_sites_of_one_folder_are_one_site_with_redirects_from_old_pages(tmp_path: Path):
    files = {
        "mkdocs.yml": "site_name: All\nnav: [Home: index.md, API: '!include ./api/mkdocs.yml', Gone: gone.md]\n"
        "plugins: [techdocs-core, redirects: { redirect_maps: { old.md: index.md } }]\n",
        "docs/index.md": "# Home\n[api](api/index.md)",
        "api/mkdocs.yml": "site_name: api\nnav: [Start: index.md, Two: two.md]\n",
        "api/docs/index.md": "# API\n[bad](nowhere.md)",
        "api/docs/two.md": "# Two",
    }
    async with built(tmp_path, files) as site:
        assert (site.folder / "api" / "two" / "index.html").is_file()
        assert page_of((site.folder / "old" / "index.html").read_text()).redirect == "../"
        home = page_of((site.folder / "index.html").read_text())
    assert [(entry.title, [below.href for below in entry.below]) for entry in home.navigation][:2] == [
        ("Home", []),
        ("API", ["api/", "api/two/"]),
    ]
    assert [(each.kind, each.page, each.target, each.line) for each in site.problems] == [
        (ProblemKind.BROKEN_LINK, "api/docs/index.md", "nowhere.md", 2),
        (ProblemKind.MISSING_PAGE, "mkdocs.yml", "gone.md", 2),
    ]


async def test_unchanged_sources_are_not_built_again_and_changed_ones_are(tmp_path: Path):
    site_builds = await builds()
    wanted = written(tmp_path, {"docs/index.md": "# One"})
    async with site_builds.build(wanted) as first:
        assert isinstance(first, BuiltSite)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("not documentation")
    async with site_builds.build(wanted, first.etag) as again:
        assert again == UnchangedSite(SHOP, first.etag)
    (tmp_path / "docs" / "index.md").write_text("# Two")
    async with site_builds.build(wanted, first.etag) as changed:
        assert isinstance(changed, BuiltSite)
        assert changed.etag != first.etag
    renamed = Wanted(SHOP, "Other name", wanted.source)
    async with site_builds.build(renamed, changed.etag) as other:
        assert isinstance(other, BuiltSite)


async def test_a_site_comes_from_its_repository_at_a_commit(tmp_path: Path):
    with serving_github(tmp_path) as hub:
        hub.repository(
            "acme/shop", {"a/docs/index.md": "# Shop\n", "a/mkdocs.yml": "site_name: Shop\n", "b/docs/index.md": "# Other", "c": "code"}
        )
        hub.token("reader")
        reading = {"allow": [{"host": hub.codeload_host}], "allowPrivate": ["127.0.0.1"]}
        integration = {"host": hub.host, "apiBaseUrl": hub.api_url, "token": "reader"}
        config = Config.model_validate({"backend": {"reading": reading}, "integrations": {"github": [integration]}})
        site_builds = await builds(config)
        async with opened_hosts(config) as hosts:
            found = hosts.of(f"{hub.url}/acme/shop/tree/main/a")
            assert found is not None
            wanted = Wanted(SHOP, "?", RepositoryFolder(*found))
            async with site_builds.build(wanted) as site:
                assert isinstance(site, BuiltSite), site
                page = page_of((site.folder / "index.html").read_text())
                assert (page.title, page.edit_url) == ("Shop", f"{hub.url}/acme/shop/edit/main/a/docs/index.md")
            hub.forget()
            async with site_builds.build(wanted, site.etag) as again:
                assert (again, len(hub.seen)) == (UnchangedSite(SHOP, site.etag), 1)
            hub.commit("acme/shop", {"a/docs/index.md": "# New\n"})
            async with site_builds.build(wanted, site.etag) as changed:
                assert isinstance(changed, BuiltSite)
                assert page_of((changed.folder / "index.html").read_text()).title == "New"
            missing = hosts.of(f"{hub.url}/acme/shop/tree/main/nowhere")
            assert missing is not None
            async with site_builds.build(Wanted(SHOP, "?", RepositoryFolder(*missing))) as failed:
                assert isinstance(failed, FailedBuild)
                assert failed.reason.endswith("holds no files")
            hub.delete("acme/shop")
            async with site_builds.build(wanted, site.etag) as gone:
                assert isinstance(gone, FailedBuild)
                assert "404" in gone.reason


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"src/main.py": ""}, "There is neither mkdocs.yml, nor docs, nor README.md"),
        ({"mkdocs.yml": "site_name: x\n- y", "docs/index.md": ""}, "mkdocs.yml:2:1 is no valid YAML: did not find expected key"),
        ({"mkdocs.yml": "site_name: x"}, "mkdocs.yml is there, but no folder docs"),
    ],
)
async def test_what_can_not_be_built_is_told_to_its_author(tmp_path: Path, files: dict[str, str], reason: str):
    result = await outcome(tmp_path, files)
    assert isinstance(result, FailedBuild)
    assert (result.reason, result.remedy != "") == (reason, True)


async def test_a_folder_that_is_not_there_is_told_to_its_author(tmp_path: Path):
    missing = str(tmp_path / "nowhere")
    async with (await builds()).build(Wanted(SHOP, "?", LocalFolder(missing, str(tmp_path)))) as result:
        assert isinstance(result, FailedBuild)
        assert result.reason == f"{missing} is no folder"


async def test_a_failing_build_says_what_happened(tmp_path: Path):
    result = await outcome(
        tmp_path, {"docs/index.md": "# x\n--8<-- 'missing'", "mkdocs.yml": "markdown_extensions: [pymdownx.snippets: {check_paths: true}]"}
    )
    assert isinstance(result, FailedBuild)
    assert result.reason.startswith("mkdocs could not build the site: SnippetMissingError")
    assert "missing" in result.log
    assert "callboard-docs-" not in result.log


async def test_builds_are_isolated_as_far_as_the_machine_can(tmp_path: Path):
    isolation = await found_isolation()
    assert isolation.works
    assert isolation.described().startswith("builds run with limits of time, memory and output, no environment")
