"""What every section of `integrations` is made of: hosts, addresses, and which hosts reading reaches."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from config.sections import Section

HostName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$|^\[[0-9a-fA-F:.]+\](:[0-9]{1,5})?$"),
    AfterValidator(str.lower),
]
"""A host's name or address, with a port where it is not that of the scheme; lower case."""

BaseUrl = Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$"), AfterValidator(lambda url: url.rstrip("/"))]
"""An address without a slash at its end, and without credentials."""


CommitSigningKey = Annotated[
    SecretStr | None,
    Field(
        description="OpenPGP private key without a passphrase, in ASCII armor, that signs commits of steps with `signCommit`; read it with "
        "`$file`. Without it scaffolder.defaultCommitSigningKey."
    ),
]
"""The key of an integration by which commits are signed that templates publish there."""


def host_of(url: str) -> str:
    """The host of an address, with a port if it names one, lower case."""
    return urlsplit(url).netloc.lower()


class Integration(Section):
    """What every integration has: the host whose URLs it is for."""

    @property
    def reached_hosts(self) -> tuple[str, ...]:
        """The hosts that reading it reaches, none of which needs `backend.reading.allow`; with the port where it is not the scheme's."""
        raise AssertionError(f"{type(self).__name__} says which hosts it reaches")
