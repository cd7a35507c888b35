"""Who asks, and what they may do and see: the values that a permission policy comes to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from graph.conditions import EVERYTHING, NOTHING, Condition
from graph.errors import ForbiddenError
from graph.refs import Ref


class Action(StrEnum):
    """What a policy decides on. Names are Backstage's permissions where it has one; the rest is Callboard's own."""

    ENTITY_READ = "catalog.entity.read"
    ENTITY_CREATE = "catalog.entity.create"
    ENTITY_REFRESH = "catalog.entity.refresh"
    ENTITY_DELETE = "catalog.entity.delete"
    ENTITY_VALIDATE = "catalog.entity.validate"
    LOCATION_READ = "catalog.location.read"
    LOCATION_CREATE = "catalog.location.create"
    LOCATION_DELETE = "catalog.location.delete"
    LOCATION_ANALYZE = "catalog.location.analyze"
    TASK_CREATE = "scaffolder.task.create"
    TASK_READ = "scaffolder.task.read"
    TASK_CANCEL = "scaffolder.task.cancel"
    ACTION_EXECUTE = "scaffolder.action.execute"
    TEMPLATE_PARAMETERS_READ = "scaffolder.template.parameter.read"
    TEMPLATE_STEPS_READ = "scaffolder.template.step.read"
    TEMPLATE_MANAGE = "scaffolder.template.management"
    DOCS_READ = "techdocs.docs.read"
    DOCS_BUILD = "techdocs.docs.build"
    SEARCH = "search.query"
    ADMIN = "callboard.admin"


ON_ENTITIES = frozenset(
    {
        Action.ENTITY_READ,
        Action.ENTITY_REFRESH,
        Action.ENTITY_DELETE,
        Action.TEMPLATE_PARAMETERS_READ,
        Action.TEMPLATE_STEPS_READ,
        Action.DOCS_READ,
        Action.DOCS_BUILD,
    }
)
"""The actions that are done to an entity, and may be allowed for some and not for others. All others are allowed or they are not."""

GUEST = Ref("user:default/guest")


class PrincipalKind(StrEnum):
    """What a principal is. A guest is whoever asks while nobody has to sign in."""

    USER = "user"
    SERVICE = "service"
    GUEST = "guest"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `ref` names them in logs and causes: a user's ref, or service:default/<subject>.

    `claims` are the refs as whose owner they count: their own and those of their groups. `actions` are those that their token is for,
    None for all. After `expires_at` (None: never) nothing may be answered any more. `session` is the id of what they signed in by, under
    which it is revoked; None if they sent nothing that could be.
    """

    ref: Ref
    kind: PrincipalKind
    claims: tuple[Ref, ...]
    actions: frozenset[Action] | None = None
    expires_at: datetime | None = None
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Redaction:
    """Fields that can't be seen of the entities that `of` lets through. Each is a path in lower case, and everything below it."""

    paths: tuple[str, ...]
    of: Condition


@dataclass(frozen=True, slots=True)
class Access:
    """What one principal may do: for each action of ON_ENTITIES the entities, for the others EVERYTHING or NOTHING.

    What is absent is denied. With `hides_references`, refs of entities that are hidden or missing are left out of what is seen.
    """

    principal: Principal
    conditions: Mapping[Action, Condition]
    redactions: tuple[Redaction, ...] = ()
    hides_references: bool = False
    visible: Condition = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "visible", self.on(Action.ENTITY_READ))

    @property
    def sees_everything(self) -> bool:
        """Whether no entity is hidden from the principal, and no field or reference redacted."""
        return self.visible == EVERYTHING and not self.redactions and not self.hides_references

    def on(self, action: Action) -> Condition:
        """On which entities the action is allowed; among those that are visible, but for ENTITY_READ itself."""
        return self.conditions.get(action, NOTHING)

    def may(self, action: Action) -> bool:
        """Whether the action is allowed at all, be it on some entities only."""
        return self.on(action) != NOTHING

    def demand(self, action: Action) -> None:
        """ForbiddenError unless `may`."""
        if not self.may(action):
            raise ForbiddenError(f"{self.principal.ref} may not do this: no rule of the permission policy allows {action}.")


def unrestricted(principal: Principal) -> Access:
    """Everything on everything, as far as the principal's token goes."""
    return Access(principal, {action: EVERYTHING for action in Action if principal.actions is None or action in principal.actions})


GUEST_PRINCIPAL = Principal(GUEST, PrincipalKind.GUEST, (GUEST,))
UNRESTRICTED_GUEST = unrestricted(GUEST_PRINCIPAL)
