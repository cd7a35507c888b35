"""EntityFilter: what each of its fields lets through."""

import pytest

from graph.errors import InputError, InvalidRefError
from tests.api.catalog import ORGANISATION, Asking

NAMES = sorted(document["metadata"]["name"] for document in ORGANISATION)
COMPONENTS = ["audit", "cart", "ledger", "shop"]
OWNED = ["audit", "cart", "checkout", "commerce", "db", "ledger", "orders", "payments", "rates", "reviews", "service", "shop"]

LETS_THROUGH: list[tuple[str, list[str]]] = [
    ("{}", NAMES),
    ("null", NAMES),
    ("{ kind: null }", NAMES),
    ('{ kind: "COMPONENT" }', COMPONENTS),
    ('{ kind: ["system", "domain"] }', ["checkout", "commerce", "payments"]),
    ("{ kind: [] }", []),
    ('{ namespace: "data" }', ["sales"]),
    ('{ name: ["Shop", "ANN"] }', ["ann", "shop"]),
    ('{ type: "service" }', ["audit", "ledger", "service", "shop"]),
    ('{ lifecycle: ["experimental"] }', ["ledger"]),
    ('{ owner: "red" }', ["orders", "reviews", "shop"]),
    ('{ owner: "platform" }', ["checkout", "db", "payments", "service"]),
    ('{ owner: ["user:ann", "ghosts"] }', ["audit", "cart"]),
    ("{ owner: [] }", []),
    ('{ system: "checkout" }', ["cart", "db", "ledger", "orders", "reviews", "shop"]),
    ('{ domain: "commerce" }', ["cart", "checkout", "db", "ledger", "orders", "payments", "reviews", "shop"]),
    ('{ domain: "domain:default/payments", kind: "component" }', ["cart", "ledger", "shop"]),
    ('{ tag: "java" }', ["ledger", "shop"]),
    ('{ label: { key: "tier" } }', ["shop"]),
    ('{ label: { key: "Tier", value: ["1", "2"] } }', ["shop"]),
    ('{ label: { key: "tier", value: "2" } }', []),
    ('{ kind: "component", label: { key: "tier", exists: false } }', ["audit", "cart", "ledger"]),
    ('{ annotation: { key: "example.com/pager", value: "ON-CALL" } }', ["shop"]),
    ('{ annotation: [{ key: "example.com/pager" }, { key: "example.com/other" }] }', []),
    ('{ where: { path: "spec.type", equals: "SERVICE" }, kind: "component" }', ["audit", "ledger", "shop"]),
    ('{ where: { path: "spec.type", in: ["library", "grpc"] } }', ["cart", "rates"]),
    ('{ where: { path: "spec.type", in: [] } }', []),
    ('{ where: { path: "spec.type", hasPrefix: "SERV" }, kind: "component" }', ["audit", "ledger", "shop"]),
    ('{ where: { path: "metadata.title" } }', ["checkout", "shop"]),
    ('{ where: { path: "metadata.title", exists: false }, kind: "component" }', ["audit", "cart", "ledger"]),
    ('{ where: { path: "metadata.tags", contains: "web" } }', ["shop"]),
    ('{ where: { path: "metadata.tags.java", equals: "true" } }', ["ledger", "shop"]),
    ('{ where: [{ path: "spec.type", equals: "service" }, { path: "spec.owner", equals: "blue" }] }', ["ledger"]),
    ('{ where: { path: "relations.ownedBy", equals: "group:red" } }', ["orders", "reviews", "shop"]),
    ('{ where: { path: "relations.OwnerOf", in: ["component:shop", "api:rates"] } }', ["blue", "red"]),
    ('{ where: { path: "relations.ownedBy" } }', OWNED),
    ('{ where: { path: "relations.ownedBy", exists: false }, kind: ["dataset", "component"] }', ["sales"]),
    ("{ related: { relation: OWNED_BY } }", OWNED),
    ("{ related: { relation: DEPENDS_ON, target: [] } }", []),
    ('{ related: { relation: DEPENDS_ON, target: "component:ghost" } }', ["shop"]),
    ('{ related: { relation: DEPENDS_ON, direction: IN, target: "component:shop" } }', ["db", "ledger"]),
    ('{ related: { relation: CHILD_OF, target: "group:company" } }', ["blue", "platform"]),
    ('{ related: { relation: CHILD_OF, target: "group:company", transitive: true } }', ["blue", "platform", "red"]),
    ("{ related: [{ relation: PROVIDES_APIS }, { relation: CONSUMES_APIS }] }", ["shop"]),
    ('{ text: "sells THINGS" }', ["shop"]),
    ('{ text: "java component" }', ["ledger", "shop"]),
    ('{ text: "  " }', NAMES),
    ("{ orphan: true }", []),
    ('{ orphan: false, kind: "user" }', ["ann", "bob"]),
    ("{ hasErrors: true }", ["shop"]),
    ('{ hasErrors: false, kind: "component" }', ["audit", "cart", "ledger"]),
    ('{ and: [{ kind: "component" }, { type: "library" }] }', ["cart"]),
    ('{ and: [], kind: "user" }', ["ann", "bob"]),
    ('{ or: [{ kind: "user" }, { type: "library" }] }', ["ann", "bob", "cart"]),
    ("{ or: [] }", []),
    ('{ kind: "component", not: { owner: ["red", "blue"] } }', ["audit", "cart"]),
    ('{ kind: "user", not: {} }', []),
    ('{ kind: "component", not: { or: [{ tag: "web" }, { not: { type: "service" } }] } }', ["audit", "ledger"]),
]


@pytest.mark.parametrize(("filter", "names"), LETS_THROUGH)
async def test_a_filter_lets_through(asking: Asking, filter: str, names: list[str]) -> None:
    data = await asking.data(f"{{ entities(filter: {filter}) {{ totalCount nodes {{ name }} }} }}")
    assert sorted(node["name"] for node in data["entities"]["nodes"]) == names
    assert data["entities"]["totalCount"] == len(names)


@pytest.mark.parametrize(
    ("filter", "error", "message"),
    [
        ('{ owner: ":red" }', InvalidRefError, "`owner`: ':red' is no entity ref"),
        ('{ system: "system:" }', InvalidRefError, "`system`: 'system:' is no entity ref"),
        ('{ related: { relation: OWNED_BY, target: "red" } }', InvalidRefError, "`related.target`: 'red' names no kind"),
        ('{ where: { path: "relations.ownedBy", equals: "red" } }', InvalidRefError, "`where`: 'red' names no kind"),
        ('{ where: { path: "relations.ownedBy", hasPrefix: "group:" } }', InputError, "`where`: relations.ownedBy takes `equals`"),
        ('{ where: { path: "relations.lovedBy" } }', InputError, "`where`: relations.lovedBy is no relation of this catalog"),
        ('{ or: [{ not: { and: [{ owner: "" }] } }] }', InvalidRefError, "`owner`: '' is no entity ref"),
    ],
)
async def test_a_filter_that_can_not_be_is_refused(asking: Asking, filter: str, error: type[InputError], message: str) -> None:
    raised = await asking.error(f"{{ entities(filter: {filter}) {{ nodes {{ name }} }} }}")
    assert type(raised) is error
    assert str(raised).startswith(message)


async def test_a_list_by_kind_can_be_filtered_further(asking: Asking) -> None:
    data = await asking.data('{ components(filter: { kind: ["component", "api"], owner: "red" }) { totalCount nodes { name } } }')
    assert data["components"] == {"totalCount": 1, "nodes": [{"name": "shop"}]}
