"""The `catalog.providers` section: what is discovered, and whose people are taken over. Keys are Backstage's where it has them."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic.alias_generators import to_camel

from config.integration import HostName, host_of
from config.provider import Pattern, ProviderConfig, ScheduleConfig, by_id
from config.providers_hosts import AzureDevOpsDiscovery, BitbucketCloudDiscovery, BitbucketServerDiscovery, GiteaDiscovery, GitLabDiscovery
from config.providers_people import EntraOrg, LdapOrg
from config.sections import Section, Text


class TopicFilter(Section):
    """`filters.topic`."""

    include: tuple[Text, ...] = Field(default=(), description="Topics one of which a repository has to have; none: any repository.")
    exclude: tuple[Text, ...] = Field(default=(), description="Topics that leave a repository out, whatever else it has.")


class GitHubFilters(Section):
    """`filters` of a GitHub discovery."""

    branch: Text | None = Field(default=None, description="Branch to read; without it each repository's default branch.")
    repository: Pattern | None = Field(default=None, description="Regular expression that a repository's whole name has to match.")
    topic: TopicFilter = Field(default=TopicFilter(), description="Which topics count.")
    visibility: tuple[Literal["private", "internal", "public"], ...] = Field(
        default=(), description="Which visibilities count; none: every one."
    )
    allow_forks: bool = Field(default=True, description="Whether forks count.")
    allow_archived: bool = Field(default=False, description="Whether archived repositories count.")


class GitHubDiscovery(ProviderConfig):
    """One of `catalog.providers.github`."""

    host: HostName = Field(default="github.com", description="Host of one of `integrations.github`.")
    organization: Text = Field(description="Organization, or user, whose repositories are looked at.")
    catalog_path: Text = Field(default="/catalog-info.yaml", description="Path of the catalog files in a repository; a glob with `**` too.")
    filters: GitHubFilters = Field(default=GitHubFilters(), description="Which repositories are read.")
    validate_locations_exist: bool = Field(
        default=False, description="Whether a repository without the file is left out from the start; not for globs."
    )

    @model_validator(mode="after")
    def _is_one_path(self) -> Self:
        if self.validate_locations_exist and "*" in self.catalog_path:
            raise ValueError("validateLocationsExist needs a catalogPath without wildcards")
        return self


class GitHubOrg(ProviderConfig):
    """One of `catalog.providers.githubOrg`."""

    id: Text = Field(default="default", description="Id of the provider.")
    github_url: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+/?$")] = Field(
        default="https://github.com", description="Address of the web pages of one of `integrations.github`."
    )
    orgs: tuple[Text, ...] = Field(min_length=1, description="Organizations whose teams and members are taken over.")
    exclude_suspended_users: bool = Field(default=False, description="Whether suspended users of GitHub Enterprise are left out.")


class Clones(ProviderConfig):
    """One of `catalog.providers.clones`."""

    schedule: ScheduleConfig = Field(
        default=ScheduleConfig(frequency=timedelta(minutes=1)), description="When it looks for repositories; each minute if not told."
    )
    path: Path = Field(description="Folder below which Git repositories lie, relative to the configuration file.")
    catalog_path: Text = Field(default="catalog-info.yaml", description="Path of the catalog files in a repository; a glob with `**` too.")


class Providers(Section):
    """`catalog.providers`."""

    github: Annotated[Mapping[str, GitHubDiscovery], by_id("organization")] = Field(
        default={}, description="Repositories of GitHub organizations, by an id; a single one may stand here itself."
    )
    github_org: Annotated[tuple[GitHubOrg, ...], BeforeValidator(lambda value: [value] if isinstance(value, Mapping) else value)] = Field(
        default=(), description="Teams and members of GitHub organizations: a list, or a single one."
    )
    gitlab: Mapping[str, GitLabDiscovery] = Field(default={}, description="Projects of GitLab, and its groups and users, by an id.")
    bitbucket_cloud: Annotated[Mapping[str, BitbucketCloudDiscovery], by_id("workspace")] = Field(
        default={}, description="Repositories of Bitbucket Cloud workspaces, by an id; a single one may stand here itself."
    )
    bitbucket_server: Annotated[Mapping[str, BitbucketServerDiscovery], by_id("host")] = Field(
        default={}, description="Repositories of Bitbucket Servers, by an id; a single one may stand here itself."
    )
    azure_dev_ops: Mapping[str, AzureDevOpsDiscovery] = Field(
        default={}, description="Repositories of Azure DevOps organizations, by an id."
    )
    gitea: Mapping[str, GiteaDiscovery] = Field(default={}, description="Repositories of Gitea or Forgejo organizations, by an id.")
    ldap_org: Annotated[Mapping[str, LdapOrg], by_id("target")] = Field(
        default={}, description="People and groups of LDAP directories, by an id; a single one may stand here itself."
    )
    microsoft_graph_org: Annotated[Mapping[str, EntraOrg], by_id("tenantId")] = Field(
        default={}, description="People and groups of Microsoft Entra, by an id; a single one may stand here itself."
    )
    clones: Mapping[str, Clones] = Field(default={}, description="Folders with clones of Git repositories, by an id.")

    @property
    def hosts_named(self) -> Iterator[tuple[str, str, str]]:
        """Every host that a provider names: the key that names it, the host, and the field of `integrations` that has to know it."""
        for index, org in enumerate(self.github_org):
            yield f"catalog.providers.githubOrg[{index}].githubUrl", host_of(org.github_url), "github"
        for section, known in _HOSTED.items():
            found: Mapping[str, Any] = getattr(self, section)
            for name, provider in found.items():
                yield f"catalog.providers.{to_camel(section)}.{name}.host", provider.host, known


_HOSTED = {"github": "github", "gitlab": "gitlab", "bitbucket_server": "bitbucket_server", "azure_dev_ops": "azure", "gitea": "gitea"}
"""Sections whose providers name a host, with the field of `integrations` that it is in."""
