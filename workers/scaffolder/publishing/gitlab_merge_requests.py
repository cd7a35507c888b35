"""The action publish:gitlab:merge-request: the workspace's files as one commit on a branch, by GitLab's API, and proposed."""

import asyncio
import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from graph.errors import InputError
from plugins.actions import Action, ActionContext, Effect, action
from plugins.contract import SourceError
from plugins.git.commits import CommittedFile
from plugins.rest import understood
from workers.scaffolder.publishing.contents import proposed_files, within
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.publishing.gitlab_inputs import Proposed, ProposedAnew, ProposedChange
from workers.scaffolder.publishing.requests import WriteApi

MERGE_REQUEST = "publish:gitlab:merge-request"
MERGE_REQUEST_ANEW = "callboard:template:merge-request"

WITHOUT_FILES = ("delete", "skip")
"""The values of `commitAction` with which no file of the workspace is brought."""

_PAGE = 100
_MOST_PAGES = 1000


def merge_request_actions(desk: Desk) -> Sequence[Action]:
    """The one of this module."""

    @action(MERGE_REQUEST, "Proposes the files of the workspace as a merge request on GitLab.")
    async def propose(given: ProposedChange, context: ActionContext) -> Proposed:
        at = desk.destination(given.repo_url)
        # An id or full path in `project` goes before owner and name, as in Backstage.
        return await _Proposal(context, desk.gitlab(at, given.token), at.project or at.full_name, given).made()

    return [propose]


def upgrade_request_actions(desk: Desk) -> Sequence[Action]:
    """What proposes upgrades as publish:gitlab:merge-request does."""

    @action(MERGE_REQUEST_ANEW, "Proposes the files of the workspace as a merge request of a branch that is written anew.")
    async def propose(given: ProposedAnew, context: ActionContext) -> Proposed:
        at = desk.destination(given.repo_url)
        return await _Proposal(context, desk.gitlab(at, given.token), at.full_name, given, given.files_to_delete).made()

    return [propose]


@dataclass(frozen=True, slots=True)
class _Proposal:
    """One merge request that is to be made in the project. With `removed` files are removed, and a branch that is there is written anew."""

    context: ActionContext
    api: WriteApi
    project: str
    given: ProposedChange
    removed: Sequence[str] | None = None

    async def made(self) -> Proposed:
        """What the step gives."""
        given, context = self.given, self.context
        files = await proposed_files(context, given.source_path or given.target_path)
        target = given.target_branch_name or await self._default_branch()
        actions = [] if given.commit_action == "skip" else await self._actions(files, target)
        branch = given.branch_name
        await context.checkpoint(f"commit:{branch}", lambda: self._commit(target, actions), lambda: self._committed(actions))
        made = await context.checkpoint(f"merge-request:{branch}", lambda: self._propose(target), lambda: self._proposed(target))
        details = {"name": self.project, "number": made["iid"], "branch": branch, "base": target}
        if files and given.commit_action not in WITHOUT_FILES:
            details["proposedTo"] = made["url"].partition("/-/")[0]
        await context.created(Effect("pull-request", made["url"], details=details))
        if given.assign_reviewers_from_approval_rules:
            await self._ask_approvers(made["iid"])
        if given.auto_merge:
            await self.api.ask("PUT", f"{self._path}/merge_requests/{made['iid']}/merge", {"auto_merge": True})
        return Proposed(target_branch_name=target, projectid=self.project, project_path=self.project, merge_request_url=made["url"])

    @property
    def _path(self) -> str:
        return f"/projects/{quote(self.project, safe='')}"

    async def _default_branch(self) -> str:
        found = await self.api.get(self._path)
        branch = None if found is None else found.get("default_branch")
        if not branch:
            raise InputError(f"{self.project} is not there, is empty, or the credentials may not see it; name a targetBranchName")
        return str(branch)

    async def _actions(self, files: Sequence[CommittedFile], target: str) -> list[dict[str, Any]]:
        folder, wanted = within(self.given.target_path or "", "targetPath"), self.given.commit_action
        known: Mapping[str, str] = await self._known(target, folder) if wanted == "auto" else {}
        actions: list[dict[str, Any]] = []
        for file in files:
            path = f"{folder}/{file.path}" if folder else file.path
            content = await asyncio.to_thread(file.read)
            kind = wanted if wanted != "auto" else "update" if path in known else "create"
            if wanted == "auto" and known.get(path) == _blob(content):
                continue
            action = {"action": kind, "file_path": path, "execute_filemode": file.executable}
            given = {} if kind == "delete" else {"encoding": "base64", "content": base64.b64encode(content).decode()}
            actions.append({**action, **given})
        return actions + [{"action": "delete", "file_path": path} for path in self.removed or () if path in known]

    async def _known(self, revision: str, folder: str) -> Mapping[str, str]:
        """The blobs of the branch, by path."""
        known: dict[str, str] = {}
        for page in range(1, _MOST_PAGES):
            query = {"ref": revision, "recursive": "true", "per_page": _PAGE, "page": page, **({"path": folder} if folder else {})}
            # A folder that is not there yet has no tree.
            listed: list[Any] = await self.api.get(f"{self._path}/repository/tree?{urlencode(query)}") or []
            with understood(self.api.url):
                known |= {str(entry["path"]): str(entry["id"]) for entry in listed if entry["type"] == "blob"}
            if len(listed) < _PAGE:
                break
        return known

    async def _commit(self, target: str, actions: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        branch = self.given.branch_name
        found = await self._branch()
        if found is not None and (self.removed is None or not actions):
            if actions:
                raise InputError(f"The branch creation failed because the branch {branch} already exists in {self.project}.")
            self.context.log.info(f"Using existing branch {branch} without modification.")
            return {"sha": found["commit"]["id"]}
        if not actions:
            said = await self.api.ask("POST", f"{self._path}/repository/branches?{urlencode({'branch': branch, 'ref': target})}")
            return {"sha": said.value["commit"]["id"]}
        # Branch and commit come into being by one request, or not at all.
        body = {"branch": branch, "start_branch": target, "commit_message": self._message(), "actions": actions}
        body |= {} if found is None else {"force": True}
        said = await self.api.ask("POST", f"{self._path}/repository/commits", body)
        return {"sha": said.value["id"]}

    async def _committed(self, actions: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
        """The commit, if a run that was interrupted made it: it says so."""
        found = await self._branch()
        if found is None or not actions:
            return None
        with understood(self.api.url):
            commit = found["commit"]
            return {"sha": commit["id"]} if str(commit["message"]).strip() == self._message() else None

    def _message(self) -> str:
        return f"{self.given.title.strip()}\n\nScaffolder-Task: {self.context.idempotency_key(self.given.branch_name)}"

    async def _branch(self) -> Any:
        return await self.api.get(f"{self._path}/repository/branches/{quote(self.given.branch_name, safe='')}")

    async def _propose(self, target: str) -> Mapping[str, Any]:
        given = self.given
        labels = given.labels if isinstance(given.labels, str) else ",".join(given.labels or ())
        assignees = await self._users([given.assignee] if given.assignee else [])
        body: dict[str, Any] = {
            "source_branch": given.branch_name,
            "target_branch": target,
            "title": given.title,
            "description": given.description,
            "remove_source_branch": bool(given.remove_source_branch),
            "assignee_id": assignees[0] if assignees else None,
            "reviewer_ids": await self._users(given.reviewers or []) or None,
            "labels": labels or None,
        }
        if self.removed is not None and (known := await self._proposed(target)):
            return known
        said = await self.api.ask("POST", f"{self._path}/merge_requests", {key: value for key, value in body.items() if value is not None})
        return self._told(said.value)

    async def _proposed(self, target: str) -> Mapping[str, Any] | None:
        query = urlencode({"source_branch": self.given.branch_name, "target_branch": target, "state": "opened"})
        listed: list[Any] = await self.api.get(f"{self._path}/merge_requests?{query}") or []
        return self._told(listed[0]) if listed else None

    def _told(self, found: Any) -> Mapping[str, Any]:
        with understood(self.api.url):
            return {"iid": int(found["iid"]), "url": str(found["web_url"])}

    async def _users(self, names: Sequence[str]) -> list[int]:
        found: list[int] = []
        for name in names:
            users: list[Any] = await self.api.get(f"/users?{urlencode({'username': name})}") or []
            if users:
                found.append(int(users[0]["id"]))
            else:
                self.context.log.warning(f"Failed to find gitlab user id for {name}. Proceeding with MR creation without them.")
        return found

    async def _ask_approvers(self, number: int) -> None:
        path = f"{self._path}/merge_requests/{number}"
        try:
            rules: list[Any] = await self.api.get(f"{path}/approval_rules") or []
            people = {int(user["id"]) for rule in rules for user in rule.get("eligible_approvers") or ()}
            people |= set(await self._users(self.given.reviewers or []))
            if people:
                await self.api.ask("PUT", path, {"reviewer_ids": sorted(people)})
        except SourceError as error:
            self.context.log.warning(f"Failed to assign reviewers from approval rules: {error}")


def _blob(content: bytes) -> str:
    """The name that git gives a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
