"""Whom a CODEOWNERS file means: teams, users and e-mail addresses as groups and users of the catalog."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graph.entities import Document
from graph.refs import DEFAULT_NAMESPACE, EntityRef, Ref, split_ref
from ingest.infer.shapes import table, text_of

_TEAM_ANNOTATIONS = ("/team-slug", "/group-path", "/team-id")
_USER_ANNOTATIONS = ("/user-login", "/username")


@dataclass(frozen=True, slots=True)
class Meant:
    """An owner found. `certain`: an annotation or an e-mail address of the catalog says so, not only a name that is alike."""

    ref: Ref
    certain: bool


@dataclass(slots=True)
class People:
    """The catalog's groups and users by what hosts of repositories call them, all in lower case."""

    teams: dict[str, Ref] = field(default_factory=dict[str, Ref])
    logins: dict[str, Ref] = field(default_factory=dict[str, Ref])
    addresses: dict[str, Ref] = field(default_factory=dict[str, Ref])
    names: dict[tuple[str, str], list[Ref]] = field(default_factory=dict[tuple[str, str], "list[Ref]"])

    def meant_by(self, owner: str) -> Meant | None:
        """Whom the owner of a CODEOWNERS line is; one the catalog does not know by a ref made of the name. None for what names nobody.

        A role such as GitLab's @@maintainers, and an address that no user has, name nobody.
        """
        if not owner.startswith("@"):
            known = self.addresses.get(owner.lower())
            return Meant(known, True) if known else None
        if owner.startswith("@@"):
            return None
        handle = owner[1:].lower()
        known = self.teams.get(handle) or (None if "/" in handle else self.logins.get(handle))
        if known:
            return Meant(known, True)
        name = handle.rpartition("/")[2].replace(" ", "-")
        kinds = ("group",) if "/" in handle else ("user", "group")
        alike = [ref for kind in kinds for ref in self.names.get((kind, name), ())]
        return Meant(alike[0] if len(alike) == 1 else EntityRef(kinds[0], DEFAULT_NAMESPACE, name).ref, False)


def people_of(entities: Iterable[tuple[Ref, Document]]) -> People:
    """The groups and users among the entities. Where two have the same team, login or address, the lesser ref counts."""
    people = People()
    for ref, document in sorted(entities, key=lambda pair: pair[0]):
        kind, _, name = split_ref(ref)
        if kind not in ("group", "user"):
            continue
        people.names.setdefault((kind, name), []).append(ref)
        annotations = table(document, "metadata", "annotations")
        known, endings = (people.teams, _TEAM_ANNOTATIONS) if kind == "group" else (people.logins, _USER_ANNOTATIONS)
        for value in _annotated(annotations, endings):
            known.setdefault(value.removeprefix("@").lower(), ref)
        if kind == "user" and (address := text_of(table(document, "spec", "profile"), "email")):
            people.addresses.setdefault(address.lower(), ref)
    return people


def _annotated(annotations: Mapping[str, Any], endings: tuple[str, ...]) -> Iterable[str]:
    for key, value in annotations.items():
        if key.endswith(endings) and isinstance(value, str) and value:
            yield value
