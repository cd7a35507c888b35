"""The section `integrations.gitlab`."""

from pydantic import Field, SecretStr

from config.integration import BaseUrl, CommitSigningKey, HostName, Integration, host_of


class GitLabIntegration(Integration):
    """One of `integrations.gitlab`."""

    host: HostName = Field(default="gitlab.com", description="Host of the repositories' web pages.")
    base_url: BaseUrl | None = Field(
        default=None, description="Address of the web pages; without it https on the host. Needed where GitLab is below a path."
    )
    api_base_url: BaseUrl | None = Field(default=None, description="Address of the REST API; without it /api/v4 below the web pages.")
    token: SecretStr | None = Field(
        default=None, description="Personal, group or project access token with the scope read_api; without it only public projects."
    )
    commit_signing_key: CommitSigningKey = None

    @property
    def web_url(self) -> str:
        """The address of the web pages."""
        return self.base_url or f"https://{self.host}"

    @property
    def api_url(self) -> str:
        """The address of the REST API."""
        return self.api_base_url or f"{self.web_url}/api/v4"

    @property
    def reached_hosts(self) -> tuple[str, ...]:
        return (self.host, host_of(self.web_url), host_of(self.api_url))
