"""What locations lead to: files, folders, globs, nested Location entities, and never out of their root."""

import os

import pytest

from graph.refs import Ref
from tests.ingest.catalogs import Catalog, component, location


async def test_a_file_gives_its_entities_with_where_they_came_from(catalog: Catalog):
    path = catalog.write("all.yaml", component("a"), component("b"))
    report = await catalog.read()
    assert (report.files, report.created, report.errors) == (1, 2, 0)
    entity = await catalog.entity("component:default/b")
    assert (entity.origin.path, entity.origin.document, entity.origin.line) == (str(path), 1, 10)
    assert entity.metadata["annotations"] == {
        "backstage.io/managed-by-location": f"file:{path}",
        "backstage.io/managed-by-origin-location": f"file:{path}",
    }


async def test_a_file_can_not_claim_to_come_from_elsewhere(catalog: Catalog):
    document = component("a")
    document["metadata"]["annotations"] = {"backstage.io/managed-by-location": "url:https://elsewhere", "own": "kept"}
    path = catalog.write("all.yaml", document)
    await catalog.read()
    annotations = (await catalog.entity("component:default/a")).metadata["annotations"]
    assert annotations["backstage.io/managed-by-location"] == f"file:{path}"
    assert annotations["own"] == "kept"


async def test_nested_locations_lead_on_with_relative_targets(catalog: Catalog):
    catalog.write("all.yaml", location("all", "./teams/all.yaml"))
    catalog.write("teams/all.yaml", location("teams", "a.yaml", "../b.yaml"))
    catalog.write("teams/a.yaml", component("a"))
    catalog.write("b.yaml", component("b"))
    report = await catalog.read()
    assert (report.files, report.errors) == (4, 0)
    assert await catalog.refs() == ["component:default/a", "component:default/b", "location:default/all", "location:default/teams"]
    assert (await catalog.entity("component:default/b")).origin.parent == "location:default/teams"
    assert (await catalog.entity("location:default/all")).origin.parent is None


async def test_target_and_targets_together_and_null_targets(catalog: Catalog):
    both = location("both", "b.yaml", target="./a.yaml")
    catalog.write("all.yaml", both, "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: none}\nspec: {target: a.yaml}\n")
    catalog.write("a.yaml", component("a"))
    catalog.write("b.yaml", component("b"))
    assert (await catalog.read()).errors == 0
    assert {"component:default/a", "component:default/b"} <= set(await catalog.refs())


async def test_locations_that_lead_to_one_another_end(catalog: Catalog):
    catalog.write("all.yaml", location("all", "./b.yaml", "./all.yaml"))
    catalog.write("b.yaml", location("b", "./all.yaml"), component("b"))
    assert (await catalog.read()).files == 2
    assert await catalog.refs() == ["component:default/b", "location:default/all", "location:default/b"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.yaml", ["component:default/a"]),
        ("**/*.yaml", ["component:default/a", "component:default/b", "component:default/c"]),
        ("x/**/*.yaml", ["component:default/b", "component:default/c"]),
        ("x/y/[c-d].yaml", ["component:default/c"]),
        ("{a,x/b}.yaml", ["component:default/a", "component:default/b"]),
        ("?.yaml", ["component:default/a"]),
        ("x/**", ["component:default/b", "component:default/c"]),
    ],
)
async def test_globs(catalog: Catalog, pattern: str, found: list[str]):
    catalog.targets = (pattern,)
    for name in ("a.yaml", "x/b.yaml", "x/y/c.yaml", ".hidden/h.yaml", ".h.yaml"):
        catalog.write(name, component(name.split("/")[-1].strip(".").removesuffix(".yaml")))
    assert (await catalog.read()).errors == 0
    assert await catalog.refs() == found


async def test_a_folder_stands_for_the_catalog_info_files_below_it(catalog: Catalog):
    catalog.targets = (".",)
    catalog.write("a/catalog-info.yaml", component("a"))
    catalog.write("b/c/catalog-info.yml", component("c"))
    catalog.write("b/other.yaml", component("other"))
    assert (await catalog.read()).errors == 0
    assert await catalog.refs() == ["component:default/a", "component:default/c"]


async def test_a_missing_target_is_an_error_of_the_location_that_names_it(catalog: Catalog):
    catalog.write("all.yaml", location("all", "./missing.yaml", "./none/*.yaml"), component("a"))
    await catalog.read()
    assert await catalog.told() == [
        ("missing.yaml", "unreadable", "location:default/all"),
        ("none/*.yaml", "unreadable", "location:default/all"),
    ]


async def test_an_optional_target_may_be_missing_and_its_entities_go_with_it(catalog: Catalog):
    catalog.write("all.yaml", location("all", "./a.yaml", "./x/*.yaml", presence="optional"))
    path = catalog.write("a.yaml", component("a"))
    other = catalog.write("x/b.yaml", component("b"))
    await catalog.read()
    assert len(await catalog.refs()) == 3
    path.unlink()
    other.unlink()
    report = await catalog.read()
    assert (report.removed, report.errors, report.files) == (2, 0, 1)
    assert await catalog.refs() == ["location:default/all"]
    assert (await catalog.read()).written == 0


async def test_what_one_location_needs_is_not_optional_because_another_says_so(catalog: Catalog):
    catalog.write("all.yaml", location("soft", "./a.yaml", presence="optional"), location("hard", "./sub.yaml"))
    catalog.write("sub.yaml", location("harder", "./a.yaml"))
    await catalog.read()
    assert await catalog.told() == [("a.yaml", "unreadable", "location:default/soft")]


async def test_a_target_that_becomes_optional_loses_its_error(catalog: Catalog):
    catalog.write("all.yaml", location("all", "./a.yaml"))
    await catalog.read()
    assert len(await catalog.errors()) == 1
    catalog.write("all.yaml", location("all", "./a.yaml", presence="optional"))
    await catalog.read()
    assert await catalog.errors() == []


async def test_urls_of_hosts_that_are_not_allowed_are_told(catalog: Catalog):
    catalog.write("all.yaml", location("all", "https://example.com/catalog-info.yaml"), location("typed", "x.yaml", type="url"))
    await catalog.read()
    assert await catalog.told() == [
        ("https://example.com/catalog-info.yaml", "source-not-allowed", "location:default/all"),
        ("x.yaml", "unsupported-location", "location:default/typed"),
    ]


@pytest.mark.parametrize("target", ["../outside.yaml", "../*.yaml", "..", "./link.yaml", "./folder/outside.yaml", "./folder/*.yaml"])
async def test_nothing_is_read_outside_of_the_root(catalog: Catalog, target: str):
    (catalog.folder.parent / "outside.yaml").write_text("secret: true\n")
    (catalog.folder / "link.yaml").symlink_to("../outside.yaml")
    (catalog.folder / "folder").symlink_to("..")
    catalog.write("all.yaml", location("all", target))
    await catalog.read()
    assert [(code, ref) for _, code, ref in await catalog.told()] == [("outside-root", "location:default/all")]
    assert "secret" not in str(await catalog.dump())


async def test_whether_something_is_outside_of_the_root_is_not_told(catalog: Catalog):
    catalog.write("all.yaml", location("all", "../outside.yaml", "../nowhere.yaml"))
    (catalog.folder.parent / "outside.yaml").write_text("secret: true\n")
    await catalog.read()
    assert {code for _, code, _ in await catalog.told()} == {"outside-root"}


async def test_an_include_outside_of_the_root_is_an_error(catalog: Catalog):
    (catalog.folder.parent / "outside.txt").write_text("secret")
    api = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "API",
        "metadata": {"name": "a"},
        "spec": {"type": "openapi", "lifecycle": "production", "owner": "x", "definition": {"$text": "../outside.txt"}},
    }
    catalog.write("all.yaml", api)
    await catalog.read()
    assert [(path, ref) for path, _, ref in await catalog.told()] == [("all.yaml", "api:default/a")]
    assert await catalog.refs() == []


async def test_links_inside_the_root_are_followed(catalog: Catalog):
    catalog.write("all.yaml", location("all", "./link.yaml"))
    catalog.write("data/a.yaml", component("a"))
    (catalog.folder / "link.yaml").symlink_to("data/a.yaml")
    assert (await catalog.read()).errors == 0
    assert (await catalog.entity("component:default/a")).origin.path == catalog.path("link.yaml")


async def test_folders_that_link_to_themselves_end(catalog: Catalog):
    catalog.targets = ("**/*.yaml",)
    catalog.write("a.yaml", component("a"))
    (catalog.folder / "loop").symlink_to(".")
    assert (await catalog.read()).files == 1


async def test_a_pipe_or_a_folder_as_target_is_an_error_and_no_hang(catalog: Catalog):
    os.mkfifo(catalog.folder / "pipe.yaml")
    catalog.write("all.yaml", location("all", "./pipe.yaml", "./empty"))
    (catalog.folder / "empty").mkdir()
    await catalog.read()
    assert await catalog.told() == [
        ("empty", "unreadable", "location:default/all"),
        ("pipe.yaml", "unreadable", "location:default/all"),
    ]


async def test_a_file_over_the_configured_size_is_an_error(catalog: Catalog):
    catalog.settings = {"maxFileSizeBytes": 300}
    catalog.write("all.yaml", location("all", "./big.yaml"))
    catalog.write("big.yaml", component("big"), "# " + "x" * 300)
    await catalog.read()
    assert await catalog.told() == [("big.yaml", "file-too-large", "location:default/all")]


async def test_a_root_that_is_missing_is_an_error_of_the_location(catalog: Catalog):
    await catalog.read()
    (stored,) = await catalog.store.locations()
    assert stored.error == f"{catalog.path('all.yaml')} does not exist"
    catalog.write("all.yaml", component("a"))
    await catalog.read()
    (stored,) = await catalog.store.locations()
    assert stored.error is None
    assert await catalog.errors() == []


async def test_rules_of_the_catalog_and_of_a_location_decide_which_kinds_enter(catalog: Catalog):
    catalog.settings = {"rules": [{"allow": ["component"]}]}
    group = {"apiVersion": "backstage.io/v1alpha1", "kind": "Group", "metadata": {"name": "g"}, "spec": {"type": "team", "children": []}}
    catalog.targets = ("a.yaml", {"type": "file", "target": "b.yaml", "rules": [{"allow": ["GROUP", "Location"]}]})
    catalog.write("a.yaml", component("a"), group)
    catalog.write("b.yaml", location("b", "c.yaml"))
    catalog.write("c.yaml", {**group, "metadata": {"name": "h"}})
    await catalog.read_all()
    assert await catalog.refs() == ["component:default/a", "group:default/h", "location:default/b"]
    assert await catalog.told() == [("a.yaml", "kind-not-allowed", "group:default/g")]


async def test_a_location_that_the_rules_refuse_leads_nowhere(catalog: Catalog):
    catalog.settings = {"rules": [{"allow": ["Component"]}]}
    catalog.write("all.yaml", location("all", "a.yaml"))
    catalog.write("a.yaml", component("a"))
    await catalog.read()
    assert await catalog.refs() == []


async def test_rules_that_become_stricter_remove_what_they_refuse(catalog: Catalog):
    catalog.write("all.yaml", component("a"), location("all", "b.yaml"))
    catalog.write("b.yaml", component("b"))
    await catalog.read()
    catalog.settings = {"rules": [{"allow": ["Component"]}]}
    await catalog.read()
    assert await catalog.refs() == ["component:default/a"]


async def test_a_rule_speaks_of_the_locations_that_it_names(catalog: Catalog):
    catalog.targets = ("a.yaml", "b.yaml")
    catalog.write("a.yaml", component("a"))
    catalog.write("b.yaml", component("b"))
    catalog.settings = {"rules": [{"allow": ["Component"], "locations": [{"type": "file", "pattern": "/**/B.yaml"}]}]}
    await catalog.read_all()
    assert await catalog.refs() == [Ref("component:default/b")]


async def test_many_files_are_read_by_further_processes_too(catalog: Catalog):
    catalog.targets = ("**/*.yaml",)
    for number in range(600):
        catalog.write(f"{number % 7}/{number}.yaml", component(f"c{number:03}"))
    report = await catalog.read()
    assert (report.files, report.created, report.errors) == (600, 600, 0)
    assert (await catalog.read()).unchanged == 600
