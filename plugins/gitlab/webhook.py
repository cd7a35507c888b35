"""Webhooks of GitLab: of projects and groups, and the system hooks of a whole instance."""

import hmac
from collections.abc import Mapping, Sequence

from plugins.contract import Touched
from plugins.payloads import Payload, branch_of, host_of, payload_of

_PUSHES = frozenset({"push", "tag_push", "repository_update"})
_PROJECTS: Mapping[str, str] = {
    "project_create": "repository.created",
    "project_destroy": "repository.deleted",
    "project_rename": "repository.renamed",
    "project_transfer": "repository.transferred",
    "project_update": "repository.edited",
}
_PEOPLE = ("user_", "group_", "subgroup_")


class GitLabWebhook:
    """Receives pushes, and what becomes of projects, groups and members; other events need nothing.

    `Touched.event` is push, one of repository.created, .deleted, .renamed, .transferred and .edited, or GitLab's own name of the event.
    `host` is the one given for events that name none. A push never says which paths it touched: GitLab lists neither all commits of a
    large push nor those that a forced one took back.
    """

    name = "gitlab"

    def __init__(self, host: str = "gitlab.com") -> None:
        self._host = host

    def is_authentic(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        return hmac.compare_digest(headers.get("x-gitlab-token", "").encode(), secret.encode())

    def delivery_id(self, headers: Mapping[str, str]) -> str | None:
        # A retried delivery keeps its idempotency key.
        return headers.get("idempotency-key") or headers.get("x-gitlab-event-uuid")

    def touched(self, headers: Mapping[str, str], body: bytes) -> Sequence[Touched]:
        payload = payload_of(headers, body)
        event = str(payload.find("object_kind") or payload.find("event_name") or "")
        host = host_of(str(payload.find("project", "web_url") or headers.get("x-gitlab-instance") or "")) or self._host
        if event in _PUSHES:
            return _pushed(host, payload)
        if event in _PROJECTS:
            former = payload.find("old_path_with_namespace")
            name, deleted = payload.text("path_with_namespace"), event == "project_destroy"
            renamed_from = former if isinstance(former, str) else None
            return [Touched(host, _PROJECTS[event], name, renamed_from=renamed_from, deleted=deleted, payload=payload.value)]
        if event.startswith(_PEOPLE):
            return [Touched(host, event, payload=payload.value)]
        return []


def _pushed(host: str, payload: Payload) -> Sequence[Touched]:
    name = payload.text("project", "path_with_namespace")
    kept = payload.only("ref", "refs", "before", "after", "project")
    refs = [payload.text("ref")] if payload.find("ref") else payload.texts("refs")
    return [Touched(host, "push", name, branch_of(ref), payload=kept) for ref in refs]
