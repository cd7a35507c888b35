"""A small organisation, stored directly, and a store that counts its calls."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

from strawberry.federation import Schema

from api.graphql.context import Context
from api.graphql.schema import build_schema
from graph.access import GUEST_PRINCIPAL, UNRESTRICTED_GUEST, Access, Action
from graph.conditions import EVERYTHING, Condition
from graph.entities import Edge, Entity, Evidence, Origin, canonical_json, content_hash
from graph.patches import patch_between, patch_of_removal
from graph.refs import Ref, parse_ref
from graph.relations import Relation, RelationRegistry, Travel
from graph.store import Batch, CatalogError, Cause, Claim, EntityWrite, Location, Removal, SourceFile, Store

OWNS_DATA = Relation("ownsData", "ownsData", "dataOwnedBy", Travel.NOWHERE, travels_on_request=False, declarations=())
REGISTRY = RelationRegistry()
CONFIGURED = RelationRegistry([OWNS_DATA])

LOCATION = Location("loc-1", "file", "/catalog/all.yaml", "configured", 0, datetime(2024, 5, 1, 12, 0, tzinfo=UTC))
FAILED = Location("loc-2", "file", "/elsewhere/all.yaml", "configured", 1, None, "no such file")
CAUSE = Cause("refresh", "loc-1")


def described(kind: str, name: str, spec: Mapping[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    document: dict[str, Any] = {"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": {"name": name, **metadata}}
    if spec is not None:
        document["spec"] = dict(spec)
    return document


def ref_of(document: Mapping[str, Any]) -> Ref:
    metadata = document["metadata"]
    return parse_ref(f"{document['kind']}:{metadata.get('namespace', 'default')}/{metadata['name']}").ref


def write_of(
    document: dict[str, Any], line: int = 1, *, previous: Mapping[str, Any] | None = None, parent: Ref | None = None
) -> EntityWrite:
    """The document as an entity of one file, with the edges that its fields declare."""
    ref = ref_of(document)
    path = f"/catalog/{document['kind'].lower()}s.yaml"
    previous_hash = None if previous is None else content_hash(canonical_json(previous))
    patch = () if previous is None else patch_between(previous, document)
    entity = Entity(ref, document, Origin("loc-1", path, 0, line, parent))
    return EntityWrite(entity, list(_edges(ref, document, path, line)), previous_hash, patch)


def _edges(ref: Ref, document: Mapping[str, Any], path: str, line: int) -> Iterable[Edge]:
    for relation, declaration in CONFIGURED.declared_by(document["kind"].lower()):
        declared = document.get("spec", {}).get(declaration.field, [])
        for text in [declared] if isinstance(declared, str) else declared:
            other = parse_ref(text, default_kind=declaration.default_kind).ref
            source, target = (other, ref) if declaration.inverted else (ref, other)
            yield Edge(source, relation.name, target, (Evidence(ref, declaration.field, path, line),))


ORGANISATION: Sequence[dict[str, Any]] = (
    described("Group", "company", {"type": "organisation", "children": []}),
    described("Group", "platform", {"type": "department", "parent": "company", "children": ["nobody"]}),
    described(
        "Group",
        "red",
        {"type": "team", "parent": "platform", "children": [], "profile": {"displayName": "Team Red", "email": "red@example.com"}},
    ),
    described("Group", "blue", {"type": "team", "parent": "company", "children": []}),
    described("User", "ann", {"memberOf": ["red"], "profile": {"displayName": "Ann", "email": "ann@example.com", "picture": "a.png"}}),
    described("User", "bob", {"memberOf": ["platform", "blue"]}),
    described("Domain", "commerce", {"owner": "company"}),
    described("Domain", "payments", {"owner": "platform", "subdomainOf": "commerce"}),
    described("System", "checkout", {"owner": "platform", "domain": "payments"}, title="Checkout"),
    described(
        "Component",
        "shop",
        {
            "type": "service",
            "lifecycle": "production",
            "owner": "red",
            "system": "checkout",
            "dependsOn": ["component:ledger", "resource:db", "component:ghost"],
            "providesApis": ["orders"],
            "consumesApis": ["rates"],
        },
        title="The Shop",
        description="Sells things.",
        labels={"tier": "1"},
        annotations={"example.com/pager": "on-call"},
        tags=["java", "web"],
        links=[{"url": "https://example.com/shop", "title": "Shop", "icon": None}, {"title": "nowhere"}],
    ),
    described("Component", "cart", {"type": "library", "lifecycle": "production", "owner": "user:ann", "subcomponentOf": "shop"}),
    described(
        "Component",
        "ledger",
        {"type": "service", "lifecycle": "experimental", "owner": "blue", "system": "checkout", "consumesApis": ["orders"]},
        tags=["java"],
    ),
    described("Component", "audit", {"type": "service", "lifecycle": "production", "owner": "ghosts", "dependsOn": ["component:ledger"]}),
    described(
        "API",
        "orders",
        {"type": "openapi", "lifecycle": "production", "owner": "red", "system": "checkout", "definition": "openapi: 3.1.0"},
    ),
    described("API", "rates", {"type": "grpc", "lifecycle": "production", "owner": "blue", "definition": "syntax"}),
    described("Resource", "db", {"type": "database", "owner": "platform", "system": "checkout"}),
    described("AiResource", "reviews", {"type": "skill", "lifecycle": "production", "owner": "red", "system": "checkout"}),
    described("Template", "service", {"type": "service", "owner": "platform"}),
    described("Location", "more", {"targets": ["./more.yaml", "./gone.yaml"]}),
    described("Dataset", "sales", {"type": "table", "lifecycle": "production"}, namespace="data"),
)

ERROR = CatalogError(
    "loc-1",
    "/catalog/components.yaml",
    "unknown-field",
    "the field ownr is unknown",
    "Write owner.",
    0,
    7,
    3,
    Ref("component:default/shop"),
)
UNPLACED = CatalogError("loc-1", "/catalog/broken.yaml", "yaml", "a tab indents line 3", "Indent by spaces.", None, 3, 1)
LOST = CatalogError("loc-1", "/catalog/lost.yaml", "kind", "the kind is missing", "Name a kind.", 0, 1, None, Ref("component:default/lost"))


async def store_organisation(store: Store) -> None:
    """The organisation in a store: stored, `sales` changed once, `old` created and removed, some errors."""
    more = ref_of(described("Location", "more"))
    writes = [write_of(d, 10 * i + 1, parent=more if d["kind"] == "Component" else None) for i, d in enumerate(ORGANISATION)]
    old = described("Component", "old", {"type": "service"})
    files = [SourceFile("loc-1", path, path) for path in ("/catalog/components.yaml", "/catalog/broken.yaml", "/catalog/lost.yaml")]
    claims = [
        Claim(Ref("component:default/shop"), "loc-1", "/catalog/components.yaml", 0, 91),
        Claim(Ref("component:default/shop"), "loc-1", "/catalog/lost.yaml", 2, 5, b"waiting"),
    ]
    batch = Batch(CAUSE, [*writes, write_of(old)], files=files, claims=claims, errors=[ERROR, UNPLACED, LOST], locations=[LOCATION, FAILED])
    await store.apply(batch)
    sales = ORGANISATION[-1]
    changed = {**sales, "spec": {"type": "view", "lifecycle": "production"}}
    removal = Removal(ref_of(old), content_hash(canonical_json(old)), patch_of_removal(old))
    await store.apply(Batch(Cause("user", "user:default/ann"), [write_of(changed, previous=sales)], [removal]))


class CountingStore:
    """A store that counts the calls of each of its methods."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def counted(*arguments: Any, **named: Any) -> Any:
            self.calls[name] += 1
            return await method(*arguments, **named)

        return counted


@cache
def _schema_of(registry: RelationRegistry) -> Schema:
    return build_schema(registry)


def seeing(visible: Condition) -> Access:
    """What a guest may do who sees some entities only, and may do everything to those."""
    return Access(GUEST_PRINCIPAL, {**UNRESTRICTED_GUEST.conditions, Action.ENTITY_READ: visible})


class Asking:
    """Executes operations on a store in process, each with a context of its own."""

    def __init__(self, store: Store, registry: RelationRegistry = REGISTRY) -> None:
        self.store = store
        self.registry = registry
        self.schema = _schema_of(registry)

    async def answer(self, operation: str, *, visible: Condition = EVERYTHING, most_reached: int = 250_000, **variables: Any) -> Any:
        context = Context(self.store, self.registry, seeing(visible), most_reached=most_reached)
        return await self.schema.execute(operation, variable_values=variables, context_value=context)

    async def data(self, operation: str, *, visible: Condition = EVERYTHING, **variables: Any) -> Any:
        """The data of an answer without errors."""
        answer = await self.answer(operation, visible=visible, **variables)
        assert answer.errors is None, answer.errors
        return answer.data

    async def error(self, operation: str, **variables: Any) -> Exception:
        """The one error of an answer."""
        answer = await self.answer(operation, **variables)
        assert answer.errors is not None
        assert len(answer.errors) == 1, answer.errors
        return answer.errors[0].original_error

    async def calls(self, operation: str, **variables: Any) -> dict[str, int]:
        """How often each method of the store is called for an operation."""
        counting = CountingStore(self.store)
        context = Context(cast("Store", counting), self.registry)
        answer = await self.schema.execute(operation, variable_values=variables, context_value=context)
        assert answer.errors is None, answer.errors
        return dict(counting.calls)
