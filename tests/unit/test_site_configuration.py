"""What becomes of a repository's mkdocs.yml: what is taken over, and what is refused with a reason."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from config.generator import Mkdocs
from workers.techdocs.preparing import UnusableSourcesError
from workers.techdocs.site_configuration import SiteConfiguration, SiteOptions, site_configuration

SHOP = SiteOptions("Shop")
Configured = Callable[..., SiteConfiguration]


@pytest.fixture
def configured(tmp_path: Path) -> Configured:
    def configure(text: str | None, allow: Mkdocs | None = None, options: SiteOptions = SHOP, **files: str) -> SiteConfiguration:
        for name, content in {"docs/index.md": "# Shop", **({"mkdocs.yml": text} if text is not None else {}), **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content)
        return site_configuration(tmp_path, options, allow or Mkdocs())

    return configure


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
)


def refused(found: SiteConfiguration) -> list[str]:
    return [each.setting for each in found.left_out]


def test_a_folder_without_mkdocs_yml_gets_one(configured: Configured):
    found = configured(None)
    assert found.settings == {
        "site_name": "Shop",
        "docs_dir": "docs",
        "use_directory_urls": True,
        "theme": {"name": "material", "font": False},
        "plugins": [{"techdocs-core": {}}],
        "markdown_extensions": [],
        "extra": {},
        "extra_css": [],
    }
    assert found.left_out == []


@pytest.mark.parametrize("name", ["README.md", "readme.md"])
def test_a_readme_alone_is_the_first_page(tmp_path: Path, name: str):
    (tmp_path / name).write_text("# Read me")
    site_configuration(tmp_path, SiteOptions("Shop"), Mkdocs())
    assert (tmp_path / "docs" / "index.md").read_text() == "# Read me"


def test_a_readme_is_no_page_where_that_is_configured(tmp_path: Path):
    (tmp_path / "README.md").write_text("# Read me")
    with pytest.raises(UnusableSourcesError, match=r"neither mkdocs\.yml, nor docs, nor README"):
        site_configuration(tmp_path, SiteOptions("Shop"), Mkdocs.model_validate({"legacyCopyReadmeMdToIndexMd": False}))


def test_without_any_page_the_author_is_told_what_to_do(tmp_path: Path):
    (tmp_path / "mkdocs.yml").write_text("site_name: Shop\ndocs_dir: pages\n")
    with pytest.raises(UnusableSourcesError, match=r"mkdocs\.yml is there, but no folder pages") as raised:
        site_configuration(tmp_path, SiteOptions("Shop"), Mkdocs())
    assert raised.value.remedy.startswith("Put pages into pages/, pages/index.md first")


def test_mkdocs_yaml_goes_before_mkdocs_yml_as_in_backstage(configured: Configured):
    assert configured("site_name: one", **{"mkdocs.yaml": "site_name: two"}).settings["site_name"] == "two"


def test_what_is_harmless_is_taken_over(configured: Configured):
    text = """
        site_name: Shop
        site_url: https://docs.example/shop
        site_description: All about it
        repo_url: https://github.com/acme/shop
        edit_uri: edit/main/docs
        copyright: Acme
        use_directory_urls: false
        nav: [index.md, { Guide: [{ Start: guide/start.md }, { Web: https://example.com }] }]
        theme: { name: material, features: [navigation.sections], language: de, icon: { repo: fontawesome/brands/git }, logo: img/logo.png }
        extra: { social: [{ icon: fontawesome/brands/github, link: https://github.com/acme }] }
        extra_css: [css/extra.css]
        plugins: [search, techdocs-core: { use_pymdownx_blocks: true }, { redirects: { redirect_maps: { old.md: index.md } } }]
        markdown_extensions: [attr_list, { toc: { permalink: true } }, pymdownx.snippets: { base_path: [docs, .], check_paths: true }]
        strict: true
    """
    found = configured(text)
    assert found.left_out == []
    assert found.settings == {
        "site_name": "Shop",
        "site_url": "https://docs.example/shop",
        "site_description": "All about it",
        "repo_url": "https://github.com/acme/shop",
        "edit_uri": "edit/main/docs",
        "copyright": "Acme",
        "use_directory_urls": False,
        "docs_dir": "docs",
        "nav": ["index.md", {"Guide": [{"Start": "guide/start.md"}, {"Web": "https://example.com"}]}],
        "theme": {
            "name": "material",
            "font": False,
            "features": ["navigation.sections"],
            "language": "de",
            "icon": {"repo": "fontawesome/brands/git"},
            "logo": "img/logo.png",
        },
        "extra": {"social": [{"icon": "fontawesome/brands/github", "link": "https://github.com/acme"}]},
        "extra_css": ["css/extra.css"],
        "plugins": [{"techdocs-core": {"use_pymdownx_blocks": True}}, {"redirects": {"redirect_maps": {"old.md": "index.md"}}}],
        "markdown_extensions": [
            {"attr_list": {}},
            {"toc": {"permalink": True}},
            {"pymdownx.snippets": {"base_path": ["docs", "."], "check_paths": True}},
        ],
    }


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("hooks: [evil.py]", ["hooks"]),
        ("extra_templates: [evil.html]", ["extra_templates"]),
        ("extra_javascript: [https://evil.example/x.js]", ["extra_javascript"]),
        ("theme: { name: material, custom_dir: overrides, static_templates: [x.html] }", ["theme.custom_dir", "theme.static_templates"]),
        ("theme: readthedocs", ["theme.name"]),
        ("theme: { logo: ../../etc/passwd, icon: { repo: ../../x } }", ["theme.logo", "theme.icon.repo"]),
        ("extra: { analytics: { provider: google, property: x } }", ["extra.analytics"]),
        ("extra_css: [https://evil.example/x.css, /x.css, ../x.css]", ["extra_css"] * 3),
        ("docs_dir: /etc", ["docs_dir"]),
        ("docs_dir: ../..", ["docs_dir"]),
        ("docs_dir: .", ["docs_dir"]),
        ("repo_url: 'javascript:alert(1)'", ["repo_url"]),
        ("edit_uri: 'javascript:alert(1)'", ["edit_uri"]),
        ("edit_uri: ../../../evil", ["edit_uri"]),
        ("edit_uri_template: '{path.__class__}'", ["edit_uri_template"]),
        ("INHERIT: ../base.yml", ["INHERIT"]),
        ("INHERIT: /etc/mkdocs.yml", ["INHERIT"]),
        (
            "plugins: [macros, { exec: {} }, mkdocstrings, minify]",
            ["plugins.macros", "plugins.exec", "plugins.mkdocstrings", "plugins.minify"],
        ),
        ("plugins: [{ redirects: { redirect_maps: { ../../up.md: index.md } } }]", ["plugins.redirects.redirect_maps.../../up.md"]),
        ("plugins: [{ redirects: { redirect_maps: { a.md: 'javascript:x' } } }]", ["plugins.redirects.redirect_maps.a.md"]),
        ("nav: [/etc/passwd, ../up.md, { X: 'javascript:alert(1)' }]", ["nav", "nav", "nav.X"]),
        ("nav: [{ X: '!include ../other/mkdocs.yml' }, { Y: '*include ../*/mkdocs.yml' }]", ["nav.X", "nav.Y"]),
        ("something: else", ["something"]),
    ],
)
def test_what_could_do_harm_is_refused_and_the_rest_is_kept(configured: Configured, text: str, settings: list[str]):
    found = configured(f"site_name: Kept\n{text}")
    assert refused(found) == settings
    assert all(each.reason.endswith(".") for each in found.left_out)
    assert (found.settings["site_name"], found.settings["docs_dir"]) == ("Kept", "docs")
    shown = orjson.dumps(found.settings).decode()
    assert [sign for sign in ("evil", "passwd", "javascript", "macros", "custom_dir", "b64", "../") if sign in shown] == []


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("[mkpatcher, 'evil:Extension', pymdownx.b64]", ["mkpatcher", "evil:Extension", "pymdownx.b64"]),
        (
            "[{ pymdownx.snippets: { url_download: true, base_path: /etc } }]",
            ["pymdownx.snippets.url_download", "pymdownx.snippets.base_path"],
        ),
        ("[{ plantuml_markdown: { plantuml_cmd: rm } }]", ["plantuml_markdown"]),
        ("[{ pymdownx.emoji: { options: { custom_icons: [/etc] } } }]", ["pymdownx.emoji.options"]),
        ("{ pymdownx.extra: { pymdownx.b64: {} } }", ["pymdownx.extra.pymdownx.b64"]),
    ],
)
def test_extensions_that_read_files_or_run_code_are_refused(configured: Configured, text: str, settings: list[str]):
    found = configured(f"markdown_extensions: {text}")
    assert refused(found) == [f"markdown_extensions.{setting}" for setting in settings]
    shown = orjson.dumps(found.settings).decode()
    assert [sign for sign in ("evil", "mkpatcher", "b64", "/etc", "url_download", "plantuml") if sign in shown] == []


@pytest.mark.parametrize(
    "value",
    [
        "!!python/object/apply:os.system [touch x]",
        "!!python/object/new:os.system [touch x]",
        "!!python/name:os.system",
        "!!python/module:os",
        "!ENV HOME",
        "!ENV [HOME]",
        "!relative $docs_dir",
        "!anything { a: b }",
    ],
)
def test_a_tag_makes_no_object(configured: Configured, value: str):
    found = configured(f"site_name: Kept\nextra:\n  evil: {value}\n  good: 1\n")
    assert (refused(found), found.settings["extra"]) == (["extra.evil"], {"good": 1})


def test_functions_that_are_known_are_named_to_the_process_that_builds(configured: Configured):
    fence = "{ name: x, class: x, format: !!python/name:pymdownx.superfences.fence_div_format }"
    slugs = "{ slugify: !!python/object/apply:pymdownx.slugs.slugify { kwds: { case: lower } } }"
    found = configured(f"markdown_extensions:\n- pymdownx.superfences: {{ custom_fences: [{fence}] }}\n- toc: {slugs}\n")
    assert found.left_out == []
    named = {"$python": "pymdownx.superfences.fence_div_format", "arguments": None}
    slugify = {"$python": "pymdownx.slugs.slugify", "arguments": {"case": "lower"}}
    assert found.settings["markdown_extensions"] == [
        {"pymdownx.superfences": {"custom_fences": [{"name": "x", "class": "x", "format": named}]}},
        {"toc": {"slugify": slugify}},
    ]


def test_a_variable_of_the_environment_is_its_default(configured: Configured):
    assert configured("site_name: !ENV [NAME, OTHER, Fallback]").settings["site_name"] == "Fallback"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("site_name: x\n- y", "mkdocs.yml:2:1 is no valid YAML"),
        ("{%- if x %}\nsite_name: x", "is no valid YAML"),
        ("- a\n- b", "mkdocs.yml holds no mapping"),
        ("a: " + "[" * 100 + "]" * 100, "nests more than 60 levels"),
        (BOMB, "too many values"),
        ("a: &a { b: *a }", "too many values, or aliases"),
        ("x: " + "y" * 1_100_000, "more than 1,048,576 bytes"),
    ],
)
def test_what_is_no_configuration_is_told_with_its_place(configured: Configured, text: str, message: str):
    with pytest.raises(UnusableSourcesError, match=message):
        configured(text)


def test_a_file_inherits_from_others_of_its_folder(configured: Configured):
    base = "site_name: Base\ntheme: { language: de }\nINHERIT: more.yml\n"
    found = configured(
        "INHERIT: conf/base.yml\nsite_name: Own", **{"conf/base.yml": base, "conf/more.yml": "copyright: Acme\nhooks: [x.py]"}
    )
    assert (found.settings["site_name"], found.settings["copyright"], found.settings["theme"]["language"]) == ("Own", "Acme", "de")
    assert refused(found) == ["hooks"]


def test_files_that_inherit_from_one_another_come_to_an_end(configured: Configured):
    assert refused(configured("INHERIT: mkdocs.yml\nsite_name: Own")) == ["INHERIT"]


def test_a_site_that_is_included_holds_no_more_than_its_pages(tmp_path: Path, configured: Configured):
    included = (
        "site_name: api\nnav: [index.md, '/etc/passwd', { More: '!include x/mkdocs.yml' }]\nplugins: [macros]\nx: !!python/name:os.system\n"
    )
    found = configured("nav: [{ API: '!include ./api/mkdocs.yml' }]", **{"api/mkdocs.yml": included, "api/docs/index.md": "# API"})
    assert found.settings["nav"] == [{"API": "!include api/mkdocs.yml"}]
    assert yaml.safe_load((tmp_path / "api" / "mkdocs.yml").read_text()) == {"site_name": "api", "docs_dir": "docs", "nav": ["index.md"]}
    assert refused(found) == ["x", "nav.API", "nav.API.More"]


@pytest.mark.parametrize("name", ["../../up", "/etc", "a/../../b", ""])
def test_a_site_whose_name_leads_elsewhere_is_not_included(configured: Configured, name: str):
    files = {"api/mkdocs.yml": f"site_name: '{name}'\n", "api/docs/index.md": "# API"}
    found = configured("nav: [index.md, { API: '!include api/mkdocs.yml' }]", **files)
    assert (found.settings["nav"], refused(found)) == (["index.md"], ["nav.API"])


def test_a_pattern_includes_every_site_that_it_matches(configured: Configured):
    files = {
        f"services/{name}/{path}": text for name in "ab" for path, text in (("mkdocs.yml", f"site_name: {name}"), ("docs/index.md", "#"))
    }
    found = configured("nav: [{ Services: '*include ./services/*/mkdocs.yml' }]", **files)
    assert found.settings["nav"] == [{"Services": [{n: f"!include services/{n}/mkdocs.yml"} for n in "ab"]}]


def test_where_the_sources_are_is_taken_from_the_entity_unless_the_repository_says_so(configured: Configured):
    options = SiteOptions("Shop", "https://github.com/acme/shop/tree/main/", "https://github.com/acme/shop/edit/main/docs/")
    found = configured("site_name: x", options=options).settings
    assert (found["repo_url"], found["edit_uri"]) == (options.repo_url, options.edit_uri)
    own = configured("repo_url: https://own.example\nedit_uri: edit", options=options).settings
    assert (own["repo_url"], own["edit_uri"]) == ("https://own.example", "edit")


def test_who_runs_callboard_may_allow_more(configured: Configured):
    allow = Mkdocs.model_validate(
        {"dangerouslyAllowAdditionalPlugins": ["minify"], "dangerouslyAllowAdditionalExtensions": ["own_extension"]}
    )
    found = configured("plugins: [{ minify: { minify_html: true } }]\nmarkdown_extensions: [own_extension]", allow=allow)
    assert found.settings["plugins"] == [{"techdocs-core": {}}, {"minify": {"minify_html": True}}]
    assert (found.settings["markdown_extensions"], found.left_out) == ([{"own_extension": {}}], [])


def test_no_value_of_the_wrong_shape_stops_anything(configured: Configured):
    keys = ("site_name", "theme", "extra", "repo_url", "docs_dir", "nav", "plugins", "markdown_extensions", "extra_css", "INHERIT")
    values: list[Any] = [[1], {"a": {"b": [None]}}, 5, True, [[[]]], [None]]
    for value in values:
        found = configured(yaml.safe_dump(dict.fromkeys(keys, value)))
        assert orjson.dumps(found.settings)


def test_plugins_of_every_site_are_those_that_a_repository_could_use_with_its_own_options(configured: Configured):
    allow = Mkdocs.model_validate({"defaultPlugins": ["redirects", "macros", "search"]})
    found = configured("plugins: [redirects: { redirect_maps: { old.md: index.md } }]", allow)
    assert found.settings["plugins"] == [{"techdocs-core": {}}, {"redirects": {"redirect_maps": {"old.md": "index.md"}}}]
    assert refused(found) == ["techdocs.generator.mkdocs.defaultPlugins: macros"]
    assert configured("site_name: Shop", allow).settings["plugins"] == [{"techdocs-core": {}}, {"redirects": {"redirect_maps": {}}}]
