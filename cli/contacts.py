"""How owners are reached."""

from collections.abc import Mapping
from typing import Any, cast


def contact_of(owner: Mapping[str, Any] | None) -> str:
    """The e-mail address in `spec.profile` of an owner; empty if it has none or is missing."""
    found: Any = owner
    for key in ("spec", "profile", "email"):
        found = cast("Mapping[str, Any]", found).get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""
