"""What the routes of the scaffolder have in common: who runs templates, who asks, and how refused values are told."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

from api.audit import Audit, Outcome
from api.auth.admission import access_of
from api.errors import UNAVAILABLE
from api.rest.answers import Answer, json_answer
from graph.access import Access, Action
from graph.errors import ForbiddenError, InputError, StoreUnavailableError
from workers.scaffolder.parameters import RefusedValuesError
from workers.scaffolder.port import Scaffolder

MAX_BODY_BYTES = 10 * 1024 * 1024
"""As in Backstage: a dry run brings its skeleton along."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Who is asked for templates and tasks."""

    found: Callable[[], Scaffolder | None]
    audit: Audit

    @property
    def scaffolder(self) -> Scaffolder:
        """StoreUnavailableError while no template can be run."""
        scaffolder = self.found()
        if scaffolder is None:
            raise StoreUnavailableError(UNAVAILABLE)
        return scaffolder

    def doing(self, request: Request, action: Action, subject: str, *, changes: bool = True) -> AbstractContextManager[None]:
        """Record what becomes of the block."""
        cause = f"{request.method} {request.url.path}"
        return self.audit.doing(access_of(request), action, subject, cause=cause, changes=changes)

    def reading(self, request: Request, subject: str) -> Access:
        """The access of whoever asks. ForbiddenError, which is recorded, if they may not read tasks."""
        access = access_of(request)
        try:
            access.demand(Action.TASK_READ)
        except ForbiddenError as error:
            cause = f"{request.method} {request.url.path}"
            self.audit.record(access, Action.TASK_READ, subject, Outcome.DENIED, cause=cause, reason=str(error))
            raise
        return access


def telling_refusals(answer: Answer) -> Answer:
    """The answer, or what of the values was refused, as Backstage's validator puts it; but values themselves are not told."""

    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except RefusedValuesError as error:
            return json_answer({"errors": [_refusal(error, index) for index in range(len(error.refusals))]}, 400)

    return answered


def mapping_in(body: Mapping[str, object], name: str, *, required: bool = False) -> Mapping[str, Any]:
    """The mapping under the name, empty if it may be left out. InputError if it is none."""
    value = body.get(name)
    if value is None and not required:
        return {}
    if not isinstance(value, dict):
        raise InputError(f"Malformed request: `{name}` has to be an object")
    return cast("dict[str, Any]", value)


def secrets_in(body: Mapping[str, object]) -> Mapping[str, str]:
    """The secrets of a request. InputError if they are no texts, none of which is told."""
    secrets = mapping_in(body, "secrets")
    if not all(isinstance(secret, str) for secret in secrets.values()):
        raise InputError("Malformed request: `secrets` has to be an object of texts")
    return secrets


def _refusal(error: RefusedValuesError, index: int) -> dict[str, Any]:
    refusal = error.refusals[index]
    named = error.named(refusal)
    return {
        "path": list(refusal.path),
        "property": named,
        "message": refusal.message,
        "name": refusal.keyword,
        "argument": refusal.argument,
        "stack": f"{named} {refusal.message}",
    }
