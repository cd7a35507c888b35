"""Search documents for tests: a small shop, in which each finds what it has to find in another place, and how they are put in and found."""

from collections.abc import Iterable, Mapping, Sequence

from graph.conditions import EVERYTHING, Condition
from graph.refs import Ref, split_ref
from workers.search.index import FACETS, Hits, IndexBatch, IndexState, SearchDocument, SearchIndex, SearchQuery, TextField
from workers.search.terms import NO_SYNONYMS, Synonyms, parsed

STATE = IndexState("catalog", "settings", 1)
TYPES = ("entity", "operation", "section", "link")


def document(
    ref: str | None,
    name: str | None = None,
    *,
    type: str = "entity",
    location: str = "",
    source: str | None = None,
    leaves: Iterable[str] = (),
    facets: Mapping[str, Sequence[str]] | None = None,
    centrality: int = 0,
    **texts: str,
) -> SearchDocument:
    """A document of an entity, or of a plugin where there is no ref. Its name and facets follow from the ref if not given."""
    of = Ref(ref) if ref is not None else None
    kind, namespace, own_name = split_ref(of) if of is not None else ("", "", location)
    shown = {TextField.NAME: name or own_name, **{TextField(field): text for field, text in texts.items()}}
    counted = {"kind": [kind.capitalize()], "namespace": [namespace]} if of is not None else {}
    own_leaves = {f"@{of}", f"=kind={kind}"} if of is not None else set[str]()
    return SearchDocument(
        id=f"{type}:{ref or source}#{location}",
        source=source or ref or "source:plugin",
        type=type,
        ref=of,
        location=location,
        texts=shown,
        facets={**counted, **(facets or {})},
        leaves=frozenset({*own_leaves, *leaves}),
        centrality=centrality,
    )


CHECKOUT = document(
    "component:default/checkout-service",
    title="Checkout",
    description="Takes the money of customers once their basket is full",
    tags="java critical",
    leaves=[
        "=spec.type=service",
        ">ownedby>group:default/payments",
        ">>partof>system:default/shop",
        ">>partof>domain:default/retail",
        "?spec.type",
    ],
    facets={"type": ["service"], "owner": ["group:default/payments"], "tag": ["java", "critical"], "lifecycle": ["production"]},
    centrality=4,
)
LEDGER = document(
    "component:default/ledgerService",
    name="ledgerService",
    description="Books every payment; written by the team of the checkout service",
    tags="java",
    leaves=["=spec.type=service", ">ownedby>group:default/accounting", "?spec.type"],
    facets={"type": ["Service"], "owner": ["group:default/accounting"], "tag": ["Java"], "lifecycle": ["production"]},
)
BASKET = document(
    "component:default/basket",
    description="Holds what customers want",
    leaves=["=spec.type=website", ">ownedby>group:default/payments", ">>partof>system:default/shop", "?spec.type"],
    facets={"type": ["website"], "owner": ["group:default/payments"], "lifecycle": ["experimental"]},
)
DATABASE = document("resource:default/orders-db", title="Orders", description="A PostgreSQL cluster on Kubernetes")
REFUNDS = document("api:default/refunds", title="Refunds API", description="Gives money back", centrality=2)
REFUND_OPERATION = document(
    "api:default/refunds",
    "POST /refunds/{id}",
    type="operation",
    location="/paths/~1refunds~1{id}/post",
    references="refunds",
    description="Begin a refund",
    parameters="id reason amount",
)
LIST_OPERATION = document(
    "api:default/refunds",
    "GET /refunds",
    type="operation",
    location="/paths/~1refunds/get",
    references="refunds",
    description="All refunds of a customer",
)
RUNBOOK = document(
    "component:default/checkout-service",
    "Restarting without loss",
    type="section",
    location="runbook/#restarting",
    body="Drain the queue before you restart the service. Zürich first, then Genève. GitHub Actions deploy it.",
    leaves=CHECKOUT.leaves,
)
LINK = document(None, "Postmortems", type="link", location="https://example.com/postmortems", source="source:links", body="What went wrong")

SHOP = (CHECKOUT, LEDGER, BASKET, DATABASE, REFUNDS, REFUND_OPERATION, LIST_OPERATION, RUNBOOK, LINK)


async def build(index: SearchIndex, documents: Sequence[SearchDocument], state: IndexState = STATE) -> None:
    """Let the index hold these documents and no others."""
    async with index.building() as built:
        await built.add(documents)
        await built.complete(state)


def replacing(*documents: SearchDocument, sources: Iterable[str] = (), position: int = 2) -> IndexBatch:
    """The batch that replaces the sources of the documents, and empties those that are named besides."""
    replaced = dict.fromkeys([*(document.source for document in documents), *sources])
    return IndexBatch(IndexState("catalog", "settings", position), list(replaced), documents)


def everywhere(condition: Condition = EVERYTHING) -> dict[str, Condition]:
    """What may be found: in every type, what the condition allows."""
    return dict.fromkeys(TYPES, condition)


async def hits(
    index: SearchIndex,
    term: str,
    *,
    visible: Mapping[str, Condition] | None = None,
    fields: Iterable[TextField] = TextField,
    filter: Condition = EVERYTHING,
    offset: int = 0,
    limit: int = 100,
    synonyms: Synonyms = NO_SYNONYMS,
) -> Hits:
    """What a search answers, with every facet."""
    asked = everywhere() if visible is None else visible
    return await index.search(SearchQuery(parsed(term, synonyms), asked, frozenset(fields), filter, FACETS, offset, limit))


async def found(index: SearchIndex, term: str, **options: object) -> list[str]:
    """The ids of the hits, in order. Their number is what the search says it is."""
    answer = await hits(index, term, **options)
    ids = [hit.id for hit in answer.hits]
    assert answer.total == len(ids) == len(set(ids))
    return ids
