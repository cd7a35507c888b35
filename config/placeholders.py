"""What configuration values may refer to: `${VAR}`, `$env`, `$file` and `$include`, as in Backstage.

https://backstage.io/docs/conf/writing#includes-and-dynamic-data
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from config.errors import ConfigurationError
from config.paths import shown_path
from config.settings import VERBATIM_KEYS, Setting, read_settings

_VARIABLE = re.compile(r"(\$?\$\{[^{}]*\})")
_DEEPEST_INCLUDE = 20


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What references resolve against: the environment, the folder of the file they stand in, and how deep includes are nested.

    `unset` collects the variables that were asked for, had no fallback, and are not set, by dotted key.
    """

    environ: Mapping[str, str]
    folder: Path
    unset: dict[str, str]
    depth: int = 0


def resolve(setting: Setting, around: Surroundings, key: str = "") -> Setting | None:
    """The setting with every reference replaced; None if it refers to a variable that is not set.

    ConfigurationError for an unknown `$…` key, an unreadable file and a path that an included file lacks.
    """
    if isinstance(setting.value, str):
        text = _substitute(setting.value, around, key)
        return None if text is None else replace(setting, value=text)
    if isinstance(setting.value, list):
        items = (resolve(item, around, f"{key}[{i}]") for i, item in enumerate(setting.value))
        return replace(setting, value=[item for item in items if item is not None])
    if not isinstance(setting.value, Mapping):
        return setting
    directive = next((name for name in setting.value if name.startswith("$")), None)
    if directive is not None:
        return _follow(setting, directive, around, key)
    below: dict[str, Setting] = {}
    for name, value in setting.value.items():
        inner = f"{key}.{name}" if key else name
        resolved = _verbatim(value, around, inner) if name in VERBATIM_KEYS else resolve(value, around, inner)
        if resolved is not None:
            below[name] = resolved
    return replace(setting, value=below)


def _verbatim(setting: Setting, around: Surroundings, key: str) -> Setting | None:
    """A JSON Schema has `$` keys and perhaps `${…}` patterns of its own; only an `$include` in its place is followed."""
    if isinstance(setting.value, Mapping) and tuple(setting.value) == ("$include",):
        return _included(setting.value["$include"], around, key)[0]
    return setting


def _substitute(text: str, around: Surroundings, key: str) -> str | None:
    parts = _VARIABLE.split(text)
    for i in range(1, len(parts), 2):
        part = parts[i]
        if part.startswith("$$"):
            parts[i] = part[1:]
            continue
        name, separator, fallback = part[2:-1].partition(":-")
        value = around.environ.get(name.strip())
        if separator:
            value = value or fallback.strip() or None
        if value is None:
            around.unset[key] = name.strip()
            return None
        parts[i] = value
    return "".join(parts)


def _follow(setting: Setting, directive: str, around: Surroundings, key: str) -> Setting | None:
    if not isinstance(setting.value, Mapping) or len(setting.value) != 1:
        raise ConfigurationError(key, f"{directive} has to stand alone in its mapping", str(setting.place))
    operand = resolve(setting.value[directive], around, key)
    if operand is None:
        return None
    if not isinstance(operand.value, str):
        raise ConfigurationError(key, f"{directive} needs a text", str(setting.place))
    match directive:
        case "$env":
            if operand.value not in around.environ:
                around.unset[key] = operand.value
                return None
            return replace(operand, value=around.environ[operand.value])
        case "$file":
            return replace(operand, value=_read_text(around.folder / operand.value, operand, key).rstrip())
        case "$include":
            included, folder = _included(operand, around, key)
            return resolve(included, replace(around, folder=folder, depth=around.depth + 1), key)
        case _:
            message = f"{directive} is unknown; $env, $file and $include are known"
            raise ConfigurationError(key, message, str(setting.place))


def _read_text(path: Path, operand: Setting, key: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(key, f"{shown_path(path)} can't be read: {reason}", str(operand.place)) from error


def _included(operand: Setting, around: Surroundings, key: str) -> tuple[Setting, Path]:
    """What the file, or the part of it after `#`, holds, and the folder of the file."""
    if around.depth >= _DEEPEST_INCLUDE:
        raise ConfigurationError(key, "$include leads round in a circle", str(operand.place))
    name, _, inside = str(operand.value).partition("#")
    path = (around.folder / name).resolve()
    if path.suffix not in {".yaml", ".yml", ".json"}:
        raise ConfigurationError(key, f"$include reads .yaml, .yml and .json files, not {name}", str(operand.place))
    _read_text(path, operand, key)
    found = read_settings(path)
    for part in inside.split(".") if inside else ():
        if not isinstance(found.value, Mapping) or part not in found.value:
            raise ConfigurationError(key, f"{name} has no {inside}", str(operand.place))
        found = found.value[part]
    return found, path.parent
