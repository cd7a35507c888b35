"""What the receivers of webhooks have in common: signatures, and payloads whose fields are missed with a message that names them."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import orjson

from graph.errors import InputError


def is_signed(body: bytes, secret: str, signature: str | None, prefix: str = "sha256=") -> bool:
    """Whether the signature is the body's HMAC-SHA256 in hex with the secret, after the prefix; compared in constant time."""
    expected = prefix + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), (signature or "").encode())


def host_of(url: str) -> str:
    """The host of an address, with a port if it names one, lower case; empty if it names none."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


class Payload:
    """A mapping of a webhook's body. What is asked for as text or mapping and is none is an InputError that says where."""

    def __init__(self, value: Mapping[str, Any]) -> None:
        self.value = value

    def text(self, *path: str) -> str:
        """The text at the path. InputError if there is none."""
        found = self.find(*path)
        if not isinstance(found, str):
            raise InputError(f"The event has no text at {'.'.join(path)}; send the events as the documentation of the host shows them.")
        return found

    def find(self, *path: str) -> Any:
        """Whatever is at the path; None if there is nothing."""
        found: Any = self.value
        for key in path:
            found = cast("Mapping[str, Any]", found).get(key) if isinstance(found, dict) else None
        return found

    def part(self, *path: str) -> "Payload":
        """The mapping at the path; an empty one if there is none."""
        found = self.find(*path)
        return Payload(cast("Mapping[str, Any]", found) if isinstance(found, dict) else {})

    def parts(self, *path: str) -> Sequence["Payload"]:
        """The mappings of the list at the path; none if there is no list."""
        found = self.find(*path)
        return [Payload(cast("Mapping[str, Any]", each)) for each in cast("list[Any]", found or []) if isinstance(each, dict)]

    def texts(self, *path: str) -> Sequence[str]:
        """The texts of the list at the path; none if there is no list."""
        found = self.find(*path)
        return [each for each in cast("list[Any]", found) if isinstance(each, str)] if isinstance(found, list) else []

    def only(self, *keys: str) -> dict[str, Any]:
        """These keys alone, as far as they are there."""
        return {key: self.value[key] for key in keys if key in self.value}


def payload_of(headers: Mapping[str, str], body: bytes) -> Payload:
    """The body as JSON, be it plain or the field `payload` of a form. InputError if it is neither."""
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        try:
            body = parse_qs(body.decode(), strict_parsing=True)["payload"][0].encode()
        except (KeyError, ValueError) as error:
            raise InputError("The form has no field payload; have the host send JSON.") from error
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InputError("The body is no JSON; have the host send application/json.") from error
    if not isinstance(value, dict):
        raise InputError("The body is no JSON object; have the host send its own events.")
    return Payload(cast("Mapping[str, Any]", value))


def branch_of(ref: str) -> str:
    """The branch or tag of a full git ref."""
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")
