"""`callboard policy test`: what the permission policy lets somebody do, to which entities, and by which rule."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click

from api.auth.ownership import Ownership
from cli.catalogs import Choice, FailedRequestError, catalog_options
from cli.exits import FINDINGS, OK
from cli.offline import read_catalog
from cli.options import format_option
from cli.portal import Told, told_by
from cli.refs import full_refs
from cli.reports import Report, Table, show
from config import Config, load
from config.permission import matched_actions
from graph.access import GUEST_PRINCIPAL, ON_ENTITIES, Action, Principal, PrincipalKind
from graph.conditions import EVERYTHING
from graph.errors import InvalidRefError
from graph.refs import Ref, parse_ref
from graph.simulation import ActionEffect, Simulation, Verdict
from graph.store import Store

_SOMETIMES = "in part"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked. Without `refs` the actions at all; `limit` entities are listed then, of actions that were named."""

    principal: str | None
    groups: Sequence[str]
    actions: Sequence[Action]
    named: bool
    refs: Sequence[Ref]
    limit: int


@dataclass(frozen=True, slots=True)
class _Tested:
    """What came of it. Redactions are counted by the entities that they are made of."""

    principal: Principal
    total: int
    effects: Sequence[ActionEffect]
    verdicts: Sequence[Verdict]
    redactions: Sequence[tuple[Sequence[str], int]]
    hides_references: bool
    enabled: bool
    is_known: bool


@click.group("policy")
def command() -> None:
    """Try the permission policy."""


@command.command("test")
@click.argument("refs", metavar="[REF…]", nargs=-1)
@click.option("--as", "principal", metavar="REF", help="Whom to test: a user, service:default/<subject>, or guest. Not with --url.")
@click.option("--group", "groups", multiple=True, metavar="REF", help="A group to count them to, instead of those of the catalog.")
@click.option("--action", "patterns", multiple=True, metavar="ACTION", help="Test these actions alone; `*` at the end stands for anything.")
@click.option("--expect", type=click.Choice(["allow", "deny"]), default="allow", show_default=True, help="What counts as a yes.")
@click.option("--limit", type=click.IntRange(0, 10_000), default=20, show_default=True, help="How many entities to list of each action.")
@format_option("table", "json", "csv")
@catalog_options
def test(
    refs: tuple[str, ...],
    principal: str | None,
    groups: tuple[str, ...],
    patterns: tuple[str, ...],
    expect: str,
    limit: int,
    format_: str,
    choice: Choice,
) -> int:
    """Show what the policy of the configuration lets somebody do, and which rule decides.

    Without REF it shows all actions, on how many of the entities of the catalog they are allowed, and with --action on which. With REF it
    shows whether the actions (without --action: reading) may be done to those entities. With --url the server is asked what whoever is
    signed in may do there; which rule decides is not told then.

    Exits with 1 if something that was named by REF or --action is not as expected: allowed, or denied with --expect deny.
    """
    asked = _Asked(principal, groups, _actions(patterns, bool(refs)), bool(patterns), [Ref(ref) for ref in full_refs(refs)], limit)
    if choice.url:
        if principal or groups:
            raise click.UsageError("--url tests whoever is signed in there; --as and --group need the catalog in files")
        report, decided = _asked_of_server(choice.url, asked)
    elif not principal:
        raise click.UsageError("--as names whom to test, such as user:default/ann")
    else:
        tested = asyncio.run(_tested(load(choice.configs), choice, asked, principal))
        report, decided = _report(tested, asked), [one.allowed for one in (tested.verdicts if refs else tested.effects)]
    show(report, format_)
    return FINDINGS if (patterns or refs) and not all(one is (expect == "allow") for one in decided) else OK


def _asked_of_server(url: str, asked: _Asked) -> tuple[Report, Sequence[bool]]:
    if asked.named and not asked.refs and (on_entities := ON_ENTITIES.intersection(asked.actions)):
        raise click.UsageError(f"{min(on_entities)} is done to entities; name some by REF to ask a server")
    told = asyncio.run(told_by(url, asked.actions, asked.refs))
    return _remote_report(told), [answer.allowed for answer in told.answers]


def _actions(patterns: Sequence[str], of_entities: bool) -> Sequence[Action]:
    if not patterns:
        return (Action.ENTITY_READ,) if of_entities else tuple(Action)
    for pattern in patterns:
        if not matched_actions(pattern):
            raise click.UsageError(f"{pattern} is no action; known are {', '.join(Action)}")
    return tuple(action for action in Action if any(action in matched_actions(pattern) for pattern in patterns))


async def _tested(config: Config, choice: Choice, asked: _Asked, principal: str) -> _Tested:
    async with read_catalog(config, choice) as (store, _):
        simulation = Simulation(store, config.permission, who := await _principal(store, config, principal, asked.groups))
        await _demand_there(store, asked.refs)
        redactions = [(one.paths, await store.count(one.of, visible=EVERYTHING)) for one in simulation.access.redactions]
        return _Tested(
            who,
            await simulation.total(),
            [await simulation.effect(action) for action in asked.actions],
            [verdict async for verdict in _verdicts(simulation, asked)],
            redactions,
            simulation.access.hides_references,
            config.permission.enabled,
            who.kind is not PrincipalKind.USER or who.ref in await store.entities_by_ref([who.ref], visible=EVERYTHING),
        )


async def _verdicts(simulation: Simulation, asked: _Asked) -> AsyncIterator[Verdict]:
    for action in asked.actions:
        listed = asked.refs
        if not listed and asked.named and action in ON_ENTITIES:
            listed = await simulation.allowed_entities(action, asked.limit)
        for verdict in await simulation.verdicts(action, listed):
            yield verdict


async def _principal(store: Store, config: Config, text: str, groups: Sequence[str]) -> Principal:
    if text in ("guest", "guests"):
        return GUEST_PRINCIPAL
    try:
        ref = parse_ref(text, default_kind="user").ref
        given = [parse_ref(group, default_kind="group").ref for group in groups]
    except InvalidRefError as error:
        raise click.UsageError(str(error)) from error
    if ref == GUEST_PRINCIPAL.ref:
        return GUEST_PRINCIPAL
    if ref.startswith("service:"):
        return Principal(ref, PrincipalKind.SERVICE, (ref, *given))
    if not ref.startswith("user:"):
        raise click.UsageError(f"{ref} signs in nowhere; --as takes a user, a service or guest, and --group a group")
    inherited = config.auth.ownership.inherited if config.auth else False
    claims = (ref, *given) if given else await Ownership(store, inherited=inherited).claims_of(ref)
    return Principal(ref, PrincipalKind.USER, claims)


async def _demand_there(store: Store, refs: Sequence[Ref]) -> None:
    there = await store.entities_by_ref(refs, visible=EVERYTHING)
    if missing := [ref for ref in refs if ref not in there]:
        raise FailedRequestError(f"not in the catalog: {', '.join(missing)}")


def _report(tested: _Tested, asked: _Asked) -> Report:
    verdicts = Table(("Ref", "Action", "Allowed", "Because"), [_verdict_row(verdict) for verdict in tested.verdicts])
    effects = Table(
        ("Action", "Allowed", "Entities", "Rules"), [_effect_row(effect, tested) for effect in tested.effects], frozenset({"Entities"})
    )
    tables = (verdicts,) if asked.refs else (effects, verdicts) if tested.verdicts else (effects,)
    return Report(_headline(tested), tables, (), _data(tested), _remark(tested))


def _headline(tested: _Tested) -> str:
    claims = [claim for claim in tested.principal.claims if claim != tested.principal.ref]
    as_owner = f", counted to {', '.join(claims)}" if claims else ""
    if not tested.enabled:
        return f"{tested.principal.ref}{as_owner} may do everything: no policy is enabled."
    return f"What {tested.principal.ref}{as_owner} may do."


def _remark(tested: _Tested) -> str:
    told = [] if tested.is_known else [f"There is no entity {tested.principal.ref} in the catalog."]
    told += [f"{', '.join(paths)} kept back of {_of_entities(count)}." for paths, count in tested.redactions]
    if tested.hides_references:
        told.append("Refs of hidden and missing entities are left out.")
    return " ".join(told)


def _of_entities(count: int) -> str:
    return "1 entity" if count == 1 else f"{count:,} entities"


def _verdict_row(verdict: Verdict) -> tuple[str, str, str, str]:
    return verdict.ref, verdict.action, _yes(verdict.allowed), verdict.reason


def _effect_row(effect: ActionEffect, tested: _Tested) -> tuple[str, str, str, str]:
    allowed = _yes(effect.allowed)
    if effect.allowed and effect.entities is not None and effect.entities < tested.total:
        allowed = _SOMETIMES
    count = "" if effect.entities is None else f"{effect.entities:,} of {tested.total:,}"
    rules = [f"{rule.rule} {'allows' if rule.allows else 'denies'}{_number(rule.entities)}" for rule in effect.rules]
    return effect.action, allowed, count, ", ".join(rules) or ("" if not tested.enabled else "no rule allows it")


def _number(entities: int | None) -> str:
    return "" if entities is None else f" {entities:,}"


def _yes(allowed: bool) -> str:
    return "yes" if allowed else "no"


def _data(tested: _Tested) -> Mapping[str, Any]:
    return {
        "principal": tested.principal.ref,
        "kind": tested.principal.kind,
        "claims": tested.principal.claims,
        "enabled": tested.enabled,
        "entities": tested.total,
        "actions": [asdict(effect) for effect in tested.effects],
        "verdicts": [asdict(verdict) for verdict in tested.verdicts],
        "redactions": [{"fields": paths, "entities": count} for paths, count in tested.redactions],
        "references": "hidden" if tested.hides_references else "shown",
    }


def _remote_report(told: Told) -> Report:
    rows = [(answer.ref or "", answer.action, _yes(answer.allowed)) for answer in told.answers]
    data = {"principal": told.principal, "entities": told.entities, "answers": [asdict(answer) for answer in told.answers]}
    headline = f"What {told.principal} may do there, who sees {_of_entities(told.entities)}."
    return Report(headline, (Table(("Ref", "Action", "Allowed"), rows),), (), data)
