"""Personal access tokens: made by who is signed in, told once, for some actions and for a time, and revoked."""

from datetime import timedelta
from typing import Any

import pytest

from api.auth.clock import utc_now
from api.auth.personal import PersonalTokens, actions_of
from config import Config
from graph.access import Action, Principal, PrincipalKind
from graph.errors import InputError, LimitExceededError, NotFoundError, UnauthenticatedError
from graph.refs import Ref
from graph.store import Store
from tests.api.signed_in import ANN, Office, answer, application, bearer, client_of, cookie

BOB = Ref("user:default/bob")
DAY = timedelta(days=1)
CREATE = """mutation($name: String!, $scopes: [String!]!, $days: Int!) {
  createPersonalToken(name: $name, scopes: $scopes, expiresInDays: $days) { token personalToken { id name scopes usedAt } }
}"""
REVOKE = "mutation($id: ID!) { revokePersonalToken(id: $id) { personalToken { name } } }"
MINE = "{ viewer { ref personalTokens { name } } }"
END = "mutation($of: String, $tokens: Boolean! = false) { endSessions(of: $of, tokens: $tokens) { sessions tokens } }"


def principal(ref: Ref = ANN) -> Principal:
    return Principal(ref, PrincipalKind.USER, ())


@pytest.fixture
def office(organisation: Store) -> Office:
    return Office(organisation)


def error(told: dict[str, Any]) -> str:
    return told["errors"][0]["extensions"]["code"]


async def test_a_token_asks_in_its_owners_name_until_it_is_revoked(organisation: Store, office: Office):
    headers = cookie(await office.session())
    async with application(organisation) as app, client_of(app) as client:
        made = (await answer(client, CREATE, headers, name=" nightly ", scopes=["search.*", "catalog.entity.read"], days=7))["data"]
        token, listed = made["createPersonalToken"]["token"], made["createPersonalToken"]["personalToken"]
        assert (listed["name"], listed["scopes"], listed["usedAt"]) == ("nightly", ["catalog.entity.read", "search.*"], None)
        assert (await answer(client, MINE, bearer(token)))["data"] == {"viewer": {"ref": ANN, "personalTokens": []}}
        assert (await answer(client, MINE, headers))["data"]["viewer"]["personalTokens"] == [{"name": "nightly"}]
        assert (await answer(client, REVOKE, headers, id=listed["id"]))["data"]["revokePersonalToken"]["personalToken"]["name"] == "nightly"
        assert (await client.post("/graphql", json={"query": MINE}, headers=bearer(token))).status_code == 401
        assert error(await answer(client, REVOKE, headers, id=listed["id"])) == "NOT_FOUND"


async def test_only_the_digest_of_a_token_is_kept(organisation: Store):
    new = await PersonalTokens(organisation).create(principal(), "script", ["*"], DAY)
    rows = await organisation.states("personalTokens")
    secret = new.secret.rpartition(f"{new.token.id}_")[2]
    assert len(secret) == 43
    assert secret not in str(rows)
    assert secret not in repr(new)


async def test_a_token_makes_no_tokens_and_revokes_itself_alone(organisation: Store, office: Office):
    tokens = PersonalTokens(organisation)
    one, other = [await tokens.create(principal(), name, ["*"], DAY) for name in ("one", "other")]
    async with application(organisation) as app, client_of(app) as client:
        headers = bearer(one.secret)
        assert error(await answer(client, CREATE, headers, name="more", scopes=["*"], days=1)) == "FORBIDDEN"
        assert error(await answer(client, REVOKE, headers, id=other.token.id)) == "FORBIDDEN"
        assert error(await answer(client, END, headers)) == "FORBIDDEN"
        assert "data" in await answer(client, REVOKE, headers, id=one.token.id)
        assert [token.name for token in await tokens.of_user(ANN)] == ["other"]


async def test_nobody_revokes_the_tokens_of_others(organisation: Store):
    tokens = PersonalTokens(organisation)
    new = await tokens.create(principal(), "script", ["*"], DAY)
    for token_id in (new.token.id, "nothing"):
        with pytest.raises(NotFoundError, match="You have no personal access token of this id"):
            await tokens.revoke(BOB, token_id)
    assert (await tokens.find(new.secret)).user == ANN


async def test_signing_out_everywhere_ends_sessions_and_if_asked_for_tokens(organisation: Store, office: Office):
    first, second, bobs = await office.session(), await office.session(), await office.session(BOB)
    new = await PersonalTokens(organisation).create(principal(), "script", ["*"], DAY)
    async with application(organisation) as app, client_of(app) as client:
        assert (await answer(client, END, cookie(first)))["data"]["endSessions"] == {"sessions": 2, "tokens": 0}
        assert (await client.post("/graphql", json={"query": MINE}, headers=cookie(second))).status_code == 401
        assert (await answer(client, MINE, bearer(new.secret)))["data"]["viewer"]["ref"] == ANN
        assert (await answer(client, END, cookie(bobs), of="user:ann", tokens=True))["data"]["endSessions"] == {"sessions": 0, "tokens": 1}
        assert (await client.post("/graphql", json={"query": MINE}, headers=bearer(new.secret))).status_code == 401
        assert (await answer(client, MINE, cookie(bobs)))["data"]["viewer"]["ref"] == BOB


async def test_where_nobody_signs_in_there_are_no_tokens(organisation: Store):
    async with application(organisation, Config()) as app, client_of(app) as client:
        assert error(await answer(client, CREATE, {}, name="x", scopes=["*"], days=1)) == "FORBIDDEN"
        assert error(await answer(client, END, {})) == "FORBIDDEN"


async def test_a_token_ends_by_itself_and_is_cleared_away(organisation: Store):
    moment = [utc_now()]
    tokens = PersonalTokens(organisation, lambda: moment[0])
    new = await tokens.create(principal(), "script", ["*"], DAY)
    assert (await tokens.find(new.secret)).used_at is None
    assert (await tokens.of_user(ANN))[0].used_at == moment[0]
    moment[0] += DAY
    with pytest.raises(UnauthenticatedError):
        await tokens.find(new.secret)
    assert await tokens.of_user(ANN) == []
    later = await tokens.create(principal(BOB), "script", ["*"], DAY)
    assert [row.id for row in await organisation.states("personalTokens")] == [later.token.id]


async def test_a_user_has_a_hundred_tokens_at_most(organisation: Store):
    tokens = PersonalTokens(organisation)
    for _ in range(100):
        await tokens.create(principal(), "script", ["*"], DAY)
    with pytest.raises(LimitExceededError):
        await tokens.create(principal(), "script", ["*"], DAY)
    assert await tokens.revoke_all(ANN) == 100


@pytest.mark.parametrize(
    ("name", "scopes", "lifetime"),
    [
        ("", ["*"], DAY),
        ("x" * 101, ["*"], DAY),
        ("two\nlines", ["*"], DAY),
        ("x", [], DAY),
        ("x", ["catalog.entity.reed"], DAY),
        ("x", ["cat*log.entity.read"], DAY),
        ("x", ["*", "nothing"][1:], DAY),
        ("x", ["*"], timedelta(days=367)),
        ("x", ["*"], timedelta(0)),
        ("x", ["*"], -DAY),
    ],
)
async def test_a_token_that_makes_no_sense_is_not_made(organisation: Store, name: str, scopes: list[str], lifetime: timedelta):
    with pytest.raises(InputError):
        await PersonalTokens(organisation).create(principal(), name, scopes, lifetime)
    assert await organisation.states("personalTokens") == []


@pytest.mark.parametrize("text", ["cbp_", "cbp_x", "cbp_x_y", "cbp_../x_y", "cbp_\u00e9_y", "cbp_" + "0" * 40 + "_y"])
async def test_a_guessed_token_is_refused(organisation: Store, text: str):
    with pytest.raises(UnauthenticatedError):
        await PersonalTokens(organisation).find(text)


def test_scopes_are_actions_or_beginnings_of_them():
    assert actions_of(["*", "search.query"]) is None
    assert actions_of(["catalog.location.*"]) == {a for a in Action if a.startswith("catalog.location.")}
    assert actions_of(["search.query", "callboard.admin"]) == {Action.SEARCH, Action.ADMIN}
