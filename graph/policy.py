"""From the configured rules to what one principal may do: each action becomes a condition, which becomes part of every query."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from config.permission import Permission, PermissionRule, PolicyCondition, RedactionRule, matched_actions
from graph.access import ON_ENTITIES, Access, Action, Principal, PrincipalKind, Redaction, unrestricted
from graph.conditions import EVERYTHING, NOTHING, All, AnyOf, Condition, FactExists, Not, Related, all_of, fact_in
from graph.refs import Ref, parse_ref
from graph.relations import Direction

_MOST_REMEMBERED = 4096
_KIND_BY_WORD = {"users": PrincipalKind.USER, "services": PrincipalKind.SERVICE, "guests": PrincipalKind.GUEST}


@dataclass(frozen=True, slots=True)
class Ruling:
    """What one rule says of one action for one principal. `index` counts from 0 among `permission.rules`."""

    index: int
    allows: bool
    on: Condition


def policy_from(permission: Permission) -> Callable[[Principal], Access]:
    """What each principal may do by these rules: what some rule allows and none denies, as far as the principal's token goes.

    Everything for everybody where the policy is not enabled.
    """
    if not permission.enabled:
        return unrestricted

    @lru_cache(_MOST_REMEMBERED)
    def decided(ref: Ref, kind: PrincipalKind, claims: tuple[Ref, ...], actions: frozenset[Action] | None) -> Access:
        principal = Principal(ref, kind, claims, actions)
        conditions = {action: decision(rulings(permission, principal, action)) for action in Action}
        within = {action: on for action, on in conditions.items() if on != NOTHING and (actions is None or action in actions)}
        return Access(principal, within, _redactions(permission.redact, principal), permission.references == "hidden")

    def policy(principal: Principal) -> Access:
        # Sessions and times of expiry differ from token to token, and the conditions don't.
        found = decided(principal.ref, principal.kind, principal.claims, principal.actions)
        return Access(principal, found.conditions, found.redactions, found.hides_references)

    return policy


def rulings(permission: Permission, principal: Principal, action: Action) -> Sequence[Ruling]:
    """What each rule that speaks of the principal and the action says of it, in the order of the rules."""
    found: list[Ruling] = []
    for index, rule in enumerate(permission.rules):
        patterns = rule.allow or rule.deny or ()
        names = frozenset[str]().union(*(matched_actions(pattern) for pattern in patterns))
        if action in names and _speaks_of(rule.to, principal) and (rule.if_ is None or action in ON_ENTITIES):
            found.append(Ruling(index, rule.allow is not None, _condition(rule, principal)))
    return found


def decision(rulings: Iterable[Ruling]) -> Condition:
    """What is allowed by some of them and denied by none."""
    ordered = list(rulings)
    allowed = any_of(ruling.on for ruling in ordered if ruling.allows)
    denied = any_of(ruling.on for ruling in ordered if not ruling.allows)
    return both((allowed, negated(denied)))


def any_of(conditions: Iterable[Condition]) -> Condition:
    """The disjunction, flattened, and EVERYTHING or NOTHING where it comes to that."""
    flat: list[Condition] = []
    for condition in conditions:
        flat.extend(condition.of if isinstance(condition, AnyOf) else (condition,))
    if EVERYTHING in flat:
        return EVERYTHING
    unique = tuple(dict.fromkeys(flat))
    return unique[0] if len(unique) == 1 else AnyOf(unique)


def both(conditions: Iterable[Condition]) -> Condition:
    """The conjunction, flattened, and EVERYTHING or NOTHING where it comes to that."""
    whole = all_of(conditions)
    if isinstance(whole, All) and NOTHING in whole.of:
        return NOTHING
    return whole


def negated(condition: Condition) -> Condition:
    """The opposite, and EVERYTHING or NOTHING where it comes to that."""
    if condition == NOTHING:
        return EVERYTHING
    if condition == EVERYTHING:
        return NOTHING
    return condition.of if isinstance(condition, Not) else Not(condition)


def seen_and_allowed(access: Access, action: Action) -> Condition:
    """Which entities the principal sees and may do this to."""
    return all_of(condition for condition in dict.fromkeys((access.visible, access.on(action))) if condition != EVERYTHING)


def _speaks_of(whom: Sequence[str], principal: Principal) -> bool:
    refs = {principal.ref, *principal.claims}
    return any(
        word == "everyone" or _KIND_BY_WORD.get(word) is principal.kind or (":" in word and parse_ref(word).ref in refs) for word in whom
    )


def _redactions(rules: Sequence[RedactionRule], principal: Principal) -> tuple[Redaction, ...]:
    found: list[Redaction] = []
    for rule in rules:
        if _speaks_of(rule.from_, principal) and not _speaks_of(rule.except_ or (), principal):
            of = _condition(rule, principal)
            if of != NOTHING:
                found.append(Redaction(tuple(path.lower() for path in rule.fields), of))
    return tuple(found)


def _condition(rule: PermissionRule | RedactionRule, principal: Principal) -> Condition:
    return EVERYTHING if rule.if_ is None else condition_of(rule.if_, principal.claims)


def condition_of(configured: PolicyCondition, claims: tuple[Ref, ...]) -> Condition:
    """The condition on entities that is meant, for a principal with these ownership claims."""
    parts: list[Condition] = []
    if configured.is_entity_owner:
        parts.append(Related("ownedBy", Direction.OUT, claims) if claims else NOTHING)
    if configured.is_entity_kind:
        parts.append(fact_in("kind", configured.is_entity_kind))
    parts.extend(_facts(configured))
    if configured.has_tag:
        parts.append(fact_in("metadata.tags", configured.has_tag))
    if configured.in_system:
        systems = tuple(parse_ref(text).ref for text in configured.in_system)
        parts.append(Related("partOf", Direction.OUT, systems, transitive=True))
    if configured.and_:
        parts.append(both(condition_of(one, claims) for one in configured.and_))
    if configured.or_:
        parts.append(any_of(condition_of(one, claims) for one in configured.or_))
    if configured.not_:
        parts.append(negated(condition_of(configured.not_, claims)))
    return both(parts)


def _facts(configured: PolicyCondition) -> Iterable[Condition]:
    annotation, label = configured.has_annotation, configured.has_label
    if annotation:
        yield _fact("metadata.annotations", annotation.annotation, annotation.value)
    if label:
        yield _fact("metadata.labels", label.label, label.value)
    if configured.has_metadata:
        yield _fact("metadata", configured.has_metadata.key, configured.has_metadata.value)
    if configured.has_spec:
        yield _fact("spec", configured.has_spec.key, configured.has_spec.value)


def _fact(parent: str, key: str, value: str | None) -> Condition:
    path = f"{parent}.{key}".lower()
    return FactExists(path) if value is None else fact_in(path, (value,))
