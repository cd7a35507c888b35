"""Searches an LDAP server. Blocking, and the only module that knows the library for it."""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import ldap3
from ldap3.core.exceptions import (
    LDAPBindError,
    LDAPException,
    LDAPInappropriateAuthenticationResult,
    LDAPInsufficientAccessRightsResult,
    LDAPInvalidCredentialsResult,
    LDAPInvalidDnError,
    LDAPInvalidFilterError,
    LDAPNoSuchObjectResult,
    LDAPSizeLimitExceededResult,
    LDAPStrongerAuthRequiredResult,
    LDAPTimeLimitExceededResult,
)

from config.providers_people import LdapOrg, LdapSearch
from plugins.contract import SourceError, SourceReason

_SCOPES: Mapping[str, Any] = {"base": ldap3.BASE, "one": ldap3.LEVEL, "sub": ldap3.SUBTREE}
_CONNECT_SECONDS = 15
_ANSWER_SECONDS = 120
_PAGE = 500
_REFUSED = (
    LDAPBindError,
    LDAPInvalidCredentialsResult,
    LDAPInappropriateAuthenticationResult,
    LDAPInsufficientAccessRightsResult,
    LDAPStrongerAuthRequiredResult,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry with the raw values of its attributes, whose names are lower case."""

    dn: str
    attributes: Mapping[str, Sequence[bytes]]

    def raw(self, name: str) -> Sequence[bytes]:
        """All values of the attribute, none if it has none."""
        return self.attributes.get(name.lower(), ())

    def texts(self, name: str) -> list[str]:
        """The values as text. What is no UTF-8 is shown as far as it is."""
        return [value.decode("utf-8", "replace") for value in self.raw(name)]


def port_of(target: str) -> tuple[str, int]:
    """The host and port of a server's address."""
    split = urlsplit(target)
    return split.hostname or "", split.port or (636 if split.scheme == "ldaps" else 389)


class LdapClient:
    """A signed-in connection to the server at `address`, which is what its host's name was found to be. Errors are SourceErrors."""

    def __init__(self, config: LdapOrg, address: str) -> None:
        self._target = config.target
        host, port = port_of(config.target)
        tls = None
        if config.target.startswith("ldaps"):
            required = ssl.CERT_REQUIRED if config.tls.reject_unauthorized else ssl.CERT_NONE
            tls = ldap3.Tls(validate=required, valid_names=[host] if config.tls.reject_unauthorized else None, sni=host)
        server = ldap3.Server(address, port, use_ssl=tls is not None, tls=tls, get_info=ldap3.NONE, connect_timeout=_CONNECT_SECONDS)
        bind = config.bind
        self._connection: Any = ldap3.Connection(
            server,
            user=bind.dn if bind else None,
            password=bind.secret.get_secret_value() if bind else None,
            # A referral leads to another host, which nobody has checked.
            auto_referrals=False,
            check_names=False,
            raise_exceptions=True,
            read_only=True,
            receive_timeout=_ANSWER_SECONDS,
        )

    def __enter__(self) -> "LdapClient":
        try:
            self._guarded(self._target, self._connection.bind)
        except SourceError:
            self._end()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._end()

    def _end(self) -> None:
        sock = self._connection.socket
        with suppress(LDAPException, OSError):
            self._connection.unbind()
        # Where the server refused or is gone, the library leaves it open.
        if sock:
            sock.close()

    def root(self) -> Entry:
        """What the server says of itself."""
        options = LdapSearch(scope="base", paged=False)
        return next(iter(self.search("", options)), Entry("", {}))

    def search(self, dn: str, options: LdapSearch) -> list[Entry]:
        """The entries below the DN. A search that the server cut short is an error, not a result."""
        return self._guarded(dn or self._target, lambda: list(self._found(dn, options)))

    def _found(self, dn: str, options: LdapSearch) -> Iterator[Entry]:
        asked = {
            "search_base": dn,
            "search_filter": options.filter,
            "search_scope": _SCOPES[options.scope],
            "attributes": list(options.attributes),
            "size_limit": options.size_limit,
            "time_limit": options.time_limit,
        }
        if options.paged:
            answers = self._connection.extend.standard.paged_search(**asked, paged_size=_PAGE, generator=True)
        else:
            self._connection.search(**asked)
            answers = self._connection.response or ()
        for answer in cast("Sequence[Mapping[str, Any]]", answers):
            if answer["type"] == "searchResEntry":
                yield Entry(answer["dn"], {name.lower(): values for name, values in answer["raw_attributes"].items()})

    def _guarded(self, where: str, work: Any) -> Any:
        try:
            return work()
        except _REFUSED as error:
            remedy = "Check bind.dn and bind.secret of the provider, and that this user may read there."
            raise self._error(SourceReason.UNAUTHORIZED, where, error, remedy) from error
        except (LDAPNoSuchObjectResult, LDAPInvalidDnError) as error:
            raise self._error(SourceReason.NOT_FOUND, where, error, "Check the dn of the provider's users and groups.") from error
        except LDAPInvalidFilterError as error:
            raise self._error(SourceReason.MALFORMED, where, error, "Mend options.filter of the provider.") from error
        except (LDAPSizeLimitExceededResult, LDAPTimeLimitExceededResult) as error:
            remedy = "Leave options.paged on, raise the limits of the server for this user, or narrow options.filter."
            raise self._error(SourceReason.TOO_LARGE, where, error, remedy) from error
        except (LDAPException, OSError) as error:
            remedy = "Check the target of the provider and that the server runs; it is tried again by itself."
            raise self._error(SourceReason.UNAVAILABLE, where, error, remedy) from error

    def _error(self, reason: SourceReason, where: str, error: Exception, remedy: str) -> SourceError:
        told = getattr(error, "description", None) or type(error).__name__
        more = getattr(error, "message", None) or ("" if hasattr(error, "description") else str(error))
        detail = f"{told}: {more}" if isinstance(more, str) and more else str(told)
        return SourceError(reason, self._target, f"{self._target} refused or failed at {where}: {detail}", remedy)
