"""The npm package oidc-provider as a server: a real provider of OpenID Connect, whose ID tokens can be broken."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.npm import NODE, install

CLIENT_ID = "callboard"
CLIENT_SECRET = "a secret: of tests & alone"
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class OpenIdServer:
    """A running provider. Anybody signs in there by any name."""

    url: str

    def breaks(self, mode: str) -> None:
        """Break ID tokens from now on, as provider.js says; `sound` ends that."""
        httpx.post(f"{self.url}/control/{mode}").raise_for_status()

    def rotates_keys(self) -> None:
        httpx.post(f"{self.url}/control/rotate").raise_for_status()


@contextmanager
def openid_server(*redirect_addresses: str) -> Iterator[OpenIdServer]:
    """A provider that sends people back to these addresses. Skips where its packages can't be had, fails in CI."""
    install(_FOLDER, "oidc-provider")
    process = subprocess.Popen(
        [NODE, "provider.js", CLIENT_ID, CLIENT_SECRET, *redirect_addresses],
        cwd=_FOLDER,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield OpenIdServer(process.stdout.readline().strip())
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
