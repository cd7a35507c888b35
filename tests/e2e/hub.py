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


@contextmanager
def serving_hub(hub: Hub, folder: Path, *, integration: Mapping[str, Any] | None = None, **catalog: Any) -> Iterator[Serving]:
    """A server with this catalog section, that takes webhooks and reads from the emulator with the token `reader`."""
    hub.token("reader")
    config = {
        "backend": {
            "listen": {"host": "127.0.0.1", "port": 0},
            "database": {"client": "sqlite", "connection": {"filename": "catalog.db"}},
            "reading": {"allow": [{"host": hub.codeload_host}], "allowPrivate": ["127.0.0.1"]},
        },
        "integrations": {"github": [integration or {"host": hub.host, "apiBaseUrl": hub.api_url, "token": "reader"}]},
        "catalog": {"rules": [{"allow": KINDS}], "processingInterval": False, "webhooks": {"github": {"secret": SECRET}}, **catalog},
    }
    path = folder / "app-config.yaml"
    path.write_text(yaml.safe_dump(config))
    with serving(path) as server:
        yield server
