"""What the routes that change the catalog have in common: what acts, who asks, and the record of it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, cast

import orjson
from starlette.requests import Request

from api.audit import Audit
from api.auth.admission import access_of
from api.errors import UNAVAILABLE
from graph.access import Access, Action
from graph.entities import Document
from graph.errors import InputError, StoreUnavailableError
from ingest.lifecycle import Actions
from ingest.registrations import Preview, Registration, Registrations


@dataclass(frozen=True, slots=True)
class Acting:
    """What acts on the catalog; `acting` is None until it can act."""

    acting: Callable[[], Actions | None]
    audit: Audit

    @property
    def actions(self) -> Actions:
        """StoreUnavailableError while nothing can act."""
        found = self.acting()
        if found is None:
            raise StoreUnavailableError(UNAVAILABLE)
        return found

    @property
    def registrations(self) -> Registrations:
        """As `actions`."""
        return self.actions.registrations

    def doing(self, request: Request, action: Action, subject: str) -> AbstractContextManager[None]:
        """Record what becomes of the block."""
        return self.audit.doing(access_of(request), action, subject, cause=f"{request.method} {request.url.path}")


def access(request: Request) -> Access:
    """What whoever sent the request may do."""
    return access_of(request)


def location_json(registration: Registration) -> dict[str, str]:
    """A registration as Backstage's API shows it."""
    return {"id": registration.id, "type": registration.type, "target": registration.target, "entityRef": registration.ref}


def preview_entity(document: Document) -> dict[str, Any]:
    """A descriptor that was read but not kept, as Backstage's API shows it: with its namespace, without uid and relations."""
    metadata = {"namespace": "default", **document["metadata"]}
    return {**document, "metadata": metadata}


def preview_location(preview: Preview) -> dict[str, str]:
    """The location of a preview, whose id says that there is none yet."""
    return {"type": preview.type, "target": preview.target, "id": f"{preview.type}:{preview.target}", "entityRef": preview.ref}


def location_input(body: object) -> tuple[str, str]:
    """Type and target of what a request calls a location. InputError if they are not there, or anything else is."""
    if not isinstance(body, dict):
        raise InputError("Malformed request: the location has to be an object with `type` and `target`")
    given = cast("dict[str, object]", body)
    if unknown := sorted(given.keys() - {"type", "target", "presence"}):
        raise InputError(f"Malformed request: unrecognized key {unknown[0]!r}; a location has `type` and `target`")
    if given.get("presence", "required") not in ("required", "optional"):
        raise InputError("Malformed request: `presence` has to be required or optional")
    type_, target = given.get("type"), given.get("target")
    if not isinstance(type_, str) or not isinstance(target, str):
        raise InputError("Malformed request: `type` and `target` have to be texts")
    return type_, target


def as_json_text(document: object) -> str:
    """The document as JSON. InputError if it is nested too deeply."""
    try:
        return orjson.dumps(document).decode()
    except orjson.JSONEncodeError as error:
        raise InputError("The entity is nested too deeply.") from error
