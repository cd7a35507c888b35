"""Contributions: which files of its workspace a step brings to a repository, and where they go there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plugins.actions import Workspace
from workers.scaffolder.merging import File
from workers.scaffolder.publishing.contents import within
from workers.scaffolder.publishing.github_pull_requests import PULL_REQUEST
from workers.scaffolder.publishing.gitlab_merge_requests import MERGE_REQUEST, WITHOUT_FILES
from workers.scaffolder.snapshots import files_below


@dataclass(frozen=True, slots=True)
class Contribution:
    """`folder` is that of the workspace. What `is_proposed` goes to the folder `target` of a repository that was there before, on `branch`,
    None for the default one; anything else is a repository's first content.
    """

    folder: str
    is_proposed: bool = False
    target: str = ""
    branch: str | None = None

    def files(self, workspace: Workspace, most_bytes: int | None = None) -> dict[str, File] | None:
        """The files, by their paths in the repository; None if they hold more than that. InputError for a target that leads out of it.

        Blocking.
        """
        found, target = files_below(workspace, self.folder, most_bytes), within(self.target, "targetPath")
        return {f"{target}/{path}": file for path, file in found.items()} if found and target else found


def contribution_of(action: str, given: Mapping[str, Any]) -> Contribution | None:
    """What a step with that input brings, as templates write it; None if it brings no files."""
    source, target = given.get("sourcePath"), str(given.get("targetPath") or "")
    if action not in (PULL_REQUEST, MERGE_REQUEST):
        return None if source is False else Contribution(str(source or ""))
    if given.get("commitAction") in WITHOUT_FILES:
        return None
    folder = source or (target if action == MERGE_REQUEST else "")
    return Contribution(str(folder), True, target, given.get("targetBranchName") or None)
