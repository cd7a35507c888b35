"""Outgoing webhooks: signed, in order, tried again, given up, sent again; and nothing lost by a kill."""

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config import Config
from config.webhooks import ChangeFilter
from graph.errors import NotFoundError
from graph.relations import RelationRegistry
from graph.store import Cause, Change, Operation
from graph.stores.sqlite import SqliteStore
from plugins.hosts import opened_hosts
from tests.ingest.catalogs import Catalog, component
from tests.servers.receiver import Receiver, receiving
from tests.workers.test_refreshing import until
from workers.composition import running_worker
from workers.webhooks.deliveries import begin, concerns, dead_letters, progress_of, redeliver
from workers.webhooks.jobs import Webhooks, deliver_webhook
from workers.webhooks.sending import signature_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[Catalog]:
    (tmp_path / "catalog").mkdir()
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    yield Catalog(tmp_path / "catalog", store)
    await store.close()


def configured(catalog: Catalog, receiver: Receiver, **more: Any) -> Config:
    """The catalog's configuration with one webhook named out."""
    hook = {"name": "out", "url": receiver.url, "secret": SECRET, **more}
    search = {"folder": str(catalog.folder / ".data" / "search")}
    given = Config.model_validate({"backend": {"reading": {"allowPrivate": ["127.0.0.1"]}}, "webhooks": [hook], "search": search})
    return catalog.config.model_copy(update={"backend": given.backend, "webhooks": given.webhooks, "search": given.search})


@asynccontextmanager
async def jobs(catalog: Catalog, config: Config) -> AsyncIterator[Webhooks]:
    async with opened_hosts(config) as hosts:
        yield Webhooks(config, catalog.store, hosts)


async def deliver(webhooks: Webhooks) -> None:
    await deliver_webhook({"webhooks": webhooks}, "out")


def test_a_delivery_is_signed_as_standard_webhooks_has_it():
    headers = signature_headers(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', 1614265330.4)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    plain = signature_headers("whsec_ is no base64!", "a", b"b", 1)["webhook-signature"]
    assert plain == "v1," + base64.b64encode(hmac.digest(b"whsec_ is no base64!", b"a.1.b", hashlib.sha256)).decode()


async def test_changes_arrive_within_seconds_signed_and_in_order(catalog: Catalog, receiver: Receiver):
    config = configured(catalog, receiver)
    async with running_worker(config, catalog.store, RelationRegistry()):
        await until(lambda: begun(catalog))
        await changed(catalog, "a", "b")
        await until(lambda: arrived(receiver, 2))
        catalog.write("all.yaml", component("a", type="website"))
        await catalog.read()
        await until(lambda: arrived(receiver, 4))
    told = [change for each in receiver.arrivals for change in each.changes]
    assert [(change["operation"], change["ref"]) for change in told] == await catalog.changes()
    assert [change["sequence"] for change in told] == ["1", "2", "3", "4"]
    patches = {change["ref"]: change["patch"] for change in told if change["operation"] == "updated"}
    assert patches["component:default/a"][-1] == {"op": "replace", "path": "/spec/type", "value": "website"}
    for each in receiver.arrivals:
        at = int(each.headers["webhook-timestamp"])
        assert signature_headers(SECRET, each.id, each.body, at)["webhook-signature"] == each.headers["webhook-signature"]
    assert SECRET not in str([each.headers for each in receiver.arrivals])


async def begun(catalog: Catalog) -> bool:
    return "out" in await progress_of(catalog.store, ["out"])


async def arrived(receiver: Receiver, count: int) -> bool:
    return sum(len(each.changes) for each in receiver.arrivals) >= count


async def changed(catalog: Catalog, *names: str) -> None:
    catalog.write("all.yaml", *(component(name) for name in names))
    await catalog.read()


async def test_a_failed_delivery_is_tried_again_later_with_the_same_body_and_id(catalog: Catalog, receiver: Receiver):
    receiver.statuses = [500, 302]
    receiver.headers = {"location": receiver.url}
    async with jobs(catalog, configured(catalog, receiver)) as webhooks:
        await begin(catalog.store, "out")
        await changed(catalog, "a")
        await deliver(webhooks)
        await changed(catalog, "a", "b")
        await deliver(webhooks)
        assert len(receiver.arrivals) == 1
        waits = [await make_due(catalog)]
        await deliver(webhooks)
        waits.append(await make_due(catalog))
        await deliver(webhooks)
        progress = (await progress_of(catalog.store, ["out"]))["out"]
    first, second, third, last = receiver.arrivals
    assert (first.id, first.body) == (second.id, second.body) == (third.id, third.body)
    assert last.id != first.id
    assert [[change["ref"] for change in each.changes] for each in (third, last)] == [["component:default/a"], ["component:default/b"]]
    assert (5 <= waits[0] <= 8, 10 <= waits[1] <= 15.5) == (True, True)
    assert (progress.after, progress.pending) == (await catalog.store.head(), None)


async def make_due(catalog: Catalog) -> float:
    """Let the time come that the webhook waits for, and return how many seconds it was away at most."""
    progress = (await progress_of(catalog.store, ["out"]))["out"]
    assert progress.due is not None and progress.pending is not None
    now = datetime.now(UTC)
    await catalog.store.write_states([progress.write(progress.after, progress.pending, now)])
    return (progress.due - now).total_seconds() + 0.5


async def test_a_kill_between_sending_and_noting_sends_the_same_again(
    catalog: Catalog, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
):
    async with jobs(catalog, configured(catalog, receiver)) as webhooks:
        await begin(catalog.store, "out")
        await changed(catalog, "a")
        write, calls = catalog.store.write_states, itertools.count()

        async def killed_after_sending(writes: Sequence[Any]) -> None:
            if receiver.arrivals and not next(calls):
                raise asyncio.CancelledError
            await write(writes)

        monkeypatch.setattr(catalog.store, "write_states", killed_after_sending)
        with pytest.raises(asyncio.CancelledError):
            await deliver(webhooks)
        await deliver(webhooks)
    assert [(each.id, each.body) for each in receiver.arrivals] == [(receiver.arrivals[0].id, receiver.arrivals[0].body)] * 2


async def test_what_fails_too_often_is_kept_and_sent_again_on_demand_while_the_rest_goes_on(catalog: Catalog, receiver: Receiver):
    receiver.statuses = [500, 500]
    async with jobs(catalog, configured(catalog, receiver, attempts=2)) as webhooks:
        await begin(catalog.store, "out")
        await changed(catalog, "a")
        await deliver(webhooks)
        await make_due(catalog)
        await changed(catalog, "a", "b")
        await deliver(webhooks)
        (letter,) = await dead_letters(catalog.store)
        assert (letter.webhook, letter.delivery.attempts, letter.delivery.error) == ("out", 2, "the receiver answered 500")
        assert [each["ref"] for each in receiver.arrivals[-1].changes] == ["component:default/b"]
        receiver.statuses = [503]
        for failures, left in ((3, 1), (3, 0)):
            await redeliver(catalog.store, letter.id)
            await deliver(webhooks)
            letters = await dead_letters(catalog.store)
            assert [each.delivery.attempts for each in letters] == [failures] * left
        assert receiver.arrivals[-1].id == receiver.arrivals[0].id
        with pytest.raises(NotFoundError):
            await redeliver(catalog.store, letter.id)


async def test_a_private_address_is_refused_unless_it_is_allowed(catalog: Catalog, receiver: Receiver):
    config = configured(catalog, receiver)
    refusing = config.model_copy(update={"backend": Config().backend})
    async with jobs(catalog, refusing) as webhooks:
        await begin(catalog.store, "out")
        await changed(catalog, "a")
        await deliver(webhooks)
    progress = (await progress_of(catalog.store, ["out"]))["out"]
    assert receiver.arrivals == []
    assert progress.pending is not None and "allowPrivate" in str(progress.pending.error)
    assert "/hook" not in str(progress.pending.error)


async def test_a_large_load_goes_out_in_batches_and_the_filter_decides_what(catalog: Catalog, receiver: Receiver):
    async with jobs(catalog, configured(catalog, receiver, filter={"operations": ["created"], "kinds": ["COMPONENT"]})) as webhooks:
        await begin(catalog.store, "out")
        await changed(catalog, *(f"c{number}" for number in range(250)))
        await changed(catalog, "c0")
        await deliver(webhooks)
        await deliver(webhooks)
    assert [len(each.changes) for each in receiver.arrivals] == [100, 100, 50]
    assert len({each.id for each in receiver.arrivals}) == 3


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({}, True),
        ({"kinds": ["Component", "API"]}, True),
        ({"kinds": ["API"]}, False),
        ({"namespaces": ["Shop"]}, True),
        ({"namespaces": ["default"]}, False),
        ({"refs": ["component:shop/till"]}, True),
        ({"refs": ["component:shop/other"], "kinds": ["component"]}, False),
        ({"operations": ["removed"]}, True),
        ({"operations": ["created", "updated"]}, False),
    ],
)
def test_a_filter_lets_through_what_meets_all_of_it(filter: dict[str, Any], expected: bool):
    change = Change(1, datetime.now(UTC), "component:shop/till", Operation.REMOVED, (), Cause("location", "x"))
    assert concerns(change, ChangeFilter.model_validate(filter)) is expected


@pytest.mark.parametrize(
    "url", ["ftp://receiver.example", "https://user:secret@receiver.example/", "https://receiver.example/#part", "/hook"]
)
def test_an_address_that_can_not_be_sent_to_is_refused_without_being_shown(url: str):
    with pytest.raises(ValidationError, match="should be an http or https address") as refused:
        Config.model_validate({"webhooks": [{"name": "out", "url": url, "secret": SECRET}]})
    assert url not in str(refused.value)


def test_webhooks_have_names_of_their_own_and_show_neither_address_nor_secret():
    hook = {"name": "out", "url": "https://receiver.example/token?code=1", "secret": SECRET}
    with pytest.raises(ValidationError, match="several are called out"):
        Config.model_validate({"webhooks": [hook, hook]})
    config = Config.model_validate({"webhooks": [hook]})
    assert not any(text in f"{config!r} {config.model_dump_json()}" for text in ("receiver.example", SECRET))


async def test_what_the_log_forgot_before_it_was_told_is_named(catalog: Catalog, receiver: Receiver):
    async with jobs(catalog, configured(catalog, receiver)) as webhooks:
        await begin(catalog.store, "out")
        await changed(catalog, "a", "b", "c")
        await catalog.store.cut_log(2)
        await deliver(webhooks)
        await changed(catalog, "a", "b", "c", "d")
        await deliver(webhooks)
        await catalog.store.cut_log(await catalog.store.head())
        await deliver(webhooks)
    told = [json.loads(each.body)["data"] for each in receiver.arrivals]
    assert [(each.get("missed"), [change["sequence"] for change in each["changes"]]) for each in told] == [
        ({"after": "0", "until": "2"}, ["3"]),
        (None, ["4"]),
    ]
    assert (await progress_of(catalog.store, ["out"]))["out"].after == 4
