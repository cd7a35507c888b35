"""Webhooks over HTTP: who is let in, what is kept of them, and what is never told."""

import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import httpx
import pytest

from api.app import create_app
from api.webhooks import MOST_BYTES
from config.model import Config
from config.webhooks import OutgoingWebhook
from graph.relations import RelationRegistry
from graph.store import Store
from tests.api.http import ask, until_ready
from workers.webhooks.deliveries import Delivery, asked_again, begin, buried
from workers.webhooks.events import EVENTS, touched_of

SECRET = "a secret of the tests' own"
APP_SECRET = "the secret of an app, as well"
PUSH: Mapping[str, Any] = {
    "ref": "refs/heads/main",
    "commits": [{"added": [], "modified": ["catalog-info.yaml"], "removed": []}],
    "repository": {"full_name": "acme/shop", "html_url": "https://github.com/acme/shop"},
}


def configured() -> Config:
    app = {"appId": 1, "privateKey": "unused", "webhookSecret": APP_SECRET}
    webhooks = {"github": {"secret": SECRET}, "gitlab": {"secret": SECRET}}
    return Config.model_validate({"integrations": {"github": [{"apps": [app]}]}, "catalog": {"webhooks": webhooks}})


@asynccontextmanager
async def client_of(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(configured(), store, RelationRegistry(), nullcontext)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        await until_ready(client)
        yield client


def signed(body: bytes, *, secret: str = SECRET, delivery: str = "1", event: str = "push") -> dict[str, str]:
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": signature, "X-GitHub-Event": event, "X-GitHub-Delivery": delivery, "Content-Type": "application/json"}


async def send(client: httpx.AsyncClient, payload: object = PUSH, **more: str) -> httpx.Response:
    body = json.dumps(payload).encode()
    return await client.post("/webhooks/github", content=body, headers=signed(body, **more))


async def test_a_signed_event_is_kept_once_and_known_again(organisation: Store):
    async with client_of(organisation) as client:
        answers = [await send(client), await send(client), await send(client, delivery="2", secret=APP_SECRET)]
        rows = await organisation.states(EVENTS)
    assert [(answer.status_code, answer.json()["status"]) for answer in answers] == [(202, "accepted"), (202, "known"), (202, "accepted")]
    assert [row.id for row in rows] == ["github:1", "github:2"]
    touched = touched_of(rows[0])
    assert [(each.repository, each.revision, each.paths) for each in touched] == [("acme/shop", "main", ["catalog-info.yaml"])]


async def test_what_touches_nothing_is_answered_and_not_kept(organisation: Store):
    async with client_of(organisation) as client:
        answer = await send(client, {"zen": "Keep it logically awesome."}, event="ping")
        assert (answer.status_code, answer.json(), await organisation.states(EVENTS)) == (202, {"status": "ignored"}, [])


async def test_nobody_is_let_in_without_the_secret_and_nothing_is_told_of_what_they_sent(
    organisation: Store, caplog: pytest.LogCaptureFixture
):
    body = json.dumps(PUSH).encode()
    caplog.set_level(logging.DEBUG)
    async with client_of(organisation) as client:
        refused = [
            await client.post("/webhooks/github", content=body, headers=signed(body, secret="another secret than that")),
            await client.post("/webhooks/github", content=body + b" ", headers=signed(body)),
            await client.post("/webhooks/github", content=body, headers={"X-GitHub-Event": "push"}),
            await client.post("/webhooks/gitlab", content=body, headers={"X-Gitlab-Token": SECRET + "!"}),
        ]
        assert [answer.status_code for answer in refused] == [401] * 4
        assert await organisation.states(EVENTS) == []
    said = caplog.text + "".join(answer.text for answer in refused)
    assert not any(text in said for text in (SECRET, APP_SECRET, "acme/shop", refused[0].request.headers["X-Hub-Signature-256"]))


async def test_what_is_not_configured_not_an_event_or_too_large_is_refused(organisation: Store):
    large = b"x" * (MOST_BYTES + 1)

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(large), 1024 * 1024):
            yield large[start : start + 1024 * 1024]

    async with client_of(organisation) as client:
        unknown = await client.post("/webhooks/gitea", content=b"{}")
        broken = await client.post("/webhooks/github", content=b"[]", headers=signed(b"[]"))
        declared = await client.post("/webhooks/github", content=large, headers=signed(b""))
        streamed = await client.post("/webhooks/github", content=chunks(), headers=signed(b""))
        fetched = await client.get("/webhooks/github")
    assert [answer.status_code for answer in (unknown, broken, declared, streamed, fetched)] == [404, 400, 413, 413, 405]
    assert "catalog.webhooks.gitea.secret" in unknown.json()["error"]["message"]
    assert "Traceback" not in broken.text


async def test_what_could_not_be_delivered_is_listed_and_sent_again_on_demand(organisation: Store):
    webhook = OutgoingWebhook.model_validate({"name": "out", "url": "https://receiver.example", "secret": SECRET})
    hooks = "webhooks { name sequence attempts error nextAttemptAt }"
    listed = "{ " + hooks + " webhookDeadLetters(first: %d, after: %s) { id deliveryId sequence error } }"
    async with client_of(organisation) as client:
        await begin(organisation, "out")
        await organisation.write_states([buried(webhook, Delivery(f"msg_{number}", number, "{}", 12, "no")) for number in (7, 12)])
        first = (await ask(client, listed % (1, "null"))).json()["data"]
        id_ = first["webhookDeadLetters"][0]["id"]
        rest = (await ask(client, listed % (10, f'"{id_}"'))).json()["data"]
        again = f'mutation {{ redeliverWebhook(id: "{id_}") {{ deadLetter {{ webhook attempts }} }} }}'
        answer = (await ask(client, again)).json()
        unknown = (await ask(client, 'mutation { redeliverWebhook(id: "none") { deadLetter { id } } }')).json()
        head, asked = str(await organisation.head()), [letter.id for letter in await asked_again(organisation)]
        too_many = (await ask(client, listed % (1001, "null"))).json()
    assert first["webhooks"] == [{"name": "out", "sequence": head, "attempts": 0, "error": None, "nextAttemptAt": None}]
    assert [each["deliveryId"] for each in (*first["webhookDeadLetters"], *rest["webhookDeadLetters"])] == ["msg_7", "msg_12"]
    assert answer["data"] == {"redeliverWebhook": {"deadLetter": {"webhook": "out", "attempts": 12}}}
    assert asked == [id_]
    assert unknown["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert too_many["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
