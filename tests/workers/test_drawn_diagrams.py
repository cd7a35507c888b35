"""PlantUML's and Kroki's diagrams, drawn while a site is built by servers that the configuration names, or left as code."""

from pathlib import Path

import pytest

from config import Config
from tests.servers.http import HttpServer, http_server, response
from tests.workers.docs import built
from workers.techdocs.diagram_languages import block
from workers.techdocs.pages import page_of
from workers.techdocs.results import BuiltSite, DocsProblem, ProblemKind
from workers.techdocs.vector_images import UnusableImageError, harmless_svg

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text style="fill:#000">Bob</text></svg>'
PAGES = {
    "docs/index.md": '# Start\n\n```plantuml\nBob -> Alice: <hi> & "bye"\n```\n\n```kroki-d2\nx -> y\n```\n',
    "docs/more/two.md": '# Two\n\n```plantuml\nBob -> Alice: <hi> & "bye"\n```\n\n```kroki-bpmn\n<bad/>\n```\n\n```python\nprint()\n```\n',
}
WRAPPED = b'@startuml\nBob -> Alice: <hi> & "bye"\n@enduml'


def configured(plantuml: str | None = None, kroki: str | None = None) -> Config:
    diagrams = {"plantuml": plantuml, "kroki": kroki}
    return Config.model_validate({
        "backend": {"reading": {"allowPrivate": ["127.0.0.1"]}}, "techdocs": {"generator": {"diagrams": diagrams}},
    })  # fmt: skip


def article(site: BuiltSite, page: str) -> str:
    return page_of((site.folder / page).read_text()).article


def svg(content: bytes = SVG) -> bytes:
    return response(200, content, content_type="image/svg+xml")


def sent(server: HttpServer) -> list[tuple[str, str, bytes]]:
    return sorted((one.method, one.target, one.body) for one in server.received)


async def test_diagrams_are_drawn_once_by_the_servers_of_the_configuration(tmp_path: Path):
    answers = {"/uml/svg": svg(), "/k/d2/svg": svg(SVG.replace(b"Bob", b"x")), "/k/bpmn/svg": response(400, b"Error 400: no <diagram>")}
    async with http_server(answers) as server:
        config = configured(f"{server.url}/uml", f"{server.url}/k/")
        async with built(tmp_path, PAGES, config) as site:
            first, second = article(site, "index.html"), article(site, "more/two/index.html")
            images = sorted(path.relative_to(site.folder).as_posix() for path in (site.folder / "assets" / "diagrams").iterdir())
            drawn = {(site.folder / path).read_text() for path in images}
            described = (site.folder / "techdocs_metadata.json").read_text()
        assert sent(server) == [
            ("POST", "/k/bpmn/svg", b"<bad/>"),
            ("POST", "/k/d2/svg", b"x -> y"),
            ("POST", "/uml/svg", WRAPPED),
        ]
    assert len(images) == 2
    assert all(image in described for image in images)
    assert drawn == {SVG.decode(), SVG.decode().replace("Bob", "x")}
    shared = next(image for image in images if f"../../{image}" in second)
    assert f'<p class="diagram"><img src="{shared}" alt="PlantUML diagram"></p>' in first
    assert 'alt="Kroki diagram"' in first
    assert "diagram-note" not in first
    assert "This diagram is shown as its source: Kroki could not draw it." in second
    assert '<pre class="diagram-source language-kroki-bpmn"><code>&lt;bad/&gt;</code></pre>' in second
    (problem,) = site.problems
    assert (problem.kind, problem.page) == (ProblemKind.UNDRAWN_DIAGRAM, "docs/more/two.md")
    assert problem.target.startswith("kroki-bpmn: <bad/> (")
    assert "400" in problem.target


async def test_kroki_draws_what_has_no_server_of_its_own_and_without_one_all_is_code(tmp_path: Path):
    async with http_server({"/plantuml/svg": svg(), "/d2/svg": svg(), "/bpmn/svg": svg()}) as server:
        async with built(tmp_path, PAGES, configured(kroki=server.url)) as site:
            assert article(site, "index.html").count("<img") == 2
        assert ("POST", "/plantuml/svg", WRAPPED) in sent(server)
    async with http_server({"/svg": svg()}) as server, built(tmp_path, PAGES, configured(plantuml=server.url)) as site:
        text = article(site, "index.html")
        assert (text.count("<img"), text.count("Kroki is not at hand where this site is built")) == (1, 1)
        assert site.problems == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (svg(b"<html>no</html>"), "it is no SVG"),
        (svg(b"<svg" + b" " * 5_000_000), "larger than"),
        (response(302, location="http://127.0.0.1:1/"), "a redirect that can't be followed"),
    ],
    ids=["html", "too large", "redirect"],
)
async def test_what_is_no_diagram_leaves_the_code_and_is_told(tmp_path: Path, answer: bytes, reason: str):
    async with http_server({"/svg": answer}) as server:
        pages = {"docs/index.md": "# One\n\n```plantuml\na -> b\n```\n"}
        async with built(tmp_path, pages, configured(plantuml=server.url)) as site:
            assert "PlantUML could not draw it" in article(site, "index.html")
            assert not (site.folder / "assets" / "diagrams").exists()
    (problem,) = site.problems
    assert problem.target.startswith("plantuml: a -> b (")
    assert reason in problem.target


async def test_what_is_too_much_for_a_server_is_not_sent_and_bytes_that_are_no_text_do_no_harm(tmp_path: Path):
    (tmp_path / "docs").mkdir()
    raw = block("", "plantuml", "c -&gt; ?").encode().replace(b"?", b"\xff")
    (tmp_path / "docs" / "raw.html").write_bytes(raw)
    pages = {"docs/index.md": f"# One\n\n```plantuml\na -> {'b' * 200_000}\n```\n"}
    async with http_server({"/svg": svg()}) as server, built(tmp_path, pages, configured(plantuml=server.url)) as site:
        assert (site.folder / "raw.html").read_text().startswith('<p class="diagram"><img src="assets/diagrams/')
        assert sent(server) == [("POST", "/svg", b"@startuml\nc -> ?\n@enduml")]
    assert [problem.target.partition("(")[2] for problem in site.problems] == ["it is too long, there are too many, or they took too long)"]


async def test_private_addresses_are_reached_where_the_configuration_allows_them_alone(tmp_path: Path):
    config = Config.model_validate({"techdocs": {"generator": {"diagrams": {"plantuml": "http://127.0.0.1:9"}}}})
    async with built(tmp_path, {"docs/index.md": "# One\n\n```puml\na -> b\n```\n"}, config) as site:
        (problem,) = site.problems
    assert isinstance(problem, DocsProblem)
    assert "127.0.0.1 has a loopback address" in problem.target


def test_an_image_keeps_its_shapes_and_loses_what_acts():
    drawn = b"""<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd">
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" onload="x()">
<script>x()</script><style>@import "http://evil.example/a.css";</style><style>text { fill: url(#g) }</style>
<a xlink:href="javascript:x()" target="_top"><rect width="1" style="fill:url(http://evil.example/b)" fill="url(#g)"/></a>
<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><img src="x" onerror="x()"/></body></foreignObject>
<use xlink:href="http://evil.example/c#d"/><use href="#ok"/><image href="http://evil.example/e"/><animate attributeName="href"/>
<image href="data:image/png;base64,AAAA"/><image href="data:image/svg+xml,x"/><text ONCLICK="x()">a<set/>b</text></svg>"""
    text = harmless_svg(drawn).decode()
    for gone in (
        "script",
        "evil.example",
        "javascript",
        "foreignObject",
        "onload",
        "onerror",
        "ONCLICK",
        "animate",
        "set",
        "target",
        "DOCTYPE",
        "svg+xml,",
    ):
        assert gone not in text, gone
    for kept in (
        '<g><rect width="1" fill="url(#g)" /></g>',
        "<style>text { fill: url(#g) }</style>",
        '<use href="#ok" />',
        "data:image/png;base64,AAAA",
        ">ab</text>",
    ):
        assert kept in text, kept


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg/>",
        b"\xff\xfe<",
        b'<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
        b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g>" * 500 + b"</g>" * 500 + b"</svg>",
    ],
    ids=["nothing", "no namespace", "no text", "entities", "deep"],
)
def test_what_is_no_plain_image_is_refused(content: bytes):
    with pytest.raises(UnusableImageError):
        harmless_svg(content)
