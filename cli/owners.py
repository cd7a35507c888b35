"""`callboard owners`: who owns an entity, and where that is declared."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import click

from cli.catalogs import Choice, FailedRequestError, catalog_options, data_of, opened
from cli.contacts import contact_of
from cli.exits import FINDINGS, OK
from cli.options import format_option
from cli.paths import shown_place
from cli.refs import full_refs
from cli.reports import FORMATS, Link, Report, Table, show


@click.command("owners")
@click.argument("refs", metavar="REF…", nargs=-1, required=True)
@format_option(*FORMATS)
@catalog_options
def command(refs: tuple[str, ...], format_: str, choice: Choice) -> int:
    """Show who owns the entities REF….

    REF is [kind:][namespace/]name; without a kind a component is meant. Exits with 1 if an entity has no owner, or one that is not in the
    catalog.
    """
    wanted = full_refs(refs)
    found = asyncio.run(_asked(wanted, choice))
    if missing := [ref for ref, entity in zip(wanted, found, strict=True) if entity is None]:
        raise FailedRequestError(f"not in the catalog: {', '.join(missing)}")
    owned = [entity for entity in found if entity is not None]
    show(_report(owned), format_)
    return (
        OK
        if all(entity["relations"]["edges"] and all(edge["node"] for edge in entity["relations"]["edges"]) for entity in owned)
        else FINDINGS
    )


async def _asked(refs: Sequence[str], choice: Choice) -> Sequence[Mapping[str, Any] | None]:
    async with opened(choice) as ask:
        return (await data_of(ask, "owners", {"refs": refs}))["entitiesByRef"]


def _report(owned: Sequence[Mapping[str, Any]]) -> Report:
    rows = [_row(entity["ref"], edge) for entity in owned for edge in entity["relations"]["edges"]]
    links = [Link(ref, "ownedBy", owner) for ref, owner, *_ in rows]
    unowned = [entity["ref"] for entity in owned if not entity["relations"]["edges"]]
    data = [{"ref": entity["ref"], "owners": [_owner(edge) for edge in entity["relations"]["edges"]]} for entity in owned]
    headline = "Owners, and where they are declared."
    remark = f"Without an owner: {', '.join(unowned)}." if unowned else ""
    return Report(headline, (Table(("Ref", "Owner", "Title", "Contact", "Declared"), rows),), links, data, remark)


def _row(ref: str, edge: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    owner = edge["node"]
    title = (owner["title"] or "") if owner else "(not in the catalog)"
    place = edge["evidence"][0]
    return ref, edge["targetRef"], title, contact_of(owner), shown_place(place["path"], place["line"])


def _owner(edge: Mapping[str, Any]) -> Mapping[str, Any]:
    node: Mapping[str, Any] | None = edge["node"]
    return {
        "ref": edge["targetRef"],
        "exists": node is not None,
        "title": node["title"] if node else None,
        "contact": contact_of(node) or None,
        "evidence": edge["evidence"],
    }
