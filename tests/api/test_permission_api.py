"""What portals are told that somebody may do: Backstage's permission API, on the policy of the configuration."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.permissions import demand_on
from api.rest.permission import Asked, answers
from config import Config
from config.permission import Permission
from graph.access import GUEST_PRINCIPAL, Access, Action
from graph.errors import ForbiddenError, NotFoundError
from graph.policy import policy_from
from graph.refs import Ref
from graph.store import Store
from tests.api.catalog import CONFIGURED, CountingStore
from tests.api.http import until_ready

AUTHORIZE = "/api/permission/authorize"
SHOP, LEDGER, NONE = "component:default/shop", "component:default/ledger", "component:default/none"
RULES: list[dict[str, Any]] = [
    {"allow": ["catalog.entity.read"], "to": "guests", "if": {"not": {"hasSpec": {"key": "lifecycle", "value": "experimental"}}}},
    {"allow": ["catalog.entity.delete"], "to": "guests", "if": {"isEntityKind": "Component"}},
    {"allow": ["catalog.location.create"], "to": "guests"},
]


@pytest.fixture
async def client(organisation: Store) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Config.model_validate({"permission": {"rules": RULES}}), organisation, CONFIGURED)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        await until_ready(client)
        yield client


def basic(name: str, id: str = "1") -> dict[str, Any]:
    return {"id": id, "permission": {"type": "basic", "name": name, "attributes": {"action": "create"}}}


def resource(name: str, ref: object, id: str = "1", type: str = "catalog-entity") -> dict[str, Any]:
    return {"id": id, "resourceRef": ref, "permission": {"type": "resource", "name": name, "attributes": {}, "resourceType": type}}


async def results(client: httpx.AsyncClient, *items: dict[str, Any]) -> Sequence[object]:
    answer = await client.post(AUTHORIZE, json={"items": items})
    assert answer.status_code == 200, answer.text
    assert [one["id"] for one in answer.json()["items"]] == [item["id"] for item in items]
    return [one["result"] for one in answer.json()["items"]]


async def test_a_basic_permission_is_allowed_or_denied(client: httpx.AsyncClient):
    assert await results(client, basic("catalog.location.create", "a"), basic("catalog.location.delete", "b")) == ["ALLOW", "DENY"]
    assert await results(client, basic("kubernetes.clusters.read")) == ["DENY"]
    assert await results(client) == []


async def test_a_hidden_resource_is_answered_as_a_missing_one_and_as_one_that_may_not_be_done_to(client: httpx.AsyncClient):
    delete = "catalog.entity.delete"
    asked = [SHOP, LEDGER, NONE, "api:default/orders", "not a ref", "shop", "Component:Shop"]
    told = await results(client, *(resource(delete, ref, str(number)) for number, ref in enumerate(asked)))
    assert told == ["ALLOW", "DENY", "DENY", "DENY", "DENY", "DENY", "ALLOW"]
    assert await results(client, resource(delete, asked)) == [told]
    assert await results(client, resource("catalog.entity.read", [SHOP, LEDGER, "api:default/orders"])) == [["ALLOW", "DENY", "ALLOW"]]
    assert await results(client, resource("catalog.entity.refresh", [SHOP, LEDGER])) == ["DENY"]


async def test_many_questions_are_one_query_an_action(organisation: Store):
    counting: Any = CountingStore(organisation)
    asked = [
        Asked(str(n), action, [f"component:default/c{n}"], False)
        for n in range(50)
        for action in (Action.ENTITY_READ, Action.ENTITY_DELETE)
    ]
    told = await answers(counting, access(), asked, enabled=True)
    assert [one["result"] for one in told] == ["DENY"] * 100
    assert dict(counting.calls) == {"entities_by_ref": 2}


@pytest.mark.parametrize(
    ("item", "words"),
    [
        ({}, "items.0.id: Field required"),
        ({"id": "1", "permission": {"type": "other"}}, "items.0.permission"),
        ({**basic("catalog.location.create"), "resourceRef": SHOP}, "resourceRef has no place"),
        (
            {"id": "1", "permission": resource("catalog.entity.read", SHOP)["permission"]},
            "Resource permissions require a resourceRef to be set.",
        ),
        (resource("catalog.entity.read", []), "items.0.resourceRef"),
        (resource("catalog.entity.read", [SHOP] * 1001), "1,000 permissions and resources at most"),
    ],
)
async def test_what_is_no_question_is_refused(client: httpx.AsyncClient, item: dict[str, Any], words: str):
    answer = await client.post(AUTHORIZE, json={"items": [item]})
    assert (answer.status_code, answer.json()["error"]["name"]) == (400, "InputError")
    assert words in answer.json()["error"]["message"]


async def test_without_a_policy_everything_is_allowed(organisation: Store):
    app = create_app(Config(), organisation, CONFIGURED)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://localhost") as open_to_all:
        await until_ready(open_to_all)
        told = await results(open_to_all, basic("kubernetes.clusters.read"), resource("catalog.entity.delete", [SHOP, NONE]))
        assert told == ["ALLOW", "ALLOW"]


async def test_health_is_told(client: httpx.AsyncClient):
    answer = await client.get("/api/permission/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def access() -> Access:
    return policy_from(Permission.model_validate({"rules": RULES}))(GUEST_PRINCIPAL)


async def demanded(store: Store, action: Action, *refs: str) -> tuple[str, dict[str, int]]:
    """What is raised, without the ref, and how often the store was asked."""
    counting: Any = CountingStore(store)
    try:
        await demand_on(counting, access(), action, [Ref(ref) for ref in refs])
    except (NotFoundError, ForbiddenError) as error:
        message = str(error)
        for ref in refs:
            message = message.replace(ref, "it")
        return f"{type(error).__name__}: {message}", dict(counting.calls)
    return "allowed", dict(counting.calls)


async def test_a_hidden_entity_is_as_missing_and_asked_for_as_one(organisation: Store):
    hidden, missing = [await demanded(organisation, Action.ENTITY_DELETE, ref) for ref in (LEDGER, NONE)]
    assert hidden == missing == ("NotFoundError: there is no entity it", {"entities_by_ref": 1})


async def test_what_is_seen_and_not_allowed_is_said_to_be_so(organisation: Store):
    assert await demanded(organisation, Action.ENTITY_DELETE, SHOP, "component:default/cart") == ("allowed", {"entities_by_ref": 2})
    told, calls = await demanded(organisation, Action.ENTITY_DELETE, SHOP, "api:default/orders")
    assert (
        told
        == "ForbiddenError: user:default/guest may not do this to it: the permission policy does not allow catalog.entity.delete there."
    )
    assert calls == {"entities_by_ref": 2}


async def test_what_is_not_allowed_at_all_is_refused_before_anything_is_looked_at(organisation: Store):
    told, calls = await demanded(organisation, Action.ENTITY_REFRESH, SHOP, LEDGER, NONE)
    assert told == "ForbiddenError: user:default/guest may not do this: no rule of the permission policy allows catalog.entity.refresh."
    assert calls == {}
