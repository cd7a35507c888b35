"""What the actions for projects of GitLab take and give, as Backstage's do."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from plugins.actions import ActionModel

Visibility = Literal["private", "public", "internal"]


class ProjectSettings(BaseModel):
    """`settings`, whose names are GitLab's own."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str | None = Field(default=None, description="Human-readable project name; the repository name of repoUrl without it.")
    path: str | None = Field(default=None, description="Repository name for new project; that of repoUrl, and no other.")
    auto_devops_enabled: bool | None = Field(default=None, description="Enable Auto DevOps for this project")
    ci_config_path: str | None = Field(default=None, description="Custom CI config path for this project")
    description: str | None = Field(default=None, description="Short project description")
    merge_method: Literal["merge", "rebase_merge", "ff"] | None = Field(default=None, description="Merge method")
    squash_option: Literal["default_off", "default_on", "never", "always"] | None = Field(default=None, description="Squash option")
    topics: list[str] | None = Field(default=None, description="Topic labels to apply on the repository")
    visibility: Visibility | None = Field(default=None, description="The visibility of the project; private without it.")
    only_allow_merge_if_all_discussions_are_resolved: bool | None = Field(default=None, description="Merge resolved discussions only.")
    only_allow_merge_if_pipeline_succeeds: bool | None = Field(default=None, description="Merge after successful pipelines only.")
    allow_merge_on_skipped_pipeline: bool | None = Field(default=None, description="Whether to merge with skipped jobs.")


class Branch(ActionModel):
    """One of `branches`."""

    name: str
    protect: bool = False
    create: bool = False
    ref: str = "master"


class ProjectVariable(BaseModel):
    """One of `projectVariables`, whose names are GitLab's own."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    key: str
    value: str
    description: str | None = None
    variable_type: Literal["env_var", "file"] = "env_var"
    protected: bool = False
    masked: bool = False
    masked_and_hidden: bool = False
    raw: bool = False
    environment_scope: str = "*"


class OnGitLab(ActionModel):
    """What every action on GitLab takes."""

    repo_url: str = Field(description="Accepts the format `gitlab.com?repo=project_name&owner=group_name`.")
    token: str | None = Field(default=None, description="The token to use for authorization to GitLab")


class Publish(OnGitLab):
    """The input of publish:gitlab."""

    repo_visibility: Visibility | None = Field(default=None, description="Visibility of the repository; `settings.visibility` is newer.")
    default_branch: str = Field(default="master", description="Sets the default branch on the repository.")
    git_commit_message: str | None = Field(default=None, description="Sets the commit message; `initial commit` without it.")
    git_author_name: str | None = Field(default=None, description="Sets the author name for the commit.")
    git_author_email: str | None = Field(default=None, description="Sets the author email for the commit.")
    sign_commit: bool | None = Field(default=None, description="Sign the commit with the configured OpenPGP private key.")
    source_path: str | bool | None = Field(
        default=None, description="Path within the workspace that will be used as the repository root; false leaves the repository empty."
    )
    skip_existing: bool = Field(default=False, description="Do not publish the repository if it already exists.")
    set_user_as_owner: bool = Field(default=False, description="Make the user of the token owner, by the integration's credentials.")
    owner_username: str | None = Field(default=None, description="User to add as owner, by the integration's credentials.")
    topics: list[str] | None = Field(default=None, description="Topic labels; `settings.topics` is newer.")
    settings: ProjectSettings | None = Field(default=None, description="Settings of the project.")
    branches: list[Branch] | None = Field(default=None, description="Branches to create and to protect.")
    project_variables: list[ProjectVariable] | None = Field(default=None, description="CI/CD variables of the project.")


class Published(ActionModel):
    """The output of publish:gitlab."""

    remote_url: str = Field(description="A URL to the repository with the provider")
    repo_contents_url: str = Field(description="A URL to the root of the repository")
    project_id: int = Field(description="The ID of the project")
    commit_hash: str | None = Field(default=None, description="The git commit hash of the initial commit")
    created: bool = Field(description="Whether the repository was created or not")


class ProposedChange(OnGitLab):
    """The input of publish:gitlab:merge-request."""

    title: str = Field(description="The name for the merge request")
    branch_name: str = Field(description="The source branch name of the merge request")
    description: str | None = Field(default=None, description="The description of the merge request")
    target_branch_name: str | None = Field(default=None, description="The target branch name; the default branch without it.")
    source_path: str | None = Field(
        default=None, description="Subdirectory of working directory to copy changes from; targetPath without it."
    )
    target_path: str | None = Field(default=None, description="Subdirectory of repository to apply changes to")
    commit_action: Literal["create", "delete", "update", "skip", "auto"] = Field(
        default="auto", description="What to do with each file; `auto` finds out whether to create, update or skip it."
    )
    projectid: str | None = Field(default=None, description="Has no effect: the project is that of `repoUrl`.")
    remove_source_branch: bool | None = Field(default=None, description="Delete source branch once the MR has been merged.")
    assignee: str | None = Field(default=None, description="User this merge request will be assigned to")
    reviewers: list[str] | None = Field(default=None, description="Users that will be assigned as reviewers")
    assign_reviewers_from_approval_rules: bool | None = Field(
        default=None, description="Assign reviewers from the approval rules of the MR."
    )
    labels: str | list[str] | None = Field(default=None, description="Labels with which to tag the created merge request")
    auto_merge: bool | None = Field(default=None, description="Merge automatically when all merge checks succeed.")


class ProposedAnew(ProposedChange):
    """The input of what proposes upgrades, which no template can use: a branch that is there is written anew, and files are removed."""

    files_to_delete: list[str] = Field(description="Files of the repository that are removed.")


class Proposed(ActionModel):
    """The output of publish:gitlab:merge-request."""

    target_branch_name: str = Field(description="Target branch name of the merge request")
    projectid: str = Field(description="GitLab Project id/Name(slug)")
    project_path: str = Field(description="GitLab Project path")
    merge_request_url: str = Field(description="Link to the merge request in GitLab")


def creation_of(given: Publish, name: str, namespace: int) -> dict[str, Any]:
    """The body that makes the project. https://docs.gitlab.com/api/projects/#create-a-project"""
    body: dict[str, Any] = {"namespace_id": namespace, "name": name, "visibility": given.repo_visibility or "private"}
    body |= {"topics": given.topics} if given.topics else {}
    body |= given.settings.model_dump(exclude_none=True) if given.settings else {}
    # Under another path than repoUrl says nobody would find it again.
    return {**body, "path": name}
