"""Webhooks as GitHub sends them: its own examples, with what happened in the emulator written into them, signed."""

import hashlib
import hmac
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import orjson

from tests.servers.github import answers
from tests.servers.github.description import webhook_examples
from tests.servers.github.hub import Hub

_DELIVERIES = itertools.count(1)


def push(hub: Hub, full_name: str, *, touched: Sequence[str], branch: str = "main", forced: bool = False) -> dict[str, Any]:
    """The payload of a push of one commit to the branch that modified these files."""
    example = next(each for each in webhook_examples()["push"] if each["ref"] == "refs/heads/master")
    repository = hub.repositories[full_name.lower()]
    commit = {"id": repository.git.head(branch), "added": [], "removed": [], "modified": list(touched)}
    known = {"ref": f"refs/heads/{branch}", "after": commit["id"], "created": False, "deleted": False, "forced": forced}
    return {**example, **known, "commits": [commit], "repository": answers.repository(hub, repository, full=True)}


def of_repository(hub: Hub, full_name: str, action: str, *, was: str | None = None) -> dict[str, Any]:
    """The payload of what happened to a repository as a whole; `was` is its former name. A deleted one is told of before it is."""
    example = next(each for each in webhook_examples()["repository"] if each["action"] in {action, "created"})
    changes = {"changes": {"repository": {"name": {"from": was}}}} if was else {}
    repository = answers.repository(hub, hub.repositories[full_name.lower()], full=True)
    return {
        **example,
        "action": action,
        "repository": repository,
        "organization": {"login": full_name.split("/", maxsplit=1)[0]},
        **changes,
    }


def of_team(organisation: str, event: str, action: str) -> dict[str, Any]:
    """The payload of what happened to a team or a member."""
    example = webhook_examples()[event][0]
    return {**example, "action": action, "organization": {**example["organization"], "login": organisation}}


def send(url: str, event: str, payload: Mapping[str, Any], secret: str, hub: Hub, *, delivery: str | None = None) -> httpx.Response:
    """Send it to Callboard at the URL, and return the answer."""
    body = orjson.dumps(payload)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/0123456",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery or f"00000000-0000-0000-0000-{next(_DELIVERIES):012}",
        "X-GitHub-Enterprise-Host": hub.host,
        "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }
    return httpx.post(f"{url}/webhooks/github", content=body, headers=headers, timeout=20)
