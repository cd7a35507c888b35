"""The permission API of Backstage at /api/permission, by which portals find out what to show: may the one who asks do this?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.auth.admission import access_of
from api.permissions import allowed_of
from api.rest.answers import answering, json_answer, json_object
from graph.access import ON_ENTITIES, Access, Action
from graph.conditions import EVERYTHING, NOTHING
from graph.errors import InputError, InvalidRefError, LimitExceededError
from graph.policy import seen_and_allowed
from graph.refs import Ref, parse_ref
from graph.store import Store

PREFIX = "/api/permission"
HEALTH = f"{PREFIX}/health"
"""Answered whoever asks."""

_MOST_REFS = 1_000
_ALLOW, _DENY = "ALLOW", "DENY"
_WITHOUT_REF = "Resource permissions require a resourceRef to be set. Direct user requests without a resourceRef are not allowed."


class _Attributes(BaseModel):
    action: Literal["create", "read", "update", "delete"] | None = None


class _BasicPermission(BaseModel):
    type: Literal["basic"]
    name: str
    attributes: _Attributes


class _ResourcePermission(BaseModel):
    type: Literal["resource"]
    name: str
    attributes: _Attributes
    resource_type: str = Field(alias="resourceType")


class _Item(BaseModel):
    id: str
    permission: Annotated[_BasicPermission | _ResourcePermission, Field(discriminator="type")]
    resource_ref: str | Annotated[list[str], Field(min_length=1)] | None = Field(default=None, alias="resourceRef")


class _Batch(BaseModel):
    items: list[_Item]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: may `action` (None: one that Callboard does not know) be done, to these entities if any are named."""

    id: str
    action: Action | None
    refs: Sequence[str]
    is_list: bool


def permission_routes(store: Store, *, enabled: bool, max_bytes: int) -> list[Route]:
    """POST authorize answers ALLOW or DENY to each item, in Backstage's words; GET health says that it answers.

    A hidden entity is answered as a missing one. Without `enabled` actions that Callboard does not know are allowed, as all others are. 400
    for what is no such request, for an action on a resource without its ref, and for too many refs.
    """

    async def authorize(request: Request) -> Response:
        asked = _asked(await json_object(request, max_bytes, "backend.limits.maxBodyBytes"))
        return json_answer({"items": await answers(store, access_of(request), asked, enabled=enabled)})

    async def health(_: Request) -> Response:
        return json_answer({"status": "ok"})

    return [Route(PREFIX + "/authorize", answering(authorize), methods=["POST"]), Route(HEALTH, health, methods=["GET"])]


async def answers(store: Store, access: Access, asked: Sequence[Asked], *, enabled: bool) -> list[dict[str, Any]]:
    """The answers in the order of the questions. One query for each action that depends on the entity."""
    wanted: dict[Action, set[Ref]] = {}
    for one in asked:
        if one.action and _settled(access, one.action, enabled) is None:
            wanted.setdefault(one.action, set()).update(_refs(one.refs).values())
    allowed = {action: await allowed_of(store, access, action, sorted(refs)) for action, refs in wanted.items()}
    return [{"id": one.id, "result": _result(one, _settled(access, one.action, enabled), allowed)} for one in asked]


def _settled(access: Access, action: Action | None, enabled: bool) -> str | None:
    """The answer whatever the entity is; None if it depends on that."""
    if action is None:
        return _DENY if enabled or access.principal.actions is not None else _ALLOW
    if action not in ON_ENTITIES:
        return _ALLOW if access.may(action) else _DENY
    if NOTHING in (access.visible, access.on(action)):
        return _DENY
    return _ALLOW if seen_and_allowed(access, action) == EVERYTHING else None


def _result(one: Asked, settled: str | None, allowed: Mapping[Action, frozenset[Ref]]) -> str | list[str]:
    if settled is not None:
        return settled
    refs = _refs(one.refs)
    among = allowed.get(one.action, frozenset()) if one.action else frozenset[Ref]()
    each = [_ALLOW if refs.get(text) in among else _DENY for text in one.refs]
    return each if one.is_list else each[0] if each else _DENY


def _refs(texts: Iterable[str]) -> Mapping[str, Ref]:
    """The refs by the texts that name them. What is no ref names no entity."""
    found: dict[str, Ref] = {}
    for text in texts:
        try:
            found[text] = parse_ref(text).ref
        except InvalidRefError:
            continue
    return found


def _asked(body: Mapping[str, object]) -> Sequence[Asked]:
    try:
        items = _Batch.model_validate(body).items
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False, include_context=False)[0]
        raise InputError(f"{'.'.join(map(str, first['loc'])) or 'items'}: {first['msg']}") from invalid
    for item in items:
        if isinstance(item.permission, _BasicPermission) and item.resource_ref is not None:
            raise InputError(f"{item.permission.name} is no permission on a resource, so resourceRef has no place beside it")
        if isinstance(item.permission, _ResourcePermission) and item.resource_ref is None:
            raise InputError(_WITHOUT_REF)
    asked = [_question(item) for item in items]
    if max(len(asked), sum(len(one.refs) for one in asked)) > _MOST_REFS:
        raise LimitExceededError(f"{_MOST_REFS:,} permissions and resources at most are decided on by one request")
    return asked


def _question(item: _Item) -> Asked:
    given = item.resource_ref
    refs = given if isinstance(given, list) else [given] if given is not None else []
    known = item.permission.name in Action.__members__.values()
    return Asked(item.id, Action(item.permission.name) if known else None, refs, isinstance(given, list))
