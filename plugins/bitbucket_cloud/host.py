"""Repositories of Bitbucket Cloud, by its REST API (https://developer.atlassian.com/cloud/bitbucket/rest/)."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from config.integration import host_of
from config.integrations_bitbucket import BitbucketCloudIntegration
from plugins.contract import Head, Place, TreeFile
from plugins.oauth import ClientCredentials
from plugins.outbound.answers import Answer
from plugins.outbound.client import Outbound
from plugins.pages import DEFAULT, page, part, query, quoted
from plugins.rest import RestApi, Sign, basic, bearer, file_looked_for, looked_for, signed_by, understood

WEB_URL = "https://bitbucket.org"
API_URL = "https://api.bitbucket.org/2.0"

ACCESS_USERNAME = "x-token-auth"
"""The name that git signs in with beside an access token."""

_NOT_REGULAR = frozenset({"link", "subrepository"})
_DEEPEST = "100"
_TIMED_OUT = (555,)


class BitbucketCloudHost:
    """Bitbucket Cloud. Repositories are workspace/slug; revisions are branches, tags or commits."""

    def __init__(
        self, integration: BitbucketCloudIntegration, outbound: Outbound, *, web_url: str = WEB_URL, api_url: str = API_URL
    ) -> None:
        self.host = host_of(web_url)
        self.web_url, self.api_url = web_url, api_url
        self.sign, self.git_username = bitbucket_sign(integration, outbound, web_url), git_username(integration)
        self.api = RestApi(outbound, self.sign, api_url, web_url, too_much=_TIMED_OUT)

    def place(self, url: str) -> Place | None:
        found = page(url, self.host, self.web_url)
        if found is None or len(found.parts) < 2:
            return None
        workspace, slug, *rest = found.parts
        repository = f"{workspace}/{slug.removesuffix('.git')}"
        if not rest or rest == ["src"]:
            return Place(self.host, repository, None, "")
        if len(rest) < 2 or rest[0] not in {"src", "raw"}:
            return None
        return Place(self.host, repository, None if rest[1] == DEFAULT else rest[1], "/".join(rest[2:]))

    def url(self, place: Place) -> str:
        address = f"{self.web_url}/{quoted(place.repository)}"
        if place.revision is None and not place.path:
            return address
        return self._source(place)

    def folder_url(self, place: Place) -> str:
        return f"{self._source(place).rstrip('/')}/"

    def edit_url(self, place: Place) -> str | None:
        return self._source(place) + query({"mode": "edit", "at": place.revision or DEFAULT})

    async def head(self, place: Place, known: Head | None = None) -> Head:
        base = self.repository_url(place.repository)
        if place.revision is None:
            url = base + query({"fields": "mainbranch.name,mainbranch.target.hash"})
        else:
            url = f"{base}/commits/{quote(place.revision, safe='')}" + query({"pagelen": "1", "fields": "values.hash"})

        def read(found: Any) -> tuple[str, str]:
            if place.revision is None:
                if found["mainbranch"] is None:
                    raise IndexError
                return str(found["mainbranch"]["target"]["hash"]), str(found["mainbranch"]["name"])
            return str(found["values"][0]["hash"]), place.revision

        with looked_for(self.url(replace(place, path=""))):
            return await self.api.head(url, known, read, lambda: self.api.text(base, "full_name"))

    async def tree(self, place: Place, head: Head) -> Sequence[TreeFile]:
        fields = "next,values.path,values.size,values.type,values.attributes"
        options = query({"max_depth": _DEEPEST, "pagelen": "100", "fields": fields})
        url = f"{self.repository_url(place.repository)}/src/{head.commit}/{options}"
        with understood(url):
            return [
                TreeFile(str(entry["path"]), int(entry["size"]))
                async for entry in self.values(url)
                if entry["type"] == "commit_file" and not _NOT_REGULAR.intersection(entry.get("attributes") or ())
            ]

    async def file(self, place: Place, head: Head, max_bytes: int) -> bytes:
        url = f"{self.repository_url(place.repository)}/src/{head.commit}/{quoted(place.path)}"
        with file_looked_for(self.url(place), place.path):
            return await self.api.content(url, max_bytes, refused=lambda answer: _is_folder(answer, place.path))

    def archive(self, place: Place, head: Head) -> AsyncIterator[bytes]:
        return self.api.chunks(f"{self.web_url}/{quoted(place.repository)}/get/{head.commit}.tar.gz")

    def repository_url(self, repository: str) -> str:
        """The address of the repository in the API."""
        return f"{self.api_url}/repositories/{quoted(repository)}"

    def clone_url(self, repository: str) -> str:
        """Where git reads and writes the repository."""
        return f"{self.web_url}/{quoted(repository)}.git"

    async def values(self, url: str) -> AsyncIterator[Any]:
        """The elements of a list, page after page."""
        next_url: str | None = url
        while next_url:
            listed, answer = await self.api.json(next_url)
            with understood(url):
                for value in listed["values"]:
                    yield value
                next_url = self.api.following(answer, listed.get("next"))

    def _source(self, place: Place) -> str:
        return f"{self.web_url}/{quoted(place.repository)}/src/{part(place.revision or DEFAULT)}/{quoted(place.path)}"


def _is_folder(answer: Answer, path: str) -> bool:
    """Whether the answer lists a folder: that is JSON, and files are not, unless they are called so."""
    return answer.headers.get("content-type", "").startswith("application/json") and not path.lower().endswith("json")


def bitbucket_sign(integration: BitbucketCloudIntegration, outbound: Outbound, web_url: str) -> Sign:
    """Signs requests as the integration says."""
    if integration.client_id and integration.client_secret:
        client = basic(integration.client_id, integration.client_secret)
        return ClientCredentials(outbound, f"{web_url}/site/oauth2/access_token", {}, client)
    secret = integration.token or integration.app_password
    if integration.username and secret:
        return signed_by(basic(integration.username, secret))
    return signed_by(bearer(integration.token))


def git_username(integration: BitbucketCloudIntegration) -> str:
    """The name that git signs in with, which depends on the kind of the secret, not on whose it is."""
    if integration.client_id or not integration.username:
        return ACCESS_USERNAME
    return "x-bitbucket-api-token-auth" if integration.token else integration.username
