"""The commands against a server: the same answers as on files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import run
from tests.e2e.catalog import component, write_catalog
from tests.e2e.serving import Serving, configuration, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("served")
    write_catalog(folder / "catalog")
    with serving(configuration(folder, "catalog/all.yaml")) as started:
        started.wait_for("{ entities { totalCount } }", {"entities": {"totalCount": 7}})
        yield started


@pytest.fixture
def catalog(server: Serving) -> str:
    return str(server.log.parent / "catalog/all.yaml")


@pytest.mark.parametrize(
    "command",
    [
        ("impact", "resource:database"),
        ("impact", "resource:database", "--format", "json"),
        ("impact", "web", "--direction", "dependencies", "--format", "mermaid"),
        ("owners", "shop", "resource:database"),
        ("owners", "shop", "--format", "csv"),
        ("owners", "nowhere"),
        ("impact", "a:"),
        ("search", "orders"),
        ("search", "shop", "--kind", "Component", "--format", "json"),
        ("search", "shop", "--format", "csv"),
        ("search", "zzyzxqwv"),
        ("search", "shop", "--owner", ":"),
    ],
)
def test_a_server_and_its_files_give_the_same_answer(
    command: tuple[str, ...], server: Serving, catalog: str, capsys: pytest.CaptureFixture[str]
):
    on_files = run([*command, "--catalog", catalog]), capsys.readouterr()
    assert (run([*command, "--url", server.url]), capsys.readouterr()) == on_files


def test_a_query_is_sent_as_it_is(server: Serving, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "q.graphql").write_text("query Q($ref: String!) { entity(ref: $ref) { name } }")
    arguments = ["query", str(tmp_path / "q.graphql"), "--variables", '{"ref": "component:shop"}', "--url", f"{server.url}/graphql"]
    assert run(arguments) == 0
    assert '"name": "shop"' in capsys.readouterr().out


def test_the_schema_of_a_server_is_the_committed_one(server: Serving, capsys: pytest.CaptureFixture[str]):
    assert run(["schema", "--url", server.url]) == 0
    assert capsys.readouterr().out == (Path(__file__).parents[2] / "schema.graphql").read_text()


def test_targets_that_exist_on_the_server_are_no_findings(
    server: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "catalog-info.yaml").write_text(component("mine", "shop-team", ", dependsOn: [component:shop, component:gone]"))
    assert run(["validate"]) == 0
    capsys.readouterr()
    assert run(["validate", "--url", server.url]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "catalog-info.yaml:4: spec.dependsOn[1] names component:default/gone, which is neither among these files nor in the catalog at "
        f"{server.url} [missing-target]",
        "    Mend the ref, or add the entity.",
    ]


def test_what_is_ingested_into_the_store_of_a_server_shows_at_once(server: Serving, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "late.yaml").write_text(component("late", "shop-team"))
    assert run(["ingest", str(tmp_path / "late.yaml"), "--config", str(server.log.with_suffix(".yaml"))]) == 0
    assert run(["owners", "late", "--url", server.url, "--format", "csv"]) == 0
    assert "component:default/late,group:default/shop-team" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/livez", "/livez/graphql is no GraphQL endpoint: it answered 404 Not Found"),
        (":1", "can't be reached"),
    ],
)
def test_a_server_that_does_not_answer_is_a_failure(server: Serving, path: str, message: str, capsys: pytest.CaptureFixture[str]):
    url = server.url + path if path.startswith("/") else f"http://127.0.0.1{path}"
    assert run(["owners", "shop", "--url", url]) == 2
    assert message in capsys.readouterr().err
