"""What a repository's mkdocs.yml may set, by lists of what is known to run no code of the repository and to read nothing outside of it."""

from collections.abc import Mapping

IGNORED_KEYS = frozenset({"site_dir", "strict", "dev_addr", "watch", "remote_branch", "remote_name", "validation", "docs_dir"})
"""Keys that a build has its own answer to, or that mean nothing to it; docs_dir is read by itself."""

TEXT_KEYS = frozenset({"site_name", "site_description", "site_author", "copyright", "repo_name", "exclude_docs", "not_in_nav"})

REFUSED_KEYS: Mapping[str, str] = {
    "hooks": "Hooks are programs of the repository, which are not run.",
    "extra_templates": "Templates can run code, so that those of the repository are not used.",
    "extra_javascript": "Scripts of the repository are not run in pages.",
    "google_analytics": "Pages load nothing from elsewhere.",
}

REFUSED_THEME_KEYS: Mapping[str, str] = {
    "custom_dir": "Templates can run code, so that those of the repository are not used.",
    "static_templates": "Templates can run code, so that those of the repository are not used.",
}

REFUSED_EXTRA_KEYS: Mapping[str, str] = {
    "analytics": "Pages load nothing from elsewhere.",
    "consent": "Pages load nothing from elsewhere, so that there is nothing to consent to.",
}

CORE_PLUGIN = "techdocs-core"
CORE_OPTIONS = frozenset({"use_material_search", "use_pymdownx_blocks"})

BROUGHT_PLUGINS = frozenset({"search", "material/search", "monorepo", "gh-admonitions"})
"""Plugins that techdocs-core brings itself, with options of its own."""

REFUSED_PLUGINS: Mapping[str, str] = {
    "macros": "It runs code of the repository.",
    "gen-files": "It runs code of the repository.",
    "exec": "It runs code of the repository.",
    "markdown-exec": "It runs code of the repository.",
    "simple-hooks": "It runs code of the repository.",
    "mkdocs-simple-hooks": "It runs code of the repository.",
    "mkdocstrings": "It loads code of the repository.",
    "jupyter": "It runs code of the repository.",
    "mkdocs-jupyter": "It runs code of the repository.",
    "kroki": "Kroki's blocks are drawn without it, where techdocs.generator.diagrams names a server.",
    "plantuml": "PlantUML's blocks are drawn without it, where techdocs.generator.diagrams names a server.",
    "build_plantuml": "PlantUML's blocks are drawn without it, where techdocs.generator.diagrams names a server.",
    "git-revision-date": "Sources come without their history.",
    "git-revision-date-localized": "Sources come without their history.",
    "git-authors": "Sources come without their history.",
    "git-committers": "Sources come without their history, and a build reaches no other system.",
    "mermaid2": "Mermaid's blocks are drawn in the page without it.",
    "multirepo": "It clones other repositories, and a build reaches no other system.",
}

EXTENSIONS = frozenset(
    {
        *("abbr", "admonition", "attr_list", "codehilite", "def_list", "extra", "fenced_code", "footnotes", "legacy_attrs", "legacy_em"),
        *("md_in_html", "meta", "nl2br", "sane_lists", "smarty", "tables", "toc", "wikilinks"),
        *("markdown_inline_graphviz", "mdx_truly_sane_lists"),
        *(f"pymdownx.{name}" for name in ("arithmatex", "betterem", "caret", "critic", "details", "emoji", "escapeall", "extra")),
        *(f"pymdownx.{name}" for name in ("fancylists", "highlight", "inlinehilite", "keys", "magiclink", "mark", "progressbar", "quotes")),
        *(
            f"pymdownx.{name}"
            for name in ("saneheaders", "smartsymbols", "snippets", "striphtml", "superfences", "tabbed", "tasklist", "tilde")
        ),
        *(f"pymdownx.blocks.{name}" for name in ("admonition", "caption", "definition", "details", "html", "tab")),
    }
)

REFUSED_EXTENSIONS: Mapping[str, str] = {
    "plantuml_markdown": "PlantUML's blocks are drawn without it, where techdocs.generator.diagrams names a server.",
    "plantuml-markdown": "PlantUML's blocks are drawn without it, where techdocs.generator.diagrams names a server.",
    "pymdownx.b64": "It reads files anywhere; images are part of the site without it.",
    "pymdownx.pathconverter": "Links are made relative without it.",
    "markdown_include.include": "It reads files anywhere; pymdownx.snippets includes those of the repository.",
    "mdx_include": "It reads files anywhere; pymdownx.snippets includes those of the repository.",
    "mkpatcher": "It runs code of the repository.",
}

SNIPPET_OPTIONS = frozenset({"base_path", "encoding", "check_paths", "auto_append", "dedent_subsections"})
REFUSED_SNIPPET_OPTIONS: Mapping[str, str] = {
    "url_download": "A build reaches no other system, so that snippets from elsewhere are left out.",
}
QUIET_SNIPPET_OPTIONS = frozenset({"restrict_base_path", "url_max_size", "url_timeout", "url_request_headers"})
