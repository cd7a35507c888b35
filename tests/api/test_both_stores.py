"""The same operations on the same organisation give the same answers on either store."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from graph.conditions import EVERYTHING, Condition
from graph.store import Store
from graph.stores.neo4j import Neo4jStore
from tests.api.catalog import CONFIGURED, Asking, store_organisation
from tests.api.test_filters import LETS_THROUGH
from tests.api.test_relations import LISTS, PLURAL, SINGLE
from tests.api.test_visibility import EVERYWHERE, WITHOUT_LEDGER


@pytest.fixture
async def both(organisation: Store, empty_neo4j_uri: str) -> AsyncIterator[tuple[Asking, Asking]]:
    """Askers of SQLite and of Neo4j."""
    store = Neo4jStore(empty_neo4j_uri, None, None, "neo4j", CONFIGURED)
    await store.open()
    await store_organisation(store)
    yield Asking(organisation, CONFIGURED), Asking(store, CONFIGURED)
    await store.close()


EDGES = "totalCount edges { cursor targetRef node { ref } evidence { declarer field path line } } pageInfo { hasPreviousPage hasNextPage }"


Operation = tuple[str, dict[str, Any]]


def _operations(*, filtered: bool) -> list[Operation]:
    """What to ask: a third of what other tests ask of one store, for a server plans each new query for long."""
    listed = [(f"{{ entities(filter: {text}) {{ totalCount edges {{ cursor }} }} }}", {}) for text, _ in LETS_THROUGH[::3]]
    single = [(f"query ($r: String!) {{ entity(ref: $r) {{ ... on {t} {{ {f} {{ ref }} }} }} }}", {"r": r}) for r, t, f, _ in SINGLE[::3]]
    plural = [
        (f"query ($r: String!) {{ entity(ref: $r) {{ ... on {t} {{ {f} {{ {EDGES} }} }} }} }}", {"r": r})
        for r, t, f, _ in PLURAL[::3]
        if f != "owners"
    ]
    pages = [
        (f"query ($r: String!) {{ entity(ref: $r) {{ ... on {t} {{ {f[:-1]}, last: 2) {{ {EDGES} }} }} }} }}", {"r": r})
        for r, t, f in LISTS
        if f.endswith(")")
    ]
    whole = [(operation, {}) for operation in (EVERYWHERE, *WHOLE)]
    return [*listed, *whole] if filtered else [*single, *plural, *pages, *whole]


WHOLE = [
    """{ impact(of: ["component:shop", "resource:db"]) { totalCount maxDepth truncated byKind { value count } byOwner { ownerRef count }
         edges { cursor depth node { ref } path { fromRef toRef relation direction evidence { field line } } } } }""",
    '{ impact(of: ["system:checkout"], relations: [PART_OF, DEPENDS_ON], maxDepth: 2) { totalCount truncated nodes { ref } } }',
    '{ impact(of: ["component:audit"], direction: DEPENDENCIES, filter: { type: "service" }, first: 1) { totalCount edges { cursor } } }',
    '{ paths(from: "component:audit", to: "resource:db") { steps { fromRef toRef relation evidence { line } } } }',
    '{ paths(from: "component:shop", to: "group:company", relations: [OWNED_BY, CHILD_OF]) { nodes { ref } } }',
    "{ cycles { nodes { members { nodes { ref } } steps { fromRef toRef evidence { line } } } } }",
    "{ danglingRelations(first: 2) { totalCount nodes { sourceRef targetRef evidence { line } } pageInfo { endCursor hasNextPage } } }",
    "{ catalogErrors(last: 2) { totalCount edges { cursor node { id code ref } } pageInfo { hasPreviousPage } } }",
    "{ locations { nodes { id target readAt error counts { files entities errors } } } }",
    "{ changes(last: 5) { totalCount edges { cursor node { sequence ref operation patch cause { kind detail } } } } }",
    '{ diff(from: "22") { totalCount fromSequence nodes { ref operation patch before { spec } after { spec } } } }',
    '{ diff(from: "0", first: 5) { pageInfo { endCursor hasNextPage } nodes { ref addedRelations { sourceRef relation targetRef } } } }',
    """{ entity(ref: "component:shop", at: "21") { relations { totalCount edges { cursor targetRef node { ref } } }
         ... on Component { system { ref components { nodes { ref } } } } } }""",
    '{ entity(ref: "dataset:data/sales") { spec history { totalCount nodes { sequence operation } } } }',
    '{ whyMissing(ref: "component:shop") { presence explanation claims { path line holds } errors { id } } }',
    '{ whyMissing(ref: "component:ghost") { presence explanation references { entity { ref } } } }',
    '{ facets(of: ["kind", "metadata.tags", "relations.partOf", "relations.hasMember"]) { of values { value count } } }',
    '{ components(orderBy: [{ path: "metadata.title", direction: DESC }, { path: "spec.type" }], last: 3) { edges { cursor } } }',
]


@pytest.mark.parametrize("visible", [EVERYTHING, WITHOUT_LEDGER], ids=["all", "hidden"])
async def test_both_stores_give_the_same_answers(both: tuple[Asking, Asking], visible: Condition) -> None:
    sqlite, neo4j = both
    for operation, variables in _operations(filtered=visible == EVERYTHING):
        expected = await sqlite.data(operation, visible=visible, **variables)
        assert await neo4j.data(operation, visible=visible, **variables) == expected, operation
