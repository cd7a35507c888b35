"""A small catalog on disk, whose every answer can be told by looking at it."""

from pathlib import Path

ENTITY = """\
apiVersion: backstage.io/v1alpha1
kind: {kind}
metadata: {{ name: {name} }}
spec: {{ {spec} }}
---
"""
COMPONENT = "type: service, lifecycle: production, owner: {owner}"


def document(kind: str, name: str, spec: str) -> str:
    return ENTITY.format(kind=kind, name=name, spec=spec)


def component(name: str, owner: str, more: str = "") -> str:
    return document("Component", name, COMPONENT.format(owner=owner) + more)


def write_catalog(folder: Path) -> Path:
    """The root of a catalog: `web` consumes an API of `shop`, which depends on `database`; `nobody` is no group; one file is broken."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "all.yaml").write_text(document("Location", "all", "targets: ['./*.yaml']"))
    profile = "type: team, children: [], profile: { displayName: Shop team, email: shop@example.org }"
    (folder / "org.yaml").write_text(document("Group", "shop-team", profile) + document("Group", "web-team", "type: team, children: []"))
    (folder / "shop.yaml").write_text(
        component("shop", "shop-team", ", providesApis: [orders], dependsOn: [resource:database]")
        + document("API", "orders", "type: openapi, lifecycle: production, owner: shop-team, definition: '{}'")
        + document("Resource", "database", "type: database, owner: nobody")
    )
    (folder / "web.yaml").write_text(component("web", "web-team", ", consumesApis: [orders]"))
    return folder / "all.yaml"


BROKEN = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: broken }
spec:
  type: service
  lifecycle: production
  owner: shop-team
  owner: web-team
"""
