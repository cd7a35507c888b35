"""What tasks made is kept and found the same way on either store."""

import random
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise

import pytest

from config import Config
from graph.entities import Entity, Origin, canonical_json
from graph.refs import Ref
from graph.state_rows import rows_below
from graph.store import Store
from plugins.actions import Effect, TaskUser
from plugins.hosts import opened_hosts
from workers.scaffolder.effects import Skeleton, Use, repository_of
from workers.scaffolder.ledger import Ledger
from workers.scaffolder.merging import File
from workers.scaffolder.renderings import RENDERINGS, Rendering, Renderings
from workers.scaffolder.sealing import Seal, UnsealableError
from workers.scaffolder.tasks import new_task_id

SHOP, TEMPLATE = Ref("component:default/shop"), Ref("template:default/service")
HOME = "https://github.com/acme/shop"
CATALOG = f"{HOME}/blob/main/catalog-info.yaml"


@pytest.fixture
async def ledger(store: Store) -> AsyncIterator[Ledger]:
    config = Config.model_validate({"integrations": {"github": [{"host": "github.com"}]}})
    async with opened_hosts(config) as hosts:
        yield Ledger(store, hosts)


def use(digest: str = "1", template: Ref = TEMPLATE) -> Use:
    return Use(new_task_id(), template, digest, datetime.now(UTC), Ref("user:default/ann"))


def component(name: str, location: str | None = None, source: str | None = None) -> Entity:
    given = {"backstage.io/managed-by-origin-location": location, "backstage.io/source-location": source}
    annotations = {key: value for key, value in given.items() if value}
    return Entity(
        Ref(f"component:default/{name}"),
        {"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": name, "annotations": annotations}},
        Origin("l", "p", 0, 1),
    )


async def test_effects_are_kept_once_each_in_their_order_and_the_use_with_them(ledger: Ledger):
    made, other = use(), use(template=Ref("template:default/other"))
    assert await ledger.use(TEMPLATE, made.task_id) is None
    for _ in range(2):
        await ledger.add(made, "publish", Effect("repository", HOME, details={"name": "acme/shop"}))
        await ledger.add(made, "register", Effect("entity", f"{CATALOG}#{SHOP}", SHOP))
    await ledger.add(other, "say", Effect("ticket", "https://tickets.example/1"))
    effects = await ledger.effects(made.task_id)
    assert [(one.kind, one.url, one.ref, one.step_id, one.details) for one in effects] == [
        ("repository", HOME, None, "publish", {"name": "acme/shop"}),
        ("entity", f"{CATALOG}#{SHOP}", SHOP, "register", {}),
    ]
    assert all(first.created_at <= second.created_at for first, second in pairwise(effects))
    assert [one async for one in ledger.uses(TEMPLATE)] == [made]
    assert await ledger.use(TEMPLATE, made.task_id) == made
    assert await ledger.made(other) == []


async def test_uses_of_a_template_are_listed_newest_first_beyond_a_page_of_the_store(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("workers.scaffolder.ledger._PAGE", 2)
    monkeypatch.setattr("workers.scaffolder.ledger.rows_below", partial(rows_below, limit=2))
    uses = [use(str(number)) for number in range(5)]
    for one in uses:
        await ledger.add(one, "publish", Effect("repository", f"{HOME}-{one.digest}"))
    newest = sorted(uses, key=lambda one: one.task_id)
    assert [one async for one in ledger.uses(TEMPLATE)] == newest
    assert [one async for one in ledger.uses(TEMPLATE, newest[1].task_id)] == newest[2:]
    entities = [component(one.digest, source=f"url:{HOME}-{one.digest}/tree/main/") for one in uses]
    assert await ledger.makers(entities) == {entity.ref: one for entity, one in zip(entities, uses, strict=True)}


async def test_entities_are_known_by_themselves_their_location_and_their_repository(ledger: Ledger):
    made = use()
    for effect in (Effect("repository", f"{HOME}.git"), Effect("location", CATALOG), Effect("entity", f"{CATALOG}#{SHOP}", SHOP)):
        await ledger.add(made, "a", effect)
    found = await ledger.makers(
        [
            component("shop"),
            component("registered", location=f"url:{CATALOG}"),
            component("inside", source=f"url:{HOME}/tree/main/other/"),
            component("elsewhere", location=f"url:{HOME}-2/blob/main/catalog-info.yaml", source=f"url:{HOME}-2/tree/main/"),
            component("local", location="file:/etc/catalog-info.yaml"),
        ]
    )
    assert found == {Ref(f"component:default/{name}"): made for name in ("shop", "registered", "inside")}


async def test_what_was_there_before_stays_with_its_maker_and_what_is_made_anew_changes_it(ledger: Ledger):
    first, finder, second = use(), use(), use()
    await ledger.add(first, "a", Effect("location", CATALOG, details={"existed": True}))
    await ledger.add(finder, "a", Effect("location", CATALOG, details={"existed": True}))
    registered = [component("shop", location=f"url:{CATALOG}")]
    assert await ledger.makers(registered) == {SHOP: first}
    assert [effect.kind for effect in await ledger.made(first)] == ["location"]
    assert await ledger.made(finder) == []
    await ledger.add(second, "a", Effect("location", CATALOG, details={"existed": False}))
    assert await ledger.makers(registered) == {SHOP: second}
    assert (await ledger.made(first), len(await ledger.made(second))) == ([], 1)


async def test_what_was_published_is_kept_sealed_whole_and_once(store: Store):
    renderings = Renderings(store, Seal(b"k" * 32))
    assert await renderings.of("t", HOME) is None
    for number in range(2):
        noise = random.Random(number).randbytes(600_000)
        files = {"a/b.txt": File(b"very private"), "run": File(b"#!", executable=True), "noise": File(noise)}
        user = TaskUser(Ref("user:default/ann"), None)
        rendering = Rendering(
            HOME, files, f"version {number}", {"name": f"private {number}"}, user, "publish", "item", frozenset({"a/b.txt"})
        )
        other = replace(rendering, files={}, version="other", proposal=f"{HOME}/pull/1", branch="next")
        for one in (rendering, other):
            await renderings.keep("t", one)
            assert await renderings.of("t", one.url) == one
    rows = await store.states(RENDERINGS)
    assert len(rows) == 6
    assert await renderings.versions("t", [HOME]) == {"version 1"}
    assert await renderings.versions("t", [HOME, f"{HOME}/pull/1"]) == {"version 1", "other"}
    assert b"private" not in canonical_json([dict(row.value) for row in rows])
    with pytest.raises(UnsealableError):
        await Renderings(store, Seal(b"o" * 32)).of("t", HOME)


async def test_what_brought_files_to_repositories_is_told_from_other_effects(ledger: Ledger):
    made = use()
    proposed = Effect("pull-request", f"{HOME}/pull/1", details={"number": 1, "proposedTo": HOME})
    effects = [Effect("repository", f"{HOME}-2"), proposed, Effect("pull-request", f"{HOME}/pull/2"), Effect("location", CATALOG)]
    for effect in effects:
        await ledger.add(made, "a", effect)
    assert [(effect.url, repository_of(effect)) for effect in await ledger.brought(made)] == [
        (f"{HOME}-2", f"{HOME}-2"),
        (f"{HOME}/pull/1", HOME),
    ]


async def test_the_last_proposal_and_what_is_up_to_date_are_known(ledger: Ledger):
    made = use("1")
    await ledger.add(made, "publish", Effect("repository", HOME))
    assert await ledger.upgrade(made, HOME) is None
    upgrades = [
        replace(use(digest), upgrade_of=made.task_id, upgraded=home) for digest, home in zip("234", (HOME, HOME, "other"), strict=True)
    ]
    for number, upgrade in enumerate(upgrades, 1):
        await ledger.add(upgrade, "propose", Effect("pull-request", f"{HOME}/pull/{number}", details={"number": number}))
    found, other = await ledger.upgrade(made, HOME), await ledger.upgrade(made, "other")
    assert found is not None
    assert other is not None
    assert (found[0], found[1].url) == (upgrades[1], f"{HOME}/pull/2")
    assert (other[0], other[1].url) == (upgrades[2], f"{HOME}/pull/3")
    await ledger.keep_version(made, "2", [Skeleton("./skeleton", False, "3")])
    assert await ledger.use(TEMPLATE, made.task_id) == replace(made, digest="2", skeletons=(Skeleton("./skeleton", False, "3"),))
    assert await ledger.makers([component("inside", source=f"url:{HOME}/tree/main/")]) == {
        Ref("component:default/inside"): replace(made, digest="2", skeletons=(Skeleton("./skeleton", False, "3"),))
    }
