"""What happens to pages while mkdocs builds them: diagrams that need a server stay code, and what the theme lacks ends no build."""

import re
import shutil
from html import escape
from pathlib import Path
from typing import Any, cast

from material.extensions import emoji
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import BasePlugin, event_priority
from mkdocs.structure.files import Files
from mkdocs.structure.nav import Link, Navigation
from mkdocs.structure.pages import Page
from pymdownx import superfences

from workers.techdocs.diagram_languages import DRAWN_BY, block, note
from workers.techdocs.links import Problem, SiteLinks, is_elsewhere

_fence_code_format: Any = cast("Any", superfences).fence_code_format

_FENCED = re.compile(r"^(?P<fence>`{3,}|~{3,})[^\n]*\n.*?^(?P=fence)[`~]*[ \t]*$", re.MULTILINE | re.DOTALL)
_UML = re.compile(r"^(?P<indent> *)::uml::[^\n]*\n(?P<code>.*?)^ *::end-uml:: *$", re.MULTILINE | re.DOTALL)
_DOT = re.compile(r"^\{% *(?:dot|neato|fdp|sfdp|twopi|circo) +\S+ *\n(?P<code>.*?)%\} *$", re.MULTILINE | re.DOTALL)


class PageEvents(BasePlugin):  # pyright: ignore[reportMissingTypeArgument] it has no options
    """The plugin that speaks last. `problems` are those of the site's links; `left_out` is what was not done, and why;
    `pages` are the sources of pages with diagrams that are shown as code, by their paths in the site."""

    def __init__(self, sources: Path) -> None:
        super().__init__()
        self.problems: list[Problem] = []
        self.left_out: list[tuple[str, str]] = []
        self.pages: dict[str, str] = {}
        self._sources = sources
        self._links = SiteLinks(sources)
        self._draws_graphs = shutil.which("dot") is not None

    @event_priority(-100)
    def on_config(self, config: MkDocsConfig) -> MkDocsConfig:
        """Take back what reaches servers, and what names templates that are not there."""
        absent = {"plantuml_markdown", "" if self._draws_graphs else "markdown_inline_graphviz"}
        config.markdown_extensions = [name for name in config.markdown_extensions if name not in absent]
        options = cast("dict[str, dict[str, Any]]", config.mdx_configs)
        options["pymdownx.emoji"] = {"emoji_index": emoji.twemoji, "emoji_generator": _emoji}
        extra = options.setdefault("pymdownx.extra", {})
        fences: dict[str, Any] = extra.setdefault("pymdownx.superfences", {})
        given: list[dict[str, Any]] = fences.get("custom_fences") or []
        asked = [fence for fence in given if str(fence.get("name")) not in {*DRAWN_BY, "mermaid"}]
        ours = [{"name": "mermaid", "class": "mermaid", "format": _fence_code_format}]
        code = [{"name": name, "class": name, "format": _shown_code} for name in DRAWN_BY if name != "dot" or not self._draws_graphs]
        fences["custom_fences"] = [*asked, *ours, *code]
        self._check_theme(config)
        snippets = options.get("pymdownx.snippets") or {}
        self._links.snippet_folders = [self._sources / str(path) for path in snippets.get("base_path") or ["."]]
        return config

    def on_nav(self, nav: Navigation, *, config: MkDocsConfig, files: Files) -> Navigation:
        """Remember entries of the navigation that are no pages."""
        waiting = cast("list[Any]", nav.items)[:]
        while waiting:
            entry = waiting.pop()
            waiting += entry.children or []
            if isinstance(entry, Link) and not is_elsewhere(entry.url):
                self._links.add_missing_page(self._configuration(), entry.url)
        return nav

    def on_page_markdown(self, markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
        """Make every diagram that can't be drawn a fenced block, and leave out what a page asks of the theme that it has not."""
        for key, path in (("icon", ".icons/{}.svg"), ("template", "{}")):
            value = page.meta.get(key)
            if value is not None and not self._is_there(config, path.format(value)):
                self.left_out.append((f"{page.file.src_uri}: {key}", f"The theme has no {key} {value}."))
                del page.meta[key]
        return _outside_of_code(markdown, self._as_fences)

    def on_page_content(self, html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
        """Remember where the page leads."""
        source = Path(page.file.abs_src_path or page.file.src_path)
        # Where several sites are merged, pages without another folder of their own come from a copy.
        inside = source.is_relative_to(self._sources)
        shown = source.relative_to(self._sources).as_posix() if inside else page.file.src_uri
        self._links.add(page.url, shown, html)
        if "diagram-source" in html:
            self.pages[page.file.dest_uri] = shown
        return html

    @event_priority(-100)
    def on_post_build(self, *, config: MkDocsConfig) -> None:
        """Look where all that the pages lead to is."""
        site = Path(config.site_dir)
        self.problems = self._links.problems({path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()})

    def _configuration(self) -> str:
        return next((name for name in ("mkdocs.yaml", "mkdocs.yml") if (self._sources / name).is_file()), "mkdocs.yml")

    def _as_fences(self, text: str) -> str:
        text = _UML.sub(lambda found: f"{found['indent']}```plantuml\n{found['code']}{found['indent']}```", text)
        return text if self._draws_graphs else _DOT.sub(lambda found: f"```graphviz\n{found['code']}```", text)

    def _check_theme(self, config: MkDocsConfig) -> None:
        language = config.theme.get("language")
        if language and not self._is_there(config, f"partials/languages/{language}.html"):
            self.left_out.append(("theme.language", f"The theme does not speak {language}."))
            config.theme["language"] = "en"
        self._check_icons(config, config.theme.get("icon") or {}, "theme.icon")

    def _check_icons(self, config: MkDocsConfig, icons: dict[str, Any], setting: str) -> None:
        for key, icon in list(icons.items()):
            if isinstance(icon, dict):
                self._check_icons(config, cast("dict[str, Any]", icon), f"{setting}.{key}")
            elif not self._is_there(config, f".icons/{icon}.svg"):
                self.left_out.append((f"{setting}.{key}", f"The theme has no icon {icon}."))
                del icons[key]

    def _is_there(self, config: MkDocsConfig, template: str) -> bool:
        return ".." not in template and any((Path(folder) / template).is_file() for folder in config.theme.dirs)


def _outside_of_code(markdown: str, change: Any) -> str:
    parts: list[str] = []
    start = 0
    for fenced in _FENCED.finditer(markdown):
        parts += [change(markdown[start : fenced.start()]), fenced[0]]
        start = fenced.end()
    return "".join([*parts, change(markdown[start:])])


def _emoji(index: Any, shortname: str, alias: Any, uc: str | None, alt: str, title: Any, category: Any, options: Any, md: Any) -> Any:
    """An emoji is text; an icon, which has no text, is drawn in the page."""
    return alt if uc else emoji.to_svg(index, shortname, alias, uc, alt, title, category, options, md)


def _shown_code(source: str, language: str, css_class: str, options: Any, md: Any, **more: Any) -> str:
    return block(note(f"{DRAWN_BY[language]} is not at hand where this site is built"), css_class, escape(source, quote=False))
