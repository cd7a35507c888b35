"""Repositories of Azure DevOps, by its REST API (https://learn.microsoft.com/en-us/rest/api/azure/devops/git/)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from config.integration import host_of
from config.integrations_azure import SEARCH, SERVICES, SIGN_IN, AzureCredential, AzureIntegration
from plugins.contract import Head, Place, TreeFile
from plugins.oauth import ClientCredentials
from plugins.outbound.client import Outbound
from plugins.pages import TAGS, is_commit, page, part, query, quoted
from plugins.rest import RestApi, Sign, basic, file_looked_for, looked_for, signed_by, understood

GIT = "_git"
VERSION = {"api-version": "6.0"}

GIT_USERNAME = "notempty"
"""The name that git signs in with; any will do."""

_OLD_SERVICES = ".visualstudio.com"
_SCOPE = "499b84ac-1321-427f-aa17-267ca6975798/.default"
"""Azure DevOps as a resource of Microsoft Entra, whatever the organization."""

_KINDS = {"GB": "branch", "GT": "tag", "GC": "commit"}
_SIGN_IN_PAGES = (203, 302)


class AzureHost:
    """Azure DevOps. Repositories are organization/project/_git/name; revisions are branches, tags as `refs/tags/…`, or commits."""

    def __init__(
        self,
        integration: AzureIntegration,
        outbound: Outbound,
        *,
        web_url: str | None = None,
        search_url: str | None = None,
        sign_in_url: str = f"https://{SIGN_IN}",
    ) -> None:
        self.web_url = web_url or f"https://{integration.host}"
        self.host = host_of(self.web_url)
        self.search_url = search_url or (f"https://{SEARCH}" if integration.host == SERVICES else self.web_url)
        self.sign, self.git_username = AzureSign(integration, outbound, sign_in_url), GIT_USERNAME
        self.api = RestApi(outbound, self.sign, self.web_url, self.search_url, refusals=_SIGN_IN_PAGES)

    def place(self, url: str) -> Place | None:
        found = page(url, self.host, self.web_url)
        if found is None or GIT not in found.parts:
            return None
        at = list(found.parts).index(GIT)
        above, name = list(found.parts[:at]), list(found.parts[at + 1 :])
        # Without a project's name the repository is that which is called like its project.
        if len(name) == 1 and len(above) == (0 if self.host.endswith(_OLD_SERVICES) else 1):
            above.append(name[0])
        if len(name) != 1 or not above:
            return None
        return Place(self.host, f"{'/'.join(above)}/{GIT}/{name[0]}", _revision(found.query), found.query.get("path", "").strip("/"))

    def url(self, place: Place) -> str:
        return self._page(place, f"/{place.path}" if place.path else "")

    def folder_url(self, place: Place) -> str:
        return self._page(place, f"/{place.path}/" if place.path else "/")

    def edit_url(self, place: Place) -> str | None:
        return self.url(place)

    async def head(self, place: Place, known: Head | None = None) -> Head:
        version = _described(place.revision, "searchCriteria.itemVersion.") if place.revision else dict[str, str]()
        url = f"{self.repository_url(place.repository)}/commits" + query({"searchCriteria.$top": "1", **version, **VERSION})

        def read(found: Any) -> tuple[str, str]:
            commit = str(found["value"][0]["commitId"])
            return commit, place.revision or commit

        with looked_for(self.url(replace(place, path=""))):
            return await self.api.head(url, known, read)

    async def tree(self, place: Place, head: Head) -> Sequence[TreeFile]:
        url = self._items(place, head, {"recursionLevel": "full", "includeContentMetadata": "true"})
        listed, _ = await self.api.json(url)
        with understood(url):
            return [
                TreeFile(str(item["path"]).removeprefix("/"))
                for item in listed["value"]
                if item["gitObjectType"] == "blob" and not item.get("isSymLink")
            ]

    async def file(self, place: Place, head: Head, max_bytes: int) -> bytes:
        url = self._items(place, head, {"path": f"/{place.path}", "$format": "octetStream"})
        with file_looked_for(self.url(place), place.path):
            return await self.api.content(url, max_bytes)

    def archive(self, place: Place, head: Head) -> AsyncIterator[bytes]:
        options = {"scopePath": "/", "recursionLevel": "full", "download": "true", "$format": "zip"}
        return self.api.chunks(self._items(place, head, options))

    def repository_url(self, repository: str) -> str:
        """The address of the repository in the API."""
        above, _, name = repository.partition(f"/{GIT}/")
        return f"{self.web_url}/{quoted(above)}/_apis/git/repositories/{part(name)}"

    def clone_url(self, repository: str) -> str:
        """Where git reads and writes the repository."""
        return f"{self.web_url}/{quoted(repository)}"

    def _page(self, place: Place, path: str) -> str:
        options = {"path": path} if path else {}
        if place.revision:
            options["version"] = _written(place.revision)
        return f"{self.web_url}/{quoted(place.repository)}" + query(options)

    def _items(self, place: Place, head: Head, options: Mapping[str, str]) -> str:
        described = _described(head.commit, "versionDescriptor.")
        return f"{self.repository_url(place.repository)}/items" + query({**options, **described, **VERSION})


class AzureSign:
    """Signs requests with the credential of the organization that they are for."""

    def __init__(self, integration: AzureIntegration, outbound: Outbound, sign_in_url: str) -> None:
        self._by_organization: dict[str, Sign] = {}
        self._otherwise = signed_by({})
        for credential in integration.all_credentials:
            sign = _sign(credential, outbound, sign_in_url)
            for organization in credential.organizations:
                self._by_organization[organization.lower()] = sign
            if not credential.organizations:
                self._otherwise = sign

    async def __call__(self, url: str) -> Mapping[str, str]:
        split = urlsplit(url)
        parts = [unquote(part).lower() for part in split.path.split("/") if part]
        names = [*(["/".join(parts[:count]) for count in (2, 1)]), split.netloc.lower().removesuffix(_OLD_SERVICES)]
        sign = next((self._by_organization[name] for name in names if name in self._by_organization), self._otherwise)
        return await sign(url)


def _sign(credential: AzureCredential, outbound: Outbound, sign_in_url: str) -> Sign:
    if credential.personal_access_token:
        return signed_by(basic("", credential.personal_access_token))
    secret = credential.client_secret.get_secret_value() if credential.client_secret else ""
    form = {"client_id": credential.client_id or "", "client_secret": secret, "scope": _SCOPE}
    return ClientCredentials(outbound, f"{sign_in_url}/{credential.tenant_id}/oauth2/v2.0/token", form)


def _revision(query: Mapping[str, str]) -> str | None:
    version = query.get("version", "")
    match _KINDS.get(version[:2]):
        case "tag":
            return f"{TAGS}{version[2:]}"
        case "branch" | "commit":
            return version[2:]
        case _:
            return None


def _written(revision: str) -> str:
    if revision.startswith(TAGS):
        return f"GT{revision.removeprefix(TAGS)}"
    return f"{'GC' if is_commit(revision) else 'GB'}{revision}"


def _described(revision: str, prefix: str) -> Mapping[str, str]:
    kind = _KINDS[_written(revision)[:2]]
    return {f"{prefix}version": revision.removeprefix(TAGS), f"{prefix}versionType": kind}
