"""Where something is published to: the `repoUrl` of a step, read as Backstage's parseRepoUrl does, and the integration that it names."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from graph.errors import InputError, RenderError
from workers.scaffolder.evaluation import Filters

_FORBIDDEN = frozenset("/\\?#%\0\n\r\t ")


class _Integration(Protocol):
    @property
    def host(self) -> str: ...


Found = TypeVar("Found", bound=_Integration)


@dataclass(frozen=True, slots=True)
class Destination:
    """The parts of a repoUrl; those that it does not have are empty."""

    host: str
    owner: str
    repo: str
    organization: str
    workspace: str
    project: str

    @property
    def full_name(self) -> str:
        """Owner and name."""
        return f"{self.owner}/{self.repo}"


def destination_of(repo_url: str, filters: Filters, *needed: str) -> Destination:
    """The parts of a repoUrl. InputError for one that is no URL, names a host without integration, or lacks a part that is needed."""
    try:
        parts = filters["parseRepoUrl"](repo_url)
    except RenderError as error:
        raise InputError(f"repoUrl can't be used: {error}") from error
    texts = {name: part if isinstance(part, str) else "" for name, part in parts.items()}
    for name in needed:
        if not texts[name]:
            raise InputError(f"repoUrl has no {name}: {repo_url}")
    for name, text in texts.items():
        # Groups of GitLab have several parts; nothing else may lead into another path of an API.
        parts_of_name = text.split("/") if name in ("owner", "project") else [text]
        if name != "host" and text and any(part in ("", ".", "..") or _FORBIDDEN.intersection(part) for part in parts_of_name):
            raise InputError(f"repoUrl has a {name} that is no name: {text}")
    return Destination(**texts)


def integration_of(destination: Destination, integrations: Iterable[Found], section: str) -> Found:
    """The integration of the destination's host. InputError if there is none of that kind."""
    found = next((one for one in integrations if one.host.lower() == destination.host.lower()), None)
    if found is None:
        raise InputError(f"nothing is published to {destination.host}: no integration under integrations.{section} has that host")
    return found
