"""What actions that publish work with: the configuration, and the way to the hosts that it names, signed in as the step says."""

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, urlsplit

from pydantic import SecretStr

from config import Config
from config.integrations import host_of
from graph.errors import InputError
from plugins.github.app import GitHubCredentials
from plugins.outbound.client import Outbound
from plugins.rest import Sign, bearer, signed_by
from workers.scaffolder.evaluation import Filters
from workers.scaffolder.publishing.destinations import Destination, destination_of, integration_of
from workers.scaffolder.publishing.requests import WriteApi

_GITHUB_HEADERS = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28"}


class SigningIntegration(Protocol):
    """An integration that may have a key by which commits are signed."""

    @property
    def host(self) -> str: ...

    @property
    def commit_signing_key(self) -> SecretStr | None: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """One for each process."""

    config: Config
    outbound: Outbound
    filters: Filters

    def destination(self, repo_url: str, *needed: str) -> Destination:
        """Where a repoUrl leads. InputError as of `destination_of`."""
        return destination_of(repo_url, self.filters, *needed)

    def github(self, destination: Destination, token: str | None) -> WriteApi:
        """GitHub as the token sees it, or the integration for the owner. InputError without integration or token that is needed."""
        integration = integration_of(destination, self.config.integrations.github, "github")
        credentials = GitHubCredentials(integration, self.outbound)

        async def as_integration(_: str) -> dict[str, str]:
            return dict(await credentials.headers(destination.owner))

        return WriteApi(self.outbound, integration.api_url, self.signed(token, as_integration, destination.host), _GITHUB_HEADERS)

    def github_page(self, destination: Destination) -> str:
        """The address of the repository's web page."""
        integration = integration_of(destination, self.config.integrations.github, "github")
        # Only an interface on the same host tells that the host is not spoken to over https.
        scheme = urlsplit(integration.api_url).scheme if host_of(integration.api_url) == integration.host else "https"
        return f"{scheme}://{integration.host}/{quote(destination.full_name)}"

    def gitlab_page(self, destination: Destination) -> str:
        """The address of the project's web page."""
        return f"{integration_of(destination, self.config.integrations.gitlab, 'gitlab').web_url}/{quote(destination.full_name)}"

    def gitlab(self, destination: Destination, token: str | None) -> WriteApi:
        """GitLab as the token sees it, or the integration. Errors as of `github`."""
        integration = integration_of(destination, self.config.integrations.gitlab, "gitlab")
        own = signed_by(bearer(integration.token))
        return WriteApi(self.outbound, integration.api_url, self.signed(token, own, destination.host), {})

    def signing_key(self, wanted: bool | None, integration: SigningIntegration) -> SecretStr | None:
        """By which key a commit is signed; None where the step does not want that. InputError without a key that is needed."""
        if not wanted:
            return None
        key = integration.commit_signing_key or self.config.scaffolder.default_commit_signing_key
        if key is None:
            told = "commitSigningKey of its integration, or scaffolder.defaultCommitSigningKey"
            raise InputError(f"signCommit needs a key: configure {told}, for {integration.host}")
        return key

    def signed(self, token: str | None, integration: Sign, host: str) -> Sign:
        """Signs by the step's token, else as the integration. InputError if a token is required and there is none."""
        if token:
            return signed_by(bearer(SecretStr(token)))
        if self.config.scaffolder.require_scm_user_credentials:
            raise InputError(f"no `token` is given for {host}, and scaffolder.requireScmUserCredentials requires one")
        return integration
