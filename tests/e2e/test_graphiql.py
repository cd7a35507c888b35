"""GraphiQL in a real browser without a network: its own files, its content security policy, and what people do in it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from graphql import build_schema, parse, validate
from playwright.sync_api import Browser, BrowserContext, Page, expect

from api.graphql.page import POLICY
from tests.e2e.browser import chromium
from tests.e2e.serving import EXAMPLES, ROOT, Serving, configuration, serving

QUERIES = sorted((ROOT / "web" / "graphiql" / "src" / "queries").glob("*.graphql"))
TABS = ["WhatIsThere", "WhoOwnsIt", "WhatBreaks", "WhatATeamOwns", "WhatIsWrong"]
LOUD = {"error", "warning"}
RECORD_VIOLATIONS = """
window.violations = [];
document.addEventListener('securitypolicyviolation', (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
"""


@dataclass
class Opened:
    """A page at /graphql, and everything it asked for or complained about."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)

    def open_tab(self, position: int) -> None:
        self.page.locator(".graphiql-tab-button").nth(position).click()
        self.wait_until_taken(QUERIES[position].read_text())

    def run(self) -> None:
        self.page.get_by_role("button", name="Execute query").click()

    def result(self) -> str:
        # Monaco shows blanks as no-break spaces.
        return self.page.locator(".result-window .view-lines").inner_text().replace("\xa0", " ")

    def type_query(self, text: str) -> None:
        self.page.get_by_role("button", name="New tab").click()
        self.page.locator(".graphiql-query-editor .view-lines").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.press("Delete")
        # In one event, so that no completion and no brace that the editor closes by itself comes between.
        self.page.keyboard.insert_text(text)

    def run_query(self, text: str) -> None:
        self.type_query(text)
        self.wait_until_taken(text)
        self.page.keyboard.press("Control+Enter")

    def wait_until_taken(self, query: str) -> None:
        """Until GraphiQL has read this query from the editor, a moment after the last key; until then it sends the old operation's name."""
        self.page.wait_for_function("query => localStorage.getItem('graphiql:query') === query", arg=query, timeout=10_000)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(configuration(tmp_path_factory.mktemp("graphiql"), EXAMPLES / "all.yaml")) as started:
        started.wait_for("{ entities { totalCount } }", {"entities": {"totalCount": 100}})
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    yield context
    context.close()


@pytest.fixture
def graphiql(context: BrowserContext, server: Serving) -> Iterator[Opened]:
    """GraphiQL with the tabs it has at first. In the end it must have asked nobody else and complained about nothing."""
    page = context.new_page()
    opened = Opened(page)
    page.add_init_script(RECORD_VIOLATIONS)
    page.on("request", lambda request: opened.hosts.add(urlsplit(request.url).netloc))
    page.on("console", lambda message: opened.complaints.append(message.text) if message.type in LOUD else None)
    page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    page.goto(f"{server.url}/graphql")
    page.wait_for_selector(".graphiql-query-editor .view-line", timeout=20_000)
    yield opened
    assert opened.hosts - {""} == {urlsplit(server.url).netloc}
    assert page.evaluate("window.violations") == []
    assert opened.complaints == []


def test_the_page_and_its_files_carry_the_policy_of_the_design(server: Serving):
    page = server.get("/graphql", headers={"Accept": "text/html"})
    assert page.headers["content-security-policy"] == POLICY
    script = page.text.split('src="./')[1].split('"')[0]
    assert server.get(f"/{script}").headers["content-security-policy"] == POLICY
    assert "http:" not in page.text.replace("http://www.w3.org/2000/svg", "")
    assert "https:" not in page.text


def test_five_tabs_hold_queries_that_answer(graphiql: Opened):
    tabs = graphiql.page.locator(".graphiql-tab-button")
    assert tabs.all_inner_texts() == TABS
    for position, key in enumerate(['"facets"', '"owner"', '"impact"', '"descendants"', '"cycles"']):
        graphiql.open_tab(position)
        graphiql.run()
        expect(graphiql.page.locator(".result-window .view-lines")).to_contain_text(key, timeout=10_000)
        assert '"errors"' not in graphiql.result()


def test_a_typed_query_runs_and_shows_its_result(graphiql: Opened):
    graphiql.run_query('query Typed { entity(ref: "system:default/booking") { title } }')
    expect(graphiql.page.locator(".result-window .view-lines")).to_contain_text('"title"', timeout=10_000)
    assert '"title": "Booking"' in graphiql.result()


def test_a_subscription_shows_what_it_is_told(graphiql: Opened):
    graphiql.run_query('subscription Told { entityChanges(since: "99") { cursor } }')
    expect(graphiql.page.locator(".result-window .view-lines")).to_contain_text('"cursor"', timeout=10_000)
    assert '"cursor": "100"' in graphiql.result()


def test_fields_are_completed_from_the_schema(graphiql: Opened):
    graphiql.page.wait_for_load_state("networkidle")
    graphiql.type_query("{ entit")
    graphiql.page.keyboard.press("Control+Space")
    suggestions = graphiql.page.locator(".suggest-widget .monaco-list-row")
    expect(suggestions.first).to_be_visible(timeout=10_000)
    offered = " ".join(suggestions.all_inner_texts())
    assert "entity" in offered
    assert "entitiesByRef" in offered


def test_the_documentation_shows_descriptions(graphiql: Opened):
    graphiql.page.get_by_role("button", name="Show Documentation Explorer").click()
    graphiql.page.locator(".graphiql-doc-explorer-content").get_by_text("Query", exact=True).first.click()
    expect(graphiql.page.locator(".graphiql-doc-explorer-content")).to_contain_text("impact", timeout=10_000)


@pytest.mark.parametrize("path", QUERIES, ids=lambda path: path.stem)
def test_each_tab_is_valid_in_the_committed_schema(path: Path):
    schema = build_schema((ROOT / "schema.graphql").read_text(), assume_valid_sdl=True)
    assert validate(schema, parse(path.read_text())) == []
