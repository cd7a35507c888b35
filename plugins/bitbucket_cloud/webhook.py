"""Webhooks of Bitbucket Cloud."""

from collections.abc import Mapping, Sequence

from plugins.contract import Touched
from plugins.payloads import Payload, host_of, is_signed, payload_of


class BitbucketCloudWebhook:
    """Receives repo:push and what becomes of repositories; other events need nothing.

    `Touched.event` is push, repository.created, .deleted, .renamed, .transferred or .edited. A push never says which paths it
    touched, as Bitbucket does not.
    """

    name = "bitbucketCloud"

    def is_authentic(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        return is_signed(body, secret, headers.get("x-hub-signature"))

    def delivery_id(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-request-uuid")

    def touched(self, headers: Mapping[str, str], body: bytes) -> Sequence[Touched]:
        event = headers.get("x-event-key", "")
        if event not in _EVENTS:
            return []
        payload = payload_of(headers, body)
        name = payload.text("repository", "full_name")
        host = host_of(str(payload.find("repository", "links", "html", "href") or "")) or "bitbucket.org"
        if event == "repo:push":
            kept = payload.only("repository")
            return [Touched(host, "push", name, revision, payload=kept) for revision in _revisions(payload)]
        former = payload.find("changes", "full_name", "old")
        renamed_from = former if isinstance(former, str) and former != name else None
        known = "repository.renamed" if renamed_from else _EVENTS[event]
        return [Touched(host, known, name, renamed_from=renamed_from, deleted=event == "repo:deleted", payload=payload.value)]


_EVENTS: Mapping[str, str] = {
    "repo:push": "push",
    "repo:created": "repository.created",
    "repo:deleted": "repository.deleted",
    "repo:updated": "repository.edited",
    "repo:transfer": "repository.transferred",
}


def _revisions(payload: Payload) -> Sequence[str]:
    """The branches and tags that came, moved or went."""
    names = [change.find("new", "name") or change.find("old", "name") for change in payload.parts("push", "changes")]
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))
