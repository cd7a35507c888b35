"""The section `integrations.gitea`, for Gitea and Forgejo."""

from typing import Self

from pydantic import Field, SecretStr, model_validator

from config.integration import BaseUrl, CommitSigningKey, HostName, Integration, host_of


class GiteaIntegration(Integration):
    """One of `integrations.gitea`."""

    host: HostName = Field(description="Host of the repositories' web pages.")
    base_url: BaseUrl | None = Field(
        default=None, description="Address of the web pages; without it https on the host. The API is at /api/v1 below it."
    )
    username: str | None = Field(default=None, description="User name, with `password`.")
    password: SecretStr | None = Field(default=None, description="Password of the user; without `username` it is taken for a token.")
    token: SecretStr | None = Field(default=None, description="Access token that may read repositories and organizations.")
    commit_signing_key: CommitSigningKey = None

    @model_validator(mode="after")
    def _has_one_way_to_sign_in(self) -> Self:
        if self.token is not None and self.password is not None:
            raise ValueError("should have token or password, not both")
        if self.username is not None and self.password is None:
            raise ValueError("should have a password beside username")
        return self

    @property
    def web_url(self) -> str:
        """The address of the web pages."""
        return self.base_url or f"https://{self.host}"

    @property
    def reached_hosts(self) -> tuple[str, ...]:
        return (self.host, host_of(self.web_url))
