"""Plugins of others: installed as packages, found by their entry points, and unable to end what they are plugged into."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callboard.plugin import CollatedDocument, TextField
from config import Config
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Store
from graph.stores.sqlite import SqliteStore
from ingest.crew import Crew
from ingest.files import FileJob
from ingest.pipeline import location_of, synchronise
from ingest.settings import context_of, settings_from
from plugins.hosts import opened_hosts
from plugins.loading import forget_plugins, load_plugins
from tests.ingest.catalogs import Catalog, component
from tests.workers.packages import broken, documented, install
from tests.workers.providing import AT_ONCE, has, until, working_on
from workers.providers.jobs import all_rows, providing_from


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = SqliteStore(tmp_path / "catalog.db", RelationRegistry())
    await store.open()
    yield store
    await store.close()


async def test_the_documented_plugin_works(site: Path, store: Store, tmp_path: Path):
    install(site, documented())
    config = Config.model_validate({**AT_ONCE.model_dump(mode="json", by_alias=True), "plugins": {"pagerduty": {"teams": ["red", "blue"]}}})
    assert load_plugins(config.plugins).broken == {}
    async with opened_hosts(config) as hosts:
        providing = providing_from(config, hosts)
        async with working_on(store, *providing.providers, config=config):
            await until(has(store, "team-blue", "team-red"))
    catalog = Catalog(tmp_path, store)
    page = "https://acme.pagerduty.com/x"
    catalog.write("all.yaml", {**component("shop"), "metadata": {"name": "shop", "annotations": {"pagerduty.com/service": "x"}}})
    await synchronise(catalog.config.model_copy(update={"plugins": config.plugins}), store, RelationRegistry())
    shop = await catalog.entity("component:default/shop")
    assert [link["url"] for link in shop.metadata["links"]] == [page]
    edges = (await store.declared_by([Ref("component:default/shop")]))[Ref("component:default/shop")]
    assert [(edge.relation, edge.target, edge.evidence[0].inferred) for edge in edges] == [
        ("dependsOn", "resource:default/pagerduty-x", True),
        ("ownedBy", "group:default/team", False),
    ]
    broken_shop = {**component("shop"), "metadata": {"name": "shop", "annotations": {"pagerduty.com/service": ""}}}
    catalog.write("all.yaml", broken_shop)
    await synchronise(catalog.config.model_copy(update={"plugins": config.plugins}), store, RelationRegistry())
    [error] = await catalog.errors()
    assert (error.code, error.message) == ("processor-refused", "pagerduty: the annotation pagerduty.com/service is empty")
    assert await catalog.entity("component:default/shop") == shop


async def test_the_documented_collator_and_source_bring_documents(site: Path):
    install(site, documented())
    loaded = load_plugins({"pagerduty": {"reviews": {"Q1": "It had run out."}}})
    [collator], [source] = loaded.collators, loaded.search_sources["pagerduty"]
    shop = {"kind": "Component", "metadata": {"name": "shop", "annotations": {"pagerduty.com/service": "x"}}}
    assert (collator.type, collator.version, collator.paths) == ("pagerduty-service", "1", ("metadata.annotations.pagerduty.com/service",))
    assert await collator.documents(Ref("component:default/shop"), shop) == [
        CollatedDocument("x", {TextField.NAME: "On call for x"}, "https://acme.pagerduty.com/x")
    ]
    assert await collator.documents(Ref("component:default/shop"), component("shop")) == []
    assert (source.name, source.type, source.version) == ("pagerduty:reviews", "incident-review", "1")
    assert [document async for document in source.read()] == [
        CollatedDocument(
            "Q1", {TextField.NAME: "Review of Q1", TextField.BODY: "It had run out."}, "https://acme.pagerduty.com/postmortems/Q1"
        )
    ]


async def test_processors_run_in_reading_processes_and_their_version_reads_files_again(site: Path, tmp_path: Path):
    files = documented()
    install(site, files)
    (tmp_path / "a.yaml").write_text(
        "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n  name: a\n  annotations: {pagerduty.com/service: x}\n"
        "spec: {type: service, lifecycle: production, owner: red}\n"
    )
    config = Config.model_validate({"catalog": {"locations": [{"type": "file", "target": str(tmp_path / "a.yaml")}]}})
    settings = settings_from(config, RelationRegistry())
    context = context_of(location_of("file", str(tmp_path / "a.yaml")), settings)
    jobs = [FileJob(str(tmp_path / "a.yaml"), None)] * 600
    async with Crew(context, 1) as crew:
        contents = {reading.entities[0].content async for _, reading in crew.readings(jobs) if reading}
    assert len(contents) == 1 and b"acme.pagerduty.com/x" in contents.pop()
    before = settings.fingerprint
    module = site / "callboard_pagerduty.py"
    # Of another length: bytecode of the same second and length would be taken for the same module.
    module.write_text(module.read_text().replace('version = "1"', 'version = "1.1"'))
    sys.modules.pop("callboard_pagerduty")
    forget_plugins()
    assert settings_from(config, RelationRegistry()).fingerprint != before


_COLLATING = """from callboard.plugin import Plugin
class Collating:
    type, version, paths = "{type}", "1", ()
    async def documents(self, ref, document): return []
def build(context): return Plugin(collators=[Collating(), Collating()])
"""


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("import does_not_exist", "ModuleNotFoundError: No module named 'does_not_exist'"),
        ("", "AttributeError: module 'broken_plugin' has no attribute 'build'"),
        ("def build(context): return 1", "TypeError: broken_plugin:build returned int, not callboard.plugin.Plugin"),
        ("def build(context): raise ValueError('token is missing')", "ValueError: token is missing"),
        (
            "from callboard.plugin import Plugin\ndef build(context): return Plugin(processors=[object()])",
            "TypeError: object has no name, version, process",
        ),
        (
            "from callboard.plugin import Plugin\ndef build(context): return Plugin(collators=[object()])",
            "TypeError: object has no type, version, paths, documents",
        ),
        (
            "from callboard.plugin import Plugin\ndef build(context): return Plugin(search_sources=[object()])",
            "TypeError: object has no name, type, version, schedule, read",
        ),
        (_COLLATING.format(type="section"), "ValueError: section is a type of Callboard's own documents; name another"),
        (_COLLATING.format(type="wiki"), "ValueError: wiki is the name of another collator"),
    ],
)
async def test_a_broken_plugin_is_named_with_its_reason_and_the_rest_works(site: Path, module: str, reason: str):
    install(site, broken(module))
    install(site, documented())
    loaded = load_plugins({"absent": {}})
    assert loaded.broken == {"broken": reason, "absent": "it is configured, but not installed"}
    assert [processor.name for processor in loaded.processors] == ["pagerduty"]


async def test_what_a_plugin_gave_stays_while_it_is_broken(site: Path, store: Store):
    install(site, documented())
    config = Config.model_validate({"catalog": {"providerGrace": {"seconds": 1}}, "plugins": {"pagerduty": {"teams": ["red"]}}})
    async with opened_hosts(config) as hosts:
        providing = providing_from(config, hosts)
        async with working_on(store, providing=providing):
            await until(has(store, "team-red"))
        (site / "callboard_pagerduty.py").write_text("import does_not_exist")
        sys.modules.pop("callboard_pagerduty")
        forget_plugins()
        providing = providing_from(config, hosts)
        assert (providing.providers, providing.broken) == ([], ("pagerduty",))
        async with working_on(store, providing=providing) as queue:
            await queue.request("take_over_providers")
            await until(lambda: _taken_over(store))
    assert await has(store, "team-red")()


async def _taken_over(store: Store) -> bool:
    return [row.value.get("missingSince") for row in (await all_rows(store)).values()] == [None]


def test_what_plugins_are_told_is_not_shown():
    config = Config.model_validate({"plugins": {"pagerduty": {"token": "secret", "teams": ["red"]}}})
    assert config.model_dump(mode="json")["plugins"] == {"pagerduty": {"token": "**********", "teams": "**********"}}
