"""Addresses of the web pages of repository hosts, taken apart and put together again; and revisions as those addresses show them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

BRANCHES = "refs/heads/"
TAGS = "refs/tags/"
"""What a revision begins with that is a tag, where the host's addresses tell tags from branches."""

DEFAULT = "HEAD"
"""What stands for the default branch in an address that has to name a revision."""

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_NEVER = re.compile(r"[\x00-\x1f\x7f\\]")
_PORTS = {"http": ":80", "https": ":443"}
_PLAIN = "*@~:,!()'"


@dataclass(frozen=True, slots=True)
class Page:
    """An address below a host's web pages: the parts of its path, decoded, and its query."""

    parts: Sequence[str]
    query: Mapping[str, str] = field(default_factory=dict[str, str])


def page(url: str, host: str, web_url: str) -> Page | None:
    """What the URL says; None if it is not below `web_url` on `host`, or if its path leads up (`..`)."""
    try:
        split = urlsplit(url)
    except ValueError:
        return None
    if split.scheme not in _PORTS or split.netloc.rpartition("@")[2].lower().removesuffix(_PORTS[split.scheme]) != host:
        return None
    base = _parts(web_url)
    parts = [unquote(part) for part in split.path.split("/") if part]
    query = dict(parse_qsl(split.query))
    if parts[: len(base)] != base or not all(map(leads_down, (*parts, *query.values()))):
        return None
    return Page(parts[len(base) :], query)


def leads_down(path: str) -> bool:
    """Whether the path has no part that a server takes for another place, such as `..`."""
    return _NEVER.search(path) is None and not {".", ".."}.intersection(path.split("/"))


def is_commit(revision: str) -> bool:
    """Whether the revision is the full hash of a commit."""
    return _COMMIT.fullmatch(revision) is not None


def quoted(path: str) -> str:
    """The path as it stands in an address; slashes and wildcards stay."""
    return quote(path, safe=f"/{_PLAIN}+=")


def part(text: str) -> str:
    """The text as one part of an address's path."""
    return quote(text, safe=f"{_PLAIN}+=")


def query(values: Mapping[str, str]) -> str:
    """The values as an address's query, with its question mark; empty if there are none."""
    return f"?{urlencode(values, quote_via=quote, safe=f'/{_PLAIN}$')}" if values else ""


def _parts(url: str) -> list[str]:
    return [unquote(part) for part in urlsplit(url).path.split("/") if part]
