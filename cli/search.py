"""`callboard search`: what is found of a term."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import click

from cli.catalogs import Choice, catalog_options, data_of, opened
from cli.exits import FINDINGS, OK
from cli.options import format_option
from cli.reports import Report, Table, show

_FILTERS = ("kind", "type", "owner", "lifecycle", "tag", "namespace")
_MOST = 1000


@click.command("search")
@click.argument("term", nargs=-1, required=True)
@click.option("--kind", multiple=True, help="Only what belongs to entities of this kind; may be repeated, as all filters.")
@click.option("--type", multiple=True, help="Only of this spec.type.")
@click.option("--owner", multiple=True, help="Only of this owner: a ref, or the name of a group.")
@click.option("--lifecycle", multiple=True, help="Only of this lifecycle.")
@click.option("--tag", multiple=True, help="Only with this tag.")
@click.option("--namespace", multiple=True, help="Only of this namespace.")
@click.option("--document-type", multiple=True, help="Only such documents: entity, definition, section, or what a plugin brings.")
@click.option("--limit", type=click.IntRange(1, _MOST), default=20, show_default=True, help="How many results are shown at most.")
@format_option("table", "json", "csv")
@catalog_options
def command(
    term: tuple[str, ...], limit: int, format_: str, choice: Choice, document_type: tuple[str, ...], **filters: tuple[str, ...]
) -> int:
    """Find entities, parts of APIs and documentation by TERM: words, which may have typos, "phrases", and -words to leave out.

    Write -- before a TERM with -words. Exits with 1 if nothing is found.
    """
    asked = {name: values for name in _FILTERS if (values := filters[name])}
    if document_type:
        asked["documentType"] = document_type
    found = asyncio.run(_asked({"term": " ".join(term), "filter": asked, "first": limit}, choice))
    show(_report(found), format_)
    return OK if found["nodes"] else FINDINGS


async def _asked(variables: Mapping[str, Any], choice: Choice) -> Mapping[str, Any]:
    async with opened(choice, searching=True) as ask:
        return (await data_of(ask, "search", variables))["search"]


def _report(found: Mapping[str, Any]) -> Report:
    nodes: Sequence[Mapping[str, Any]] = found["nodes"]
    rows = [(node["ref"] or "", node["type"], node["title"], _snippet(node), node["location"]) for node in nodes]
    total = found["totalCount"]
    headline = f"{total} found, {len(nodes)} shown." if nodes else "Nothing was found."
    remark = "The search index does not answer at the moment: this is by plain text alone." if found["degraded"] else ""
    data = {"total": total, "degraded": found["degraded"], "results": [{**node, "snippet": _snippet(node)} for node in nodes]}
    for result in data["results"]:
        del result["snippets"]
    return Report(headline, (Table(("Ref", "Type", "Title", "Match", "Location"), rows),), (), data, remark)


def _snippet(node: Mapping[str, Any]) -> str:
    """The text of the last snippet, which says more than name and title."""
    snippets = node["snippets"]
    return " ".join("".join(part["text"] for part in snippets[-1]["parts"]).split()) if snippets else ""
