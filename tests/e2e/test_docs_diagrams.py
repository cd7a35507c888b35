"""Mermaid's diagrams in pages of documentation, in a browser without a network: drawn where they can be, code where not, and harmless."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.e2e.browser import chromium
from tests.e2e.serving import Serving, configuration, serving

CATALOG = """apiVersion: backstage.io/v1alpha1
kind: Component
metadata: { name: drawn, annotations: { 'backstage.io/techdocs-ref': 'dir:.' } }
spec: { type: service, lifecycle: production, owner: team }
"""
PAGES = {
    "index.md": """# Drawn

```mermaid
flowchart LR
  basket[A basket of seats] -->|is paid| booking[(Booking)]
```

```mermaid
sequenceDiagram
  Browser->>Checkout: pay
  Checkout-->>Browser: tickets
```
""",
    "broken.md": "# Broken\n\n```mermaid\nflowchart LR\n  a --> --> b\n```\n\nThe end.\n",
    "plain.md": "# Plain\n\nWithout diagrams.\n",
    "hostile.md": """# Hostile

```mermaid
%%{init: {"securityLevel": "loose", "startOnLoad": true, "flowchart": {"htmlLabels": true},
  "themeCSS": "@import url(https://evil.example/a.css); * { background: url(https://evil.example/b) }"}}%%
flowchart TD
  a["<img src=x onerror=parent.ran.push('label')><script>parent.ran.push('script')</script> first"] --> b[second]
  b --> c["<iframe src='https://evil.example/frame'></iframe> third"]
  click a call parent.ran.push("call")
  click b "javascript:parent.ran.push('link')" _top
  click c "https://evil.example/elsewhere" _blank
```

```mermaid
flowchart TD
  d@{ img: "https://evil.example/image.png", label: "fourth", w: 60, h: 60 }
```

The end.
""",
}
RECORD = "window.ran = [];"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("diagrams")
    (folder / "docs").mkdir()
    (folder / "catalog-info.yaml").write_text(CATALOG)
    for name, text in PAGES.items():
        (folder / "docs" / name).write_text(text)
    config = configuration(folder, folder / "catalog-info.yaml")
    config.write_text(config.read_text().replace("backend:\n", "backend:\n  storage: { url: 'file:blobs' }\n"))
    with serving(config) as started:
        started.wait_for('{ entity(ref: "component:drawn") { name } }', {"entity": {"name": "drawn"}})
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@contextmanager
def opened(browser: Browser, address: str, heading: str, *, scripts: bool = True) -> Iterator[tuple[Page, list[str]]]:
    """The page at an address once it is built, and the addresses that were asked for: not those that the policy stopped before."""
    context = browser.new_context(java_script_enabled=scripts)
    context.add_init_script(RECORD)
    page, asked = context.new_page(), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: asked.remove(request.url) if request.failure == "csp" else None)
    page.goto(address)
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible(timeout=60_000)
    yield page, asked
    context.close()


def at(server: Serving, path: str = "") -> str:
    return f"{server.url}/docs/default/component/drawn/{path}"


def hosts(addresses: Sequence[str]) -> set[str]:
    return {urlsplit(url).netloc for url in addresses if not url.startswith("blob:")}


def frame(page: Page, number: int = 0) -> FrameLocator:
    return page.frame_locator("iframe.diagram").nth(number)


def test_diagrams_are_drawn_in_the_page_and_mermaid_is_loaded_once(server: Serving, browser: Browser):
    with opened(browser, at(server), "Drawn") as (page, asked):
        expect(frame(page).locator("svg")).to_contain_text("A basket of seats", timeout=30_000)
        expect(frame(page).locator("svg")).to_contain_text("is paid")
        expect(frame(page, 1).locator("svg")).to_contain_text("Checkout", timeout=30_000)
        expect(page.locator("pre.mermaid").first).to_be_hidden()
        expect(page.locator("pre.mermaid").last).to_be_hidden()
        boxes = [page.locator("iframe.diagram").nth(number).bounding_box() for number in (0, 1)]
        assert [box and box["height"] > 50 for box in boxes] == [True, True]
        # Its styles are there, which need a policy of their own: an edge is a line and no black shape.
        assert frame(page).locator("path.flowchart-link").first.evaluate("e => getComputedStyle(e).fill") == "none"
    assert [urlsplit(url).path for url in asked].count("/docs/-/mermaid.min.js") == 1
    assert hosts(asked) == {urlsplit(server.url).netloc}


def test_a_page_without_diagrams_does_not_load_mermaid(server: Serving, browser: Browser):
    with opened(browser, at(server, "plain/"), "Plain") as (_, asked):
        pass
    assert sorted(urlsplit(url).path.rpartition("/")[2] for url in asked) == ["", "docs.css", "docs.js"]


def test_a_diagram_that_can_not_be_drawn_stays_readable_code(server: Serving, browser: Browser):
    with opened(browser, at(server, "broken/"), "Broken") as (page, _):
        expect(page.locator(".diagram-note")).to_contain_text("Mermaid can't draw it. Parse error on line 2", timeout=30_000)
        expect(page.locator("pre.mermaid")).to_contain_text("a --> --> b")
        assert page.locator("iframe").count() == 0


def test_without_scripts_a_diagram_is_code_and_the_page_says_why(server: Serving, browser: Browser):
    with opened(browser, at(server), "Drawn", scripts=False) as (page, _):
        expect(page.locator("pre.mermaid").first).to_contain_text("basket[A basket of seats]")
        assert '<noscript><div class="notice">Diagrams are shown as their source, because' in page.content()


def test_a_hostile_diagram_runs_nothing_asks_nobody_and_leads_nowhere(server: Serving, browser: Browser):
    with opened(browser, at(server, "hostile/"), "Hostile") as (page, asked):
        drawn = frame(page).locator("svg").first
        expect(drawn).to_contain_text("second", timeout=30_000)
        expect(page.locator(".diagram-note")).to_contain_text("Mermaid can't draw it.", timeout=30_000)
        for name in ("first", "second", "third"):
            frame(page).get_by_text(name).first.click()
        page.wait_for_timeout(500)
        assert page.evaluate("window.ran") == []
        assert page.url == at(server, "hostile/")
        assert len(page.context.pages) == 1
        for selector in ("script", "iframe", "a[href]", "a[target]"):
            assert frame(page).locator(f"#diagram {selector}").count() == 0, selector
        attributes = (
            "[...document.querySelectorAll('#diagram *')].flatMap(e => [...e.attributes]).filter(a => a.name.startsWith('on')).length"
        )
        assert page.frames[1].evaluate(attributes) == 0
        # Whatever ran in the frame would find nothing there: neither the page, nor what it may ask for as its reader.
        assert page.frames[1].evaluate("origin") == "null"
        stopped = page.frames[1].evaluate(f"fetch('{server.url}/graphql').then(() => 'sent', (error) => error.name)")
        assert stopped == "TypeError"
    assert hosts(asked) == {urlsplit(server.url).netloc}


def test_the_frame_of_a_diagram_is_shown_by_callboard_alone(server: Serving):
    headers = server.get("/docs/-/diagram.html").headers
    assert headers["content-security-policy"].endswith("frame-ancestors 'self'; sandbox allow-scripts")
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert (Path(__file__).parents[2] / "api" / "docs" / "mermaid" / "LICENSE").read_text().startswith("The MIT License")
