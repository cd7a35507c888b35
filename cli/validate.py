"""`callboard validate`: what a team runs over its catalog files before it merges them."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from cli.catalogs import Ask, Choice, data_of, opened, pages_of
from cli.exits import FINDINGS, OK
from cli.options import config_option, format_option
from cli.paths import shown_place
from cli.printable import printable
from cli.reports import show_json
from cli.sarif import sarif_log

_REFS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a place of a file. `remedy` says what to do; `ref` is the entity it is about, if that is known."""

    code: str
    message: str
    remedy: str
    path: str
    line: int | None
    column: int | None
    ref: str | None

    @property
    def place(self) -> tuple[str, int, int]:
        return self.path, self.line or 0, self.column or 0


@click.command("validate")
@click.argument("paths", metavar="PATH…", nargs=-1)
@click.option("--url", help="Look for the targets of relations in the catalog of this server too, and report what is missing there.")
@format_option("table", "json", "sarif")
@config_option
def command(paths: tuple[str, ...], url: str | None, format_: str, configs: tuple[Path, ...]) -> int:
    """Check the catalog files at PATH…: files, folders or globs; without any, the folder you are in.

    In a folder every catalog-info.yaml is read, at any depth. Custom kinds and relations come from the configuration. Exits with 1 if
    anything is wrong.
    """
    entities, findings = asyncio.run(_checked(Choice(None, paths or (".",), configs), url))
    findings = sorted(findings, key=lambda finding: finding.place)
    match format_:
        case "json":
            show_json({"entities": entities, "findings": [asdict(finding) for finding in findings]})
        case "sarif":
            show_json(sarif_log(findings))
        case _:
            _show(entities, findings)
    return FINDINGS if findings else OK


async def _checked(files: Choice, url: str | None) -> tuple[int, list[Finding]]:
    async with opened(files) as ask:
        findings = [Finding(**node) async for page in pages_of(ask, "catalog_errors", {}, "catalogErrors") for node in page["nodes"]]
        entities, dangling = await _declared(ask)
    if url and dangling:
        async with opened(Choice(url, (), ())) as ask:
            findings += await _missing(ask, dangling, url)
    return entities, findings


async def _declared(ask: Ask) -> tuple[int, Mapping[str, Sequence[Mapping[str, Any]]]]:
    """How many entities there are, and the evidence for each target that is none of them."""
    total, dangling = 0, dict[str, list[Mapping[str, Any]]]()
    async for page in pages_of(ask, "declared", {}, "entities"):
        total += len(page["nodes"])
        for node in page["nodes"]:
            for edge in node["relations"]["edges"]:
                if edge["node"] is None:
                    dangling.setdefault(edge["targetRef"], []).extend(edge["evidence"])
    return total, dangling


async def _missing(ask: Ask, dangling: Mapping[str, Sequence[Mapping[str, Any]]], url: str) -> list[Finding]:
    refs = sorted(dangling)
    known: set[str] = set()
    for start in range(0, len(refs), _REFS_AT_ONCE):
        found = await data_of(ask, "existing", {"refs": refs[start : start + _REFS_AT_ONCE]})
        known |= {entity["ref"] for entity in found["entitiesByRef"] if entity}
    return [
        Finding(
            "missing-target",
            f"{place['field']} names {ref}, which is neither among these files nor in the catalog at {url}",
            "Mend the ref, or add the entity.",
            place["path"],
            place["line"],
            None,
            place["declarer"],
        )
        for ref in refs
        if ref not in known
        for place in dangling[ref]
    ]


def _show(entities: int, findings: Sequence[Finding]) -> None:
    for finding in findings:
        click.echo(f"{shown_place(finding.path, finding.line, finding.column)}: {printable(finding.message)} [{finding.code}]")
        click.echo(f"    {printable(finding.remedy)}")
    files = Counter(finding.path for finding in findings)
    wrong = f"{_counted(len(findings), 'finding')} in {_counted(len(files), 'file')}" if findings else "nothing wrong"
    click.echo(f"{entities:,} {'entity' if entities == 1 else 'entities'} read; {wrong}.", err=True)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
