"""Documentation over HTTP: pages and files of sites, as people and as Backstage's clients ask for them, and what is never shown."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import orjson
import pytest

from api.docs.routes import docs_routes
from api.docs.sites import DocsSites
from api.rest.catalog.reading import Catalog
from api.rest.techdocs import techdocs_routes
from config.model import Config
from graph.access import GUEST_PRINCIPAL, Access, Action
from graph.conditions import EVERYTHING, fact_in
from graph.store import Batch, Store
from tests.api.acting import acting_on
from tests.api.catalog import CAUSE, CONFIGURED, described, write_of
from tests.api.http import asked_by
from workers.techdocs.publishing import Publisher, Site
from workers.techdocs.results import DocsProblem, LeftOut, ProblemKind
from workers.techdocs.states import SiteState, write_state
from workers.techdocs.storing import publisher_from

SHOP = "/docs/default/component/shop/"
API = "/api/techdocs"
PAGE = """<!doctype html><html><head><title>Shop</title></head><body><div class="md-container">
<nav class="md-nav md-nav--primary"><ul><li class="md-nav__item md-nav__item--active"><a class="md-nav__link" href=".">Home</a></li>
<li class="md-nav__item"><a class="md-nav__link" href="guide/">Guide</a></li></ul></nav>
<article class="md-content__inner md-typeset"><h1 id="shop">Shop</h1><p onclick="evil()">Welcome.</p>
<script>evil()</script><a href="javascript:evil()">x</a></article></div></body></html>"""
MOVED = '<!doctype html><html><head><meta http-equiv="refresh" content="0; url=../guide/"></head><body>Moved</body></html>'
INDEX = {
    "docs": [
        {"location": "", "title": "Home", "text": "Welcome to the <b>shop</b>."},
        {"location": "guide/#pay", "title": "Paying", "text": "Cards and cash."},
        {"location": "javascript:evil()", "title": "Evil cards", "text": "cards"},
    ]
}
FILES: Mapping[str, bytes] = {
    "index.html": PAGE.encode(),
    "guide/index.html": PAGE.replace("Welcome", "Guide").encode(),
    "old/index.html": MOVED.encode(),
    "plain.html": b"<p>Plain</p>",
    "img/logo.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>evil()</script></svg>',
    "img/photo.png": bytes(range(100)),
    "evil.js": b"evil()",
    "data.bin": b"\0",
    "search/search_index.json": orjson.dumps(INDEX),
    "techdocs_metadata.json": b'{"site_name": "Shop", "build_timestamp": 1, "etag": "abc"}',
}


async def publish(publisher: Publisher, folder: Path, site: Site, files: Mapping[str, bytes] = FILES) -> None:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    await publisher.publish(site, folder)


def configured(folder: Path, builder: str = "external") -> Config:
    return Config.model_validate({"backend": {"storage": {"url": f"file:{folder}/blobs"}}, "techdocs": {"builder": builder}})


@pytest.fixture
async def published(organisation: Store, tmp_path: Path) -> Config:
    """The documentation of the shop, its version v1/x, and that of another entity that is hidden from some."""
    config = configured(tmp_path)
    publisher = publisher_from(config)
    await publish(publisher, tmp_path / "site", Site("Component", "default", "shop"))
    await publish(publisher, tmp_path / "site", Site("Component", "default", "shop", "v1/x"))
    await publish(publisher, tmp_path / "site", Site("Component", "default", "cart"))
    return config


@asynccontextmanager
async def asking(config: Config, store: Store, access: Access | None = None) -> AsyncIterator[httpx.AsyncClient]:
    access = access or Access(GUEST_PRINCIPAL, dict.fromkeys(Action, EVERYTHING))
    sites = DocsSites(config, store, CONFIGURED, lambda: None)
    routes = [*docs_routes(sites, lambda: True), *techdocs_routes(sites, Catalog(store, CONFIGURED), lambda: True)]
    async with asked_by(access, routes, ("/docs/-/*",)) as client:
        yield client
    await sites.close()


async def answers(config: Config, store: Store, *paths: str, access: Access | None = None) -> Sequence[httpx.Response]:
    async with asking(config, store, access) as client:
        return [await client.get(path) for path in paths]


async def test_a_page_is_shown_in_a_frame_of_our_own_and_harmless(published: Config, organisation: Store):
    (answer,) = await answers(published, organisation, SHOP)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert '<h1 id="shop">Shop</h1>' in answer.text
    assert '<a href="guide/">Guide</a>' in answer.text
    assert "evil" not in answer.text


async def test_a_page_that_is_known_is_not_sent_again(published: Config, organisation: Store):
    async with asking(published, organisation) as client:
        first = await client.get(SHOP)
        again = await client.get(SHOP, headers={"If-None-Match": first.headers["etag"]})
        other = await client.get(SHOP, headers={"If-None-Match": '"other"'})
    assert (again.status_code, again.content, other.status_code) == (304, b"", 200)
    # Browsers take it over for the page that they have.
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"] != ""


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/docs/default/component/shop", "/docs/default/component/shop/"),
        ("/docs/Default/Component/Shop/guide/", f"{SHOP}guide/"),
        (f"{SHOP}guide", f"{SHOP}guide/"),
        (f"{SHOP}plain", f"{SHOP}plain.html"),
        (f"{SHOP}old/", f"{SHOP}guide/"),
        (f"{SHOP}old/index.html", f"{SHOP}guide/"),
        (f"{SHOP}@v1~x", f"{SHOP}@v1~x/"),
        (f"{API}/static/docs/default/Component/shop/index.html", f"{API}/static/docs/default/component/shop/index.html"),
    ],
)
async def test_old_and_other_addresses_lead_to_where_the_page_is(published: Config, organisation: Store, path: str, location: str):
    (answer,) = await answers(published, organisation, path)
    assert answer.status_code in {301, 302}
    assert answer.headers["location"].removeprefix("http://localhost") == location


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("img/photo.png", "image/png"),
        ("img/logo.svg", "image/svg+xml"),
        ("evil.js", "text/plain; charset=utf-8"),
        ("data.bin", "application/octet-stream"),
        ("search/search_index.json", "application/json"),
    ],
)
async def test_files_go_out_in_types_that_run_nothing(published: Config, organisation: Store, path: str, content_type: str):
    (answer,) = await answers(published, organisation, SHOP + path)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, content_type, FILES[path])
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].endswith("; sandbox")


@pytest.mark.parametrize(
    ("asked", "status", "content_range", "content"),
    [
        ("bytes=10-19", 206, "bytes 10-19/100", bytes(range(10, 20))),
        ("bytes=95-", 206, "bytes 95-99/100", bytes(range(95, 100))),
        ("bytes=-5", 206, "bytes 95-99/100", bytes(range(95, 100))),
        ("bytes=90-500", 206, "bytes 90-99/100", bytes(range(90, 100))),
        ("bytes=100-", 416, "bytes */100", b""),
        ("bytes=-0", 416, "bytes */100", b""),
        ("bytes=0-1,5-6", 200, None, bytes(range(100))),
        ("lines=1-2", 200, None, bytes(range(100))),
    ],
)
async def test_parts_of_files_can_be_had(
    published: Config, organisation: Store, asked: str, status: int, content_range: str | None, content: bytes
):
    async with asking(published, organisation) as client:
        answer = await client.get(f"{SHOP}img/photo.png", headers={"Range": asked})
    assert (answer.status_code, answer.headers.get("content-range"), answer.content) == (status, content_range, content)


async def test_versions_stand_beside_the_current_documentation(published: Config, organisation: Store, tmp_path: Path):
    shop = Site("Component", "default", "shop")
    assert await publisher_from(published).versions(shop) == ["v1/x"]
    (version, missing, none) = await answers(published, organisation, f"{SHOP}@v1~x/", f"{SHOP}@v2/", f"{SHOP}@..~x/")
    assert version.status_code == 200
    assert f'action="{SHOP}@v1~x/"' in version.text
    assert (missing.status_code, none.status_code) == (404, 404)


async def test_search_finds_sections_and_leads_nowhere_else(published: Config, organisation: Store):
    found, tagged, nothing = await answers(published, organisation, f"{SHOP}?q=CARDS", f"{SHOP}?q=the+shop", f"{SHOP}?q=<script>")
    assert f'<a href="{SHOP}guide/#pay">Paying</a><p>Cards and cash.</p>' in found.text
    assert "javascript:" not in found.text
    assert "<p>Welcome to the shop .</p>" in tagged.text
    assert "Nothing found for “&lt;script&gt;”" in nothing.text


async def test_what_is_hidden_reads_as_missing(published: Config, organisation: Store):
    seen = dict.fromkeys(Action, EVERYTHING)
    unseen = Access(GUEST_PRINCIPAL, {**seen, Action.ENTITY_READ: fact_in("metadata.name", ("shop",))})
    unread = Access(GUEST_PRINCIPAL, {**seen, Action.DOCS_READ: fact_in("metadata.name", ("shop",))})
    below = ("", "img/photo.png", "?q=shop", "@v1/")
    for name in ("cart", "nothing-at-all"):
        triplet = f"default/component/{name}"
        paths = [f"/docs/{triplet}/{path}" for path in below]
        paths += [f"{API}/{kind}/{triplet}" for kind in ("metadata/techdocs", "metadata/entity", "sync")]
        paths.append(f"{API}/static/docs/{triplet}/index.html")
        for access in (unseen, unread):
            for answer in await answers(published, organisation, *paths, access=access):
                assert answer.status_code == 404
                assert answer.json()["error"]["message"] == f"There is no documentation of component:{triplet.replace('component/', '')}."


async def test_no_path_leads_out_of_a_site(published: Config, organisation: Store):
    paths = (
        "../cart/index.html",
        "..%2fcart%2findex.html",
        "%2e%2e/cart/index.html",
        "x/../../cart/index.html",
        "//cart",
        "a%00b",
        "a\\..\\b",
    )
    async with asking(published, organisation) as client:
        for path in paths:
            for prefix in (SHOP, f"{API}/static/docs/default/component/shop/"):
                answer = await client.get("/", headers={"raw-path": prefix + path})
                assert answer.status_code in {301, 404}, path
                assert answer.headers.get("location", SHOP).startswith(("/docs/default/component/shop/", SHOP)), path


async def test_backstage_clients_get_files_and_descriptions_as_from_backstage(published: Config, organisation: Store):
    static = f"{API}/static/docs/default/component/shop"
    page, icon, metadata = await answers(
        published, organisation, f"{static}/index.html", f"{static}/img/photo.png", f"{API}/metadata/techdocs/default/Component/shop"
    )
    assert (page.headers["content-type"], page.content) == ("text/plain; charset=utf-8", FILES["index.html"])
    assert icon.headers["content-type"] == "image/png"
    assert metadata.json() == {"site_name": "Shop", "build_timestamp": 1, "etag": "abc"}


async def test_an_external_builder_is_never_asked_to_build(published: Config, organisation: Store):
    stream, nothing = await answers(published, organisation, f"{API}/sync/default/component/shop", "/docs/default/system/checkout/")
    assert stream.text == 'event: finish\ndata: {"updated":false}\n\n'
    assert nothing.status_code == 404
    assert "None was published for this entity." in nothing.text


DOCUMENTED = described(
    "Component", "documented", {"type": "service", "owner": "red"}, annotations={"backstage.io/techdocs-ref": "dir:.", "a": "b"}
)
POINTING = described("Component", "pointing", {"type": "service"}, annotations={
    "backstage.io/techdocs-entity": "component:documented", "backstage.io/techdocs-entity-path": "/guide"})  # fmt: skip


async def test_reading_asks_for_a_build_once_and_shows_what_is_there(organisation: Store, tmp_path: Path):
    await organisation.apply(Batch(CAUSE, writes=[write_of(DOCUMENTED), write_of(POINTING)]))
    backend = {"storage": {"url": f"file:{tmp_path}/blobs"}}
    async with acting_on(organisation, tmp_path, {}, backend=backend) as acting:
        waiting = await acting.client.get("/docs/default/component/documented/")
        again = await acting.client.get("/docs/default/component/documented/")
        pointing = await acting.client.get("/docs/default/component/pointing/")
        jobs = await acting.jobs()
        publisher = publisher_from(configured(tmp_path))
        await publish(publisher, tmp_path / "site", Site("Component", "default", "documented"))
        shown = await acting.client.get("/docs/default/component/documented/")
    assert (waiting.status_code, waiting.headers["refresh"], again.status_code) == (202, "2", 202)
    assert "The documentation is being built" in waiting.text
    assert pointing.headers["location"] == "/docs/default/component/documented/guide"
    assert jobs == ["build_docs:component:default/documented::"]
    assert shown.status_code == 200


async def test_a_failed_build_keeps_the_last_site_and_shows_why(organisation: Store, tmp_path: Path, published: Config):
    ref = "component:default/shop"
    built = SiteState("abc", built_at=datetime(2026, 5, 1, 12, 30, tzinfo=UTC)).failed(("mkdocs <failed>", "Mend it."), "def")
    await write_state(organisation, ref, built, log="ERROR <b>")
    unbuilding = Access(GUEST_PRINCIPAL, {**dict.fromkeys(Action, EVERYTHING), Action.DOCS_BUILD: fact_in("metadata.name", ("cart",))})
    missing = f"{SHOP}none/"
    (page, other), (told,) = (
        await answers(published, organisation, SHOP, missing),
        await answers(published, organisation, SHOP, access=unbuilding),
    )
    assert page.status_code == 200
    assert "this is that of 2026-05-01 12:30 UTC: mkdocs &lt;failed&gt;. Mend it." in page.text
    assert other.status_code == 404
    assert "ERROR &lt;b&gt;" in other.text
    assert "ERROR" not in told.text


DOCS = """query ($ref: String!) {
  docs(ref: $ref) {
    ref url state error remedy log version versions problems { kind page line target } leftOut { setting } pages { title url }
  }
  docsProblems(first: 1) { totalCount nodes { ref entity { name } problem { kind page } } pageInfo { hasNextPage } }
}"""


async def test_the_graph_tells_of_documentation_and_its_flaws(organisation: Store, tmp_path: Path, published: Config):
    problems = [DocsProblem(ProblemKind.BROKEN_LINK, "docs/a.md", "b.md", 3), DocsProblem(ProblemKind.MISSING_IMAGE, "docs/a.md", "i.png")]
    state = SiteState("abc", left_out=[LeftOut("plugins.macros", "It runs code.")], problems=2)
    await write_state(organisation, "component:default/shop", state, problems=problems, log="INFO done")
    backend, techdocs = {"storage": {"url": f"file:{tmp_path}/blobs"}, "baseUrl": "http://localhost"}, {"builder": "external"}
    async with acting_on(organisation, tmp_path, {}, backend=backend, techdocs=techdocs) as acting:
        data = await acting.data(DOCS, ref="component:shop")
        none = await acting.data(DOCS, ref="component:nothing")
        refused = await acting.answer('mutation { buildDocs(ref: "component:shop") { docs { ref } } }')
    url = f"http://localhost{SHOP}"
    assert data["docs"] == {
        "ref": "component:default/shop",
        "url": url,
        "state": "READY",
        "error": None,
        "remedy": None,
        "log": "INFO done",
        "version": None,
        "versions": ["v1/x"],
        "problems": [
            {"kind": "BROKEN_LINK", "page": "docs/a.md", "line": 3, "target": "b.md"},
            {"kind": "MISSING_IMAGE", "page": "docs/a.md", "line": None, "target": "i.png"},
        ],
        "leftOut": [{"setting": "plugins.macros"}],
        "pages": [{"title": "Home", "url": url}, {"title": "Evil cards", "url": f"{url}javascript:evil()"}],
    }
    assert data["docsProblems"] == {
        "totalCount": 2,
        "nodes": [{"ref": "component:default/shop", "entity": {"name": "shop"}, "problem": {"kind": "BROKEN_LINK", "page": "docs/a.md"}}],
        "pageInfo": {"hasNextPage": True},
    }
    assert none["docs"] is None
    assert refused["errors"][0]["extensions"]["code"] == "CONFLICT"


async def test_flaws_of_hidden_documentation_are_not_even_counted(organisation: Store, tmp_path: Path):
    await write_state(organisation, "component:default/shop", SiteState("a"), problems=[DocsProblem(ProblemKind.BROKEN_LINK, "a", "b")])
    rules = [{"allow": ["*"], "to": ["everyone"]}, {"deny": ["techdocs.docs.read"], "to": ["everyone"]}]
    permission = {"enabled": True, "rules": rules}
    async with acting_on(organisation, tmp_path, {}, permission=permission) as acting:
        data = await acting.data('{ docsProblems { totalCount nodes { ref } } docs(ref: "component:shop") { url } }')
    assert data == {"docsProblems": {"totalCount": 0, "nodes": []}, "docs": None}


async def test_a_build_is_asked_for_by_whoever_may_have_it_built(organisation: Store, tmp_path: Path):
    await organisation.apply(Batch(CAUSE, writes=[write_of(DOCUMENTED)]))
    backend = {"storage": {"url": f"file:{tmp_path}/blobs"}}
    async with acting_on(organisation, tmp_path, {}, backend=backend) as acting:
        build = 'mutation { buildDocs(ref: "component:documented", version: "v1") { docs { ref version } } }'
        data = await acting.data(build)
        missing = await acting.answer('mutation { buildDocs(ref: "component:none") { docs { ref } } }')
        wrong = await acting.answer('mutation { buildDocs(ref: "component:documented", version: "../x") { docs { ref } } }')
        jobs = await acting.jobs()
    assert data["buildDocs"]["docs"] == {"ref": "component:default/documented", "version": "v1"}
    assert missing["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    assert wrong["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert jobs == ["build_docs:component:default/documented:v1:forced"]


async def test_without_a_storage_nothing_has_documentation(organisation: Store, tmp_path: Path):
    await organisation.apply(Batch(CAUSE, writes=[write_of(DOCUMENTED)]))
    backend = {"queue": {"url": "redis://localhost:1"}, "database": {"client": "neo4j", "connection": {"uri": "bolt://localhost:1"}}}
    async with acting_on(organisation, tmp_path, {}, backend=backend) as acting:
        data = await acting.data('{ entity(ref: "component:documented") { name docs { url } } }')
        page = await acting.client.get("/docs/default/component/documented/")
        jobs = await acting.jobs()
    assert data == {"entity": {"name": "documented", "docs": None}}
    assert (page.status_code, page.json()["error"]["name"]) == (503, "ServiceUnavailableError")
    assert "backend.storage.url, which is not set" in page.json()["error"]["message"]
    assert jobs == []
