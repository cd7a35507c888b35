"""`callboard impact`: what a change reaches, and whom to tell."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from cli.catalogs import Ask, Choice, FailedRequestError, catalog_options, opened, pages_of
from cli.contacts import contact_of
from cli.exits import FINDINGS, OK
from cli.options import format_option
from cli.refs import full_refs, relation_names
from cli.reports import FORMATS, Link, Report, Table, show

_PAGE = 1_000
_SHOWN_IN_TABLE = 50


@dataclass(frozen=True, slots=True)
class _Question:
    refs: Sequence[str]
    direction: str
    relations: Sequence[str]
    max_depth: int | None
    limit: int | None

    @property
    def variables(self) -> Mapping[str, Any]:
        return {
            "of": self.refs,
            "direction": self.direction.upper(),
            "relations": relation_names(self.relations) or None,
            "maxDepth": self.max_depth,
            "first": min(self.limit or _PAGE, _PAGE),
        }


@click.command("impact")
@click.argument("refs", metavar="REF…", nargs=-1, required=True)
@click.option(
    "--direction",
    type=click.Choice(["dependents", "dependencies"]),
    default="dependents",
    show_default=True,
    help="What a change is felt by, or what it comes from.",
)
@click.option("--relation", "relations", multiple=True, help="Follow this relation, such as dependsOn; without it all that changes travel.")
@click.option("--max-depth", type=click.IntRange(min=1), help="Go no further than this many steps.")
@click.option("--limit", type=click.IntRange(min=0), help="Print so many entities, 0 for all. Without it: 50 in a table, else all.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything is affected.")
@format_option(*FORMATS)
@catalog_options
def command(
    *,
    refs: tuple[str, ...],
    direction: str,
    relations: tuple[str, ...],
    max_depth: int | None,
    limit: int | None,
    exit_code: bool,
    format_: str,
    choice: Choice,
) -> int:
    """Show what a change of the entities REF… reaches, and whom to tell.

    REF is [kind:][namespace/]name; without a kind a component is meant.
    """
    shown = (_SHOWN_IN_TABLE if format_ == "table" else None) if limit is None else limit or None
    question = _Question(full_refs(refs), direction, relations, max_depth, shown)
    report, affected = asyncio.run(_asked(question, choice))
    show(report, format_)
    return FINDINGS if exit_code and affected else OK


async def _asked(question: _Question, choice: Choice) -> tuple[Report, int]:
    async with opened(choice) as ask:
        first, edges = await _answer(ask, question)
    found = {root["ref"] for root in first["roots"]}
    missing = [ref for ref in question.refs if ref not in found]
    if missing:
        raise FailedRequestError(f"not in the catalog: {', '.join(missing)}")
    return _report(question, first, edges), first["totalCount"]


async def _answer(ask: Ask, question: _Question) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    first: Mapping[str, Any] = {}
    edges: list[Mapping[str, Any]] = []
    async for page in pages_of(ask, "impact", question.variables, "impact"):
        first = first or page
        edges += page["edges"]
        if question.limit is not None and len(edges) >= question.limit:
            break
    return first, edges[: question.limit]


def _report(question: _Question, impact: Mapping[str, Any], edges: Sequence[Mapping[str, Any]]) -> Report:
    total = impact["totalCount"]
    verb = "are affected by" if question.direction == "dependents" else "affect"
    headline = f"{total:,} entities {verb} {', '.join(question.refs)}, up to {impact['maxDepth']} steps away."
    owners = Table(
        ("Tell", "Contact", "Entities"),
        [(owner["ownerRef"], contact_of(owner["owner"]), f"{owner['count']:,}") for owner in impact["byOwner"]],
        frozenset({"Entities"}),
    )
    columns = ("Ref", "Kind", "Depth", "Owners", "Relation", "Via")
    affected = Table(columns, [_row(edge) for edge in edges], frozenset({"Depth"}))
    data = {
        "roots": question.refs,
        "totalCount": total,
        "maxDepth": impact["maxDepth"],
        "truncated": impact["truncated"],
        "byOwner": [{"ref": o["ownerRef"], "count": o["count"], "contact": contact_of(o["owner"]) or None} for o in impact["byOwner"]],
        "affected": [
            {
                **{key: edge["node"][key] for key in ("ref", "kind", "title")},
                "depth": edge["depth"],
                "owners": _owners(edge),
                "path": edge["path"],
            }
            for edge in edges
        ],
    }
    return Report(headline, (owners, affected), _links(edges), data, _remark(impact, len(edges)))


def _row(edge: Mapping[str, Any]) -> tuple[str, ...]:
    last = edge["path"][-1]
    return edge["node"]["ref"], edge["node"]["kind"], str(edge["depth"]), " ".join(_owners(edge)), last["relation"], last["fromRef"]


def _owners(edge: Mapping[str, Any]) -> list[str]:
    return [owned["targetRef"] for owned in edge["node"]["relations"]["edges"]]


def _links(edges: Sequence[Mapping[str, Any]]) -> list[Link]:
    """Every step of every path once, drawn the way a change travels."""
    steps = {(step["fromRef"], step["relation"], step["toRef"]): None for edge in edges for step in edge["path"]}
    return [Link(source, relation, target) for source, relation, target in steps]


def _remark(impact: Mapping[str, Any], shown: int) -> str:
    remarks: list[str] = []
    if shown < impact["totalCount"]:
        remarks.append(f"{impact['totalCount'] - shown:,} more are not shown; --limit 0 shows all.")
    if impact["truncated"]:
        remarks.append("A limit cut the search short: there is more beyond.")
    return " ".join(remarks)
