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
from workers.techdocs.metadata import site_files
from workers.techdocs.results import DocsProblem, ProblemKind
from workers.techdocs.vector_images import UnusableImageError, harmless_svg

_FOLDER = "assets/diagrams"
_MOST_DIAGRAMS = 500
_MOST_CHARACTERS = 100_000
_MOST_SVG_BYTES = 4 * 1024 * 1024
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
        return f"{_FOLDER}/{blake2b(f'{self.language} {self.source}'.encode(), digest_size=12).hexdigest()}.svg"


async def draw(site: Path, pages: Mapping[str, str], settings: Diagrams, reading: Reading, seconds: float) -> Sequence[DocsProblem]:
    """Put images in place of the diagrams in the pages of a site that a configured server draws, within the time; what it does not draw
    stays code, and is told. `pages` are the sources of pages by their paths in the site.
    """
    texts = await asyncio.to_thread(_texts, site, settings)
    wanted = dict.fromkeys(diagram for text in texts.values() for diagram in _diagrams(text, settings))
    if not wanted:
        return ()
    outbound = Outbound(reading)
    drawn: dict[_Diagram, bytes | str] = {}
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def draw_one(diagram: _Diagram) -> None:
        async with at_once:
            drawn[diagram] = await _drawn(diagram, settings, outbound)

    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(draw_one(diagram) for diagram in list(wanted)[:_MOST_DIAGRAMS]))
    finally:
        await outbound.close()
    return await asyncio.to_thread(_placed, site, texts, pages, drawn, settings)


def _texts(site: Path, settings: Diagrams) -> Mapping[str, str]:
    """The pages with diagrams to draw."""
    # Whatever ran in the build, nothing is taken from elsewhere.
    if site.is_symlink() or not site.is_dir():
        return {}
    pages = (path for path in site_files(site) if path.endswith(".html"))
    texts = ((path, (site / path).read_text(encoding="utf-8", errors="surrogateescape")) for path in pages)
    return {path: text for path, text in texts if any(_diagrams(text, settings))}


def _diagrams(text: str, settings: Diagrams) -> Sequence[_Diagram]:
    found = (_Diagram(match["language"], unescape(match["code"])) for match in _BLOCK.finditer(text))
    return [diagram for diagram in found if _address(diagram, settings)]


def _address(diagram: _Diagram, settings: Diagrams) -> str | None:
    """Where the diagram is drawn; None where nothing is configured that does."""
    language, drawn_by = diagram.language, DRAWN_BY.get(diagram.language)
    if drawn_by == PLANTUML and settings.plantuml:
        return f"{settings.plantuml.rstrip('/')}/svg"
    if drawn_by is None or not settings.kroki:
        return None
    kind = language.removeprefix("kroki-")
    kind = {"dot": "graphviz", "puml": "plantuml", "uml": "plantuml"}.get(kind, kind)
    return f"{settings.kroki.rstrip('/')}/{kind}/svg"


async def _drawn(diagram: _Diagram, settings: Diagrams, outbound: Outbound) -> bytes | str:
    """The image, or why there is none."""
    address, source = _address(diagram, settings), diagram.source
    if address is None or len(source) > _MOST_CHARACTERS:
        return f"it has more than {_MOST_CHARACTERS:,} characters"
    if DRAWN_BY[diagram.language] == PLANTUML and "@start" not in source:
        source = f"@startuml\n{source}\n@enduml"
    headers = {"content-type": "text/plain; charset=utf-8", "accept": "image/svg+xml"}
    try:
        async with outbound.request(
            "POST",
            address,
            headers=headers,
            content=source.encode(),
            max_bytes=_MOST_SVG_BYTES,
            timeout_seconds=_SECONDS_EACH,
            any_host=True,
        ) as answer:
            content = await answer.body()
        return await asyncio.to_thread(harmless_svg, content)
    except (SourceError, UnusableImageError) as error:
        return str(error)


def _placed(
    site: Path, texts: Mapping[str, str], pages: Mapping[str, str], drawn: Mapping[_Diagram, bytes | str], settings: Diagrams
) -> Sequence[DocsProblem]:
    problems: list[DocsProblem] = []
    for diagram, image in drawn.items():
        if isinstance(image, bytes):
            (site / diagram.path).parent.mkdir(parents=True, exist_ok=True)
            (site / diagram.path).write_bytes(image)

    def shown(match: re.Match[str], page: str) -> str:
        diagram = _Diagram(match["language"], unescape(match["code"]))
        if _address(diagram, settings) is None:
            return match[0]
        image, drawn_by = drawn.get(diagram, "there are too many, or they took too long"), DRAWN_BY[diagram.language]
        if isinstance(image, bytes):
            source = posixpath.relpath(diagram.path, posixpath.dirname(page) or ".")
            return f'<p class="diagram"><img src="{source}" alt="{drawn_by} diagram"></p>'
        first = next((line.strip() for line in diagram.source.splitlines() if line.strip()), "")
        target = f"{diagram.language}: {first[:80]} ({image[:300]})"
        problems.append(DocsProblem(ProblemKind.UNDRAWN_DIAGRAM, pages.get(page, page), target))
        return block(escape(note(f"{drawn_by} could not draw it")), diagram.language, match["code"])

    for page, text in texts.items():
        changed = _BLOCK.sub(lambda match, page=page: shown(match, page), text)
        (site / page).write_text(changed, encoding="utf-8", errors="surrogateescape")
    return problems
