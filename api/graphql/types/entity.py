"""The Entity interface: what every kind of entity can be asked."""

from collections.abc import Callable, Sequence
from typing import Any, cast

import strawberry
from strawberry.federation import interface
from strawberry.scalars import JSON

from api.graphql.context import Info
from api.graphql.cursors import id_of
from api.graphql.past import context_of, of_now
from api.graphql.types.changes import ChangeConnection, history
from api.graphql.types.connections import Connection
from api.graphql.types.docs import Docs, docs_of
from api.graphql.types.ends import dependencies, dependents, out
from api.graphql.types.errors import CatalogError, errors_of
from api.graphql.types.fields import attribute, paged, reading, resolved
from api.graphql.types.impact import Impact, impact_of
from api.graphql.types.lazy import LazyTemplateUse
from api.graphql.types.locations import Ancestry, EntityOrigin
from api.graphql.types.relations import RelationConnection, relations_of
from api.graphql.types.uses import maker_of
from api.graphql.walks import all_of_step
from graph.entities import Entity as StoredEntity

Source = strawberry.Parent[StoredEntity]

TYPE_NAMES = {
    "component": "Component",
    "api": "API",
    "resource": "Resource",
    "system": "System",
    "domain": "Domain",
    "group": "Group",
    "user": "User",
    "template": "Template",
    "location": "LocationEntity",
    "airesource": "AiResource",
}
"""Kinds (lower case) to the names of their GraphQL types. The kind Location has another name, because Location is a root of reading."""

CUSTOM_TYPE = "CustomEntity"


def text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def spec_text(*keys: str) -> Callable[[StoredEntity], str | None]:
    """Reads a text from within the spec; None where it is missing or no text."""

    def read(entity: StoredEntity) -> str | None:
        value: object = entity.spec
        for key in keys:
            value = cast("dict[str, object]", value).get(key) if isinstance(value, dict) else None
        return text(value)

    return read


def _links(entity: StoredEntity) -> list[dict[str, Any]]:
    links: list[object] = entity.metadata.get("links") or []
    found = [cast("dict[str, Any]", link) for link in links if isinstance(link, dict)]
    return [link for link in found if text(link.get("url"))]


def _tags(entity: StoredEntity) -> list[str]:
    return [tag for tag in entity.metadata.get("tags") or () if isinstance(tag, str)]


async def _owners(root: Source, info: Info) -> Sequence[StoredEntity]:
    return await all_of_step(context_of(root, info.context), root.ref, out("ownedBy"))


async def _owner(root: Source, info: Info) -> StoredEntity | None:
    return next(iter(await all_of_step(context_of(root, info.context), root.ref, out("ownedBy"))), None)


@strawberry.interface(description="Anything that has an id.")
class Node:
    id: strawberry.ID = reading(lambda entity: id_of(entity.ref), "Opaque and stable: the same after every change and every move.")

    @classmethod
    def resolve_type(cls, source: StoredEntity, _info: object, _type: object) -> str:
        return TYPE_NAMES.get(source.kind.lower(), CUSTOM_TYPE)

    @classmethod
    def is_type_of(cls, source: object, _info: object) -> bool:
        return isinstance(source, StoredEntity)


@strawberry.type(description="A link that an entity carries.")
class EntityLink:
    url: str = reading(lambda link: link["url"], "Where it leads.")
    title: str | None = reading(lambda link: text(link.get("title")), "What to show for it.")
    icon: str | None = reading(lambda link: text(link.get("icon")), "The name of an icon.")
    type: str | None = reading(lambda link: text(link.get("type")), "What sort of link it is, such as `dashboard`.")


@interface(
    keys=["ref"],
    description="An entity of the catalog: something that a catalog file declares, of any kind. A hidden entity reads as a missing one.",
)
class Entity(Node):
    ref: str = attribute("The full ref in lower case, `kind:namespace/name`, by which other entities point to it.")
    kind: str = attribute("The kind, as declared.")
    namespace: str = attribute("The namespace; `default` where none is declared.")
    name: str = attribute("The name, unique within its kind and namespace.")
    api_version: str = reading(lambda entity: entity.document["apiVersion"], "The version of the format in which it is declared.")
    title: str | None = reading(lambda entity: text(entity.metadata.get("title")), "A name to show to people.")
    description: str | None = reading(lambda entity: text(entity.metadata.get("description")), "What it is, in a sentence or two.")
    labels: JSON = reading(lambda entity: entity.metadata.get("labels") or {}, "Labels, key to value.")
    annotations: JSON = reading(lambda entity: entity.metadata.get("annotations") or {}, "Annotations, key to value.")
    tags: list[str] = reading(_tags, "Tags.")
    links: list[EntityLink] = reading(_links, "Links to pages about it.")
    metadata: JSON = attribute("All of its metadata, as declared.")
    spec: JSON | None = reading(lambda entity: entity.document.get("spec"), "All of its spec, as declared; null if it has none.")
    owner: "Entity | None" = resolved(_owner, "Who is responsible for it: the first of the owners. Null if there is none or it is missing.")
    owners: list["Entity"] = resolved(_owners, "All who are responsible for it, missing ones left out.")
    relations: RelationConnection = paged(relations_of, "Its edges, of every relation and both ways.")
    dependents: Connection["Entity"] = paged(dependents, "What feels a change of it directly.")
    dependencies: Connection["Entity"] = paged(dependencies, "What it feels the changes of directly.")
    impact: Impact = resolved(impact_of, "Everything that feels a change of it, near and far, or of which it feels the changes.")
    ancestry: Ancestry = reading(lambda entity: of_now(entity, "ancestry"), "What led to the file in which it was read.")
    errors: list[CatalogError] = resolved(errors_of, "The catalog errors that name it.")
    origin: EntityOrigin = reading(lambda entity: of_now(entity, "origin").origin, "Where it was read.")
    orphan: bool = reading(lambda entity: of_now(entity, "orphan").orphan, "Whether no location leads to it any more.")
    docs: Docs | None = resolved(docs_of, "Its documentation; null if it has none, or none that may be read.")
    scaffolded_by: LazyTemplateUse | None = resolved(
        maker_of, "The use of a template that it came from; null if there was none, or whoever asks may not see its task."
    )
    history: ChangeConnection = paged(history, "What has happened to it, oldest first.")
