"""From a repository's mkdocs.yml, or none, to the configuration that a build runs with: our own, with what is allowed of theirs.

What is refused is reported, and the rest is built. https://www.mkdocs.org/user-guide/configuration/
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from config.generator import Mkdocs
from workers.techdocs import allowed
from workers.techdocs.extensions import encoded, extensions, plugins
from workers.techdocs.inside import leads_down
from workers.techdocs.navigation import Navigation
from workers.techdocs.preparing import UnusableSourcesError
from workers.techdocs.results import LeftOut
from workers.techdocs.site_yaml import UnreadableYamlError, parse_site_yaml

CONFIGURATIONS = ("mkdocs.yaml", "mkdocs.yml")
"""In the order of Backstage's generator."""

_READMES = ("README.md", "readme.md", "Readme.md")
_INDEXES = ("index.md", "README.md")
_ICON = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)*")
_EDIT_TEMPLATE = re.compile(r"(?:[^{}]|\{path(?:_noext)?(?:!q)?\})*")
_MOST_PARENTS = 5


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """What is known of a site beside its sources: the entity's title, and where people look at and edit the sources."""

    name: str
    repo_url: str | None = None
    edit_uri: str | None = None


@dataclass(frozen=True, slots=True)
class SiteConfiguration:
    """The settings of mkdocs as JSON, functions in them by name; `docs_dir` is relative to the folder of the sources."""

    settings: Mapping[str, Any]
    docs_dir: str
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])


def site_configuration(folder: Path, options: SiteOptions, allow: Mkdocs) -> SiteConfiguration:
    """The configuration of the sources in `folder`, which is ours: a first page and included sites are put right there. Blocking.

    UnusableSourcesError if there is nothing that a site could be made of.
    """
    left_out: list[LeftOut] = []
    file = next((name for name in CONFIGURATIONS if (folder / name).is_file()), None)
    given = _read(folder, file, left_out) if file else {}
    docs_dir = _docs_dir(folder, given.get("docs_dir"), left_out)
    _put_first_page(folder, docs_dir, file, allow)
    settings = _texts(given, left_out) | _addresses(given, options, left_out)
    settings.setdefault("site_name", options.name)
    settings |= {
        "docs_dir": docs_dir,
        "use_directory_urls": given.get("use_directory_urls") is not False,
        "theme": _theme(given.get("theme"), left_out),
        "plugins": plugins(given.get("plugins"), allow, left_out),
        "markdown_extensions": extensions(given.get("markdown_extensions"), allow, left_out),
        "extra": _extra(given.get("extra"), left_out),
        "extra_css": _styles(given.get("extra_css"), left_out),
    }
    nav = Navigation(folder, left_out).of(given.get("nav"))
    if nav:
        settings["nav"] = nav
    _report_unknown(given, left_out)
    return SiteConfiguration(settings, docs_dir, left_out)


def _read(folder: Path, file: str, left_out: list[LeftOut], parents: int = 0) -> dict[str, Any]:
    """What the file sets, over what the file sets that it inherits from."""
    try:
        given = parse_site_yaml((folder / file).read_bytes(), file, left_out)
    except UnreadableYamlError as error:
        raise UnusableSourcesError(str(error), "Mend the file; `mkdocs build` shows the same error.") from error
    inherited = given.pop("INHERIT", None)
    if inherited is None:
        return given
    path = f"{file.rpartition('/')[0]}/{inherited}".lstrip("/")
    if not isinstance(inherited, str) or inherited.startswith("/") or not leads_down(path) or not (folder / path).is_file():
        left_out.append(LeftOut("INHERIT", f"{inherited} is no file in the folder of documentation."))
        return given
    if parents == _MOST_PARENTS:
        left_out.append(LeftOut("INHERIT", f"No more than {_MOST_PARENTS} files are followed."))
        return given
    return _merged(_read(folder, path, left_out, parents + 1), given)


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """As mkdocs merges: mappings key by key, anything else replaced."""
    merged = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = _merged(cast("dict[str, Any]", below), cast("dict[str, Any]", value))
        else:
            merged[key] = value
    return merged


def _docs_dir(folder: Path, value: object, left_out: list[LeftOut]) -> str:
    if value is None or value == "docs":
        return "docs"
    text = value if isinstance(value, str) else ""
    if not leads_down(text):
        left_out.append(LeftOut("docs_dir", f"{value} is no path inside of the folder of mkdocs.yml; docs is taken instead."))
        return "docs"
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if not parts or ".." in parts:
        left_out.append(LeftOut("docs_dir", "The pages can't lie beside mkdocs.yml; docs is taken instead."))
        return "docs"
    return "/".join(parts)


def _put_first_page(folder: Path, docs_dir: str, file: str | None, allow: Mkdocs) -> None:
    pages = folder / docs_dir
    if any((pages / name).is_file() for name in _INDEXES):
        return
    readme = next((folder / name for name in _READMES if (folder / name).is_file()), None)
    if readme and allow.legacy_copy_readme_md_to_index_md:
        pages.mkdir(parents=True, exist_ok=True)
        (pages / "index.md").write_bytes(readme.read_bytes())
    elif not pages.is_dir():
        there = f"{file} is there, but no folder {docs_dir}" if file else "There is neither mkdocs.yml, nor docs, nor README.md"
        raise UnusableSourcesError(
            there, f"Put pages into {docs_dir}/, {docs_dir}/index.md first, or let backstage.io/techdocs-ref name another folder."
        )


def _texts(given: Mapping[str, Any], left_out: list[LeftOut]) -> dict[str, Any]:
    texts: dict[str, Any] = {}
    for key in sorted(allowed.TEXT_KEYS & given.keys()):
        value = given[key]
        if isinstance(value, str | int | float):
            texts[key] = str(value)
        elif value is not None:
            left_out.append(LeftOut(key, "It should be a text."))
    return texts


def _addresses(given: Mapping[str, Any], options: SiteOptions, left_out: list[LeftOut]) -> dict[str, Any]:
    """Where the site, its repository and the pages' sources are; those of the entity's source where the repository says nothing."""
    kept: dict[str, Any] = {}
    for key in ("site_url", "repo_url"):
        value = given.get(key)
        if value and str(value).startswith(("https://", "http://")):
            kept[key] = str(value)
        elif value:
            left_out.append(LeftOut(key, "It should begin with https:// or http://."))
    edit = given.get("edit_uri")
    if edit is not None:
        text = str(edit)
        if (text.startswith(("https://", "http://")) or ":" not in text.partition("/")[0]) and ".." not in text.split("/"):
            kept["edit_uri"] = text
        else:
            left_out.append(LeftOut("edit_uri", "It should be an address, or lead on from repo_url."))
    template = given.get("edit_uri_template")
    if template is not None:
        if _EDIT_TEMPLATE.fullmatch(str(template)) and ":" not in str(template).partition("/")[0]:
            kept["edit_uri_template"] = str(template)
        else:
            left_out.append(LeftOut("edit_uri_template", "It should lead on from repo_url, with {path} for the page."))
    if "repo_url" not in kept and options.repo_url:
        kept["repo_url"] = options.repo_url
    if "edit_uri" not in kept and "edit_uri_template" not in kept and options.edit_uri:
        kept["edit_uri"] = options.edit_uri
    return kept


def _theme(value: object, left_out: list[LeftOut]) -> dict[str, Any]:
    """Material's theme, which loads no fonts from elsewhere. Its templates are named by some settings, which hold names therefore."""
    given = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {"name": value}
    if given.get("name") not in (None, "material"):
        left_out.append(LeftOut("theme.name", "Every site is built with the theme material."))
    theme: dict[str, Any] = {"name": "material", "font": False}
    for key, setting in given.items():
        if key in _THEME_VALUES:
            kept, reason = _THEME_VALUES[key]
            if kept(setting):
                theme[key] = encoded(setting)
            else:
                left_out.append(LeftOut(f"theme.{key}", reason))
        elif key == "icon":
            theme[key] = _icons(setting, "theme.icon", left_out)
        elif key not in {"name", "font", "palette"}:
            reason = allowed.REFUSED_THEME_KEYS.get(key) or "It is none of the settings of the theme that are taken over."
            left_out.append(LeftOut(f"theme.{key}", reason))
    return theme


def _is_page_file(value: object) -> bool:
    return isinstance(value, str) and leads_down(value)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _ICON.fullmatch(value) is not None


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in cast("list[object]", value))


_THEME_VALUES: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "logo": (_is_page_file, "It should be a file in the folder of pages."),
    "favicon": (_is_page_file, "It should be a file in the folder of pages."),
    "language": (_is_name, "It should be the code of a language, such as en."),
    "direction": (_is_name, "It should be ltr or rtl."),
    "features": (_is_list_of_texts, "It should be a list of names."),
}


def _icons(value: object, setting: str, left_out: list[LeftOut]) -> Any:
    """The names of icons, however they are nested."""
    if isinstance(value, Mapping):
        below = cast("Mapping[str, object]", value)
        return {key: icon for key, one in below.items() if (icon := _icons(one, f"{setting}.{key}", left_out))}
    if isinstance(value, str) and _ICON.fullmatch(value) and ".." not in value:
        return value
    left_out.append(LeftOut(setting, "It should be the name of an icon, such as material/book."))
    return None


def _extra(value: object, left_out: list[LeftOut]) -> dict[str, Any]:
    given: Mapping[str, Any] = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
    for key in allowed.REFUSED_EXTRA_KEYS.keys() & given.keys():
        left_out.append(LeftOut(f"extra.{key}", allowed.REFUSED_EXTRA_KEYS[key]))
    return {key: encoded(below) for key, below in given.items() if key not in allowed.REFUSED_EXTRA_KEYS}


def _styles(value: object, left_out: list[LeftOut]) -> list[str]:
    paths = [str(path) for path in cast("list[object]", value)] if isinstance(value, list) else []
    for path in paths:
        if not leads_down(path):
            left_out.append(LeftOut("extra_css", f"{path} is no file in the folder of pages."))
    return [path for path in paths if leads_down(path)]


def _report_unknown(given: Mapping[str, Any], left_out: list[LeftOut]) -> None:
    known = (
        allowed.IGNORED_KEYS
        | allowed.TEXT_KEYS
        | {"site_url", "repo_url", "edit_uri", "edit_uri_template", "use_directory_urls", "theme", "plugins", "markdown_extensions"}
        | {"extra", "extra_css", "nav"}
    )
    for key in sorted(given.keys() - known):
        left_out.append(LeftOut(key, allowed.REFUSED_KEYS.get(key) or "It is none of the settings of mkdocs that are taken over."))
