"""Configurations and templates for tests of what is published to emulators of hosts."""

import subprocess
from collections.abc import Mapping
from typing import Any

from config import Config
from tests.scaffolder.templates import Folder
from tests.servers.github.hub import Hub, Repository

TOKEN = "a-token-of-the-integration"


def settings(folder: Folder, integrations: Mapping[str, Any], **sections: Any) -> dict[str, Any]:
    """A configuration, as written, that reaches emulators on this machine."""
    made = folder.settings(integrations=integrations, **sections)
    made["backend"]["reading"] = {"allowPrivate": ["127.0.0.1"]}
    return made


def on_github(folder: Folder, hub: Hub, **sections: Any) -> Config:
    """A configuration that publishes to this GitHub."""
    return Config.model_validate(settings(folder, github_integration(hub), **sections))


def github_integration(hub: Hub) -> Mapping[str, Any]:
    """`integrations` with this GitHub."""
    hub.token(TOKEN)
    return {"github": [{"host": hub.host, "apiBaseUrl": hub.api_url, "token": TOKEN}]}


def write(path: str, content: str, **more: Any) -> dict[str, Any]:
    """A step that writes a file."""
    return {
        "id": f"write-{path.replace('/', '-').replace('.', '-')}",
        "action": "fs:write",
        "input": {"path": path, "content": content},
        **more,
    }


def files(repository: Repository, revision: str = "HEAD") -> dict[str, str]:
    """The files of the repository, with their modes before them."""
    return {
        entry.path: f"{entry.mode} {repository.git.file(entry.sha).decode()}"
        for entry in repository.git.tree(revision)
        if entry.type == "blob"
    }


def history(repository: Repository, revision: str = "HEAD") -> list[str]:
    """What git says of each commit: who, and with which message."""
    command = ["git", "-C", str(repository.git.folder), "log", "--format=%an <%ae> %s", revision]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
