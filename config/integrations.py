"""The `integrations` section: the hosts of repositories, and how to sign in there. Keys are Backstage's where it has them."""

from collections.abc import Iterator

from pydantic import Field, SecretStr

from config.integration import BaseUrl, HostName, Integration, host_of
from config.integrations_azure import AzureIntegration
from config.integrations_bitbucket import BitbucketCloudIntegration, BitbucketServerIntegration
from config.integrations_gitea import GiteaIntegration
from config.integrations_gitlab import GitLabIntegration
from config.sections import Section, Text


class GitHubApp(Section):
    """One of a GitHub integration's `apps`."""

    app_id: int = Field(description="Number of the GitHub App.")
    client_id: str | None = Field(default=None, description="Client id of the GitHub App; not needed for reading.")
    client_secret: SecretStr | None = Field(default=None, description="Client secret of the GitHub App; not needed for reading.")
    webhook_secret: SecretStr | None = Field(default=None, description="Secret with which the GitHub App signs its webhooks.")
    private_key: SecretStr = Field(description="Private key of the GitHub App in PEM; read it with `$file`.")
    allowed_installation_owners: tuple[Text, ...] | None = Field(
        default=None, description="Owners whose installations are used; without it all of them."
    )


class GitHubIntegration(Integration):
    """One of `integrations.github`."""

    host: HostName = Field(default="github.com", description="Host of the repositories' web pages.")
    api_base_url: BaseUrl | None = Field(
        default=None, description="Address of the REST API; without it https://api.github.com, or /api/v3 on a GitHub Enterprise host."
    )
    raw_base_url: BaseUrl | None = Field(
        default=None, description="Address of raw files, so that their URLs are understood; without it https://raw.githubusercontent.com."
    )
    token: SecretStr | None = Field(
        default=None, description="Personal access token; without it and without apps only public repositories."
    )
    apps: tuple[GitHubApp, ...] = Field(default=(), description="GitHub Apps; that whose installation covers a repository's owner is used.")

    @property
    def api_url(self) -> str:
        """The address of the REST API."""
        return self.api_base_url or ("https://api.github.com" if self.host == "github.com" else f"https://{self.host}/api/v3")

    @property
    def raw_url(self) -> str:
        """The address below which raw files are."""
        return self.raw_base_url or ("https://raw.githubusercontent.com" if self.host == "github.com" else f"https://{self.host}/raw")

    @property
    def reached_hosts(self) -> tuple[str, ...]:
        # Archives are served by codeload, to which the API redirects.
        return (self.host, host_of(self.api_url), host_of(self.raw_url), f"codeload.{self.host}")


class GitIntegration(Integration):
    """One of `integrations.git`: a host that is spoken to with git itself, where no other integration knows its API."""

    host: HostName = Field(description="Host of the repositories, which are URLs with `.git` in their path.")
    username: str | None = Field(default=None, description="User name over https.")
    password: SecretStr | None = Field(default=None, description="Password or token over https.")
    ssh_private_key: SecretStr | None = Field(default=None, description="Private key for ssh, as OpenSSH writes it; read it with `$file`.")
    ssh_known_hosts: str | None = Field(
        default=None, description="The host's keys, lines as in known_hosts (`ssh-keyscan HOST` prints them); ssh needs them."
    )

    @property
    def reached_hosts(self) -> tuple[str, ...]:
        return (self.host,)


class Integrations(Section):
    """`integrations`."""

    github: tuple[GitHubIntegration, ...] = Field(default=(), description="GitHub and GitHub Enterprise.")
    gitlab: tuple[GitLabIntegration, ...] = Field(default=(), description="GitLab, of GitLab's own or self-managed.")
    bitbucket_cloud: tuple[BitbucketCloudIntegration, ...] = Field(default=(), description="Bitbucket Cloud: bitbucket.org.")
    bitbucket_server: tuple[BitbucketServerIntegration, ...] = Field(default=(), description="Bitbucket Server and Data Center.")
    azure: tuple[AzureIntegration, ...] = Field(default=(), description="Azure DevOps Services and Azure DevOps Server.")
    gitea: tuple[GiteaIntegration, ...] = Field(default=(), description="Gitea and Forgejo.")
    git: tuple[GitIntegration, ...] = Field(default=(), description="Hosts that are read with git, over https or ssh.")

    @property
    def all(self) -> Iterator[Integration]:
        """Every integration of every kind."""
        for name in type(self).model_fields:
            yield from getattr(self, name)
