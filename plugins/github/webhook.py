"""Webhooks of GitHub and GitHub Enterprise, of repositories, organisations and GitHub Apps."""

from collections.abc import Mapping, Sequence

from plugins.contract import Touched
from plugins.payloads import Payload, branch_of, host_of, is_signed, payload_of

_MOST_COMMITS = 2048
"""As many as a push event lists (docs.github.com, webhook events and payloads, push); of more the rest is left out."""

_ORGANISATION_EVENTS = frozenset({"membership", "member", "organization", "team", "team_add"})


class GitHubWebhook:
    """Receives the events push, repository, installation_repositories, and those of teams and members; others need nothing.

    `Touched.event` is push, or the event and its action with a dot between them, such as repository.renamed.
    """

    name = "github"

    def is_authentic(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        return is_signed(body, secret, headers.get("x-hub-signature-256"))

    def delivery_id(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-github-delivery")

    def touched(self, headers: Mapping[str, str], body: bytes) -> Sequence[Touched]:
        event = headers.get("x-github-event", "")
        payload = payload_of(headers, body)
        host = host_of(str(payload.find("repository", "html_url") or "")) or headers.get("x-github-enterprise-host", "github.com").lower()
        if event == "push":
            return [_pushed(host, payload)]
        name = f"{event}.{payload.find('action') or 'done'}"
        if event == "repository":
            return [_repository(host, name, payload)]
        if event == "installation_repositories":
            moved = [*payload.parts("repositories_added"), *payload.parts("repositories_removed")]
            return [Touched(host, name, each.text("full_name"), payload=payload.value) for each in moved]
        if event in _ORGANISATION_EVENTS:
            return [Touched(host, name, payload=payload.value)]
        return []


def _pushed(host: str, payload: Payload) -> Touched:
    return Touched(
        host,
        "push",
        payload.text("repository", "full_name"),
        branch_of(payload.text("ref")),
        _paths(payload),
        payload=payload.only("ref", "before", "after", "forced", "deleted", "repository"),
    )


def _paths(payload: Payload) -> Sequence[str] | None:
    """What the commits touched; None where they don't tell all: a branch that came, went, or was forced elsewhere, or too many commits."""
    commits = payload.parts("commits")
    if payload.find("forced") or payload.find("created") or payload.find("deleted") or not 0 < len(commits) < _MOST_COMMITS:
        return None
    return sorted({path for commit in commits for change in ("added", "modified", "removed") for path in commit.texts(change)})


def _repository(host: str, name: str, payload: Payload) -> Touched:
    full_name = payload.text("repository", "full_name")
    owner, _, short = full_name.partition("/")
    former = payload.find("changes", "repository", "name", "from")
    before = payload.part("changes", "owner", "from")
    former_owner = before.find("user", "login") or before.find("organization", "login")
    renamed = former is not None or former_owner is not None
    return Touched(
        host,
        name,
        full_name,
        renamed_from=f"{former_owner or owner}/{former or short}" if renamed else None,
        deleted=name == "repository.deleted",
        payload=payload.value,
    )
