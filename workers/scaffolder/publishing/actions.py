"""Every action of this package."""

from collections.abc import Sequence

from plugins.actions import Action
from workers.scaffolder.publishing.azure import azure_action
from workers.scaffolder.publishing.bitbucket_cloud import bitbucket_cloud_action
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.publishing.gitea import gitea_action
from workers.scaffolder.publishing.github import github_actions
from workers.scaffolder.publishing.github_automation import automation_actions
from workers.scaffolder.publishing.github_pull_requests import pull_request_actions
from workers.scaffolder.publishing.gitlab import gitlab_actions
from workers.scaffolder.publishing.gitlab_merge_requests import merge_request_actions


def publishing_actions(desk: Desk) -> Sequence[Action]:
    """Those that publish to the hosts of `integrations`."""
    return [
        *github_actions(desk),
        *automation_actions(desk),
        *pull_request_actions(desk),
        *gitlab_actions(desk),
        *merge_request_actions(desk),
        gitea_action(desk),
        bitbucket_cloud_action(desk),
        azure_action(desk),
    ]
