"""The commands on files, as people type them: what they print, and their exit codes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.main import run
from tests.e2e.catalog import BROKEN, write_catalog


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


class Shell:
    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys

    def __call__(self, *arguments: str) -> Result:
        code = run(arguments)
        captured = self._capsys.readouterr()
        return Result(code, captured.out, captured.err)

    def write(self, name: str, text: str) -> Path:
        (self.folder / name).write_text(text)
        return self.folder / name


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    write_catalog(tmp_path / "catalog")
    return Shell(tmp_path, capsys)


CATALOG = ("--catalog", "catalog/all.yaml")


def test_impact_tells_what_is_reached_and_whom_to_tell(shell: Shell):
    result = shell("impact", "resource:database", *CATALOG)
    assert (result.code, result.err) == (0, "")
    assert result.lines == [
        "3 entities are affected by resource:default/database, up to 3 steps away.",
        "",
        "Tell                     Contact           Entities",
        "group:default/shop-team  shop@example.org         2",
        "group:default/web-team                            1",
        "",
        "Ref                     Kind       Depth  Owners                   Relation       Via",
        "component:default/shop  Component      1  group:default/shop-team  DEPENDS_ON     resource:default/database",
        "api:default/orders      API            2  group:default/shop-team  PROVIDES_APIS  component:default/shop",
        "component:default/web   Component      3  group:default/web-team   CONSUMES_APIS  api:default/orders",
    ]


def test_impact_as_json_holds_the_evidence(shell: Shell):
    data = shell("impact", "resource:database", *CATALOG, "--format", "json", "--limit", "1").json
    assert {key: data[key] for key in ("roots", "totalCount", "maxDepth", "truncated")} == {
        "roots": ["resource:default/database"],
        "totalCount": 3,
        "maxDepth": 3,
        "truncated": False,
    }
    assert data["byOwner"] == [
        {"ref": "group:default/shop-team", "count": 2, "contact": "shop@example.org"},
        {"ref": "group:default/web-team", "count": 1, "contact": None},
    ]
    step = {"fromRef": "resource:default/database", "toRef": "component:default/shop", "relation": "DEPENDS_ON", "direction": "IN"}
    assert data["affected"] == [
        {
            "ref": "component:default/shop",
            "kind": "Component",
            "title": None,
            "depth": 1,
            "owners": ["group:default/shop-team"],
            "path": [step],
        }
    ]


def test_impact_can_be_drawn(shell: Shell):
    dot = shell("impact", "resource:database", *CATALOG, "--format", "dot")
    assert dot.lines[3:-1] == [
        '  "resource:default/database" -> "component:default/shop" [label="DEPENDS_ON"];',
        '  "component:default/shop" -> "api:default/orders" [label="PROVIDES_APIS"];',
        '  "api:default/orders" -> "component:default/web" [label="CONSUMES_APIS"];',
    ]
    mermaid = shell("impact", "resource:database", *CATALOG, "--format", "mermaid", "--max-depth", "1")
    assert mermaid.lines == [
        "flowchart LR",
        '  n0["resource:default/database"]',
        '  n1["component:default/shop"]',
        "  n0 -->|DEPENDS_ON| n1",
    ]


def test_impact_follows_what_it_is_told_to(shell: Shell):
    csv = shell("impact", "web", *CATALOG, "--direction", "dependencies", "--relation", "consumesApis", "--format", "csv")
    assert csv.lines == [
        "ref,kind,depth,owners,relation,via",
        "api:default/orders,API,1,group:default/shop-team,CONSUMES_APIS,component:default/web",
    ]


def test_a_table_says_what_it_leaves_out(shell: Shell):
    result = shell("impact", "resource:database", *CATALOG, "--limit", "2", "--max-depth", "2")
    assert result.lines[-1] == "A limit cut the search short: there is more beyond."
    assert shell("impact", "resource:database", *CATALOG, "--limit", "2").lines[-1] == "1 more are not shown; --limit 0 shows all."


@pytest.mark.parametrize(("ref", "code"), [("resource:database", 1), ("web", 0)])
def test_a_script_can_ask_whether_anything_is_affected(shell: Shell, ref: str, code: int):
    assert shell("impact", ref, *CATALOG, "--exit-code").code == code


def test_more_than_one_page_is_fetched(shell: Shell):
    links = "".join(
        f"apiVersion: backstage.io/v1alpha1\nkind: Resource\nmetadata: {{ name: r{n:04} }}\n"
        "spec: { type: x, owner: shop-team, dependsOn: [resource:database] }\n---\n"
        for n in range(1_001)
    )
    shell.write("catalog/many.yaml", links)
    affected = shell("impact", "resource:database", *CATALOG, "--format", "json").json["affected"]
    assert len({row["ref"] for row in affected}) == 1_004


def test_owners_are_told_with_the_place_of_their_declaration(shell: Shell):
    result = shell("owners", "shop", "api:orders", *CATALOG)
    assert (result.code, result.lines) == (
        0,
        [
            "Owners, and where they are declared.",
            "",
            "Ref                     Owner                    Title  Contact           Declared",
            "component:default/shop  group:default/shop-team         shop@example.org  catalog/shop.yaml:4",
            "api:default/orders      group:default/shop-team         shop@example.org  catalog/shop.yaml:9",
        ],
    )


def test_an_owner_that_is_not_in_the_catalog_is_a_finding(shell: Shell):
    result = shell("owners", "resource:database", *CATALOG, "--format", "json")
    (owner,) = result.json[0]["owners"]
    assert (result.code, owner["ref"], owner["exists"]) == (1, "group:default/nobody", False)


def test_an_entity_without_an_owner_is_a_finding(shell: Shell):
    result = shell("owners", "group:web-team", *CATALOG)
    assert (result.code, result.lines[-1]) == (1, "Without an owner: group:default/web-team.")


@pytest.mark.parametrize("command", ["owners", "impact"])
def test_an_unknown_entity_is_a_failure(shell: Shell, command: str):
    result = shell(command, "shop", "nowhere", *CATALOG)
    assert (result.code, result.out, result.err) == (2, "", "callboard: not in the catalog: component:default/nowhere\n")


@pytest.mark.parametrize("command", ["owners", "impact"])
def test_a_malformed_ref_is_wrong_usage(shell: Shell, command: str):
    result = shell(command, "a:", *CATALOG)
    assert (result.code, result.out) == (2, "")
    assert result.err.endswith("Error: 'a:' is no entity ref; write [kind:][namespace/]name, such as component:default/shop\n")


def test_a_query_is_answered_as_json(shell: Shell):
    shell.write("q.graphql", "query A($kind: [String!]) { entities(filter: { kind: $kind }) { totalCount } }\nquery B { __typename }")
    shell.write("v.json", '{"kind": ["Group"]}')
    for variables in ('{"kind": ["Group"]}', "@v.json"):
        result = shell("query", "q.graphql", "--operation", "A", "--variables", variables, *CATALOG)
        assert (result.code, result.json["data"]) == (0, {"entities": {"totalCount": 2}})


def test_an_answer_with_errors_is_printed_and_a_failure(shell: Shell):
    shell.write("q.graphql", "{ nothing }")
    result = shell("query", "q.graphql", *CATALOG)
    assert (result.code, [error["extensions"]["code"] for error in result.json["errors"]]) == (2, ["BAD_USER_INPUT"])


@pytest.mark.parametrize("variables", ["[]", "{", "@nowhere.json"])
def test_variables_have_to_be_an_object(shell: Shell, variables: str):
    shell.write("q.graphql", "{ __typename }")
    result = shell("query", "q.graphql", "--variables", variables, *CATALOG)
    assert (result.code, "--variables" in result.err) == (2, True)


def test_what_is_in_order_validates(shell: Shell):
    result = shell("validate", "catalog/*.yaml")
    assert (result.code, result.out, result.err) == (0, "", "6 entities read; nothing wrong.\n".replace("6", "7"))


def test_every_error_is_reported_at_once_with_its_place(shell: Shell):
    shell.write("catalog/broken.yaml", BROKEN)
    shell.write("catalog/bare.yaml", "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: { name: 'a b' }\nspec: {}\n")
    result = shell("validate", "catalog/all.yaml")
    places = [line.split(": ")[0] for line in result.lines if not line.startswith(" ")]
    assert result.code == 1
    assert places[-1] == "catalog/broken.yaml:8:3"
    assert set(places[:-1]) == {"catalog/bare.yaml:3:13", "catalog/bare.yaml:4:1"}


def test_findings_come_as_json_and_sarif(shell: Shell):
    shell.write("catalog/broken.yaml", BROKEN)
    found = shell("validate", "catalog/broken.yaml", "--format", "json")
    (finding,) = found.json["findings"]
    assert (found.code, found.json["entities"], finding["line"], finding["column"]) == (1, 0, 8, 3)
    sarif = shell("validate", "catalog/broken.yaml", "--format", "sarif")
    (result,) = sarif.json["runs"][0]["results"]
    assert (sarif.code, result["ruleId"]) == (1, finding["code"])
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "catalog/broken.yaml"},
        "region": {"startLine": 8, "startColumn": 3},
    }


def test_without_a_path_the_folder_is_validated(shell: Shell):
    shell.write("catalog-info.yaml", BROKEN)
    assert shell("validate").lines[0].startswith("catalog-info.yaml:8:3: ")


def test_kinds_and_relations_of_the_configuration_are_known(shell: Shell):
    shell.write("schema.json", '{"type": "object", "properties": {"spec": {"required": ["tier"]}}}')
    shell.write(
        "app-config.yaml",
        "catalog:\n  kinds:\n    - { kind: Dataset, apiVersions: [example.org/v1], jsonSchema: { $include: schema.json } }\n"
        "  relations:\n    - { name: feeds, forward: feeds, backward: fedBy, travel: toTarget,"
        " declarations: [{ field: feeds, kinds: [Dataset], defaultKind: Dataset }] }\n",
    )
    documents = "apiVersion: example.org/v1\nkind: Dataset\nmetadata: {{ name: {} }}\nspec: {}\n---\n"
    shell.write("d.yaml", documents.format("a", "{ tier: 1, feeds: [b] }") + documents.format("b", "{ tier: 1 }"))
    assert shell("validate", "d.yaml").code == 0
    assert shell("impact", "dataset:a", "--catalog", "d.yaml", "--relation", "feeds", "--format", "csv").lines[1:] == [
        "dataset:default/b,Dataset,1,,FEEDS,dataset:default/a"
    ]
    shell.write("d.yaml", documents.format("a", "{ }"))
    assert shell("validate", "d.yaml").code == 1


def test_ingest_writes_into_the_configured_store_and_nothing_twice(shell: Shell):
    shell.write("app-config.yaml", "catalog: { rules: [{ allow: [Component, API, Resource, Group, Location] }] }")
    first = shell("ingest", "catalog/all.yaml", "--format", "json")
    assert (first.code, first.json) == (
        0,
        [
            {
                "target": str(shell.folder / "catalog/all.yaml"),
                **{"files": 4, "created": 7, "updated": 0, "removed": 0, "orphaned": 0, "unchanged": 0, "errors": 0},
            }
        ],
    )
    assert (shell.folder / ".callboard/catalog.db").exists()
    assert shell("ingest", "catalog/all.yaml").lines[0] == "0 entities written."


def test_ingest_keeps_to_the_rules_and_reports_errors(shell: Shell):
    result = shell("ingest", "catalog/org.yaml", "--format", "json")
    assert (result.code, result.json[0]["created"], result.json[0]["errors"]) == (1, 0, 2)


def test_the_schema_is_printed_and_that_of_a_configuration_on_request(shell: Shell):
    relation = "{ name: ownsData, forward: ownsData, backward: dataOwnedBy, declarations: [{ field: data, kinds: [System] }] }"
    shell.write("app-config.yaml", f"catalog: {{ relations: [{relation}] }}")
    built_in, default, named = shell("schema"), shell("schema", "--config"), shell("schema", "--config", "app-config.yaml")
    assert "OWNS_DATA" not in built_in.out
    assert "OWNS_DATA" in default.out
    assert default == named
    assert built_in.out == (Path(__file__).parents[2] / "schema.graphql").read_text()


def test_config_check_prints_what_takes_effect_without_secrets(shell: Shell):
    shell.write("app-config.yaml", "backend: { baseUrl: '${URL_OF_NO_ONE}', queue: { url: 'redis://:hunter2@h' },")
    with (shell.folder / "app-config.yaml").open("a") as file:
        file.write(" database: { client: neo4j, connection: { uri: 'bolt://h', user: u, password: hunter2 } } }")
    result = shell("config", "check")
    assert result.code == 0
    assert "hunter2" not in result.out
    assert result.lines[0] == "# from app-config.yaml"
    assert result.lines[-1] == "# backend.baseUrl is left out: $URL_OF_NO_ONE is not set"
    shell.write("effective.yaml", result.out)
    assert shell("config", "check", "--config", "effective.yaml").out.splitlines()[1:] == result.lines[1:-1]


def test_config_check_names_every_problem(shell: Shell):
    shell.write("app-config.yaml", "graphql: { maxDept: 1 }\nlisten: {}\n")
    result = shell("config", "check")
    assert (result.code, result.out, result.err.splitlines()) == (
        1,
        "",
        [
            "app-config.yaml:1: graphql.maxDept: unknown key; did you mean maxDepth?",
            "app-config.yaml:2: listen: unknown key; there is backend.listen",
        ],
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "catalog: { relations: [{ name: dependsOn, forward: a, backward: b, declarations: [{ field: f, kinds: [K] }] }] }",
            "catalog.relations[0]: dependson is already a name of the relation dependsOn",
        ),
        (
            "catalog: { kinds: [{ kind: K, apiVersions: [v1], jsonSchema: { type: 7 } }] }",
            "catalog.kinds[0].jsonSchema: is no valid JSON Schema",
        ),
        (
            "catalog: { relations: [{ name: uses, forward: uses, backward: usedBy, declarations: [{ field: uses, kinds: [K] }] }] }\n"
            "permission: { enabled: true, redact: [{ fields: [spec.uses], from: [everyone] }] }",
            "permission.redact: spec.uses can't be redacted: spec.uses declares relations",
        ),
    ],
)
def test_config_check_looks_at_relations_and_schemas(shell: Shell, text: str, problem: str):
    shell.write("app-config.yaml", text)
    result = shell("config", "check")
    assert (result.code, result.err[: len(problem)]) == (1, problem)


@pytest.mark.parametrize("command", [["serve"], ["impact", "x"], ["ingest", "x"], ["validate"], ["schema", "--config"], ["worker"]])
def test_a_configuration_out_of_order_stops_every_command(shell: Shell, command: list[str]):
    shell.write("app-config.yaml", "backend: { listen: { host: 0.0.0.0 } }")
    result = shell(*command)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("callboard: app-config.yaml:1: backend.listen.host: goes beyond loopback")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nonsense"], "Error: No such command 'nonsense'."),
        (["impact"], "Error: Missing argument 'REF…'."),
        (["impact", "x", "--url", "http://h", "--catalog", "c"], "Error: --url and --catalog name two catalogs; choose one"),
        (["schema", "--url", "http://h", "--config"], "Error: --url and --config name two schemas; choose one"),
        (["owners", "x", "--format", "xml"], "Error: Invalid value for '--format': 'xml' is not one of"),
    ],
)
def test_wrong_usage_exits_with_2(shell: Shell, arguments: list[str], message: str):
    result = shell(*arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_without_a_catalog_there_is_nothing_to_ask(shell: Shell):
    result = shell("impact", "x")
    assert (result.code, result.err) == (2, "callboard: there is nothing to read: name files with --catalog, or a server with --url\n")


def test_a_worker_needs_a_queue(shell: Shell):
    message = "callboard: backend.queue.url: is required for workers; without it `callboard serve` runs the jobs itself\n"
    assert shell("worker") == Result(2, "", message)


COMMANDS = [
    "serve",
    "worker",
    "ingest",
    "validate",
    "impact",
    "owners",
    "search",
    "query",
    "template",
    "schema",
    "docs",
    "login",
    "logout",
    "policy",
    "config",
]


def test_the_overview_names_every_command(shell: Shell):
    result = shell("--help")
    names = [line.split()[0] for line in result.lines[result.lines.index("Commands:") + 1 :]]
    assert (result.code, names) == (0, COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(shell: Shell, command: str):
    result = shell(command, "--help")
    assert (result.code, result.lines[0].startswith(f"Usage: callboard {command} ")) == (0, True)
