"""Entity refs: the names by which entities point to one another.

The syntax is Backstage's, https://backstage.io/docs/features/software-catalog/references
"""

from dataclasses import dataclass
from hashlib import sha1
from typing import NewType
from uuid import UUID

from graph.errors import InvalidRefError

Ref = NewType("Ref", str)
"""A full ref in lower case, `kind:namespace/name`; equal strings name the same entity."""

DEFAULT_NAMESPACE = "default"

_UID_NAMESPACE = UUID("b1f6f1a2-5d0e-5c3c-9a35-6c1f0a3f7d11").bytes


@dataclass(frozen=True, slots=True)
class EntityRef:
    """A parsed ref. Keeps the case it was written in; `ref` is the form to compare and store."""

    kind: str
    namespace: str
    name: str

    @property
    def ref(self) -> Ref:
        return Ref(f"{self.kind}:{self.namespace}/{self.name}".lower())

    def __str__(self) -> str:
        return f"{self.kind}:{self.namespace}/{self.name}"


def parse_ref(text: str, *, default_kind: str | None = None, default_namespace: str = DEFAULT_NAMESPACE) -> EntityRef:
    """The parsed `[kind:][namespace/]name`. InvalidRefError if malformed, or without a kind where none is the default.

    As in Backstage, only the first colon and the first slash divide, and a colon behind the slash does not; the parts are not checked
    further, since a ref may point to anything.
    """
    head, slash, tail = text.partition("/")
    kind, colon, inside = head.partition(":")
    if not colon:
        kind, inside = "", head
    namespace, name = (inside, tail) if slash else ("", inside)
    if not name or (colon and not kind) or (slash and not namespace):
        raise InvalidRefError(f"{text!r} is no entity ref; write [kind:][namespace/]name, such as component:default/shop")
    if not kind and default_kind is None:
        raise InvalidRefError(f"{text!r} names no kind, and none is the default here; write for example component:{text}")
    return EntityRef(kind or default_kind or "", namespace or default_namespace, name)


def split_ref(ref: Ref) -> tuple[str, str, str]:
    """The (kind, namespace, name) of a full ref, all in lower case."""
    kind, _, rest = ref.partition(":")
    namespace, _, name = rest.partition("/")
    return kind, namespace, name


def uid_of(ref: Ref) -> str:
    """The entity's stable uid: uuid5 of its ref, the same in every catalog and after every move."""
    # As uuid.uuid5 does it, in a third of the time: every entity that is stored or shown has one.
    digest = bytearray(sha1(_UID_NAMESPACE + ref.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
