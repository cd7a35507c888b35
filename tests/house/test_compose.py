"""The deployment files, as far as they can be checked without a container engine."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import load
from config.backend import Neo4jDatabase
from tests.servers.meilisearch_openapi import VERSION

ROOT = Path(__file__).parents[2]
OURS = {"api", "worker"}
THEIRS = {"neo4j", "redis", "meilisearch", "storage"}
SECRET = re.compile(r"PASSWORD|SECRET|KEY|AUTH|TOKEN")
REQUIRED = re.compile(r"(neo4j/)?\$\{[A-Z0-9_]+:\?[^}]+\}")
PINNED = re.compile(r"[a-z0-9/]+:v?\d+\.\d+[\w.-]*")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def dockerfile() -> list[tuple[str, str]]:
    """Instructions with their arguments, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, arguments) for name, _, arguments in (line.partition(" ") for line in lines)]


def test_the_compose_file_meets_the_compose_specification():
    checked = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / "docker-compose.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_there_are_the_two_processes_and_the_four_services_they_use(compose: dict[str, Any]):
    assert set(compose["services"]) == OURS | THEIRS
    assert {name for name, service in compose["services"].items() if "build" in service} == OURS


def test_every_service_says_whether_it_is_healthy(compose: dict[str, Any]):
    for name, service in compose["services"].items():
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}, name
        assert service["healthcheck"]["interval"].endswith("s"), name


def test_every_image_is_pinned(compose: dict[str, Any]):
    for name in THEIRS:
        assert PINNED.fullmatch(compose["services"][name]["image"]), name


def test_meilisearch_is_of_the_version_whose_description_tests_hold_requests_against(compose: dict[str, Any]):
    assert compose["services"]["meilisearch"]["image"] == f"getmeili/meilisearch:v{VERSION}"


def test_what_must_survive_lies_in_named_volumes(compose: dict[str, Any]):
    for name in THEIRS:
        mounted = {volume.partition(":")[0] for volume in compose["services"][name]["volumes"]}
        assert mounted <= set(compose["volumes"]), name
    for name in OURS:
        assert all(volume.endswith(":ro") for volume in compose["services"][name]["volumes"]), name


def test_no_secret_is_inside_and_none_may_be_left_out(compose: dict[str, Any]):
    secrets = list(_secrets(compose))
    assert len(secrets) == 18
    for name, value in secrets:
        assert REQUIRED.fullmatch(value), name


def _secrets(compose: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for service, declared in compose["services"].items():
        for name, value in declared.get("environment", {}).items():
            if SECRET.search(name):
                yield f"{service}.{name}", value


def test_nothing_is_published_but_the_server_on_loopback(compose: dict[str, Any]):
    published = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert published == {"api": ["127.0.0.1:7007:7007"]}
    assert compose["networks"]["back"] == {"internal": True}


def test_our_processes_have_no_rights_to_spare(compose: dict[str, Any]):
    for name in OURS:
        service = compose["services"][name]
        assert (service["read_only"], service["cap_drop"], service["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"]), name


def test_the_mounted_configuration_is_accepted_and_names_the_services(compose: dict[str, Any]):
    path = ROOT / "examples/deploy/app-config.compose.yaml"
    assert f"./{path.relative_to(ROOT)}:/etc/callboard/app-config.yaml:ro" in compose["services"]["api"]["volumes"]
    secrets = {"NEO4J_PASSWORD": "n", "REDIS_PASSWORD": "r", "SCAFFOLDER_KEY": "s" * 48, "S3_ACCESS_KEY": "a", "S3_SECRET_KEY": "s"}
    config = load([path], {**secrets, "MEILI_MASTER_KEY": "m"})
    database, queue = config.backend.database, config.backend.queue
    assert isinstance(database, Neo4jDatabase)
    assert (database.connection.uri, database.connection.user) == ("bolt://neo4j:7687", "neo4j")
    assert queue is not None
    assert queue.url == "redis://:r@redis:6379/0"
    storage = config.blob_storage
    assert storage is not None
    assert (storage.url, storage.endpoint) == ("s3://callboard", "http://storage:8333")
    server = config.search.meilisearch
    assert server is not None
    assert server.api_key is not None
    assert (server.url, server.api_key.get_secret_value()) == ("http://meilisearch:7700", "m")
    assert str(config.backend.listen.port) == compose["services"]["api"]["ports"][0].rpartition(":")[2]
    assert config.catalog.locations[0].target == "/catalog/all.yaml"


def test_the_image_is_built_in_stages_from_pinned_images(dockerfile: list[tuple[str, str]]):
    images = [arguments.split()[0] for name, arguments in dockerfile if name == "FROM"]
    assert len(images) == 2
    assert all(PINNED.fullmatch(image) for image in images)


def test_the_image_runs_as_an_ordinary_user_and_says_whether_it_lives(dockerfile: list[tuple[str, str]]):
    last = max(i for i, (name, _) in enumerate(dockerfile) if name == "FROM")
    final = dict(dockerfile[last:])
    assert final["USER"] == "10001:10001"
    assert "/livez" in final["HEALTHCHECK"]
    assert final["COPY"].startswith("--from=build ")
    assert final["ENTRYPOINT"] == '["callboard"]'


def test_the_image_takes_only_what_the_lock_pins(dockerfile: list[tuple[str, str]]):
    commands = [command for name, arguments in dockerfile if name == "RUN" for command in arguments.split(" && ")]
    installs = [command for command in commands if re.search(r"pip (install|sync)\b", command)]
    assert [("--require-hashes" in c or "--no-deps" in c) for c in installs] == [True, True, True]


def test_what_the_image_is_built_from_is_let_in_and_exists():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert {name for name in let_in if not (ROOT / name).exists()} == set()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= let_in
