"""Diagrams that servers draw: which languages there are, how they stand in pages while nobody drew them, and having them drawn.

PlantUML's server: https://plantuml.com/server; Kroki: https://docs.kroki.io/kroki/setup/usage
"""

import asyncio
import posixpath
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from html import escape, unescape
from pathlib import Path

from config.backend import Reading
from config.generator import Diagrams
from plugins.contract import SourceError
from plugins.outbound.client import Outbound
from workers.techdocs.diagram_languages import DRAWN_BY, PLANTUML, block, note
from workers.techdocs.links import MOST_PROBLEMS
from workers.techdocs.metadata import site_files
from workers.techdocs.results import DocsProblem, ProblemKind
from workers.techdocs.vector_images import UnusableImageError, harmless_svg

_FOLDER = "assets/diagrams"
_MOST_DIAGRAMS = 500
_MOST_PAGE_BYTES = 8 * 1024 * 1024
_MOST_CHARACTERS = 100_000
_MOST_SVG_BYTES = 1024 * 1024
_SECONDS_EACH = 20.0
_AT_ONCE = 4
_BLOCK = re.compile(block("[^<]*", "(?P<language>[a-z0-9-]+)", "(?P<code>[^<]*)"))


@dataclass(frozen=True, slots=True)
class _Diagram:
    language: str
    source: str

    @property
    def path(self) -> str:
        """Where its image is in the site."""
        return f"{_FOLDER}/{blake2b(f'{self.language} {self.source}'.encode(errors='replace'), digest_size=12).hexdigest()}.svg"


async def draw(site: Path, pages: Mapping[str, str], settings: Diagrams, reading: Reading, seconds: float) -> Sequence[DocsProblem]:
    """Put images in place of the diagrams in the pages of a site that a configured server draws, within the time; what it does not draw
    stays code, and is told. `pages` are the sources of pages by their paths in the site.
    """
    found, wanted = await asyncio.to_thread(_found, site, settings)
    if not found:
        return ()
    outbound = Outbound(reading)
    drawn: dict[_Diagram, str | None] = {}
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def draw_one(diagram: _Diagram) -> None:
        async with at_once:
            drawn[diagram] = await _why_not_drawn(site, diagram, settings, outbound)

    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(draw_one(diagram) for diagram in wanted))
    finally:
        await outbound.close()
    return await asyncio.to_thread(_placed, site, found, pages, drawn, settings)


def _found(site: Path, settings: Diagrams) -> tuple[Sequence[str], Sequence[_Diagram]]:
    """The pages with diagrams that a server draws, and the diagrams, each once and as many as are drawn."""
    # Whatever ran in the build, nothing is taken from elsewhere.
    if site.is_symlink() or not site.is_dir():
        return (), ()
    found: list[str] = []
    wanted: dict[_Diagram, None] = {}
    for path in site_files(site):
        if not path.endswith(".html") or (site / path).stat().st_size > _MOST_PAGE_BYTES:
            continue
        diagrams = _diagrams(_text(site / path), settings)
        if diagrams:
            found.append(path)
        for diagram in diagrams:
            if len(wanted) < _MOST_DIAGRAMS and len(diagram.source) <= _MOST_CHARACTERS:
                wanted[diagram] = None
    return found, list(wanted)


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8", errors="surrogateescape")


def _diagrams(text: str, settings: Diagrams) -> Sequence[_Diagram]:
    found = (_Diagram(match["language"], unescape(match["code"])) for match in _BLOCK.finditer(text))
    return [diagram for diagram in found if _address(diagram, settings)]


def _address(diagram: _Diagram, settings: Diagrams) -> str | None:
    """Where the diagram is drawn; None where nothing is configured that does."""
    language, drawn_by = diagram.language, DRAWN_BY.get(diagram.language)
    if drawn_by == PLANTUML and settings.plantuml:
        return f"{settings.plantuml}/svg"
    if drawn_by is None or not settings.kroki:
        return None
    kind = language.removeprefix("kroki-")
    kind = {"dot": "graphviz", "puml": "plantuml", "uml": "plantuml"}.get(kind, kind)
    return f"{settings.kroki}/{kind}/svg"


async def _why_not_drawn(site: Path, diagram: _Diagram, settings: Diagrams, outbound: Outbound) -> str | None:
    """Have the image put into the site; why there is none, None if there is one."""
    address, source = _address(diagram, settings), diagram.source
    if address is None:
        raise AssertionError("only what is drawn somewhere is asked for")
    if DRAWN_BY[diagram.language] == PLANTUML and "@start" not in source:
        source = f"@startuml\n{source}\n@enduml"
    headers = {"content-type": "text/plain; charset=utf-8", "accept": "image/svg+xml"}
    try:
        async with outbound.request(
            "POST",
            address,
            headers=headers,
            content=source.encode(errors="replace"),
            max_bytes=_MOST_SVG_BYTES,
            timeout_seconds=_SECONDS_EACH,
            any_host=True,
        ) as answer:
            content = await answer.body()
        await asyncio.to_thread(_keep, site / diagram.path, content)
    except (SourceError, UnusableImageError) as error:
        return str(error)
    return None


def _keep(path: Path, content: bytes) -> None:
    image = harmless_svg(content)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image)


def _placed(
    site: Path, found: Sequence[str], pages: Mapping[str, str], drawn: Mapping[_Diagram, str | None], settings: Diagrams
) -> Sequence[DocsProblem]:
    """Put the images into the pages; what is not drawn."""
    problems: list[DocsProblem] = []

    def shown(match: re.Match[str], page: str) -> str:
        diagram = _Diagram(match["language"], unescape(match["code"]))
        if _address(diagram, settings) is None:
            return match[0]
        drawn_by = DRAWN_BY[diagram.language]
        reason = drawn.get(diagram, "it is too long, there are too many, or they took too long")
        if reason is None:
            source = posixpath.relpath(diagram.path, posixpath.dirname(page) or ".")
            return f'<p class="diagram"><img src="{source}" alt="{drawn_by} diagram"></p>'
        first = next((line.strip() for line in diagram.source.splitlines() if line.strip()), "")
        if len(problems) < MOST_PROBLEMS:
            target = f"{diagram.language}: {first[:80]} ({reason[:300]})"
            problems.append(DocsProblem(ProblemKind.UNDRAWN_DIAGRAM, pages.get(page, page), target))
        return block(escape(note(f"{drawn_by} could not draw it")), diagram.language, match["code"])

    for page in found:
        changed = _BLOCK.sub(lambda match, page=page: shown(match, page), _text(site / page))
        (site / page).write_text(changed, encoding="utf-8", errors="surrogateescape")
    return problems
