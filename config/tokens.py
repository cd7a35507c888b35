"""The tokens of the command line: from the environment, or kept by `callboard login` in a file that its owner alone can read."""

import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import Any, cast
from urllib.parse import urlsplit

from config.errors import ConfigurationError
from config.paths import shown_path

VARIABLE = "CALLBOARD_TOKEN"
"""The variable that holds the token to ask servers with; it goes before what `callboard login` keeps."""


def token_for(url: str, environ: Mapping[str, str] | None = None) -> str | None:
    """The token to ask the server at this address with, None for none. ConfigurationError if the file can't be read."""
    environ = os.environ if environ is None else environ
    token = environ.get(VARIABLE, "").strip()
    return token or _read(_file(environ)).get(address_of(url))


def keep_token(url: str, token: str, environ: Mapping[str, str] | None = None) -> Path:
    """Keep the token for the server at this address, and return the file. ConfigurationError if it can't be written."""
    environ = os.environ if environ is None else environ
    file = _file(environ)
    _write(file, {**_read(file), address_of(url): token})
    return file


def drop_token(url: str, environ: Mapping[str, str] | None = None) -> str | None:
    """Forget the token kept for the server at this address, and return it; None if none is kept. ConfigurationError as of keep_token."""
    environ = os.environ if environ is None else environ
    file = _file(environ)
    tokens = dict(_read(file))
    token = tokens.pop(address_of(url), None)
    if token is not None:
        _write(file, tokens)
    return token


def address_of(url: str) -> str:
    """A server's address in the one spelling under which its token is kept. ConfigurationError for what is no http address."""
    parts = urlsplit(url.strip())
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        raise ConfigurationError("--url", "is no address of a server without credentials; write for example https://callboard.example.com")
    path = parts.path.rstrip("/").removesuffix("/graphql")
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{path}"


def _file(environ: Mapping[str, str]) -> Path:
    home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    if sys.platform == "win32":
        folder = Path(environ.get("APPDATA") or home / "AppData/Roaming")
    elif sys.platform == "darwin":
        folder = home / "Library/Application Support"
    else:
        folder = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return folder / "callboard" / "tokens.json"


def _read(file: Path) -> Mapping[str, str]:
    try:
        content: Any = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigurationError("", f"can't be read: {error.strerror}", shown_path(file)) from error
    except ValueError as error:
        raise ConfigurationError("", "holds no tokens; remove it and sign in again", shown_path(file)) from error
    known = cast("dict[object, object]", content) if isinstance(content, dict) else {}
    return {str(url): token for url, token in known.items() if isinstance(token, str)}


def _write(file: Path, tokens: Mapping[str, str]) -> None:
    """As a whole, so that neither a crash nor another command leaves half of it; mkstemp makes files for their owner alone."""
    temporary = ""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, temporary = mkstemp(dir=file.parent, prefix=".tokens-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(dict(tokens), stream, indent=2)
        Path(temporary).replace(file)
    except OSError as error:
        if temporary:
            with suppress(OSError):
                Path(temporary).unlink()
        raise ConfigurationError("", f"can't be written: {error.strerror}", shown_path(file)) from error
