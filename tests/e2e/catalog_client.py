"""Backstage's own client of the catalog, in a Node process, asked call by call."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.e2e.serving import ROOT
from tests.npm import NODE, install

FOLDER = ROOT / "tests" / "catalog_client"


class ClientError(Exception):
    """What a method of the client threw. `status` is that of the answer, if there was one, and `message` then what the server said."""

    def __init__(self, name: str, message: str, status: int | None) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name
        self.message = message
        self.status = status


@dataclass
class CatalogClient:
    """The client, signed in with a token or not at all. `requests` are those of the last call, as method and path."""

    process: subprocess.Popen[str]
    requests: Sequence[str] = ()

    def call(self, method: str, *given: Any) -> Any:
        """What the method returns; nothing is None, a stream is the list of what it yields. ClientError if it throws.

        `$exists` among the arguments is the client's symbol for any value.
        """
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"method": method, "given": given}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        self.requests = answer["requests"]
        if error := answer.get("error"):
            raise ClientError(error["name"], error["cause"] or error["message"], error["status"])
        return answer["value"]

    def methods(self) -> frozenset[str]:
        """The names of all that the client can do."""
        return frozenset(self.call("methods"))


@contextmanager
def catalog_client(url: str, token: str = "") -> Iterator[CatalogClient]:
    """A client of the server. Skips the test where npm's registry is out of reach, and fails it in CI."""
    install(FOLDER, "Backstage's client of the catalog")
    process = subprocess.Popen(
        [NODE, "--no-warnings", "calls.mjs", url, token], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield CatalogClient(process)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
