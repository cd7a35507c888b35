"""Analysis: which catalog files a repository holds, and what its first one could say."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from graph.entities import Document
from graph.errors import InputError
from plugins.azure.host import AzureHost
from plugins.bitbucket_cloud.host import BitbucketCloudHost
from plugins.bitbucket_server.host import BitbucketServerHost
from plugins.contract import Head, Place, RepositoryHost, SourceError, SourceReason
from plugins.github.host import GitHubHost
from plugins.gitlab.host import GitLabHost
from plugins.hosts import Hosts
from plugins.https.host import HttpsHost

MOST_FILES = 20
"""How many catalog files of a repository are looked at."""

_LATER = frozenset({SourceReason.UNAVAILABLE, SourceReason.RATE_LIMITED})


async def catalog_files(url: str, filename: str, hosts: Hosts | None, registered: Sequence[str]) -> Sequence[str]:
    """The addresses of the first files of that name in the repository that the URL is of; none where no host is known for it.

    A file that one of the `registered` addresses names has that address. InputError if the URL is none, or the repository can't be read;
    SourceError if it can't be read just now.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InputError("The given location.target is not a URL")
    found = hosts.of(url) if hosts else None
    if found is None or isinstance(found[0], HttpsHost):
        return []
    host, place = found
    root = Place(place.host, place.repository, place.revision, "")
    try:
        head = await host.head(root)
        files = await host.tree(root, head)
    except SourceError as error:
        if error.reason in _LATER:
            raise
        raise InputError(f"{error.message}. {error.remedy}") from error
    named = sorted(file.path for file in files if file.path.rpartition("/")[2] == filename)[:MOST_FILES]
    known = await _known_addresses(host, root, head, named, registered)
    return [known.get(path) or host.url(Place(root.host, root.repository, head.revision, path)) for path in named]


async def _known_addresses(
    host: RepositoryHost, root: Place, head: Head, paths: Sequence[str], registered: Sequence[str]
) -> Mapping[str, str]:
    """The registered addresses of some paths: of this revision, whatever it is called there."""
    known: dict[str, str] = {}
    commits: dict[str | None, str] = {root.revision: head.commit, head.revision: head.commit}
    for address in registered:
        place = host.place(address)
        if place is None or place.repository != root.repository or place.path not in paths:
            continue
        if place.revision not in commits:
            try:
                commits[place.revision] = (await host.head(replace(place, path=""))).commit
            except SourceError:
                commits[place.revision] = ""
        if commits[place.revision] == head.commit:
            known.setdefault(place.path, address)
    return known


def suggested(url: str, hosts: Hosts | None) -> Document:
    """The descriptor that Backstage suggests for a repository without one."""
    found = hosts.of(url) if hosts else None
    parts = [part for part in urlsplit(url).path.split("/") if part]
    owner, name = parts[0] if len(parts) > 1 else "", (parts[:2] or [""])[-1].removesuffix(".git")
    prefix = None
    if found and not isinstance(found[0], HttpsHost):
        host, place = found
        names = [part for part in place.repository.split("/") if part != "_git"]
        owner, name = "/".join(names[:-1]), names[-1]
        prefix = _annotation_prefix(host)
    metadata: dict[str, object] = {"name": name}
    if prefix:
        metadata["annotations"] = {f"{prefix}/project-slug": f"{owner}/{name}"}
    return {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": metadata,
        "spec": {"type": "other", "lifecycle": "unknown"},
    }


def _annotation_prefix(host: RepositoryHost) -> str | None:
    match host:
        case GitHubHost():
            return "github.com"
        case GitLabHost():
            return "gitlab.com"
        case BitbucketCloudHost() | BitbucketServerHost():
            return "bitbucket.org"
        case AzureHost():
            return "dev.azure.com"
        case _:
            return None
