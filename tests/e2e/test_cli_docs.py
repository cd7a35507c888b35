"""`callboard docs`: build a folder, publish what came of it, look at it; and the versions of a repository, by its tags and branches."""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import orjson
import pytest

from cli.main import run
from tests.e2e.serving import Serving, configuration, serving
from tests.servers.git_http import serving_git
from tests.servers.github.repositories import GitRepository
from tests.servers.moto.serving import moto_server
from tests.servers.neo4j import MissingServerError

CATALOG = """apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: shop, annotations: { 'backstage.io/techdocs-ref': 'dir:.' } }
spec: { type: service, lifecycle: production, owner: team }
"""
SHOP = "/docs/default/component/shop/"
CONFIG = "backend: { storage: { url: 'file:blobs' } }\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "shop", {"catalog-info.yaml": CATALOG, "docs/index.md": "# Shop\n\n[gone](nowhere.md)\n"})
    (tmp_path / "app.yaml").write_text(CONFIG)
    return tmp_path


def written(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def test_a_folder_is_built_and_published_and_its_problems_are_told(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert run(["docs", "build", "shop", "--name", "The shop"]) == 0
    said = capsys.readouterr()
    assert said.out == f"The site is in {folder}/shop/site.\n"
    assert said.err == "docs/index.md:3: broken-link: nowhere.md\n"
    assert orjson.loads((folder / "shop" / "site" / "techdocs_metadata.json").read_bytes())["site_name"] == "The shop"
    assert run(["docs", "build", "shop", "--output", "built", "--strict"]) == 1
    capsys.readouterr()
    assert run(["docs", "publish", "shop", "--directory", "built", "--config", "app.yaml"]) == 0
    count = len([path for path in (folder / "built").rglob("*") if path.is_file()])
    assert capsys.readouterr().out == f"{count} files are the documentation of component:default/shop now.\n"
    assert (folder / "blobs/default/component/shop/index.html").read_bytes() == (folder / "built/index.html").read_bytes()
    assert run(["docs", "publish", "Component:Team-A/Shop", "--directory", "built", "--version", "v1.2", "--config", "app.yaml"]) == 0
    assert (folder / "blobs/team-a/component/shop@v1.2/index.html").is_file()


def test_a_site_is_published_to_s3(folder: Path, capsys: pytest.CaptureFixture[str]):
    written(folder / "site", {"index.html": "<p>Shop</p>", "img/a.svg": "<svg/>"})
    try:
        with moto_server() as url:
            httpx.put(f"{url}/docs").raise_for_status()
            storage = {"url": "s3://docs/sites", "endpoint": url, "credentials": {"accessKeyId": "tests", "secretAccessKey": "a secret"}}
            (folder / "app.yaml").write_bytes(orjson.dumps({"backend": {"storage": storage}}))
            assert run(["docs", "publish", "shop", "--config", "app.yaml"]) == 0
            assert capsys.readouterr().out == "2 files are the documentation of component:default/shop now.\n"
            listed = httpx.get(f"{url}/docs").text
            assert re.findall("<Key>(.*?)</Key>", listed) == [
                f"sites/default/component/shop/{name}" for name in ("img/a.svg", "index.html")
            ]
    except MissingServerError as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["build", "broken"], 1, "No site came of it: mkdocs.yml:2:1 is no valid YAML: "),
        (["build", "empty"], 1, "No site came of it: There is neither mkdocs.yml, nor docs, nor README.md. Put pages into docs/"),
        (["build", "nowhere"], 2, "nowhere is no folder; the documentation of an entity is built by a server, named by --url"),
        (["build", "shop", "--output", "other"], 2, "other holds something else than a site; name an empty folder by --output"),
        (["publish", "shop", "--directory", "empty", "--config", "app.yaml"], 2, "empty is no built site: it has no index.html"),
        (["publish", "shop", "--directory", "other", "--version", "a..b", "--config", "app.yaml"], 2, "--version: A branch or tag of"),
        (["publish", "a b", "--directory", "other", "--config", "app.yaml"], 2, "a b can't be an entity"),
        (["publish", "x/../y", "--directory", "other", "--config", "app.yaml"], 2, "x/../y"),
        (["serve", "empty"], 2, "empty has no catalog-info.yaml"),
    ],
)
def test_what_can_not_be_done_ends_with_the_reason(
    folder: Path, arguments: list[str], code: int, reason: str, capsys: pytest.CaptureFixture[str]
):
    written(folder / "broken", {"mkdocs.yml": "x: [\n", "docs/index.md": "# x"})
    written(folder / "other", {"index.html": "<p>mine</p>"})
    (folder / "empty").mkdir()
    assert run(["docs", *arguments]) == code
    assert reason in capsys.readouterr().err
    assert (folder / "other" / "index.html").read_text() == "<p>mine</p>"


def test_a_build_leaves_out_what_is_refused_and_says_so(folder: Path, capsys: pytest.CaptureFixture[str]):
    written(folder / "shop", {"mkdocs.yml": "site_name: Shop\nhooks: [evil.py]\nplugins: [macros]\n", "evil.py": "raise SystemExit(9)"})
    assert run(["docs", "build", "shop"]) == 0
    assert [line for line in capsys.readouterr().err.splitlines() if line.startswith("left out")] == [
        "left out: plugins.macros: It runs code of the repository. The pages are built without it.",
        "left out: hooks: Hooks are programs of the repository, which are not run.",
    ]


def shows(server: Serving, path: str, text: str) -> httpx.Response:
    """The page at the path once it holds the text."""
    until = time.monotonic() + 90
    while time.monotonic() < until:
        answer = server.get(path)
        if answer.status_code == 200 and text in answer.text:
            return answer
        time.sleep(0.3)
    raise AssertionError(server.log.read_text())


def test_a_folder_is_served_and_built_anew_when_it_changes(folder: Path):
    with serving(folder / "preview.yaml", "docs", "serve", str(folder / "shop"), "--port", "0") as server:
        assert "broken" not in shows(server, SHOP, ">Shop<").text
        written(folder / "shop", {"docs/index.md": "# Shop\n\nMended.\n"})
        shows(server, SHOP, "Mended.")


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    """A repository with a tag v1.2, a branch next/one, and newer pages on main."""
    repository = GitRepository(tmp_path / "served" / "shop.git")
    repository.create()
    first = repository.commit({"catalog-info.yaml": CATALOG, "docs/index.md": "# First edition\n"})
    subprocess.run(["git", "tag", "v1.2", first], cwd=repository.folder, check=True)
    repository.commit({"docs/index.md": "# Of the branch\n"}, branch="next/one", anew=True)
    repository.commit({"docs/index.md": "# Second edition\n"})
    return repository


@pytest.fixture
def git_server(repository: GitRepository, tmp_path: Path) -> Iterator[Serving]:
    with serving_git(repository.folder.parent) as git:
        config = configuration(tmp_path, "x")
        lines = config.read_text().replace(
            "backend:\n", "backend:\n  storage: { url: 'file:blobs' }\n  reading: { allowPrivate: [127.0.0.1] }\n"
        )
        lines = lines.replace("type: file, target: 'x'", f"type: url, target: '{git.url}/shop.git/catalog-info.yaml'")
        config.write_text(f"{lines}integrations: {{ git: [{{ host: '{git.host}' }}] }}\n")
        with serving(config) as server:
            server.wait_for('{ entity(ref: "component:shop") { name } }', {"entity": {"name": "shop"}})
            yield server


def test_versions_are_built_from_tags_and_branches_of_a_repository(git_server: Serving):
    shows(git_server, SHOP, "Second edition")
    assert git_server.get(f"{SHOP}@v1.2/").status_code == 404
    build = 'mutation ($version: String) { buildDocs(ref: "component:shop", version: $version) { docs { version } } }'
    for version in ("v1.2", "next/one", "v9"):
        assert git_server.ask(build, {"version": version})["data"]["buildDocs"]["docs"] == {"version": version}
    old = shows(git_server, f"{SHOP}@v1.2/", "First edition")
    assert f'action="{SHOP}@v1.2/"' in old.text
    shows(git_server, f"{SHOP}@next~one/", "Of the branch")
    assert "Second edition" in git_server.get(SHOP).text
    git_server.wait_for('{ docs(ref: "component:shop") { versions } }', {"docs": {"versions": ["next/one", "v1.2"]}})
    git_server.wait_for('{ docs(ref: "component:shop", version: "v9") { state } }', {"docs": {"state": "FAILED"}})
    assert git_server.get(f"{SHOP}@v9/").status_code == 404
