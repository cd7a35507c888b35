"""Loading the configuration: which files, how they merge, what is refused and how it is said."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import Config, ConfigurationError, load
from config.backend import Neo4jDatabase, SqliteDatabase
from config.load import load_with_source, redacted


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def problems_of(text: str, here: Path, **environ: str) -> list[str]:
    with pytest.raises(ConfigurationError) as raised:
        load([write(here / "c.yaml", text)], environ)
    return [problem.line for problem in raised.value.all]


def test_without_any_file_the_built_in_defaults_apply(here: Path):
    assert load(environ={}) == Config()
    assert Config().backend.database == SqliteDatabase(client="sqlite")
    assert (Config().backend.listen.host, Config().backend.listen.port) == ("127.0.0.1", 7007)


def test_the_default_file_is_followed_by_that_of_the_environment(here: Path):
    write(here / "app-config.yaml", "graphql: { maxDepth: 5, maxAliases: 7 }")
    write(here / "app-config.local.yaml", "graphql: { maxDepth: 6 }")
    write(here / "app-config.production.yaml", "graphql: { maxDepth: 8 }")
    local, production = load(environ={}).graphql, load(environ={"CALLBOARD_ENV": "production"}).graphql
    assert (local.max_depth, local.max_aliases) == (6, 7)
    assert (production.max_depth, production.max_aliases) == (8, 7)


def test_an_environment_without_a_file_is_an_error(here: Path):
    with pytest.raises(ConfigurationError, match=r"^CALLBOARD_ENV is prodution, but there is no app-config\.prodution\.yaml$"):
        load(environ={"CALLBOARD_ENV": "prodution"})


def test_named_files_are_read_alone_and_in_order(here: Path):
    write(here / "app-config.yaml", "graphql: { maxTokens: 1 }")
    first, second = write(here / "1.yaml", "graphql: { maxDepth: 1, maxAliases: 1 }"), write(here / "2.yaml", "graphql: { maxDepth: 2 }")
    loaded = load([first, second], {}).graphql
    assert (loaded.max_depth, loaded.max_aliases, loaded.max_tokens) == (2, 1, 5000)


def test_objects_merge_and_arrays_are_replaced(here: Path):
    first = write(here / "1.yaml", "catalog: { watch: false, rules: [{ allow: [API] }, { allow: [User] }] }")
    second = write(here / "2.yaml", "catalog: { rules: [{ allow: [Group] }] }")
    loaded = load([first, second], {}).catalog
    assert [rule.allow for rule in loaded.rules] == [("Group",)]
    assert loaded.watch is False


def test_another_database_client_brings_its_own_connection(here: Path):
    first = write(here / "1.yaml", "backend: { database: { client: sqlite, connection: { filename: a.db } } }")
    second = write(here / "2.yaml", "backend: { database: { client: neo4j, connection: { uri: 'bolt://h' } } }")
    database = load([first, second], {}).backend.database
    assert isinstance(database, Neo4jDatabase)
    assert database.connection.model_dump() == {"uri": "bolt://h", "user": None, "password": None, "database": "neo4j"}


def test_an_empty_section_means_its_defaults_and_null_takes_a_setting_back(here: Path):
    first = write(here / "1.yaml", "graphql: { maxDepth: 3 }\ncatalog:\n")
    assert load([first, write(here / "2.yaml", "graphql: { maxDepth: null }")], {}) == Config()


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_changes_nothing(here: Path, text: str):
    assert load([write(here / "c.yaml", text)], {}) == Config()


def test_relative_paths_belong_to_the_file_that_holds_them(here: Path):
    first = write(here / "a/1.yaml", "backend: { database: { client: sqlite, connection: { filename: data/c.db } } }")
    second = write(here / "b/2.yaml", "catalog: { locations: [{ type: file, target: '../x/**/*.yaml' }, { type: file, target: /y.yaml }] }")
    loaded = load([first, second], {})
    assert isinstance(loaded.backend.database, SqliteDatabase)
    assert loaded.backend.database.connection.filename == here / "a/data/c.db"
    assert [location.target for location in loaded.catalog.locations] == [f"{here}/x/**/*.yaml", "/y.yaml"]


def test_every_problem_is_reported_at_once_with_its_line(here: Path):
    text = """\
backend:
  lisen: { port: 1 }
  listen: { port: x }
graphiql: true
catalog:
  locations:
    - type: file
"""
    assert problems_of(text, here) == [
        "c.yaml:2: backend.lisen: unknown key; did you mean listen?",
        "c.yaml:3: backend.listen.port: should be a valid integer, unable to parse string as an integer",
        "c.yaml:4: graphiql: unknown key; did you mean graphql?",
        "c.yaml:7: catalog.locations[0].target: is required",
    ]


def test_an_unknown_key_that_exists_elsewhere_is_pointed_out(here: Path):
    assert problems_of("listen: { port: 1 }", here) == ["c.yaml:1: listen: unknown key; there is backend.listen"]


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("{ type: url, target: ./a.yaml }", "catalog.locations[0]: target should be an absolute URL"),
        ("{ type: file, target: 'https://h/a.yaml' }", "catalog.locations[0]: type should be url where the target is one"),
        (
            "{ type: url, target: 'https://me:hunter2@h/a.yaml' }",
            "catalog.locations[0]: target should hold no credentials; configure them under integrations",
        ),
    ],
)
def test_a_location_is_of_the_type_of_its_target(location: str, problem: str, here: Path):
    assert problems_of(f"catalog: {{ locations: [{location}] }}", here) == [f"c.yaml:1: {problem}"]


def test_an_unknown_key_like_no_other_lists_the_known_ones(here: Path):
    assert problems_of("xyzzy: 1", here) == [
        "c.yaml:1: xyzzy: unknown key; known here: app, auth, backend, catalog, graphql, integrations, permission, plugins, proxy, "
        "scaffolder, search, techdocs, webhooks"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "c.yaml:2:1: is no valid YAML: did not find expected node content"),
        ("[]", "c.yaml:1: a configuration is a mapping of keys"),
        ("graphql: 1\ngraphql: 2", "c.yaml:2: graphql: stands twice in one mapping"),
        ("catalog: { watch: !yes 1 }", "c.yaml:1: the tag '!yes' has no meaning here"),
    ],
)
def test_what_is_no_configuration_is_refused(here: Path, text: str, problem: str):
    assert problems_of(text, here) == [problem]


def test_a_file_that_is_not_there_is_named(here: Path):
    with pytest.raises(ConfigurationError, match=r"^nowhere\.yaml: can't be read: No such file or directory$"):
        load([here / "nowhere.yaml"], {})


def test_yaml_is_yaml_1_2(here: Path):
    connection = "connection: { uri: 'bolt://h', user: no, database: 2020-01-01 }"
    text = f"backend: {{ listen: {{ port: 0o17 }}, database: {{ client: neo4j, {connection} }} }}"
    backend = load([write(here / "c.yaml", text)], {}).backend
    assert isinstance(backend.database, Neo4jDatabase)
    assert (backend.listen.port, backend.database.connection.user, backend.database.connection.database) == (15, "no", "2020-01-01")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "backend:\n  queue: { url: redis://h }\n  database: { client: neo4j, connection: { uri: bolt://h } }\n"
            "search: { engine: embedded }",
            "c.yaml:4: search.engine: can't be embedded where backend.queue.url is set: name a server in search.meilisearch",
        ),
        (
            "search: { engine: embedded, meilisearch: { url: http://h } }",
            "c.yaml:1: search.engine: and search.meilisearch name two engines; remove one of them",
        ),
        ("search: { engine: lunr }", "c.yaml:1: search.engine: should be 'embedded'"),
        ("search: { meilisearch: { url: 'h:7700' } }", "c.yaml:1: search.meilisearch.url: String should match pattern '^https?://\\S+$'"),
    ],
)
def test_search_engines_that_can_not_be_used_are_refused(text: str, problem: str, here: Path):
    assert problems_of(text, here) == [problem]


def test_a_shared_queue_needs_a_shared_database(here: Path):
    message = "has to be neo4j where backend.queue.url is set: several processes can't share one file"
    assert problems_of("backend: { queue: { url: redis://h } }", here) == [f"c.yaml:1: backend.database.client: {message}"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org"])
def test_listening_beyond_loopback_is_refused(here: Path, host: str):
    (problem,) = problems_of(f"backend:\n  listen:\n    host: '{host}'", here)
    assert problem.startswith("c.yaml:3: backend.listen.host: goes beyond loopback")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_listening_on_loopback_is_not(here: Path, host: str):
    assert load([write(here / "c.yaml", f"backend: {{ listen: {{ host: '{host}' }} }}")], {}).backend.listen.host == host


def test_listening_beyond_loopback_without_sign_in_has_to_be_asked_for_by_name(here: Path):
    text = "backend: { listen: { host: 0.0.0.0 }, auth: { dangerouslyDisableDefaultAuthPolicy: true } }"
    assert load([write(here / "c.yaml", text)], {}).backend.listen.host == "0.0.0.0"


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("{ minutes: 10 }", timedelta(minutes=10)),
        ("{ hours: 1, seconds: 30 }", timedelta(hours=1, seconds=30)),
        ("PT45M", timedelta(minutes=45)),
        ("false", None),
    ],
)
def test_the_processing_interval_has_backstages_forms(here: Path, text: str, interval: timedelta | None):
    assert load([write(here / "c.yaml", f"catalog: {{ processingInterval: {text} }}")], {}).catalog.processing_interval == interval


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ minuts: 10 }", "should be a mapping of weeks, days, hours, minutes, seconds, milliseconds, each a number"),
        ("{ minutes: x }", "should be a mapping of weeks, days, hours, minutes, seconds, milliseconds, each a number"),
        ("{ milliseconds: 1 }", "should be at least one second"),
        ("7", "should be a mapping such as { minutes: 10 }, a text such as PT10M, or false"),
    ],
)
def test_another_processing_interval_is_refused(here: Path, text: str, message: str):
    assert problems_of(f"catalog: {{ processingInterval: {text} }}", here) == [f"c.yaml:1: catalog.processingInterval: {message}"]


SECRETS = """\
backend:
  database: { client: neo4j, connection: { uri: bolt://h, user: u, password: hunter2 } }
  queue: { url: "redis://u:hunter2@h:6379/0" }
"""


def test_secrets_are_redacted_wherever_the_configuration_is_printed(here: Path):
    config = load([write(here / "c.yaml", SECRETS)], {})
    shown = redacted(config)["backend"]
    assert shown["database"]["connection"]["password"] == "**********"
    assert shown["queue"]["url"] == "redis://u:**********@h:6379/0"
    for printed in (repr(config), str(config), config.model_dump_json()):
        assert "hunter2" not in printed


def test_the_program_itself_reads_the_secrets(here: Path):
    backend = load([write(here / "c.yaml", SECRETS)], {}).backend
    assert isinstance(backend.database, Neo4jDatabase)
    assert backend.database.connection.password is not None
    assert backend.database.connection.password.get_secret_value() == "hunter2"
    assert backend.queue is not None
    assert backend.queue.url == "redis://u:hunter2@h:6379/0"


@pytest.mark.parametrize(
    "text",
    [
        "backend: { database: { client: neo4j, connection: { uri: 'ftp://hunter2' } } }",
        "backend: { database: { client: neo4j, connection: { uri: 'bolt://h', password: [hunter2] } } }",
        "backend: { queue: { url: 'http://:hunter2@h' } }",
    ],
)
def test_a_refused_value_is_not_repeated_because_it_may_be_a_secret(here: Path, text: str):
    assert "hunter2" not in "\n".join(problems_of(text, here))


def test_the_configuration_can_not_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Config().backend.listen.port = 1  # pyright: ignore[reportAttributeAccessIssue] the point of the test


def test_the_source_tells_files_and_unset_variables(here: Path):
    file = write(here / "app-config.yaml", "backend: { baseUrl: '${BASE_URL}' }")
    config, source = load_with_source(environ={})
    assert config.backend.base_url == "http://localhost:7007"
    assert (source.files, source.unset) == ((file,), {"backend.baseUrl": "BASE_URL"})


def test_what_is_printed_can_be_read_again(here: Path):
    def keys(value: Any) -> Any:
        return {k: keys(v) for k, v in value.items()} if isinstance(value, dict) else None

    assert keys(redacted(Config())) == keys(redacted(Config.model_validate(redacted(Config()))))


@pytest.mark.parametrize("page", ["providers", "plugins"])
def test_the_documented_configurations_of_providers_and_plugins_are_valid(page: str):
    text = (Path(__file__).parents[2] / "docs" / f"{page}.md").read_text()
    sections = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert [Config.model_validate(yaml.safe_load(section)) for section in sections] != []


@pytest.mark.parametrize(
    ("providers", "problem"),
    [
        ("github: { organization: acme }", "github.default.host: names github.com, which is none of integrations.github; add it there"),
        (
            "githubOrg: { githubUrl: 'https://ghe.example.com', orgs: [a] }",
            "githubOrg[0].githubUrl: names ghe.example.com, which is none of integrations.github; add it there",
        ),
        (
            "gitea: { a: { host: git.example.com, organization: a } }",
            "gitea.a.host: names git.example.com, which is none of integrations.gitea; add it there",
        ),
        (
            "github: { a: { organization: x, filters: { repository: '(' } } }",
            "github.a.filters.repository: should be a regular expression: missing ), unterminated subpattern at position 0",
        ),
        ("clones: { a: { pth: x } }", "clones.a.pth: unknown key; did you mean path?"),
    ],
)
def test_what_is_wrong_with_a_provider_names_its_key(here: Path, providers: str, problem: str):
    found = problems_of(f"catalog: {{ providers: {{ {providers} }} }}", here)
    assert f"c.yaml:1: catalog.providers.{problem}" in found


def test_providers_have_backstages_forms_and_paths_of_clones_start_at_the_file(here: Path):
    text = """
integrations: { github: [{ host: github.com }] }
catalog:
  providerGrace: { days: 2 }
  providers:
    github: { organization: acme, schedule: { frequency: PT10M, timeout: { minutes: 3 }, initialDelay: { seconds: 15 } } }
    githubOrg: { id: production, orgs: [acme] }
    clones: { all: { path: ./clones } }
"""
    catalog = load([write(here / "c.yaml", text)], {}).catalog
    github = catalog.providers.github["default"]
    assert (github.schedule.frequency, github.schedule.timeout, github.schedule.initial_delay) == (
        timedelta(minutes=10),
        timedelta(minutes=3),
        timedelta(seconds=15),
    )
    assert (catalog.provider_grace, catalog.providers.github_org[0].id) == (timedelta(days=2), "production")
    assert catalog.providers.clones["all"].path == here / "clones"
