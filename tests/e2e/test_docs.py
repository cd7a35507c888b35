"""Documentation as somebody new meets it, in a browser without a network: found from its entity, read, edited, and harmless."""

import shutil
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import chromium
from tests.e2e.serving import EXAMPLES, Serving, configuration, serving

CHECKOUT = "/docs/default/component/checkout/"
RECORD = """
window.ran = [];
document.addEventListener('securitypolicyviolation', (e) => window.ran.push(e.violatedDirective));
"""
CATALOG = """apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: hostile, annotations: { 'backstage.io/techdocs-ref': 'dir:.' } }
spec: { type: service, lifecycle: production, owner: booking-team }
"""
HOSTILE = """# Hostile

<script>window.parent.ran.push('script')</script>
<img src="x" onerror="window.ran.push('onerror')">
<svg onload="window.ran.push('svg')"><script>window.ran.push('svg script')</script>
<a href="javascript:window.ran.push('svg link')"><text>t</text></a></svg>
<iframe src="https://evil.example/frame" srcdoc="<script>parent.ran.push('frame')</script>"></iframe>
<object data="https://evil.example/object"></object><embed src="https://evil.example/embed">
<form action="https://evil.example/form"><button id="send">send</button></form>
<meta http-equiv="refresh" content="0; url=https://evil.example/"><base href="https://evil.example/">
<link rel="stylesheet" href="https://evil.example/style.css"><style>body { background: url(https://evil.example/pixel) }</style>
<div style="position:fixed;background:url(https://evil.example/style)">styled</div>
<script src="evil.js"></script>

[click me](javascript:window.ran.push%28'link'%29) and [data](data:text/html,<script>alert(1)</script>)

![tracked](https://evil.example/tracked.png) ![shape](shape.svg)

The end of the page.
"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>parent.ran.push("image")</script></svg>'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("docs")
    shutil.copytree(EXAMPLES, folder / "examples")
    hostile = folder / "examples" / "services" / "hostile"
    (hostile / "docs").mkdir(parents=True)
    (hostile / "catalog-info.yaml").write_text(CATALOG)
    (hostile / "docs" / "index.md").write_text(HOSTILE)
    (hostile / "docs" / "evil.js").write_text("window.ran.push('file')")
    (hostile / "docs" / "shape.svg").write_text(SVG)
    config = configuration(folder, folder / "examples" / "**" / "catalog-info.yaml")
    config.write_text(
        config.read_text().replace("backend:\n", "techdocs: { checkInterval: PT1S }\nbackend:\n  storage: { url: 'file:blobs' }\n")
    )
    with serving(config) as started:
        started.wait_for('{ entity(ref: "component:hostile") { name } }', {"entity": {"name": "hostile"}})
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    context.add_init_script(RECORD)
    yield context.new_page()
    context.close()


def test_somebody_new_reads_the_docs_of_a_service_and_sees_an_edit(server: Serving, page: Page):
    found = server.ask('{ entity(ref: "component:checkout") { docs { url state } } }')["data"]["entity"]["docs"]
    assert urlsplit(found["url"]).path == CHECKOUT
    page.goto(server.url + CHECKOUT)
    # The page that says that the site is being built loads itself again.
    expect(page.get_by_role("heading", name="Checkout")).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Runbook", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("unbook")
    page.get_by_role("searchbox").fill("seat holds")
    expect(page.locator(".results li").first).to_contain_text("seat holds")
    page.locator(".results a").first.click()
    expect(page.locator("article")).to_contain_text("seat holds")
    source = server.log.parent / "examples" / "services" / "booking" / "checkout" / "docs" / "index.md"
    source.write_text(source.read_text() + "\nChecked by hand.\n")
    until = time.monotonic() + 60
    while "Checked by hand." not in page.content():
        assert time.monotonic() < until, server.log.read_text()
        page.wait_for_timeout(500)
        page.goto(server.url + CHECKOUT)
    # A page that is asked for again, and has not changed, keeps its style and its script.
    page.goto(server.url + CHECKOUT)
    assert page.locator(".columns").evaluate("e => getComputedStyle(e).display") == "grid"
    assert page.evaluate("window.ran") == []
    state = server.ask('{ docs(ref: "component:checkout") { state problems { page } error } }')["data"]["docs"]
    assert state == {"state": "READY", "problems": [], "error": None}


def test_a_hostile_site_runs_nothing_and_asks_nobody(server: Serving, page: Page):
    asked: set[str] = set()
    blocked: dict[str, str | None] = {}
    page.on("request", lambda request: asked.add(request.url))
    page.on("requestfailed", lambda request: blocked.update({request.url: request.failure}))
    page.on("dialog", lambda dialog: dialog.dismiss())
    address = f"{server.url}/docs/default/component/hostile/"
    page.goto(address)
    expect(page.get_by_text("The end of the page.")).to_be_visible(timeout=60_000)
    for name in ("click me", "data"):
        if page.get_by_text(name, exact=True).count():
            page.get_by_text(name, exact=True).first.click()
    page.wait_for_timeout(500)
    assert page.url.split("#")[0] == address
    # The image of elsewhere, which Markdown may name, is stopped by the policy before anything leaves.
    assert blocked == {"https://evil.example/tracked.png": "csp"}
    assert {urlsplit(url).netloc for url in asked - blocked.keys()} == {urlsplit(server.url).netloc}
    assert page.evaluate("[...new Set(window.ran)]") == ["img-src"]
    for tag in ("script", "iframe", "object", "embed", "form", "style", "base", "a[href^=javascript]", "a[href^=data]"):
        assert page.locator(f"article {tag}").count() == 0, tag
    handlers = "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => a.name.startsWith('on')).length"
    assert page.evaluate(handlers) == 0


def test_files_of_a_hostile_site_run_nothing_when_opened_by_themselves(server: Serving, page: Page):
    page.goto(f"{server.url}/docs/default/component/hostile/")
    expect(page.get_by_text("The end of the page.")).to_be_visible(timeout=60_000)
    for path in ("evil.js", "shape.svg"):
        answer = page.goto(f"{server.url}/docs/default/component/hostile/{path}")
        assert answer is not None
        assert answer.headers["content-security-policy"].endswith("sandbox")
        assert page.evaluate("(window.ran || []).filter(each => !each.includes('-src'))") == []
