"""The `permission` section: who may do what to which entities, and what of them is kept from whom."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from config.sections import Section, Text

ENTITY_ACTIONS = (
    "catalog.entity.read",
    "catalog.entity.refresh",
    "catalog.entity.delete",
    "scaffolder.template.parameter.read",
    "scaffolder.template.step.read",
    "techdocs.docs.read",
    "techdocs.docs.build",
)
"""The actions that are done to an entity, which is what conditions speak of. A test holds both lists to those of graph.access."""

ACTIONS = (
    *ENTITY_ACTIONS,
    "catalog.entity.create",
    "catalog.entity.validate",
    "catalog.location.read",
    "catalog.location.create",
    "catalog.location.delete",
    "catalog.location.analyze",
    "scaffolder.task.create",
    "scaffolder.task.read",
    "scaffolder.task.cancel",
    "scaffolder.action.execute",
    "scaffolder.template.management",
    "search.query",
    "callboard.admin",
)

GROUPS_OF_PRINCIPALS = ("everyone", "users", "services", "guests")

Item = TypeVar("Item")

_REF = re.compile(r"[^\s:/]+:([^\s:/]+/)?[^\s/]+")
_NEVER_REDACTED = ("apiversion", "kind", "metadata", "metadata.name", "metadata.namespace", "spec")
DECLARING = (
    *("spec.owner", "spec.system", "spec.domain", "spec.subcomponentof", "spec.subdomainof", "spec.dependson", "spec.dependencyof"),
    *(
        "spec.providesapis",
        "spec.consumesapis",
        "spec.skills",
        "spec.plugins",
        "spec.parent",
        "spec.children",
        "spec.memberof",
        "spec.members",
    ),
)
"""The fields that declare relations, without those of configured ones."""


def matched_actions(pattern: str) -> frozenset[str]:
    """The actions that an item of `allow` or `deny` names; `*` at its end stands for anything."""
    return frozenset(action for action in ACTIONS if action == pattern or (pattern.endswith("*") and action.startswith(pattern[:-1])))


def _is_action(pattern: str) -> str:
    if not matched_actions(pattern):
        raise ValueError(f"{pattern!r} is no action; {_instead(pattern, ACTIONS)}")
    return pattern


def _is_principal(text: str) -> str:
    if text not in GROUPS_OF_PRINCIPALS and not _REF.fullmatch(text):
        known = "write everyone, users, services, guests, or a ref such as group:default/platform"
        raise ValueError(f"{text!r} is nobody; {_instead(text, GROUPS_OF_PRINCIPALS, known)}")
    return text


def _is_ref(text: str) -> str:
    if not _REF.fullmatch(text):
        raise ValueError(f"{text!r} is no ref; write kind:namespace/name, such as system:default/checkout")
    return text


def _is_field(path: str) -> str:
    lowered = path.lower()
    if lowered in _NEVER_REDACTED:
        raise ValueError(f"{path} can't be redacted: entities are known by it; to hide them whole, deny catalog.entity.read")
    if f"{lowered}.".startswith(tuple(f"{field}." for field in DECLARING)):
        raise ValueError(f"{path} can't be redacted: it declares relations, which would still be told; see permission.references")
    if not lowered.startswith(("metadata.", "spec.")):
        raise ValueError(f"{path!r} is no field of entities; write a path below metadata or spec, such as spec.definition")
    return path


def _instead(unknown: str, known: Iterable[str], otherwise: str = "") -> str:
    names = list(known)
    close = get_close_matches(unknown.rstrip("*").rstrip("."), names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]}?"
    return otherwise or f"known are {', '.join(sorted(names))}, and `*` at the end of a name"


def _listed(given: Any) -> Any:
    """A single text where a list is due means the list of it."""
    return (given,) if isinstance(given, str) else given


def _not_empty(given: tuple[Item, ...]) -> tuple[Item, ...]:
    if not given:
        raise ValueError("should name at least one")
    return given


def _is_true(given: bool) -> bool:
    if not given:
        raise ValueError("should be true; write `not: { isEntityOwner: true }` for the entities of others")
    return given


Texts = Annotated[tuple[Text, ...], BeforeValidator(_listed), AfterValidator(_not_empty)]
Refs = Annotated[tuple[Annotated[Text, AfterValidator(_is_ref)], ...], BeforeValidator(_listed), AfterValidator(_not_empty)]
Actions = Annotated[tuple[Annotated[Text, AfterValidator(_is_action)], ...], BeforeValidator(_listed), AfterValidator(_not_empty)]
Principals = Annotated[tuple[Annotated[Text, AfterValidator(_is_principal)], ...], BeforeValidator(_listed), AfterValidator(_not_empty)]
Fields = Annotated[tuple[Annotated[Text, AfterValidator(_is_field)], ...], BeforeValidator(_listed), AfterValidator(_not_empty)]


class _Sparse(Section):
    """A section in which what is not given is not printed either: a key without a value is refused here."""

    @model_serializer(mode="wrap")
    def _without_absent(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in serialize(self).items() if value is not None}


class AnnotationCondition(_Sparse):
    """A condition's `hasAnnotation`."""

    annotation: Text = Field(description="Key of the annotation.")
    value: Text | None = Field(default=None, description="Its value, without regard to case; without it any of at most 200 characters.")


class LabelCondition(_Sparse):
    """A condition's `hasLabel`."""

    label: Text = Field(description="Key of the label.")
    value: Text | None = Field(default=None, description="Its value, without regard to case; without it any.")


class FieldCondition(_Sparse):
    """A condition's `hasSpec` or `hasMetadata`."""

    key: Text = Field(description="Path of the field, such as `lifecycle` or `profile.email`.")
    value: Text | None = Field(
        default=None, description="Its value, or one item of a list, without regard to case; without it any of at most 200 characters."
    )


class PolicyCondition(_Sparse):
    """The `if` of a rule: on which entities it holds. All that is given has to be true of an entity."""

    is_entity_owner: Annotated[bool, AfterValidator(_is_true)] | None = Field(
        default=None, description="The principal, or a group whose ownership it claims, owns the entity (relation `ownedBy`)."
    )
    is_entity_kind: Texts | None = Field(default=None, description="The entity is of one of these kinds, without regard to case.")
    has_annotation: AnnotationCondition | None = Field(default=None, description="The entity has the annotation.")
    has_label: LabelCondition | None = Field(default=None, description="The entity has the label.")
    has_metadata: FieldCondition | None = Field(default=None, description="The entity has the field of `metadata`.")
    has_spec: FieldCondition | None = Field(default=None, description="The entity has the field of `spec`.")
    has_tag: Texts | None = Field(default=None, description="The entity has one of these tags.")
    in_system: Refs | None = Field(
        default=None, description="The entity is part of one of these systems (or domains), directly or through another part."
    )
    and_: Annotated[tuple["PolicyCondition", ...], AfterValidator(_not_empty)] | None = Field(
        default=None, alias="and", description="Every one of these holds."
    )
    or_: Annotated[tuple["PolicyCondition", ...], AfterValidator(_not_empty)] | None = Field(
        default=None, alias="or", description="At least one of these holds."
    )
    not_: "PolicyCondition | None" = Field(default=None, alias="not", description="This does not hold.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("should name a condition; leave out `if` for a rule that holds on every entity")
        return self


class PermissionRule(_Sparse):
    """One of `permission.rules`."""

    allow: Actions | None = Field(default=None, description="Actions that the rule allows; `*` at the end of one stands for anything.")
    deny: Actions | None = Field(default=None, description="Actions that the rule denies, whatever other rules allow; `*` as in `allow`.")
    to: Principals = Field(
        description="Whom the rule speaks of: `everyone`, `users`, `services`, `guests`, and refs of users, of groups whose ownership a "
        "user claims, and of services (`service:default/<subject>`)."
    )
    if_: PolicyCondition | None = Field(
        default=None, alias="if", description="On which entities; without it on all. Only actions on entities can have a condition."
    )

    @model_validator(mode="after")
    def _allows_or_denies(self) -> Self:
        if (self.allow is None) is (self.deny is None):
            raise ValueError("should have allow or deny, one of them")
        for pattern in (self.allow or self.deny or ()) if self.if_ else ():
            if not matched_actions(pattern).intersection(ENTITY_ACTIONS):
                raise ValueError(f"should have no `if`: {pattern} is not done to an entity, so no condition can decide on it")
        return self


class RedactionRule(_Sparse):
    """One of `permission.redact`."""

    fields: Fields = Field(
        description="Paths below `metadata` and `spec`, such as `spec.definition` or `metadata.annotations.example.com/pager`, with all "
        "that is below them. They read as if they were absent."
    )
    from_: Principals = Field(alias="from", description="From whom they are kept, as `to` of a rule.")
    except_: Principals | None = Field(default=None, alias="except", description="Who sees them nevertheless, as `to` of a rule.")
    if_: PolicyCondition | None = Field(default=None, alias="if", description="Of which entities; without it of all.")


class Permission(Section):
    """`permission`."""

    enabled: bool = Field(
        default=True, description="Whether the policy holds. Without it, or without the section, every principal may do everything."
    )
    rules: tuple[PermissionRule, ...] = Field(
        default=(), description="What is allowed: what some rule allows and none denies. Anything else is denied."
    )
    redact: tuple[RedactionRule, ...] = Field(default=(), description="Fields that are kept from some, of entities that they see.")
    references: Literal["shown", "hidden"] = Field(
        default="shown",
        description="Whether the refs of hidden entities show in the fields and edges of visible ones, as those of missing entities do, or "
        "are left out together with those of missing ones.",
    )


WITHOUT_POLICY = Permission(enabled=False)
