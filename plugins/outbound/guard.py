"""Which hosts may be reached: those that the configuration allows, at addresses that are public or allowed."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import ada_url

from config.backend import AllowedHost, Reading
from plugins.contract import SourceError, SourceReason
from plugins.outbound.addresses import is_within, kind_of, parsed

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host name. OSError if it has none, or nobody can be asked."""

_SCHEMES = {"http:": 80, "https:": 443}


class SystemResolver:
    """Asks the operating system for addresses, on threads of its own: readers occupy those that the event loop would take."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(4, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """An http or https URL in the one form that everybody reads alike. `host` has the port where it is not the scheme's."""

    scheme: str
    host: str
    name: str
    port: int
    path: str
    target: str

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.host}"

    def __str__(self) -> str:
        return f"{self.origin}{self.target}"


def http_url(text: str) -> HttpUrl:
    """The URL, as the WHATWG reads it, without fragment. SourceError (NOT_ALLOWED) if it is none, or holds credentials."""
    try:
        url = ada_url.URL(text)
    except ValueError as error:
        raise _refused(text, "it is no URL", "Write an absolute URL that begins with https://.") from error
    if url.protocol not in _SCHEMES:
        raise _refused(text, "only http and https are spoken here", "Write a URL that begins with https://.")
    if url.username or url.password:
        shown = f"{url.protocol}//{url.host}{url.pathname}"
        raise _refused(shown, "it holds credentials", "Take them out of the URL and configure them under integrations.")
    port = int(url.port) if url.port else _SCHEMES[url.protocol]
    return HttpUrl(
        url.protocol.removesuffix(":"), url.host, url.hostname.strip("[]").rstrip("."), port, url.pathname, url.pathname + url.search
    )


@dataclass(frozen=True, slots=True)
class Guard:
    """Decides what may be reached. `reached` are hosts that need no `allow`: those of integrations."""

    reading: Reading
    reached: Collection[str]
    resolve: Resolve

    def check_url(self, url: HttpUrl) -> None:
        """Return if the URL may be read. SourceError (NOT_ALLOWED) otherwise."""
        if not self.allows(url.host, url.path):
            remedy = f"Name {url.host} under integrations, or under backend.reading.allow with this path."
            raise _refused(str(url), f"{url.host} is not among the hosts that may be read", remedy)

    def allows(self, host: str, path: str | None = None) -> bool:
        """Whether the host (with its port where that is not the scheme's) may be read, with None at whatever path."""
        return host.lower() in self.reached or self.allows_files(host, path)

    def allows_files(self, host: str, path: str | None = None) -> bool:
        """As `allows`, by `backend.reading.allow` alone: what the hosts of integrations have is read as they offer it."""
        host = host.lower()
        return any(_is_host(host, one) and _is_below(path, one) for one in self.reading.allow)

    async def addresses(self, name: str, port: int) -> Sequence[str]:
        """The addresses of the host that may be connected to, at least one.

        SourceError (NOT_ALLOWED) if it has no other than private ones that are not allowed, (UNAVAILABLE) if it has none.
        """
        refusal = ""
        allowed: list[str] = []
        for text in await self._resolved(name, port):
            address = parsed(text)
            kind = kind_of(address)
            named = any(entry.lower() == name.lower() for entry in self.reading.allow_private) and not address.is_link_local
            if kind is None or named or is_within(address, self.reading.allow_private):
                allowed.append(text)
            else:
                refusal = refusal or f"{name} has {kind}"
        if not allowed:
            remedy = f"If {name} is meant to be reached, name it under backend.reading.allowPrivate; if not, find out who named it."
            raise _refused(name, refusal, remedy)
        return allowed

    async def _resolved(self, name: str, port: int) -> Sequence[str]:
        try:
            return [str(parsed(name))]
        except ValueError:
            pass
        try:
            found = await self.resolve(name, port)
        except (OSError, UnicodeError) as error:
            raise _unresolved(name) from error
        if not found:
            raise _unresolved(name)
        return found


def _is_host(host: str, allowed: AllowedHost) -> bool:
    """As in Backstage: the whole host with its port, or `*.` and what it ends with."""
    pattern = allowed.host.lower()
    return host.endswith(pattern[1:]) and host != pattern[2:] if pattern.startswith("*.") else host == pattern


def _is_below(path: str | None, allowed: AllowedHost) -> bool:
    return path is None or allowed.paths is None or any(path.startswith(beginning) for beginning in allowed.paths)


def _unresolved(name: str) -> SourceError:
    remedy = "Check the spelling of the host, and that this machine's name server knows it."
    return SourceError(SourceReason.UNAVAILABLE, name, f"{name} has no address that is known here", remedy)


def _refused(url: str, why: str, remedy: str) -> SourceError:
    return SourceError(SourceReason.NOT_ALLOWED, url, f"{url} is not read: {why}", remedy)
