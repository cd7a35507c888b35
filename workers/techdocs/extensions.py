"""The extensions of Markdown and the plugins that a repository's mkdocs.yml asks for, as far as they are allowed, with their options."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from config.generator import Mkdocs
from workers.techdocs import allowed
from workers.techdocs.inside import leads_down
from workers.techdocs.results import LeftOut
from workers.techdocs.site_yaml import PythonName

_EMOJI = "pymdownx.emoji"


def named(value: object, setting: str, left_out: list[LeftOut]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Names with their options, as both plugins and extensions are written: a list of names and of mappings with one name, or a mapping."""
    if value is None:
        return
    items: Sequence[object]
    if isinstance(value, Mapping):
        items = [{name: options} for name, options in cast("Mapping[str, object]", value).items()]
    elif isinstance(value, list):
        items = cast("list[object]", value)
    else:
        left_out.append(LeftOut(setting, "It should be a list of names."))
        return
    for item in items:
        if isinstance(item, str):
            yield item, {}
            continue
        pairs = cast("Mapping[str, object]", item).items() if isinstance(item, Mapping) else ()
        if not pairs:
            left_out.append(LeftOut(setting, "Each should be a name, or a mapping of one name to its options."))
        for name, options in pairs:
            yield name, cast("Mapping[str, Any]", options) if isinstance(options, Mapping) else {}


def plugins(value: object, settings: Mkdocs, left_out: list[LeftOut]) -> list[dict[str, Any]]:
    """The plugins to build with, techdocs-core among them whether it is asked for or not."""
    chosen: dict[str, dict[str, Any]] = {}
    core: dict[str, Any] = {}
    asked = dict(named(value, "plugins", left_out))
    everywhere: dict[str, Mapping[str, Any]] = {name: {} for name in settings.default_plugins}
    for name, options in {**everywhere, **asked}.items():
        setting = f"plugins.{name}" if name in asked else f"techdocs.generator.mkdocs.defaultPlugins: {name}"
        if name == allowed.CORE_PLUGIN:
            core = {key: bool(options[key]) for key in allowed.CORE_OPTIONS & options.keys()}
        elif name in settings.dangerously_allow_additional_plugins:
            chosen[name] = {key: encoded(option) for key, option in options.items()}
        elif name == "redirects":
            chosen[name] = {"redirect_maps": _redirects(options.get("redirect_maps"), left_out)}
        elif name not in allowed.BROUGHT_PLUGINS:
            reason = allowed.REFUSED_PLUGINS.get(name) or "It is none of the plugins that are known to run no code of the repository."
            left_out.append(LeftOut(setting, f"{reason} The pages are built without it."))
    return [{allowed.CORE_PLUGIN: core}, *({name: options} for name, options in chosen.items())]


def _redirects(value: object, left_out: list[LeftOut]) -> dict[str, str]:
    kept: dict[str, str] = {}
    for old, new in cast("Mapping[str, object]", value).items() if isinstance(value, Mapping) else ():
        is_page = leads_down(old) and old.endswith(".md")
        target = str(new)
        leads_somewhere = target.startswith(("https://", "http://")) or leads_down(target.partition("#")[0])
        if is_page and leads_somewhere and not any(sign in target for sign in "\"'<>\\ \n"):
            kept[old] = target
        else:
            left_out.append(
                LeftOut(f"plugins.redirects.redirect_maps.{old}", "It should lead from a page of this site to a page or an address.")
            )
    return kept


def extensions(value: object, settings: Mkdocs, left_out: list[LeftOut]) -> list[dict[str, Any]]:
    """The extensions to read Markdown with, beside those of techdocs-core."""
    kept: list[dict[str, Any]] = []
    for name, options in named(value, "markdown_extensions", left_out):
        short = name.removeprefix("markdown.extensions.")
        setting = f"markdown_extensions.{name}"
        if name in settings.dangerously_allow_additional_extensions:
            kept.append({name: {key: encoded(option) for key, option in options.items()}})
        elif short in allowed.EXTENSIONS:
            kept.append({short: _options(short, options, setting, left_out)})
        else:
            reason = allowed.REFUSED_EXTENSIONS.get(short) or "It is none of the extensions that are known to read no files."
            left_out.append(LeftOut(setting, reason))
    return kept


def _options(name: str, options: Mapping[str, Any], setting: str, left_out: list[LeftOut]) -> dict[str, Any]:
    if name == "pymdownx.snippets":
        return _snippet_options(options, setting, left_out)
    if name in {"extra", "pymdownx.extra"}:
        return _options_by_extension(options, setting, left_out)
    if name != _EMOJI:
        return {key: encoded(option) for key, option in options.items()}
    if "options" in options:
        left_out.append(LeftOut(f"{setting}.options", "Emoji are text, and icons those of the theme; other images are not drawn for them."))
    return {}


def _options_by_extension(options: Mapping[str, Any], setting: str, left_out: list[LeftOut]) -> dict[str, Any]:
    """The options of the extensions that an extension brings, each of which has its own rules."""
    kept: dict[str, Any] = {}
    for name, below in options.items():
        if name in allowed.EXTENSIONS and isinstance(below, Mapping):
            kept[name] = _options(name, cast("Mapping[str, Any]", below), f"{setting}.{name}", left_out)
        else:
            left_out.append(LeftOut(f"{setting}.{name}", "It is none of the extensions that are known to read no files."))
    return kept


def _snippet_options(options: Mapping[str, Any], setting: str, left_out: list[LeftOut]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, option in options.items():
        if key in allowed.REFUSED_SNIPPET_OPTIONS:
            if option:
                left_out.append(LeftOut(f"{setting}.{key}", allowed.REFUSED_SNIPPET_OPTIONS[key]))
        elif key in {"base_path", "auto_append"}:
            paths = [str(path) for path in (cast("list[object]", option) if isinstance(option, list) else [option])]
            inside = [path for path in paths if leads_down(path)]
            left_out += [
                LeftOut(f"{setting}.{key}", f"{path} leads outside of the folder of mkdocs.yml.") for path in paths if path not in inside
            ]
            if inside:
                kept[key] = inside
        elif key in allowed.SNIPPET_OPTIONS:
            kept[key] = option
        elif key not in allowed.QUIET_SNIPPET_OPTIONS:
            left_out.append(LeftOut(f"{setting}.{key}", "There is no such option of snippets."))
    return kept


def encoded(value: object) -> Any:
    """The value as JSON, functions by their names."""
    if isinstance(value, PythonName):
        return value.encoded()
    if isinstance(value, Mapping):
        return {key: encoded(below) for key, below in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [encoded(below) for below in cast("list[object]", value)]
    return value
