"""A server that reads from the emulator of GitHub."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.serving import Serving, serving
from tests.servers.github.hub import Hub

SECRET = "the secret of these webhooks"
KINDS = ["Component", "API", "Resource", "System", "Domain", "Group", "User", "Location"]


def component(name: str, title: str = "A component") -> str:
    """A catalog file with one Component."""
    document = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {"name": name, "title": title},
        "spec": {"type": "service", "lifecycle": "production", "owner": "group:default/shop"},
    }
    return yaml.safe_dump(document)


def write_config(hub: Hub, folder: Path, *, backend: Mapping[str, Any] | None = None, **catalog: Any) -> Path:
    """A configuration with this catalog section, that takes webhooks and reads from the emulator with the token `reader`.

    `backend` is what differs from the embedded store.
    """
    hub.token("reader")
    config = {
        "backend": {
            "listen": {"host": "127.0.0.1", "port": 0},
            "database": {"client": "sqlite", "connection": {"filename": "catalog.db"}},
            "reading": {"allow": [{"host": hub.codeload_host}], "allowPrivate": ["127.0.0.1"]},
            **(backend or {}),
        },
        "integrations": {"github": [{"host": hub.host, "apiBaseUrl": hub.api_url, "token": "reader"}]},
        "catalog": {"rules": [{"allow": KINDS}], "processingInterval": False, "webhooks": {"github": {"secret": SECRET}}, **catalog},
    }
    path = folder / "app-config.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


@contextmanager
def serving_hub(hub: Hub, folder: Path, **catalog: Any) -> Iterator[Serving]:
    """A server with the configuration of `write_config`."""
    with serving(write_config(hub, folder, **catalog)) as server:
        yield server
