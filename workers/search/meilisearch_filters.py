"""What may be found as a filter of Meilisearch: closed fragments over keys, which are such that nothing in them can end a value.

Meilisearch compares the values of filters without case and compatibility forms, and cuts long ones. Conditions compare exactly, so
documents carry keys that neither can change: a digest of each leaf, and each facet's value in lower-case ASCII.
"""

from collections.abc import Iterable
from hashlib import blake2b
from string import ascii_lowercase, digits
from urllib.parse import unquote_to_bytes

from graph.conditions import All, AnyOf, Condition, FactExists, FactIn, Not, OnWholeGraph, RefIn, Related
from graph.errors import InputError
from workers.search.index import SearchQuery
from workers.search.leaves import leaves_asked

LEAVES = "leafKeys"
SOURCE = "sourceKey"
DOCUMENT_TYPE = "documentType"

OF_NO_ENTITY = "of no entity"
"""What a document that belongs to no entity has among its leaves, none of which begins like that."""

GONE = "gone"
"""The source's key of what is no longer there, which no digest is."""

GONE_FILTER = f'{SOURCE} IN ["{GONE}"]'

DEEPEST = 30
"""Meilisearch reads filters 200 calls deep, of which a level of parentheses takes up to six."""

_KEPT = frozenset((ascii_lowercase + digits + "-_.:/@").encode())

_Filter = str | bool


def key_of(text: str) -> str:
    """The key of a text of any length, which says nothing of it. UnicodeEncodeError if the text is no Unicode."""
    return blake2b(text.encode(), digest_size=16).hexdigest()


def encoded(value: str) -> str:
    """A value in lower-case ASCII without spaces, from which `decoded` makes it again. UnicodeEncodeError if it is no Unicode."""
    return "".join(chr(byte) if byte in _KEPT else f"%{byte:02x}" for byte in value.encode())


def decoded(value: str) -> str:
    """What was encoded."""
    return unquote_to_bytes(value).decode()


def search_filter(query: SearchQuery) -> str | None:
    """The filter of what a query may find; None if that is nothing. InputError if a condition is none that search can ask."""
    by_type = [_all([_among(DOCUMENT_TYPE, [encoded(kind)]), _visible(of)]) for kind, of in sorted(query.visible.items())]
    match _all([_any(by_type), _asked(query.filter, 0)]):
        case str() as found:
            return found
        case True | False:
            return None


def sources_filter(sources: Iterable[str]) -> str:
    """The filter of the documents of sources."""
    return f"{SOURCE} IN [{_quoted(map(key_of, sources))}]"


def leaf_filter(leaf: str) -> str:
    """The filter of documents with a leaf."""
    return f"{LEAVES} IN [{_quoted([key_of(leaf)])}]"


def _visible(condition: Condition) -> _Filter:
    return _any([leaf_filter(OF_NO_ENTITY), _asked(condition, 0)])


def _asked(condition: Condition, depth: int) -> _Filter:
    if depth > DEEPEST:
        raise InputError(f"search can't be restricted by conditions that are nested more than {DEEPEST} levels deep")
    match condition:
        case All(of):
            return _all([_asked(part, depth + 1) for part in of])
        case AnyOf(of):
            return _any([_asked(part, depth + 1) for part in of])
        case Not(of):
            inner = _asked(of, depth + 1)
            return f"NOT ({inner})" if isinstance(inner, str) else not inner
        case OnWholeGraph(of):
            return _asked(of, depth)
        case FactIn() | FactExists() | RefIn() | Related():
            return _among(LEAVES, [key_of(leaf) for leaf in leaves_asked(condition)])
        case _:
            raise InputError("search can be restricted by values, refs and relations alone; filter entities by anything else instead")


def _among(attribute: str, keys: list[str]) -> _Filter:
    return f"{attribute} IN [{_quoted(keys)}]" if keys else False


def _all(parts: list[_Filter]) -> _Filter:
    asked = [part for part in parts if isinstance(part, str)]
    if False in parts:
        return False
    return _joined(" AND ", asked) if asked else True


def _any(parts: list[_Filter]) -> _Filter:
    asked = [part for part in parts if isinstance(part, str)]
    if True in parts:
        return True
    return _joined(" OR ", asked) if asked else False


def _joined(operator: str, parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else operator.join(f"({part})" for part in parts)


def _quoted(keys: Iterable[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)
