"""The sections `integrations.bitbucketCloud` and `integrations.bitbucketServer`."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from config.integration import BaseUrl, CommitSigningKey, HostName, Integration, host_of

_REST = "/rest/api/1.0"


class BitbucketCloudIntegration(Integration):
    """One of `integrations.bitbucketCloud`."""

    username: str | None = Field(
        default=None, description="The account's e-mail address with an API token, its user name with an app password."
    )
    app_password: SecretStr | None = Field(
        default=None, description="App password, with `username`; Atlassian replaces them with API tokens."
    )
    token: SecretStr | None = Field(
        default=None, description="API token, with `username`; without `username` a repository, project or workspace access token."
    )
    client_id: str | None = Field(default=None, description="Key of an OAuth consumer, with `clientSecret`.")
    client_secret: SecretStr | None = Field(default=None, description="Secret of an OAuth consumer that is marked private.")
    commit_signing_key: CommitSigningKey = None

    @property
    def host(self) -> str:
        """The host of the repositories' web pages."""
        return "bitbucket.org"

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.username is not None and self.token is None and self.app_password is None:
            raise ValueError("should have a token or an appPassword beside username")
        if self.app_password is not None and self.username is None:
            raise ValueError("should have a username beside appPassword")
        if (self.client_id is None) != (self.client_secret is None):
            raise ValueError("should have clientId and clientSecret, or neither")
        return self

    @property
    def reached_hosts(self) -> tuple[str, ...]:
        return (self.host, f"api.{self.host}")


class BitbucketServerIntegration(Integration):
    """One of `integrations.bitbucketServer`."""

    host: HostName = Field(description="Host of the repositories' web pages.")
    api_base_url: BaseUrl | None = Field(
        default=None, description=f"Address of the REST API, which ends in {_REST}; without it that path, on the host, over https."
    )
    token: SecretStr | None = Field(default=None, description="HTTP access token that may read repositories.")
    username: str | None = Field(default=None, description="User name, with `password`, where there is no token.")
    password: SecretStr | None = Field(default=None, description="Password of the user.")

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("should have username and password, or neither")
        return self

    @property
    def api_url(self) -> str:
        """The address of the REST API."""
        return self.api_base_url or f"https://{self.host}{_REST}"

    @property
    def web_url(self) -> str:
        """The address of the web pages: what the API's address has before its path."""
        return self.api_url.partition("/rest/")[0]

    @property
    def reached_hosts(self) -> tuple[str, ...]:
        return (self.host, host_of(self.api_url))
