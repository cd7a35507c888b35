"""The section `integrations.azure`, for Azure DevOps Services and Azure DevOps Server."""

from collections import Counter
from typing import Self

from pydantic import Field, SecretStr, model_validator

from config.integration import CommitSigningKey, HostName, Integration
from config.sections import Section, Text

SERVICES = "dev.azure.com"
"""The host of Azure DevOps Services."""

SEARCH = "almsearch.dev.azure.com"
"""The host of the code search of Azure DevOps Services."""

SIGN_IN = "login.microsoftonline.com"
"""The host that gives service principals their tokens."""


class AzureCredential(Section):
    """One of `integrations.azure[].credentials`: a personal access token, or a service principal."""

    organizations: tuple[Text, ...] = Field(
        default=(), description="Organizations that the credential is for; without it all that no other credential names."
    )
    personal_access_token: SecretStr | None = Field(default=None, description="Personal access token with the scope Code (Read).")
    tenant_id: Text | None = Field(default=None, description="Directory of the service principal, with `clientId` and `clientSecret`.")
    client_id: Text | None = Field(default=None, description="Application id of the service principal.")
    client_secret: SecretStr | None = Field(default=None, description="Client secret of the service principal.")

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        principal = (self.tenant_id, self.client_id, self.client_secret)
        if self.personal_access_token is not None and any(part is not None for part in principal):
            raise ValueError("should have personalAccessToken, or tenantId, clientId and clientSecret, not both")
        if self.personal_access_token is None and any(part is None for part in principal):
            raise ValueError(
                "should have personalAccessToken, or tenantId, clientId and clientSecret; managed identities are not supported"
            )
        return self


class AzureIntegration(Integration):
    """One of `integrations.azure`."""

    host: HostName = Field(default=SERVICES, description="Host of the repositories' web pages: dev.azure.com, or that of your server.")
    credentials: tuple[AzureCredential, ...] = Field(default=(), description="How to sign in, by organization; without it public projects.")
    token: SecretStr | None = Field(
        default=None, description="Personal access token for all organizations; short for one of `credentials` without organizations."
    )
    commit_signing_key: CommitSigningKey = None

    @model_validator(mode="after")
    def _is_unambiguous(self) -> Self:
        named = Counter(name.lower() for credential in self.credentials for name in credential.organizations)
        if twice := [name for name, times in named.items() if times > 1]:
            raise ValueError(f"should name each organization in one credential only, not {', '.join(twice)} in several")
        if sum(not credential.organizations for credential in self.credentials) + (self.token is not None) > 1:
            raise ValueError("should have one credential without organizations at most")
        if self.host != SERVICES and any(credential.client_id for credential in self.credentials):
            raise ValueError(f"should have personal access tokens alone: service principals are for {SERVICES}")
        return self

    @property
    def all_credentials(self) -> tuple[AzureCredential, ...]:
        """The credentials, with that which `token` is short for."""
        if self.token is None:
            return self.credentials
        return (*self.credentials, AzureCredential.model_validate({"personalAccessToken": self.token}))

    @property
    def reached_hosts(self) -> tuple[str, ...]:
        return (self.host, SEARCH, SIGN_IN) if self.host == SERVICES else (self.host,)
