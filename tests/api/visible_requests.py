"""Requests that read everything that Backstage's catalog API shows, for comparing two catalogs."""

from collections.abc import Sequence
from typing import Any

import httpx

from api.audit import Audit
from api.rest.catalog.acting import Acting
from api.rest.catalog.routes import catalog_routes
from graph.access import Access
from graph.refs import Ref, split_ref, uid_of
from graph.store import Store
from tests.api.http import asked_by
from tests.visible_catalogs import REFS, REGISTRY

FILTERS = (
    "kind=component,kind=group,spec.type",
    "metadata.tags.public",
    "metadata.annotations.example.com/x=a",
    "relations.ownedBy=group:default/red,relations.ownedBy=group:ops/red",
    "relations.dependsOn",
    "metadata.labels.tier=service",
)
_QUERY = {
    "$any": [
        {"spec.type": {"$in": ["a", "service"]}},
        {"$not": {"relations": {"$contains": {"type": "partOf", "targetRef": "system:default/s"}}}},
        {"relations.ownedBy": {"$hasPrefix": "group:d"}},
        {"spec.profile.email": {"$exists": True}},
    ]
}
_FACETS = (
    "kind", "spec.type", "spec.lifecycle", "metadata.tags", "metadata.annotations.example.com/x", "spec.profile.email", "relations.ownedBy",
    "relations.dependencyOf", "relations.hasMember",
)  # fmt: skip


def client_of(store: Store, access: Access) -> httpx.AsyncClient:
    """A client of the catalog API of a store, nothing of which acts."""
    return asked_by(access, catalog_routes(store, REGISTRY, Acting(lambda: None, Audit())))


async def answers(client: httpx.AsyncClient, refs: Sequence[Ref], filter: str) -> Sequence[Any]:
    """What the API answers: to lists in every form, page by page both ways, and about some refs in particular."""
    told = [
        await client.get("/api/catalog/entities"),
        await client.get("/api/catalog/entities", params={"filter": filter, "order": "desc:kind"}),
        await client.get("/api/catalog/entities", params={"limit": 2, "offset": 1, "filter": filter, "fields": "metadata,relations"}),
        await client.get("/api/catalog/entity-facets", params={"facet": _FACETS, "filter": filter}),
        await client.post("/api/catalog/entity-facets", json={"facets": _FACETS, "query": _QUERY}),
        await client.post("/api/catalog/entities/by-refs", json={"entityRefs": REFS}),
        await client.post(
            "/api/catalog/entities/by-refs", json={"entityRefs": refs, "fields": ["kind", "spec"]}, params={"filter": filter}
        ),
        *await _pages(client, {"filter": filter, "limit": 2}),
        *await _pages(client, {"orderField": "metadata.name,desc", "limit": 3}),
        await client.get("/api/catalog/entities/by-query", params={"fullTextFilterTerm": "a", "fullTextFilterFields": "spec.type,kind"}),
        await client.post("/api/catalog/entities/by-query", json={"query": _QUERY, "orderBy": [{"field": "kind", "order": "asc"}]}),
    ]
    for ref in refs:
        kind, namespace, name = split_ref(ref)
        by_name = f"/api/catalog/entities/by-name/{kind}/{namespace}/{name}"
        told += [await client.get(path) for path in (by_name, f"{by_name}/ancestry", f"/api/catalog/entities/by-uid/{uid_of(ref)}")]
    return [(answer.status_code, answer.json(), answer.headers.get("link")) for answer in told]


async def _pages(client: httpx.AsyncClient, parameters: dict[str, Any]) -> Sequence[httpx.Response]:
    """Every page to the end, and from there the one before."""
    path = "/api/catalog/entities/by-query"
    told = [await client.get(path, params=parameters)]
    while (cursor := told[-1].json()["pageInfo"].get("nextCursor")) is not None:
        told.append(await client.get(path, params={"cursor": cursor, "limit": parameters["limit"]}))
    if cursor := told[-1].json()["pageInfo"].get("prevCursor"):
        told.append(await client.get(path, params={"cursor": cursor, "limit": parameters["limit"]}))
    return told
