"""The routes of Backstage's scaffolder API, under one prefix."""

from collections.abc import Callable

from starlette.routing import Route

from api.audit import Audit
from api.rest.scaffolder.asking import Asking
from api.rest.scaffolder.following import following_routes
from api.rest.scaffolder.tasks import task_routes
from api.rest.scaffolder.templates import template_routes
from workers.scaffolder.port import Scaffolder

PREFIX = "/api/scaffolder/v2"


def scaffolder_routes(scaffolder: Callable[[], Scaffolder | None], audit: Audit) -> list[Route]:
    """All of them; `scaffolder` is None until templates can be run, which is 503. Errors have the one shape of HTTP errors."""
    asking = Asking(scaffolder, audit)
    return [*template_routes(PREFIX, asking), *task_routes(PREFIX, asking), *following_routes(PREFIX, asking)]
