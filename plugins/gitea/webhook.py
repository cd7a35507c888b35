"""Webhooks of Gitea and Forgejo."""

from collections.abc import Mapping, Sequence

from plugins.contract import Touched
from plugins.payloads import branch_of, host_of, is_signed, payload_of


class GiteaWebhook:
    """Receives pushes, and repositories that come and go; other events need nothing.

    `Touched.event` is push, repository.created or repository.deleted. A push never says which paths it touched: Gitea lists neither all
    commits of a large push nor those that a forced one took back.
    """

    name = "gitea"

    def is_authentic(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        signature = headers.get("x-gitea-signature") or headers.get("x-forgejo-signature")
        return is_signed(body, secret, signature, prefix="")

    def delivery_id(self, headers: Mapping[str, str]) -> str | None:
        return headers.get("x-gitea-delivery") or headers.get("x-forgejo-delivery")

    def touched(self, headers: Mapping[str, str], body: bytes) -> Sequence[Touched]:
        event = headers.get("x-gitea-event") or headers.get("x-forgejo-event")
        if event not in {"push", "repository"}:
            return []
        payload = payload_of(headers, body)
        host, name = host_of(payload.text("repository", "html_url")), payload.text("repository", "full_name")
        if event == "push":
            kept = payload.only("ref", "before", "after", "repository")
            return [Touched(host, event, name, branch_of(payload.text("ref")), payload=kept)]
        action = payload.text("action")
        return [Touched(host, f"repository.{action}", name, deleted=action == "deleted", payload=payload.value)]
