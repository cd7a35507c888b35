"""Prints pip's package index settings as shell exports for uv, which does not read pip's configuration."""

import ast
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping

SINGLE = {
    "index-url": "UV_DEFAULT_INDEX",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "no-index": "UV_NO_INDEX",
}
LISTS = {"extra-index-url": ("UV_INDEX", " "), "find-links": ("UV_FIND_LINKS", ","), "trusted-host": ("UV_INSECURE_HOST", " ")}


def pip_settings(listing: str) -> Mapping[str, str]:
    """The effective settings in the output of `pip config list`: the environment beats [install], which beats [global]."""
    found: dict[str, dict[str, str]] = {":env:": {}, "install": {}, "global": {}}
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.partition(".")
        if section in found:
            found[section][key] = str(ast.literal_eval(value))
    return {**found["global"], **found["install"], **found[":env:"]}


def uv_settings(settings: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The same for uv. What the environment already says to uv stays."""
    # GraphiQL is built by a Node of its own, which knows the certificates of neither pip nor the system.
    for variable in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        if "cert" in settings and variable not in environ:
            yield variable, settings["cert"]
    for key, value in settings.items():
        variable, text = (SINGLE[key], value) if key in SINGLE else _joined(key, value)
        if variable and variable not in environ:
            yield variable, text
    # pip takes the best version over all its indexes; the lock's hashes decide what may be installed.
    if "extra-index-url" in settings and "UV_INDEX_STRATEGY" not in environ:
        yield "UV_INDEX_STRATEGY", "unsafe-best-match"


def _joined(key: str, value: str) -> tuple[str, str]:
    variable, separator = LISTS.get(key, ("", ""))
    return variable, separator.join(value.split())


if __name__ == "__main__":
    pip_list = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    listing = subprocess.run(pip_list, capture_output=True, text=True, check=True).stdout
    for variable, text in uv_settings(pip_settings(listing), os.environ):
        sys.stdout.write(f"export {variable}={shlex.quote(text)}\n")
