"""Making a repository once, whatever becomes of the worker that does: what is taken up again has to be the task's own."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from graph.errors import InputError
from plugins.actions import ActionContext, Effect
from workers.scaffolder.publishing.requests import RefusedError

_MOST_ATTEMPTS = 20
_CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository as its host tells of it. `url` is its page, `remote_url` where it is cloned from; `created_at` is in ISO 8601.

    `is_empty` is whether there is a commit in it; without `created_at` only that tells whether it is a task's own.
    """

    name: str
    id: str
    url: str
    remote_url: str
    created_at: str | None
    is_empty: bool


Look = Callable[[], Awaitable[Repository | None]]
Create = Callable[[], Awaitable[Repository]]


async def created_once(context: ActionContext, name: str, look: Look, create: Create, *, holds_commit: bool = False) -> Repository:
    """The repository, made by this task; it is in the ledger then. `holds_commit` says that its host makes a first commit.

    Before it is made it must not exist. If a worker was lost while it was made, one that is there is the task's if it came into being
    since and is empty. InputError for one that is somebody else's, and if the host refuses to make it.
    """
    for attempt in range(_MOST_ATTEMPTS):
        value = await _Attempt(context, name, look, create, holds_commit, f"{name}:{attempt}").made()
        if value is not None:
            repository = Repository(**value)
            await context.created(Effect("repository", repository.url, details={"name": name, "remoteUrl": repository.remote_url}))
            return repository
    raise InputError(f"{name} was refused {_MOST_ATTEMPTS} times; run the template anew")


@dataclass(slots=True)
class _Attempt:
    """One attempt of several: after a refusal, which is known to have made nothing, a retry of the task begins another."""

    context: ActionContext
    name: str
    look: Look
    create: Create
    holds_commit: bool
    key: str
    refused: RefusedError | None = None

    async def made(self) -> Mapping[str, Any] | None:
        """The repository; None if this attempt was refused in an earlier run. RefusedError if it is refused now."""
        since = datetime.fromisoformat(await self.context.checkpoint(f"absent:{self.key}", self._absent))

        async def recovered() -> Mapping[str, Any] | None:
            found = await self.look()
            if found is None:
                return None
            if not self._is_ours(found, since):
                raise InputError(f"{self.name} exists, and whether this task made it nobody can tell: remove or rename it, and retry")
            self.context.log.info(f"{self.name} was made before the task was interrupted")
            return asdict(found)

        value = await self.context.checkpoint(f"repository:{self.key}", self._make, recovered)
        if self.refused is not None:
            raise self.refused
        return None if value["name"] == "" else value

    async def _absent(self) -> str:
        if await self.look() is not None:
            raise InputError(f"{self.name} exists already, and is left as it is: choose another name")
        return datetime.now(UTC).isoformat()

    async def _make(self) -> Mapping[str, Any]:
        self.context.log.info(f"Creating the repository {self.name}")
        try:
            return asdict(await self.create())
        except RefusedError as error:
            self.refused = error
            return asdict(Repository("", "", "", "", None, is_empty=True))

    def _is_ours(self, found: Repository, since: datetime) -> bool:
        if not (found.is_empty or self.holds_commit):
            return False
        return found.created_at is None or datetime.fromisoformat(found.created_at) >= since - _CLOCKS_DIFFER
