"""Webhooks of Bitbucket Server and Data Center."""

from collections.abc import Mapping, Sequence

from plugins.contract import Touched
from plugins.payloads import Payload, host_of, is_signed, payload_of


class BitbucketServerWebhook:
    """Receives repo:refs_changed and repo:modified; other events need nothing.

    `Touched.event` is push, repository.renamed or repository.edited. `host` is the one given where the payload has no links: older servers
    do not name themselves. A push never says which paths it touched, as Bitbucket does not.
    """

    name = "bitbucketServer"

    def __init__(self, host: str = "") -> None:
        self._host = host

    def is_authentic(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        return is_signed(body, secret, headers.get("x-hub-signature"))

    def delivery_id(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-request-id")

    def touched(self, headers: Mapping[str, str], body: bytes) -> Sequence[Touched]:
        event = headers.get("x-event-key", "")
        if event not in {"repo:refs_changed", "repo:modified"}:
            return []
        payload = payload_of(headers, body)
        if event == "repo:refs_changed":
            repository = payload.part("repository")
            host, kept = self._host_of(repository), payload.only("repository")
            names = dict.fromkeys(change.text("ref", "displayId") for change in payload.parts("changes"))
            return [Touched(host, "push", _full_name(repository), name, payload=kept) for name in names]
        old, new = payload.part("old"), payload.part("new")
        former = _full_name(old) if _full_name(old) != _full_name(new) else None
        name = "repository.renamed" if former else "repository.edited"
        return [Touched(self._host_of(new), name, _full_name(new), renamed_from=former, payload=payload.value)]

    def _host_of(self, repository: Payload) -> str:
        links = repository.parts("links", "self")
        return (host_of(links[0].text("href")) if links else "") or self._host


def _full_name(repository: Payload) -> str:
    return f"{repository.text('project', 'key')}/{repository.text('slug')}"
