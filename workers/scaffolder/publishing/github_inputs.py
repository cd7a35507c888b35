"""What the actions for repositories of GitHub take and give, as Backstage's do."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from plugins.actions import ActionModel

Visibility = Literal["private", "public", "internal"]


class OnGitHub(ActionModel):
    """What every action on GitHub takes."""

    repo_url: str = Field(description="Accepts the format `github.com?repo=reponame&owner=owner`.")
    token: str | None = Field(default=None, description="The token to use for authorization to GitHub")


class Collaborator(ActionModel):
    """One of `collaborators`: a user or a team."""

    access: str = Field(description="The type of access")
    user: str | None = Field(default=None, description="The name of the user that will be added as a collaborator")
    team: str | None = Field(default=None, description="The name of the team that will be added as a collaborator")


class OidcCustomization(ActionModel):
    """`oidcCustomization`."""

    use_default: bool = Field(default=True, description="Whether to use the default template. If true, includeClaimKeys must not be set.")
    include_claim_keys: list[str] | None = Field(default=None, description="Claim keys of alphanumeric characters and underscores.")


class Allowances(ActionModel):
    """`bypassPullRequestAllowances`."""

    apps: list[str] | None = None
    users: list[str] | None = None
    teams: list[str] | None = None


class Restrictions(ActionModel):
    """`restrictions`."""

    apps: list[str] | None = None
    users: list[str]
    teams: list[str]


class RepositorySettings(OnGitHub):
    """How a repository is made."""

    description: str | None = Field(default=None, description="Repository Description")
    homepage: str | None = Field(default=None, description="Repository Homepage")
    access: str | None = Field(
        default=None, description="An admin collaborator: a user other than `owner` in `repoUrl`, or a team, eg. `org/team-name`"
    )
    repo_visibility: Visibility = Field(default="private", description="Repository Visibility")
    delete_branch_on_merge: bool = Field(default=False, description="Delete the branch after merging the PR.")
    allow_merge_commit: bool = Field(default=True, description="Allow merge commits.")
    allow_squash_merge: bool = Field(default=True, description="Allow squash merges.")
    squash_merge_commit_title: Literal["PR_TITLE", "COMMIT_OR_PR_TITLE"] = Field(
        default="COMMIT_OR_PR_TITLE", description="Sets the default value for a squash merge commit title."
    )
    squash_merge_commit_message: Literal["PR_BODY", "COMMIT_MESSAGES", "BLANK"] = Field(
        default="COMMIT_MESSAGES", description="Sets the default value for a squash merge commit message."
    )
    allow_rebase_merge: bool = Field(default=True, description="Allow rebase merges.")
    allow_auto_merge: bool = Field(default=False, description="Allow individual PRs to merge automatically when all requirements are met.")
    allow_update_branch: bool = Field(default=False, description="Allow branch to be updated.")
    collaborators: list[Collaborator] | None = Field(default=None, description="Provide additional users or teams with permissions")
    has_projects: bool | None = Field(default=None, description="Enable projects for the repository.")
    has_wiki: bool | None = Field(default=None, description="Enable the wiki for the repository.")
    has_issues: bool | None = Field(default=None, description="Enable issues for the repository.")
    topics: list[str] | None = Field(default=None, description="Adds topics to the repository")
    repo_variables: Mapping[str, str] | None = Field(default=None, description="Variables attached to the repository")
    secrets: Mapping[str, str] | None = Field(default=None, description="Secrets attached to the repository")
    oidc_customization: OidcCustomization | None = Field(default=None, description="OIDC customization template of the repository.")
    custom_properties: Mapping[str, str | list[str]] | None = Field(
        default=None, description="Custom properties to be added to the repository; only of organizations."
    )
    subscribe: bool = Field(default=False, description="Subscribe to the repository.")


class PushSettings(OnGitHub):
    """How a workspace is pushed, and its branch protected."""

    default_branch: str = Field(default="main", description="Sets the default branch on the repository.")
    source_path: str | None = Field(default=None, description="Path within the workspace that will be used as the repository root.")
    git_commit_message: str | None = Field(default=None, description="Sets the commit message; `initial commit` without it.")
    git_author_name: str | None = Field(default=None, description="Sets the author name for the commit.")
    git_author_email: str | None = Field(default=None, description="Sets the author email for the commit.")
    protect_default_branch: bool = Field(default=True, description="Protect the default branch after creating the repository.")
    protect_enforce_admins: bool = Field(default=True, description="Enforce admins to adhere to default branch protection.")
    bypass_pull_request_allowances: Allowances | None = Field(
        default=None, description="Allow specific users, teams, or apps to bypass pull request requirements."
    )
    required_approving_review_count: int = Field(default=1, ge=0, le=6, description="The number of reviewers required.")
    restrictions: Restrictions | None = Field(default=None, description="Restrict who can push to the protected branch.")
    require_code_owner_reviews: bool = Field(default=False, description="Require an approved review of a designated Code Owner")
    dismiss_stale_reviews: bool = Field(default=False, description="New commits will dismiss pull request review approvals.")
    required_status_check_contexts: list[str] = Field(default=[], description="The status checks to require in order to merge")
    require_branches_to_be_up_to_date: bool = Field(default=True, description="Require branches to be up to date before merging.")
    required_conversation_resolution: bool = Field(default=False, description="Requires all conversations on code to be resolved.")
    require_last_push_approval: bool = Field(default=False, description="Whether the most recent push must be approved by someone else.")
    required_commit_signing: bool = Field(default=False, description="Require commit signing so that you must sign commits on this branch.")
    required_linear_history: bool = Field(default=False, description="Prevent merge commits from being pushed to matching branches.")


class RepoCreate(RepositorySettings):
    """The input of github:repo:create."""

    auto_init: bool | None = Field(default=None, description="Create an initial commit with empty README.")
    workflow_access: Literal["none", "organization", "user"] | None = Field(
        default=None, description="Level of access for workflows outside of the repository."
    )


class RepoPush(PushSettings):
    """The input of github:repo:push."""


class Publish(RepositorySettings, PushSettings):
    """The input of publish:github."""


class Created(ActionModel):
    """The output of github:repo:create."""

    remote_url: str = Field(description="A URL to the repository with the provider")
    repo_contents_url: str | None = Field(default=None, description="A URL to the root of the repository")


class Published(ActionModel):
    """The output of publish:github and github:repo:push."""

    remote_url: str = Field(description="A URL to the repository with the provider")
    repo_contents_url: str = Field(description="A URL to the root of the repository")
    commit_hash: str = Field(description="The git commit hash of the initial commit")


def protection_of(given: PushSettings) -> Mapping[str, Any]:
    """The body that protects a branch so. https://docs.github.com/en/rest/branches/branch-protection#update-branch-protection"""
    reviews: dict[str, Any] = {
        "required_approving_review_count": given.required_approving_review_count,
        "require_code_owner_reviews": given.require_code_owner_reviews,
        "dismiss_stale_reviews": given.dismiss_stale_reviews,
        "require_last_push_approval": given.require_last_push_approval,
    }
    if given.bypass_pull_request_allowances:
        reviews["bypass_pull_request_allowances"] = given.bypass_pull_request_allowances.model_dump(exclude_none=True)
    return {
        "required_status_checks": {"strict": given.require_branches_to_be_up_to_date, "contexts": given.required_status_check_contexts},
        "restrictions": given.restrictions.model_dump(exclude_none=True) if given.restrictions else None,
        "enforce_admins": given.protect_enforce_admins,
        "required_pull_request_reviews": reviews,
        "required_conversation_resolution": given.required_conversation_resolution,
        "required_linear_history": given.required_linear_history,
        "block_creations": False,
    }


def creation_of(given: RepositorySettings, name: str, *, in_organization: bool, auto_init: bool | None) -> Mapping[str, Any]:
    """The body that makes the repository. https://docs.github.com/en/rest/repos/repos#create-an-organization-repository"""
    body: dict[str, Any] = {
        "name": name,
        "description": given.description,
        "homepage": given.homepage,
        "private": given.repo_visibility == "private",
        "has_issues": given.has_issues,
        "has_projects": given.has_projects,
        "has_wiki": given.has_wiki,
        "auto_init": auto_init,
        "allow_auto_merge": given.allow_auto_merge,
        "allow_merge_commit": given.allow_merge_commit,
        "allow_rebase_merge": given.allow_rebase_merge,
        "allow_squash_merge": given.allow_squash_merge,
        "allow_update_branch": given.allow_update_branch,
        "delete_branch_on_merge": given.delete_branch_on_merge,
        "squash_merge_commit_title": given.squash_merge_commit_title,
        "squash_merge_commit_message": given.squash_merge_commit_message,
    }
    if in_organization:
        body |= {"visibility": given.repo_visibility, "custom_properties": given.custom_properties}
    return {name: value for name, value in body.items() if value is not None}
