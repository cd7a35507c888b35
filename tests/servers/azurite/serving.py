"""Azurite, Azure's own emulator of its blob storage, from npm."""

import base64
import hashlib
import hmac
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import httpx

from tests.npm import NODE, install

ACCOUNT = "devstoreaccount1"
KEY = base64.b64encode(b"a key that opens nothing but tests").decode()
_FOLDER = Path(__file__).parent
_VERSION = "2021-12-02"


@contextmanager
def azurite(data: Path, container: str) -> Iterator[str]:
    """The address of the account, which has that container. Skips where its packages can't be had, fails in CI."""
    install(_FOLDER, "azurite")
    program = _FOLDER / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    options = [
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        "0",
        "--location",
        str(data),
        "--silent",
        "--skipApiVersionCheck",
        "--disableTelemetry",
    ]
    process = subprocess.Popen(
        [NODE, program, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
    )
    try:
        assert process.stdout is not None
        address = next(line.split()[-1] for line in process.stdout if "successfully listens" in line)
        _create(address, container)
        yield f"{address}/{ACCOUNT}"
    finally:
        process.kill()
        process.communicate()


def _create(address: str, container: str) -> None:
    """Create Container, with its request signed as https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key says."""
    now = format_datetime(datetime.now(UTC), usegmt=True)
    headers = f"x-ms-date:{now}\nx-ms-version:{_VERSION}\n"
    signed = f"PUT\n\n\n\n\n\n\n\n\n\n\n\n{headers}/{ACCOUNT}/{ACCOUNT}/{container}\nrestype:container"
    signature = base64.b64encode(hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()).decode()
    answer = httpx.put(
        f"{address}/{ACCOUNT}/{container}",
        params={"restype": "container"},
        headers={"x-ms-date": now, "x-ms-version": _VERSION, "Authorization": f"SharedKey {ACCOUNT}:{signature}"},
    )
    answer.raise_for_status()
