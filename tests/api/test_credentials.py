"""Who asks: by what a request brings, which of it counts, and what of it is refused."""

from datetime import timedelta
from pathlib import Path

import pytest

from api.auth.ownership import Ownership
from api.auth.personal import PersonalTokens
from graph.access import Principal, PrincipalKind
from graph.entities import canonical_json, content_hash
from graph.refs import Ref
from graph.store import Batch, Cause, Removal, Store
from graph.stores.sqlite import SqliteStore
from tests.api.catalog import CONFIGURED, ORGANISATION, CountingStore, write_of
from tests.api.signed_in import ANN, BASE, Office, answer, application, bearer, client_of, configured, cookie

BOB = Ref("user:default/bob")
VIEWER = "{ viewer { ref kind claims } }"
CREATE = 'mutation { createPersonalToken(name: "script", scopes: ["*"]) { token } }'
END = "mutation { endSessions(tokens: true) { sessions tokens } }"
STATIC = {"type": "static", "options": {"token": "a-token-of-ci", "subject": "ci"}}


@pytest.fixture
def office(organisation: Store) -> Office:
    return Office(organisation)


async def test_without_credentials_nobody_is_let_in_but_to_what_is_open(organisation: Store):
    async with application(organisation) as app, client_of(app) as client:
        for path in ("/graphql?query={viewer{ref}}", "/metrics", "/api/catalog/entities", "/api/catalog/entity-sets", "/nothing"):
            refused = await client.get(path)
            assert (path, refused.status_code) == (path, 401)
            assert refused.json()["error"]["name"] == "AuthenticationError"
        for path in ("/livez", "/readyz", "/api/auth/.well-known/jwks.json"):
            assert (path, (await client.get(path)).status_code) == (path, 200)


async def test_a_session_counts_on_pages_of_this_server_alone(organisation: Store, office: Office):
    held = {"cookie": cookie(await office.session())["cookie"]}
    elsewhere = "http://elsewhere.example"
    async with application(organisation) as app, client_of(app) as client:

        async def status(**headers: str) -> int:
            return (await client.post("/graphql", json={"query": VIEWER}, headers={**held, **headers})).status_code

        assert await status(origin=BASE) == 200
        assert await status(**{"sec-fetch-site": "same-origin"}) == 200
        assert await status(origin=BASE, **{"sec-fetch-site": "same-origin"}) == 200
        assert await status() == 403
        assert await status(origin=elsewhere) == 403
        assert await status(origin="null") == 403
        assert await status(origin=BASE, **{"sec-fetch-site": "cross-site"}) == 403
        assert await status(**{"sec-fetch-site": "same-site"}) == 403
        for method in ("PUT", "PATCH", "DELETE"):
            refused = await client.request(method, "/api/catalog/entity-sets/x", headers={**held, "origin": elsewhere})
            assert (method, refused.status_code) == (method, 403)
        assert (await client.get("/graphql", params={"query": VIEWER}, headers=held)).status_code == 200


async def test_a_token_needs_no_page(organisation: Store, office: Office):
    async with application(organisation) as app, client_of(app) as client:
        headers = {**bearer(await office.token()), "origin": "http://elsewhere.example"}
        assert (await answer(client, VIEWER, headers))["data"]["viewer"]["ref"] == ANN


async def test_credentials_of_two_principals_are_refused_and_of_one_twice_are_not(organisation: Store, office: Office):
    session = await office.session()
    async with application(organisation) as app, client_of(app) as client:
        both = {**cookie(session), **bearer(await office.token())}
        assert (await answer(client, VIEWER, both))["data"]["viewer"]["ref"] == ANN
        refused = await client.post("/graphql", json={"query": VIEWER}, headers={**cookie(session), **bearer(await office.token(BOB))})
        assert refused.status_code == 401
        assert "different principals" in refused.text
        stale = {"cookie": "callboard-session=ended.long-ago", **bearer(await office.token())}
        assert (await answer(client, VIEWER, stale))["data"]["viewer"]["ref"] == ANN


@pytest.mark.parametrize("header", ["Basic YW5uOnNlY3JldA==", "Bearer", "Bearer ", "Negotiate x", ""])
async def test_other_schemes_are_refused(organisation: Store, header: str):
    async with application(organisation) as app, client_of(app) as client:
        assert (await client.get("/metrics", headers={"authorization": header})).status_code == 401
        twice = [("authorization", "Bearer a-token-of-ci"), ("authorization", "Bearer a-token-of-ci")]
        assert (await client.get("/metrics", headers=twice)).status_code == 401


async def test_services_are_known_while_everybody_else_is_a_guest_where_nobody_signs_in(organisation: Store):
    config = configured(auth={"externalAccess": [STATIC]}).model_copy(update={"auth": None})
    async with application(organisation, config) as app, client_of(app) as client:
        assert (await answer(client, VIEWER, {}))["data"]["viewer"]["kind"] == "GUEST"
        viewer = (await answer(client, VIEWER, bearer("a-token-of-ci")))["data"]["viewer"]
        assert viewer == {"ref": "service:default/ci", "kind": "SERVICE", "claims": ["service:default/ci"]}
        assert (await client.get("/metrics", headers=bearer("another-token"))).status_code == 401


async def test_claims_are_the_user_and_the_groups_of_the_moment(organisation: Store, office: Office):
    ann = next(entity for entity in ORGANISATION if entity["kind"] == "User" and entity["metadata"]["name"] == "ann")
    async with application(organisation) as app, client_of(app) as client:
        headers = bearer(await office.token())
        assert (await answer(client, VIEWER, headers))["data"]["viewer"]["claims"] == [ANN, "group:default/red"]
        moved = {**ann, "spec": {**ann["spec"], "memberOf": ["blue", "ghosts"]}}
        await organisation.apply(Batch(Cause("user", ANN), [write_of(moved, previous=ann)]))
        claims = (await answer(client, VIEWER, headers))["data"]["viewer"]["claims"]
        assert claims == [ANN, "group:default/blue", "group:default/ghosts"]


async def test_inherited_claims_are_those_of_the_groups_above_too(organisation: Store):
    assert await Ownership(organisation, inherited=False).claims_of(ANN) == (ANN, "group:default/red")
    above = (ANN, "group:default/company", "group:default/platform", "group:default/red")
    assert await Ownership(organisation, inherited=True).claims_of(ANN) == above
    nobody = Ref("user:default/nobody")
    assert await Ownership(organisation, inherited=True).claims_of(nobody) == (nobody,)


async def test_claims_are_read_once_while_the_catalog_stays_as_it_is(organisation: Store):
    counting = CountingStore(organisation)
    ownership = Ownership(counting, inherited=True)
    for _ in range(3):
        await ownership.claims_of(ANN)
    assert dict(counting.calls) == {"head": 3, "related": 4}


async def test_what_a_token_is_not_for_is_not_allowed_though_its_owner_may(organisation: Store):
    tokens = PersonalTokens(organisation)
    new = await tokens.create(Principal(ANN, PrincipalKind.USER, ()), "reader", ["catalog.location.*"], timedelta(days=1))
    async with application(organisation) as app, client_of(app) as client:
        assert (await answer(client, "{ entities { totalCount } }", bearer(new.secret)))["data"] == {"entities": {"totalCount": 0}}
        refused = await client.get("/metrics", headers=bearer(new.secret))
        assert refused.status_code == 403


async def test_what_one_replica_began_another_takes_and_what_it_ended_another_refuses(organisation: Store, office: Office, tmp_path: Path):
    beside = SqliteStore(tmp_path / "catalog.db", CONFIGURED)
    async with application(organisation) as one, application(beside) as other, client_of(one) as here, client_of(other) as there:
        session, token = await office.session(), await office.token()
        made = await answer(here, CREATE, cookie(session))
        personal = made["data"]["createPersonalToken"]["token"]
        held = [cookie(session), bearer(token), bearer(personal)]
        assert [(await answer(there, VIEWER, headers))["data"]["viewer"]["ref"] for headers in held] == [ANN] * 3
        assert (await answer(there, END, cookie(session)))["data"]["endSessions"] == {"sessions": 2, "tokens": 1}
        for headers in held:
            assert (await here.post("/graphql", json={"query": VIEWER}, headers=headers)).status_code == 401


async def test_a_service_uses_what_its_restrictions_name_and_nothing_else(organisation: Store):
    reads = {"plugin": "catalog", "permissionAttribute": {"action": "read"}}
    reader = {"type": "static", "options": {"token": "token-of-reader", "subject": "reader"}, "accessRestrictions": [reads]}
    other = {"type": "static", "options": {"token": "token-of-other", "subject": "other"}, "accessRestrictions": [{"plugin": "search"}]}
    total = "{ entities { totalCount } }"
    async with application(organisation, configured(auth={"externalAccess": [reader, other]})) as app, client_of(app) as client:
        assert (await answer(client, total, bearer("token-of-reader")))["data"]["entities"]["totalCount"] > 10
        assert len((await client.get("/api/catalog/entities", headers=bearer("token-of-reader"))).json()) > 10
        assert (await client.get("/metrics", headers=bearer("token-of-reader"))).status_code == 403
        assert (await answer(client, total, bearer("token-of-other")))["data"] == {"entities": {"totalCount": 0}}
        assert (await client.get("/api/catalog/entities", headers=bearer("token-of-other"))).json() == []


async def test_who_left_the_catalog_is_refused_whatever_they_hold_and_who_never_was_in_it_is_not(organisation: Store, office: Office):
    nobody = Ref("user:default/nobody")
    ann = next(entity for entity in ORGANISATION if entity["kind"] == "User" and entity["metadata"]["name"] == "ann")
    tokens = PersonalTokens(organisation)
    async with application(organisation) as app, client_of(app) as client:

        async def statuses(user: Ref, *, known: bool) -> list[int]:
            session = await office.sessions.begin(user, provider="oidc", profile={"inCatalog": known})
            issued = await office.tokens.issue(user, [user], session=session.id, until=session.expires_at)
            held = [cookie(session), bearer(issued.token), bearer(made[user].secret)]
            return [(await client.post("/graphql", json={"query": VIEWER}, headers=headers)).status_code for headers in held]

        made = {
            user: await tokens.create(Principal(user, PrincipalKind.USER, ()), "script", ["*"], timedelta(days=1)) for user in (ANN, nobody)
        }
        assert await statuses(ANN, known=True) == await statuses(nobody, known=False) == [200] * 3
        await organisation.apply(Batch(Cause("user", BOB), [], [Removal(ANN, content_hash(canonical_json(ann)), ())]))
        assert await statuses(ANN, known=True) == [401] * 3
        assert await statuses(nobody, known=False) == [200] * 3
