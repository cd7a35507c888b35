"""Catalog rules: which kinds a location may bring into the catalog.

As in Backstage, https://backstage.io/docs/features/software-catalog/configuration#catalog-rules
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.catalog import Catalog
from ingest.globs import matches

_PEOPLE = frozenset({"user", "group"})
_DIRECTORIES = ("githubOrg", "gitlabOrg", "ldapOrg", "microsoftGraphOrg")


@dataclass(frozen=True, slots=True)
class LocationMatch:
    """Locations of a type: all of them, the one whose target is `exact`, or those whose target matches `pattern` without regard to case."""

    type: str
    exact: str | None = None
    pattern: str | None = None

    def fits(self, type: str, target: str) -> bool:
        """Whether the rule speaks of the location."""
        if self.type != type or (self.exact is not None and self.exact != target):
            return False
        return self.pattern is None or matches(self.pattern, target, hidden=True, ignore_case=True)


@dataclass(frozen=True, slots=True)
class Rule:
    """Kinds (lower case) that may enter from the locations that one of `locations` fits; from any location if that is None."""

    allow: frozenset[str]
    locations: tuple[LocationMatch, ...] | None = None


def rules_from(catalog: Catalog) -> tuple[Rule, ...]:
    """The rules of `catalog.rules` and of each of `catalog.locations`, and that providers of people may add people."""
    everywhere = [
        Rule(
            _kinds(rule.allow),
            None if rule.locations is None else tuple(LocationMatch(at.type, at.exact, at.pattern) for at in rule.locations),
        )
        for rule in catalog.rules
    ]
    own = [
        Rule(_kinds(rule.allow), (LocationMatch(location.type, exact=location.target),))
        for location in catalog.locations
        for rule in location.rules
    ]
    return (*everywhere, *own, *(Rule(_PEOPLE, (LocationMatch("provider", pattern=f"{name}:*"),)) for name in _DIRECTORIES))


def kinds_allowed(rules: Sequence[Rule], type: str, target: str) -> frozenset[str]:
    """The kinds (lower case) that may come from a location, itself or by what it leads to."""
    fitting = (rule.allow for rule in rules if rule.locations is None or any(at.fits(type, target) for at in rule.locations))
    return frozenset[str]().union(*fitting)


def _kinds(allow: Sequence[str]) -> frozenset[str]:
    return frozenset(kind.lower() for kind in allow)
