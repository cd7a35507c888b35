"""The navigation that a repository's mkdocs.yml gives: pages, links, and other sites of the same folder that it includes."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import orjson

from workers.techdocs.inside import leads_down
from workers.techdocs.results import LeftOut
from workers.techdocs.site_yaml import UnreadableYamlError, parse_site_yaml

_INCLUDE, _WILDCARD = "!include ", "*include "
_LINK = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)
_MOST_INCLUDED = 200
_OUTSIDE = "leads outside of the folder of documentation"


class Navigation:
    """Reads the navigation of one site. The sites it includes are rewritten in `folder`, which is ours: the plugin for them trusts them."""

    def __init__(self, folder: Path, left_out: list[LeftOut]) -> None:
        self._folder, self._left_out = folder, left_out
        self._names: dict[str, str] = {}

    def of(self, nav: object) -> list[Any]:
        """The entries that are allowed; empty if there are none, so that mkdocs lists all pages itself."""
        return self._entries(nav, "nav", includes=True)

    def _entries(self, nav: object, setting: str, *, includes: bool) -> list[Any]:
        if nav is None:
            return []
        if isinstance(nav, Mapping):
            nav = [{title: below} for title, below in cast("Mapping[str, object]", nav).items()]
        if not isinstance(nav, list):
            self._refuse(setting, "It should be a list of pages.")
            return []
        kept: list[Any] = []
        for entry in cast("list[object]", nav):
            if isinstance(entry, Mapping):
                for title, below in cast("Mapping[str, object]", entry).items():
                    kept += self._titled(title, below, f"{setting}.{title}", includes=includes)
            elif isinstance(entry, str) and self._is_allowed(entry, setting):
                kept.append(entry)
        return kept

    def _titled(self, title: str, below: object, setting: str, *, includes: bool) -> list[dict[str, Any]]:
        if isinstance(below, list | Mapping):
            entries = self._entries(cast("object", below), setting, includes=includes)
            return [{title: entries}] if entries else []
        if not isinstance(below, str):
            self._refuse(setting, "It should be a page, a link or a list of them.")
            return []
        if below.startswith((_INCLUDE, _WILDCARD)) and not includes:
            self._refuse(setting, "A site that is included can't include others.")
        elif below.startswith(_INCLUDE):
            path = self._included(below.removeprefix(_INCLUDE).strip(), setting)
            return [{title: f"{_INCLUDE}{path}"}] if path else []
        elif below.startswith(_WILDCARD):
            return [{title: sites}] if (sites := self._matching(below.removeprefix(_WILDCARD).strip(), setting)) else []
        elif self._is_allowed(below, setting):
            return [{title: below}]
        return []

    def _is_allowed(self, page: str, setting: str) -> bool:
        if _LINK.match(page) or leads_down(page.partition("#")[0]):
            return True
        reason = "leads outside of the folder of pages" if ":" not in page.partition("/")[0] else "is no link to a page or a web address"
        self._refuse(setting, f"{page} {reason}.")
        return False

    def _matching(self, pattern: str, setting: str) -> list[dict[str, str]]:
        # Some patterns that Python refuses, and some that take it long.
        is_plain = all(part == "**" or "**" not in part for part in pattern.split("/")) and pattern.count("**") <= 1
        if not leads_down(pattern) or not pattern.endswith((".yml", ".yaml")) or not is_plain:
            self._refuse(setting, f"{pattern} {_OUTSIDE}, or is no pattern of mkdocs.yml.")
            return []
        found = sorted(path.relative_to(self._folder).as_posix() for path in self._folder.glob(pattern) if path.is_file())
        included = [self._included(path, setting) for path in found[:_MOST_INCLUDED]]
        return [{self._names[path]: f"{_INCLUDE}{path}"} for path in included if path]

    def _included(self, path: str, setting: str) -> str | None:
        """The path of a mkdocs.yml to include, which now holds no more than the plugin needs; None if it can't be."""
        path = path.removeprefix("./")
        file = self._folder / path
        if not leads_down(path) or not path.endswith((".yml", ".yaml")):
            return self._refuse(setting, f"{path} {_OUTSIDE}, or names no mkdocs.yml.")
        if path in self._names or len(self._names) >= _MOST_INCLUDED:
            return self._refuse(setting, f"{path} is included already, or more than {_MOST_INCLUDED} sites are.")
        if not file.is_file():
            return self._refuse(setting, f"{path} does not exist in the folder of documentation.")
        try:
            site = parse_site_yaml(file.read_bytes(), path, self._left_out)
        except UnreadableYamlError as error:
            return self._refuse(setting, f"{error}.")
        return path if self._is_rewritten(file, path, site, setting) else None

    def _is_rewritten(self, file: Path, path: str, site: Mapping[str, Any], setting: str) -> bool:
        name, docs_dir = site.get("site_name"), str(site.get("docs_dir") or "docs")
        # The name becomes a folder of the site, and a name with a slash several.
        if not isinstance(name, str) or not leads_down(name) or ".." in name.split("/") or name in self._names.values():
            self._refuse(setting, f"{path} has no site_name, one of another site, or one that can't name a folder.")
            return False
        if not leads_down(docs_dir) or not (file.parent / docs_dir).is_dir():
            self._refuse(setting, f"The docs_dir of {path} is no folder beside it.")
            return False
        self._names[path] = name
        self._rewrite(file, site, name, docs_dir, setting)
        return True

    def _rewrite(self, file: Path, site: Mapping[str, Any], name: str, docs_dir: str, setting: str) -> None:
        kept: dict[str, Any] = {"site_name": name, "docs_dir": docs_dir}
        if nav := self._entries(site.get("nav"), setting, includes=False):
            kept["nav"] = nav
        repo_url, edit_uri = site.get("repo_url"), site.get("edit_uri")
        if isinstance(repo_url, str) and repo_url.startswith(("https://", "http://")):
            kept["repo_url"] = repo_url
            kept["edit_uri"] = edit_uri if isinstance(edit_uri, str) and leads_down(edit_uri) else ""
        file.write_bytes(orjson.dumps(kept))

    def _refuse(self, setting: str, reason: str) -> None:
        self._left_out.append(LeftOut(setting, reason))
