"""The sections of `catalog.providers` for GitLab, Bitbucket, Azure DevOps and Gitea. Keys are Backstage's."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from config.integration import HostName
from config.provider import Pattern, ProviderConfig
from config.sections import Section, Text

_ANY = r"[\s\S]*"

_Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]


class GitLabDiscovery(ProviderConfig):
    """One of `catalog.providers.gitlab`."""

    host: HostName = Field(default="gitlab.com", description="Host of one of `integrations.gitlab`.")
    group: str = Field(
        default="",
        pattern=r"^$|^[^/\s].*[^/\s]$|^[^/\s]$",
        description="Full path of the group to look in, with its subgroups; without it everywhere.",
    )
    branch: Text | None = Field(default=None, description="Branch to read; without it each project's default branch.")
    fallback_branch: Text = Field(default="master", description="Branch to read of a project that tells no default branch.")
    entity_filename: Text = Field(default="catalog-info.yaml", description="Path of the catalog file in a project.")
    project_pattern: Pattern = Field(default=_ANY, description="Regular expression found in the full path of each project that is read.")
    group_pattern: _Patterns = Field(
        default=(_ANY,), description="Regular expression, or several, found in the full path of each group whose projects are read."
    )
    user_pattern: Pattern = Field(default=_ANY, description="Regular expression found in the address, or else the login, of each user.")
    skip_forked_repos: bool = Field(default=False, description="Whether forks are left out.")
    include_archived_repos: bool = Field(default=False, description="Whether archived projects count.")
    exclude_repos: tuple[Text, ...] = Field(default=(), description="Full paths of projects that are left out.")
    membership: bool = Field(default=False, description="Whether only projects count that the token's user is a member of.")
    topics: tuple[Text, ...] = Field(default=(), description="Topics all of which a project has to have.")
    org_enabled: bool = Field(default=False, description="Whether groups and users are taken over, too.")
    allow_inherited: bool = Field(default=False, description="Whether members of a group count as members of the groups below it.")
    relations: tuple[Literal["DIRECT", "INHERITED", "DESCENDANTS", "SHARED_FROM_GROUPS"], ...] = Field(
        default=(), description="Which memberships count beside direct ones."
    )
    restrict_users_to_group: bool = Field(default=False, description="Whether only the users of `group` are taken over.")
    include_users_without_seat: bool = Field(default=False, description="On gitlab.com: whether users count that take no seat.")

    @model_validator(mode="after")
    def _names_a_group(self) -> Self:
        if self.org_enabled and not self.group and (self.host == "gitlab.com" or self.restrict_users_to_group):
            raise ValueError("orgEnabled needs a group on gitlab.com, and with restrictUsersToGroup")
        return self


class BitbucketCloudFilters(Section):
    """`filters` of a Bitbucket Cloud discovery."""

    project_key: Pattern | None = Field(
        default=None, description="Regular expression that the whole key of a repository's project matches."
    )
    repo_slug: Pattern | None = Field(default=None, description="Regular expression that the whole slug of a repository matches.")


class BitbucketCloudDiscovery(ProviderConfig):
    """One of `catalog.providers.bitbucketCloud`."""

    workspace: Text = Field(description="Workspace whose repositories are looked at.")
    catalog_path: Text = Field(
        default="/catalog-info.yaml", description="Path of the catalog files, as `path:` of Bitbucket's code search."
    )
    filters: BitbucketCloudFilters = Field(default=BitbucketCloudFilters(), description="Which repositories are read.")
    pagelen: Annotated[int, Field(ge=1, le=100)] = Field(default=100, description="How many results one page of the search has.")


class BitbucketServerFilters(Section):
    """`filters` of a Bitbucket Server discovery."""

    project_key: Pattern | None = Field(default=None, description="Regular expression found in the key of a repository's project.")
    repo_slug: Pattern | None = Field(default=None, description="Regular expression found in the slug of a repository.")
    skip_archived_repos: bool = Field(default=False, description="Whether archived repositories are left out.")


class BitbucketServerDiscovery(ProviderConfig):
    """One of `catalog.providers.bitbucketServer`."""

    host: HostName = Field(description="Host of one of `integrations.bitbucketServer`.")
    catalog_path: Text = Field(default="/catalog-info.yaml", description="Path of the catalog file in a repository.")
    filters: BitbucketServerFilters = Field(default=BitbucketServerFilters(), description="Which repositories are read.")
    validate_locations_exist: bool = Field(default=False, description="Whether a repository without the file is left out from the start.")


class AzureDevOpsDiscovery(ProviderConfig):
    """One of `catalog.providers.azureDevOps`."""

    host: HostName = Field(default="dev.azure.com", description="Host of one of `integrations.azure`.")
    organization: Text = Field(description="Organization, or collection of a server, to look in.")
    project: Text = Field(description="Project to look in; `*` stands for anything.")
    repository: Text = Field(default="*", description="Repositories to look in; `*` stands for anything.")
    path: Text = Field(default="/catalog-info.yaml", description="Path of the catalog files; `*` stands for anything.")
    branch: Text | None = Field(default=None, description="Branch to read; without it each repository's default branch.")


class GiteaDiscovery(ProviderConfig):
    """One of `catalog.providers.gitea`."""

    host: HostName = Field(description="Host of one of `integrations.gitea`.")
    organization: Text = Field(description="Organization whose repositories are looked at.")
    branch: Text | None = Field(default=None, description="Branch to read; without it each repository's default branch.")
    catalog_path: Text = Field(default="catalog-info.yaml", description="Path of the catalog file in a repository.")
