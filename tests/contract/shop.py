"""A small shop as a catalog, in which every relation, a cycle, a dangling owner and a placeholder occur."""

from graph.conditions import Condition, Not, RefIn
from graph.entities import Entity
from graph.refs import Ref
from graph.store import Batch, CatalogError, Claim, EntityWrite, Location, SourceFile, Store
from tests.graphs import LOCATION, batch, created, declared, entity

WEB = Ref("component:default/web")
CART = Ref("component:default/cart")
STOCK = Ref("component:default/stock")
DB = Ref("resource:default/db")
ORDERS = Ref("api:default/orders")
SHOP = Ref("system:default/shop")
TEAM = Ref("group:default/team")
STAFF = Ref("group:default/staff")
ANNA = Ref("user:default/anna")
ALL = (ORDERS, CART, STOCK, WEB, STAFF, TEAM, DB, SHOP, ANNA)

GHOST = Ref("component:default/ghost")
"""Pointed to, and no entity."""

ENTITIES: dict[Ref, Entity] = {
    of.ref: of
    for of in (
        entity(WEB, {"type": "Website", "lifecycle": "production", "owner": "team"}, title="Web Shop", tags=["react", "Public"]),
        entity(CART, {"type": "service", "lifecycle": "production"}, description="Holds what customers want"),
        entity(STOCK, {"type": "Service", "lifecycle": "experimental"}, labels={"tier": "1"}, orphan=True),
        entity(DB, {"type": "database"}),
        entity(ORDERS, {"type": "openapi", "lifecycle": "production"}, annotations={"Example.com/Docs": "yes"}),
        entity(SHOP),
        entity(TEAM, {"type": "team"}),
        entity(STAFF, {"type": "department"}),
        entity(ANNA, {"profile": {"displayName": "Anna"}}),
    )
}

WRITES: tuple[EntityWrite, ...] = (
    created(
        ENTITIES[WEB],
        declared(WEB, "dependsOn", CART),
        declared(WEB, "consumesApis", ORDERS),
        declared(WEB, "ownedBy", TEAM),
        declared(WEB, "partOf", SHOP),
    ),
    created(
        ENTITIES[CART],
        declared(CART, "dependsOn", STOCK),
        declared(CART, "dependsOn", DB),
        declared(CART, "providesApis", ORDERS),
        declared(CART, "ownedBy", TEAM),
        declared(CART, "partOf", SHOP),
    ),
    created(ENTITIES[STOCK], declared(STOCK, "dependsOn", CART), declared(STOCK, "dependsOn", GHOST), declared(STOCK, "ownedBy", STAFF)),
    # The database says the same as the cart from its own side: one edge, two evidences.
    created(ENTITIES[DB], declared(DB, "dependsOn", CART, inverted=True), declared(DB, "ownedBy", "group:default/nobody")),
    created(ENTITIES[ORDERS]),
    created(ENTITIES[SHOP]),
    created(ENTITIES[TEAM], declared(TEAM, "childOf", STAFF)),
    created(ENTITIES[STAFF]),
    created(ENTITIES[ANNA], declared(ANNA, "memberOf", TEAM)),
)

FILE = SourceFile(LOCATION, "/catalog/all.yaml", "d1", ("/catalog/orders.yaml",), ("/catalog/more.yaml",), None, ALL, ())
ERRORS = (
    CatalogError(LOCATION, "/catalog/all.yaml", "duplicate-key", "twice", "remove one", 3, 12, 4, CART),
    CatalogError(LOCATION, "/catalog/all.yaml", "conflict", "claimed elsewhere", "rename it", 9, 112, None, GHOST),
    CatalogError(LOCATION, "/catalog/all.yaml", "unreadable", "no such file", "create it"),
)
CLAIMS = tuple(Claim(ref, LOCATION, "/catalog/all.yaml", i, 1 + 10 * i) for i, ref in enumerate(ALL))
PLACE = Location(LOCATION, "file", "/catalog/all.yaml", "configured", 0)


def catalog() -> Batch:
    return batch(*WRITES, files=[FILE], claims=CLAIMS, errors=ERRORS, locations=[PLACE])


async def stock(store: Store) -> None:
    """Fill the store with the shop."""
    await store.apply(catalog())


def all_but(*hidden: Ref) -> Condition:
    """What a caller sees from whom some entities are hidden."""
    return Not(RefIn(hidden))
