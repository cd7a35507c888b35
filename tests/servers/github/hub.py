"""An emulator of GitHub: organisations, people, apps and tokens in memory, repositories in git, and the switches by which it fails.

It answers as GitHub Enterprise Server does, with its REST API below /api/v3, on a free port of the loopback interface, and holds every
request and answer against GitHub's own description.
"""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.servers.github.repositories import GitRepository

API = "/api/v3"


@dataclass(slots=True)
class Pull:
    """A pull request, or merge request. `owner` is whose fork its branch is in; none for one of the repository itself."""

    number: int
    title: str
    body: str
    head: str
    base: str
    owner: str = ""
    state: str = "open"
    merged_at: str | None = None
    people: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(slots=True)
class Repository:
    """A repository as GitHub knows it. `owner` and `name` are its present ones.

    A fork has a `parent`, by its full name.
    `created_at` is Unix time; `settings` is what it was made and set up with, by the last part of a request's path.
    """

    id: int
    owner: str
    name: str
    git: GitRepository
    private: bool = False
    archived: bool = False
    fork: bool = False
    parent: str = ""
    topics: Sequence[str] = ()
    created_at: float = 1_700_000_000
    pulls: list[Pull] = field(default_factory=list[Pull])
    settings: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True)
class Person:
    """A user."""

    id: int
    login: str
    name: str | None = None
    email: str | None = None


@dataclass(slots=True)
class Team:
    """A team of an organisation; `parent` is a slug."""

    id: int
    slug: str
    name: str
    description: str | None = None
    parent: str | None = None
    members: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Organisation:
    """An organisation with its members' logins and its teams by slug."""

    id: int
    login: str
    members: list[str] = field(default_factory=list[str])
    teams: dict[str, Team] = field(default_factory=dict[str, Team])


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token may read: `repositories` by full name, None for all. It is refused from `expires` on (Unix time)."""

    repositories: frozenset[str] | None = None
    expires: float | None = None


@dataclass(frozen=True, slots=True)
class App:
    """A GitHub App: its public key in PEM, and its installations' ids by account."""

    id: int
    public_key: str
    installations: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Failure:
    """How a request goes wrong. What is not set is as usual.

    `keep` is how many bytes of the answer's body arrive before the connection ends; `redirect` sends elsewhere with 302.
    """

    status: int | None = None
    body: bytes = b'{"message": "Server Error"}'
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    delay_seconds: float = 0
    keep: int | None = None
    redirect: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that arrived. `path` has no query, `token` is what the Authorization header held after its scheme."""

    method: str
    path: str
    query: str
    status: int
    token: str | None
    agent: str | None


@dataclass(slots=True)
class _Switch:
    pattern: re.Pattern[str]
    failure: Failure
    times: int | None


RATE_LIMITED = b'{"message": "API rate limit exceeded for installation ID 1.", "documentation_url": "https://docs.github.com/rest"}'
SECONDARY = b'{"message": "You have exceeded a secondary rate limit.", "documentation_url": "https://docs.github.com/rest"}'


def rate_limited(reset_in_seconds: float = 60) -> Failure:
    """The primary rate limit is used up until then."""
    reset = str(int(time.time() + reset_in_seconds))
    headers = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "0", "x-ratelimit-used": "5000", "x-ratelimit-reset": reset}
    return Failure(403, RATE_LIMITED, headers)


def secondary_limit(retry_after_seconds: int = 60) -> Failure:
    """Too many requests at once."""
    return Failure(403, SECONDARY, {"retry-after": str(retry_after_seconds)})


class Hub:
    """What the emulator knows and has seen. A test changes it directly, while the emulator runs or before."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = ""
        self.codeload_host = ""
        self.git_url = ""
        self.repositories: dict[str, Repository] = {}
        self.moved: dict[str, int] = {}
        self.people: dict[str, Person] = {}
        self.organisations: dict[str, Organisation] = {}
        self.apps: dict[int, App] = {}
        self.tokens: dict[str, Grant] = {}
        self.token_seconds = 3600.0
        self.seen: list[Seen] = []
        self.held: list[str] = []
        self.problems: list[str] = []
        self.rate_limit = 100_000
        self.rate_used = 0
        self._switches: list[_Switch] = []
        self._ids = iter(range(1, 10_000_000))

    @property
    def url(self) -> str:
        """Where its web pages would be."""
        return f"http://{self.host}"

    def clone_url(self, full_name: str) -> str:
        """Where git itself reads and writes the repository."""
        return f"{self.git_url}/{self.repositories[full_name.lower()].git.folder.name}"

    @property
    def api_url(self) -> str:
        """What `apiBaseUrl` of an integration has to be."""
        return f"{self.url}{API}"

    def repository(self, full_name: str, files: Mapping[str, str | bytes] | None = None, **more: Any) -> Repository:
        """Create a repository with a first commit of the files, none for an empty one. `more` are fields of Repository."""
        owner, name = full_name.split("/")
        if owner not in self.organisations and owner not in self.people:
            self.organisation(owner)
        branch = more.pop("default_branch", "main")
        number = next(self._ids)
        repository = Repository(number, owner, name, GitRepository(self.folder / f"{number}.git", branch), **more)
        repository.git.create()
        if files:
            repository.git.commit(files)
        self.repositories[full_name.lower()] = repository
        self.moved.pop(full_name.lower(), None)
        return repository

    def fork(self, full_name: str, owner: str) -> Repository:
        """Make the owner's fork of a repository, which shares its objects; the one that is there already, if there is."""
        origin = self.repositories[full_name.lower()]
        name = f"{owner}/{origin.name}"
        if (known := self.repositories.get(name.lower())) and known.parent == origin.full_name:
            return known
        made = self.repository(name, fork=True, parent=origin.full_name, private=origin.private, default_branch=origin.git.default_branch)
        made.git.borrow(origin.git)
        return made

    def commit(self, full_name: str, files: Mapping[str, str | bytes], **more: Any) -> str:
        """Commit to a repository, see GitRepository.commit."""
        return self.repositories[full_name.lower()].git.commit(files, **more)

    def rename(self, full_name: str, new: str) -> None:
        """Give the repository another full name; the old one answers 301 from now on."""
        repository = self.repositories.pop(full_name.lower())
        repository.owner, repository.name = new.split("/")
        self.repositories[new.lower()] = repository
        self.moved[full_name.lower()] = repository.id

    def delete(self, full_name: str) -> None:
        """Delete the repository: it is not found from now on."""
        del self.repositories[full_name.lower()]

    def person(self, login: str, name: str | None = None, email: str | None = None) -> Person:
        """Create a user."""
        self.people[login] = Person(next(self._ids), login, name, email)
        return self.people[login]

    def organisation(self, login: str, members: Iterable[str] = ()) -> Organisation:
        """Create an organisation. Members that are no users yet become some."""
        logins = list(members)
        for member in logins:
            if member not in self.people:
                self.person(member)
        self.organisations[login] = Organisation(next(self._ids), login, logins)
        return self.organisations[login]

    def team(self, organisation: str, slug: str, members: Iterable[str] = (), **more: Any) -> Team:
        """Create a team. `more` are fields of Team."""
        team = Team(next(self._ids), slug, more.pop("name", slug.title()), members=list(members), **more)
        self.organisations[organisation].teams[slug] = team
        return team

    def app(self, id: int, public_key: str, installations: Mapping[str, int]) -> None:
        """Register an app that is installed at these accounts."""
        self.apps[id] = App(id, public_key, installations)

    def token(self, token: str, *, repositories: Iterable[str] | None = None, expires: float | None = None) -> str:
        """Let the token in. Without `repositories` it reads all."""
        allowed = None if repositories is None else frozenset(name.lower() for name in repositories)
        self.tokens[token] = Grant(allowed, expires)
        return token

    def expire(self, token: str) -> None:
        """Refuse the token from now on."""
        self.tokens[token] = replace(self.tokens[token], expires=0.0)

    def fail(self, pattern: str, failure: Failure, *, times: int | None = None) -> None:
        """Let requests whose "METHOD /path" matches the pattern anywhere fail so, that often or until `heal`. The latest switch wins."""
        self._switches.insert(0, _Switch(re.compile(pattern), failure, times))

    def heal(self) -> None:
        """Take all switches back."""
        self._switches.clear()

    def failure_for(self, method: str, path: str) -> Failure | None:
        """How this request has to fail; counted as one time."""
        for switch in self._switches:
            if switch.times != 0 and switch.pattern.search(f"{method} {path}"):
                if switch.times is not None:
                    switch.times -= 1
                return switch.failure
        return None

    def count(self, pattern: str = "") -> int:
        """How many requests whose "METHOD /path" matches arrived since the last `forget`."""
        return sum(bool(re.search(pattern, f"{seen.method} {seen.path}")) for seen in self.seen)

    def forget(self) -> None:
        """Begin the log of requests anew."""
        self.seen.clear()
