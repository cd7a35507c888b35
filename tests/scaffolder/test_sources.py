"""Skeletons of repositories: read from the emulator of GitHub, relative to the template's own file and by whole addresses."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from config import Config
from graph.errors import InputError
from ingest.sources import SourceLimits
from plugins.contract import SourceError
from plugins.hosts import opened_hosts
from tests.scaffolder.templates import Folder, running, template
from tests.servers.github.serving import serving_github
from workers.scaffolder.sources import Sources

FILES = {
    "templates/tool/template.yaml": "kind: Template",
    "templates/tool/skeleton/a.txt": "a",
    "templates/tool/skeleton/deep/${{ values.name }}.txt": "deep",
    "shared/LICENSE": "free",
    "templates/tools/other.txt": "other",
}


@pytest.fixture
async def base(tmp_path: Path) -> AsyncIterator[tuple[Sources, str]]:
    with serving_github(tmp_path) as hub:
        hub.token("reader")
        hub.repository("acme/templates", FILES)
        config = Config.model_validate(
            {
                "backend": {"reading": {"allow": [{"host": hub.codeload_host}], "allowPrivate": ["127.0.0.1"]}},
                "integrations": {"github": [{"host": hub.host, "apiBaseUrl": hub.api_url, "token": "reader"}]},
            }
        )
        async with opened_hosts(config) as hosts:
            yield Sources(hosts, SourceLimits(1000, 100_000, 100_000)), f"{hub.url}/acme/templates/blob/main/"


async def test_a_folder_beside_the_template_is_read_whole_and_nothing_else(base: tuple[Sources, str]):
    sources, root = base
    template = f"{root}templates/tool/template.yaml"
    files = await sources.tree(template, "./skeleton")
    assert [(file.path, file.content) for file in files] == [("a.txt", b"a"), ("deep/${{ values.name }}.txt", b"deep")]
    folder = root.replace("/blob/", "/tree/") + "templates/tool/"
    assert await sources.tree(folder, "skeleton") == files
    assert await sources.tree(None, f"{folder}skeleton") == files
    assert await sources.tree(None, f"{folder}skeleton/") == files
    assert [file.path for file in await sources.tree(template, ".")] == [
        "skeleton/a.txt",
        "skeleton/deep/${{ values.name }}.txt",
        "template.yaml",
    ]


async def test_files_of_the_repository_are_read_from_wherever_in_it(base: tuple[Sources, str]):
    sources, root = base
    template = f"{root}templates/tool/template.yaml"
    for url in ("../../shared/LICENSE", "/shared/LICENSE", f"{root}shared/LICENSE"):
        assert (await sources.file(template, url)).content == b"free"


async def test_what_leads_out_of_the_repository_or_is_not_there_is_refused(base: tuple[Sources, str]):
    sources, root = base
    template = f"{root}templates/tool/template.yaml"
    for url in ("../../../x", "../../../../etc", "./none"):
        with pytest.raises(InputError):
            await sources.tree(template, url)
    with pytest.raises(SourceError):
        await sources.file(template, "./none.txt")
    with pytest.raises(InputError, match="is not known"):
        await sources.tree(None, "./skeleton")
    with pytest.raises(InputError, match="is not read"):
        await sources.tree(template, "https://elsewhere.example/x")


async def test_a_token_is_used_for_the_one_fetch_and_told_to_nobody_but_the_host(folder: Folder, tmp_path: Path):
    with serving_github(tmp_path) as hub:
        hub.token("reader", repositories=[])
        hub.token("a-token-of-the-user")
        hub.repository("acme/own", {"skeleton/a.txt": "a", "LICENSE": "free"}, private=True)
        settings = {"allow": [{"host": hub.codeload_host}], "allowPrivate": ["127.0.0.1"]}
        own = f"{hub.url}/acme/own/blob/main"

        def fetch(action: str, path: str, **more: str) -> dict[str, Any]:
            return {"action": action, "input": {"url": f"{own}/{path}", "token": "${{ secrets.pat }}", **more}}

        steps = [
            fetch("fetch:plain", "skeleton"),
            fetch("fetch:template", "skeleton", targetPath="b"),
            fetch("fetch:plain:file", "LICENSE", targetPath="c"),
            fetch("fetch:template:file", "LICENSE", targetPath="d"),
        ]
        elsewhere = {"action": "fetch:plain:file", "input": {"url": f"http://{hub.codeload_host}/x", "targetPath": "x", "token": "any"}}
        folder.add(template("with", steps))
        folder.add(template("without", [{"action": "fetch:plain", "input": {"url": f"{own}/skeleton"}}]))
        folder.add(template("elsewhere", [elsewhere]))
        given = folder.settings(integrations={"github": [{"host": hub.host, "apiBaseUrl": hub.api_url, "token": "reader"}]})
        given["backend"]["reading"] = settings
        async with running(folder, Config.model_validate(given)) as tasks:
            hub.forget()
            seen = await tasks.run("with", secrets={"pat": "a-token-of-the-user"})
            assert seen.task.error is None
            # The archive is fetched by a ticket of the host's, the rest by the token.
            assert {each.token for each in hub.seen if "/codeload/" not in each.path} == {"a-token-of-the-user"}
            assert {each.token for each in hub.seen if "/codeload/" in each.path} == {None}
            assert not any("a-token-of-the-user" in message for message in await tasks.messages(seen.task.id))
            refused = [(await tasks.run(name)).task.error or "" for name in ("without", "elsewhere")]
            assert ["404" in refused[0], "is not read: no integration" in refused[1]] == [True, True], refused
