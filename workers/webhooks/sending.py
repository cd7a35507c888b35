"""Sends one delivery of an outgoing webhook, signed as Standard Webhooks has it (standardwebhooks.com, specification 1.0.0)."""

import base64
import binascii
import hashlib
import hmac
import time
from urllib.parse import urlsplit

from config.webhooks import OutgoingWebhook
from graph.errors import CallboardError
from plugins.contract import SourceError
from plugins.outbound.client import Outbound
from workers.webhooks.deliveries import Delivery

_TIMEOUT_SECONDS = 15.0
_READ_BYTES = 64 * 1024
_ANY_STATUS = frozenset(range(200, 600))


class DeliveryError(CallboardError):
    """The receiver did not take the delivery. `retry_after_seconds` is how long it asks to be left alone."""

    def __init__(self, message: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


async def send(outbound: Outbound, webhook: OutgoingWebhook, delivery: Delivery) -> None:
    """Return once the receiver answered 2xx. DeliveryError for anything else; redirects are not followed."""
    body = delivery.body.encode()
    headers = {"content-type": "application/json", **signature_headers(webhook.secret.get_secret_value(), delivery.id, body, time.time())}
    try:
        async with outbound.request(
            "POST",
            webhook.url.get_secret_value(),
            headers=headers,
            content=body,
            max_bytes=_READ_BYTES,
            timeout_seconds=_TIMEOUT_SECONDS,
            expected=_ANY_STATUS,
            any_host=True,
        ) as answer:
            status, wait = answer.status, answer.headers.get("retry-after", "")
    except SourceError as error:
        raise DeliveryError(_without_path(f"{error.message}. {error.remedy}", webhook), error.retry_after_seconds) from None
    if not 200 <= status < 300:
        raise DeliveryError(f"the receiver answered {status}", float(wait) if wait.isdecimal() else None)


def _without_path(text: str, webhook: OutgoingWebhook) -> str:
    """The text with no more of the webhook's address than its host: the rest may hold a token."""
    url = urlsplit(webhook.url.get_secret_value())
    return text.replace(f"{url.path}?{url.query}", "").replace(url.path, "") if len(url.path) > 1 else text


def signature_headers(secret: str, id: str, body: bytes, at: float) -> dict[str, str]:
    """The headers that tell the receiver who sent the body, and when (Unix time)."""
    timestamp = str(int(at))
    signed = f"{id}.{timestamp}.".encode() + body
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return {"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": f"v1,{base64.b64encode(digest).decode()}"}


def _key(secret: str) -> bytes:
    """The bytes that a secret stands for: those of its base64 after whsec_, else its own."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
