"""What Backstage's clients filter by, as conditions: its filter predicates, and the strings of its `filter` parameters.

The rules are those of `@backstage/filter-predicates` and of the catalog backend that applies them: keys and values compare without case, an
empty `$all` holds for everything, an empty `$any` and `$in` for nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from graph.conditions import EVERYTHING, NOTHING, AnyOf, Condition, FactExists, FactHasPrefix, Not, Related, all_of, fact_in
from graph.errors import InputError, LimitExceededError
from graph.refs import Ref
from graph.relations import RelationRegistry

Predicate = Mapping[str, Any]

RELATIONS = "relations."
_MOST_PARTS = 400
_DEEPEST = 32


def predicate_of_filters(filters: Sequence[str]) -> Predicate | None:
    """What the strings of `filter` parameters mean, each `key=value,key=value,key`; None if they say nothing. InputError without a key.

    Each string is a set of conditions that all hold; one set has to hold. Values of one key in a set are alternatives.
    """
    sets = [found for text in filters if (found := _predicate_of_set(text)) is not None]
    if not sets:
        return None
    return sets[0] if len(sets) == 1 else {"$any": sets}


def _predicate_of_set(text: str) -> Predicate | None:
    values_by_key: dict[str, list[str] | None] = {}
    for statement in text.split(","):
        key, equals, value = (part.strip() for part in statement.strip().partition("="))
        if not key and not equals:
            continue
        if not key:
            raise InputError(
                f"Invalid filter, '{statement.strip()}' is not a valid statement (expected a string on the form a=b or a= or a)"
            )
        values = values_by_key.setdefault(key, None)
        if equals:
            values_by_key[key] = [*(values or ()), value]
    parts: list[Predicate] = []
    for key, values in values_by_key.items():
        if values is None:
            parts.append({key: {"$exists": True}})
        else:
            parts.append({key: values[0] if len(values) == 1 else {"$in": values}})
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else {"$all": parts}


class Translation:
    """Makes conditions of predicates. `refs_of` holds, by key, the refs at the other ends of relations that prefixes are looked for in."""

    def __init__(self, registry: RelationRegistry, refs_of: Mapping[str, Sequence[str]] | None = None) -> None:
        self._registry = registry
        self._refs_of = refs_of or {}
        self._parts = 0

    def condition(self, predicate: object, depth: int = 0) -> Condition:
        """The condition. InputError for what is no predicate, LimitExceededError for one that is too large to be answered."""
        self._count(depth)
        if not isinstance(predicate, dict):
            raise InputError(
                "Invalid filter predicate: top-level primitive values are not supported. Wrap the value in a field expression, "
                'e.g. { "kind": "component" }'
            )
        members = cast("dict[str, object]", predicate)
        operators = [key for key in members if key.startswith("$")]
        if not operators:
            return all_of(self._of_field(key.lower(), value) for key, value in members.items()) if members else EVERYTHING
        operator = operators[0]
        if len(members) > 1 or operator not in {"$all", "$any", "$not"}:
            raise InputError(f"Invalid query: {_listed(members)} can't stand together; an object has fields, or one of $all, $any and $not")
        value = members[operator]
        if operator == "$not":
            return Not(self.condition(value, depth + 1))
        if not isinstance(value, list):
            raise InputError(f"Invalid query: {operator} takes a list")
        parts = tuple(self.condition(part, depth + 1) for part in cast("list[object]", value))
        return all_of(parts) if operator == "$all" else AnyOf(parts)

    def exists(self, key: str) -> Condition:
        """The entity has anything under the key (lower case)."""
        if not key.startswith(RELATIONS):
            return FactExists(key)
        return self._related(key, None)

    def _of_field(self, key: str, value: object) -> Condition:
        self._count(0)
        if isinstance(value, (str, int, float)):
            return self._among(key, [value])
        operators: dict[str, object] = cast("dict[str, object]", value) if isinstance(value, dict) else {}
        if isinstance(exists := operators.get("$exists"), bool):
            return self.exists(key) if exists else Not(self.exists(key))
        if isinstance(values := operators.get("$in"), list):
            return self._among(key, _scalars(key, cast("list[object]", values)))
        if isinstance(prefix := operators.get("$hasPrefix"), str):
            return self._has_prefix(key, prefix.lower())
        if "$contains" in operators:
            return self._contains(key, operators["$contains"])
        raise InputError(
            f'Invalid filter predicate value for field "{key}": expected a primitive value, $exists, $in, $hasPrefix, or $contains operator'
        )

    def _among(self, key: str, values: Iterable[str | float]) -> Condition:
        texts = [_text(value) for value in values]
        return self._related(key, texts) if key.startswith(RELATIONS) else fact_in(key, texts)

    def _related(self, key: str, refs: Iterable[str] | None) -> Condition:
        found = self._registry.by_either_name.get(key.removeprefix(RELATIONS))
        if found is None:
            return NOTHING
        relation, direction = found
        return Related(relation.name, direction, None if refs is None else tuple(sorted({Ref(ref.lower()) for ref in refs})))

    def _has_prefix(self, key: str, prefix: str) -> Condition:
        if not key.startswith(RELATIONS):
            return FactHasPrefix(key, prefix)
        return self._related(key, [ref for ref in self._refs_of.get(key, ()) if ref.startswith(prefix)])

    def _contains(self, key: str, target: object) -> Condition:
        if isinstance(target, (str, int, float)):
            return self._among(key, [target])
        if not isinstance(target, dict):
            raise InputError(f'Unsupported $contains target for field "{key}"')
        if key != "relations":
            raise InputError(f'Object form of $contains is not supported for field "{key}"')
        return self._contains_relation(cast("dict[str, object]", target))

    def _contains_relation(self, target: Mapping[str, object]) -> Condition:
        given = {key.lower(): value for key, value in target.items()}
        if len(given) < len(target) or not given.keys() <= {"type", "targetref"}:
            raise InputError(f'$contains for "relations" takes "type" and "targetRef", each once, but got {_listed(target)}')
        type_ = given.get("type")
        if not isinstance(type_, str) or not type_:
            raise InputError('The $contains operator for "relations" requires a "type" string property')
        refs = _refs(given["targetref"]) if "targetref" in given else None
        return self._related(f"{RELATIONS}{type_.lower()}", refs)

    def _count(self, depth: int) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS or depth > _DEEPEST:
            raise LimitExceededError(f"The filter is too large: it may have {_MOST_PARTS} parts, nested {_DEEPEST} deep. Ask in parts.")


def prefixed_relations(predicate: object) -> Iterator[str]:
    """The keys (lower case) of relations in which the predicate looks for prefixes: only the catalog knows what refs are there."""
    if isinstance(predicate, list):
        for part in cast("list[object]", predicate):
            yield from prefixed_relations(part)
    elif isinstance(predicate, dict):
        for key, value in cast("dict[str, object]", predicate).items():
            if key.startswith("$"):
                yield from prefixed_relations(value)
            elif key.lower().startswith(RELATIONS) and isinstance(value, dict) and "$hasPrefix" in value:
                yield key.lower()


def _scalars(key: str, values: Sequence[object]) -> Sequence[str | float]:
    scalars = [value for value in values if isinstance(value, (str, int, float))]
    if len(scalars) < len(values):
        raise InputError(f'Invalid query: $in for "{key}" takes strings, numbers and booleans')
    return scalars


def _refs(value: object) -> Sequence[str]:
    """The refs of `targetRef`, which is one, or `{"$in": [some]}`."""
    if isinstance(value, str):
        return [value]
    given = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    refs = given.get("$in") if len(given) == 1 else None
    if isinstance(refs, list) and refs and all(isinstance(ref, str) for ref in cast("list[object]", refs)):
        return cast("list[str]", refs)
    raise InputError('"targetRef" in $contains for "relations" is a string, or { "$in": [strings] } with one at least')


def _text(value: str | float) -> str:
    """The value as JavaScript writes it, in lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).lower()


def _listed(members: Mapping[str, object]) -> str:
    return ", ".join(f'"{key}"' for key in list(members)[:5])
