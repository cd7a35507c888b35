"""A server whose template fetches a skeleton, publishes it to an emulator of a host, and registers it, as a user would have it."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.e2e.serving import Serving
from tests.scaffolder.killing import V2, task
from tests.scaffolder.publishing import settings
from tests.scaffolder.templates import Folder, template

LONGEST_SECONDS = 90
_SKELETON = """apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: ${{ values.name }}
spec:
  type: service
  lifecycle: experimental
  owner: group:default/shop
"""


def write_publishing(folder: Path, integrations: Mapping[str, Any], action: str, repo_url: str) -> Path:
    """The template `publishing`, and the path of a configuration that serves it."""
    steps = [
        {"id": "pause", "action": "debug:wait", "input": {"milliseconds": 100}},
        {"id": "publish", "action": action, "input": {"repoUrl": f"{repo_url}&repo=${{{{ parameters.name }}}}", "defaultBranch": "main"}},
        {"id": "register", "action": "catalog:register", "input": {"repoContentsUrl": "${{ steps.publish.output.repoContentsUrl }}"}},
    ]
    output = {"remoteUrl": "${{ steps.publish.output.remoteUrl }}", "entityRef": "${{ steps.register.output.entityRef }}"}
    return _written(folder, integrations, steps, output)


def write_proposing(folder: Path, integrations: Mapping[str, Any], action: str, repo_url: str, file_url: str) -> Path:
    """The same, but with what it makes proposed to a repository on the branch `scaffolded`; `file_url` is what is registered."""
    given = {"repoUrl": repo_url, "branchName": "scaffolded", "title": "Add ${{ parameters.name }}", "description": "As asked"}
    steps = [
        {"id": "propose", "action": action, "input": given},
        {"id": "register", "action": "catalog:register", "input": {"catalogInfoUrl": file_url}},
    ]
    return _written(folder, integrations, steps, {"entityRef": "${{ steps.register.output.entityRef }}"})


def _written(folder: Path, integrations: Mapping[str, Any], steps: Sequence[Mapping[str, Any]], output: Mapping[str, Any]) -> Path:
    made = Folder(folder)
    fetch = {"id": "fetch", "action": "fetch:template", "input": {"url": "./skeleton", "values": {"name": "${{ parameters.name }}"}}}
    files = {"skeleton/catalog-info.yaml": _SKELETON, "skeleton/src/main.txt": "run\n"}
    made.add(template("publishing", [fetch, *steps], output=output), files)
    given = settings(made, integrations)
    given["backend"]["listen"] = {"host": "127.0.0.1", "port": 0}
    config = folder / "app-config.yaml"
    config.write_text(yaml.safe_dump(given))
    return config


def start(server: Serving, name: str) -> str:
    """The id of a new task, once the template is there."""
    server.wait_for("{ templates { totalCount } }", {"templates": {"totalCount": 1}})
    body = {"templateRef": "template:publishing", "values": {"name": name}}
    answer = httpx.post(f"{server.url}{V2}/tasks", json=body, timeout=20)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def wait(server: Serving, task_id: str) -> Mapping[str, Any]:
    """The task, once it is over."""
    began = time.monotonic()
    while (found := task(server, task_id))["status"] in ("open", "processing"):
        assert time.monotonic() - began < LONGEST_SECONDS, server.log.read_text()
        time.sleep(0.1)
    return found


def registered(server: Serving, name: str) -> None:
    """The component is in the catalog, once, by one location."""
    query = f'{{ entity(ref: "component:default/{name}") {{ ref }} }}'
    server.wait_for(query, {"entity": {"ref": f"component:default/{name}"}})
    locations = [one["data"]["target"] for one in server.get("/api/catalog/locations").json()]
    assert sum(f"/{name}/" in target and target.endswith("/blob/main/catalog-info.yaml") for target in locations) == 1, locations
