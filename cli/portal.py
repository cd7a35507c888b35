"""What a server lets whoever is signed in do, as it tells portals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import httpx

from cli.catalogs import Choice, FailedRequestError, data_of
from cli.remote import opened
from config.tokens import token_for
from graph.access import ON_ENTITIES, Action
from graph.refs import Ref

_OK = 200


@dataclass(frozen=True, slots=True)
class Permitted:
    """Whether an action may be done: to the entity, or at all."""

    action: Action
    ref: Ref | None
    allowed: bool


@dataclass(frozen=True, slots=True)
class Told:
    """Who is signed in, how many entities they see, and what they may do."""

    principal: str
    entities: int
    answers: Sequence[Permitted]


async def told_by(url: str, actions: Sequence[Action], refs: Sequence[Ref]) -> Told:
    """What the server answers of the actions; of those that are done to entities, for each of the refs. FailedRequestError."""
    async with opened(Choice(url, (), ())) as ask:
        seen = await data_of(ask, "viewer", {})
    asked: list[tuple[Action, Ref | None]] = []
    for action in actions:
        asked.extend([(action, ref) for ref in refs] if action in ON_ENTITIES else [(action, None)])
    results = await _authorized(url.rstrip("/").removesuffix("/graphql"), [_item(action, ref) for action, ref in asked])
    answers = [Permitted(action, ref, result == "ALLOW") for (action, ref), result in zip(asked, results, strict=True)]
    return Told(seen["viewer"]["ref"], seen["entities"]["totalCount"], answers)


def _item(action: Action, ref: Ref | None) -> Mapping[str, Any]:
    if ref is None:
        return {"id": action, "permission": {"type": "basic", "name": action, "attributes": {}}}
    permission: Mapping[str, Any] = {"type": "resource", "name": action, "attributes": {}, "resourceType": "catalog-entity"}
    return {"id": f"{action} {ref}", "resourceRef": ref, "permission": permission}


async def _authorized(server: str, items: Sequence[Mapping[str, Any]]) -> Sequence[str]:
    token = token_for(server)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    try:
        async with httpx.AsyncClient(timeout=60, headers=headers) as client:
            response = await client.post(f"{server}/api/permission/authorize", json={"items": items})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise FailedRequestError(f"{server} can't be reached: {error or type(error).__name__}") from error
    try:
        answer = cast("dict[str, Any]", response.json())
        if response.status_code == _OK:
            return [one["result"] for one in answer["items"]]
        raise FailedRequestError(f"{server} answered {response.status_code}: {answer['error']['message']}")
    except (ValueError, KeyError, TypeError) as error:
        raise FailedRequestError(f"{server} has no permission API: it answered {response.status_code}") from error
