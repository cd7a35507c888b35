"""Package manifests: what each publishes and requires, where it says so, and how broken ones are told."""

from ingest.infer.manifests import MOST_BYTES, read_manifests
from ingest.infer.packages import Manifest


def read(path: str, text: str) -> Manifest:
    return read_manifests({path: text.encode()})[0]


def required(manifest: Manifest) -> list[tuple[str, str, int, float]]:
    return [(r.package.name, r.field, r.line, r.confidence) for r in manifest.requires]


def problems(manifest: Manifest) -> list[tuple[int, str]]:
    return [(problem.line, problem.message) for problem in manifest.problems]


def test_pyproject_by_pep_621_with_groups_and_extras():
    text = """[build-system]
requires = ["hatchling>=1"]
[project]
name = "Acme.Shop_Core"
dependencies = [
  "acme-lib[fast]>=1; python_version > '3'",
  'other @ https://example.com/other.zip',
  "!",
]
[project.optional-dependencies]
fast = ["Speedy"]
[dependency-groups]
dev = ["pytest", {include-group = "docs"}]
docs = ["mkdocs"]
"""
    manifest = read("pyproject.toml", text)
    assert (str(manifest.published), manifest.line) == ("pkg:pypi/acme-shop-core", 4)
    assert required(manifest) == [
        ("acme-lib", "project.dependencies", 6, 0.9),
        ("other", "project.dependencies", 7, 0.9),
        ("hatchling", "build-system.requires", 2, 0.4),
        ("speedy", "project.optional-dependencies.fast", 11, 0.6),
        ("pytest", "dependency-groups.dev", 13, 0.4),
        ("mkdocs", "dependency-groups.docs", 14, 0.4),
    ]
    assert problems(manifest) == [(8, "project.dependencies holds '!', which is no requirement")]


def test_pyproject_by_poetry():
    text = """[tool.poetry]
name = "shop"
[tool.poetry.dependencies]
python = "^3.11"
acme_lib = "^1"
extra = { version = "*", optional = true }
[tool.poetry.group.test.dependencies]
pytest = "*"
"""
    manifest = read("pyproject.toml", text)
    assert (str(manifest.published), manifest.line) == ("pkg:pypi/shop", 2)
    assert required(manifest) == [
        ("acme-lib", "tool.poetry.dependencies", 5, 0.9),
        ("extra", "tool.poetry.dependencies", 6, 0.6),
        ("pytest", "tool.poetry.group.test.dependencies", 8, 0.4),
    ]


def test_package_json_with_peers_aliases_and_a_workspace():
    text = """{
  "name": "@acme/Web",
  "workspaces": ["packages/*"],
  "dependencies": {
    "@acme/ui": "workspace:^",
    "old-ui": "npm:@acme/ui-classic@^1"
  },
  "peerDependencies": {"react": "*", "vue": "*"},
  "peerDependenciesMeta": {"vue": {"optional": true}},
  "devDependencies": {"a b": "1"}
}
"""
    manifest = read("package.json", text)
    assert (str(manifest.published), manifest.line) == ("pkg:npm/@acme/web", 2)
    assert required(manifest) == [
        ("@acme/ui", "dependencies", 5, 0.9),
        ("@acme/ui-classic", "dependencies", 6, 0.9),
        ("react", "peerDependencies", 8, 0.7),
        ("vue", "peerDependencies", 8, 0.6),
    ]
    assert problems(manifest) == [(10, "devDependencies holds 'a b', which is no package name")]


def test_go_mod_with_blocks_replacements_and_indirect_requirements():
    text = """module example.com/shop // ours
go 1.22
require example.com/lib v1.2.3
require (
\texample.com/far v0.1.0 // indirect
\texample.com/fork v1.0.0
\texample.com/near v1.0.0
)
replace example.com/fork => example.com/own v1.0.1
replace example.com/near v1.0.0 => ../near
bogus thing
"""
    manifest = read("go.mod", text)
    assert (str(manifest.published), manifest.line) == ("pkg:golang/example.com/shop", 1)
    assert required(manifest) == [
        ("example.com/lib", "require", 3, 0.9),
        ("example.com/far", "require", 5, 0.3),
        ("example.com/own", "require", 6, 0.9),
        ("example.com/near", "require", 7, 0.9),
    ]
    assert problems(manifest) == [(11, "can't be understood: bogus thing")]


PARENT = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <groupId>org.acme</groupId><artifactId>parent</artifactId><version>1</version>
  <properties><lib.group>org.lib</lib.group><indirect>${lib.group}.deep</indirect></properties>
</project>"""

CHILD = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <parent><groupId>org.acme</groupId><artifactId>parent</artifactId><version>1</version></parent>
  <artifactId>shop</artifactId>
  <dependencyManagement><dependencies><dependency><groupId>x</groupId><artifactId>y</artifactId></dependency></dependencies></dependencyManagement>
  <dependencies>
    <dependency><groupId>${indirect}</groupId><artifactId>lib</artifactId></dependency>
    <dependency><groupId>${project.groupId}</groupId><artifactId>core</artifactId><optional>true</optional></dependency>
    <dependency><groupId>junit</groupId><artifactId>junit</artifactId><scope>test</scope></dependency>
    <dependency><groupId>${unknown}</groupId><artifactId>z</artifactId></dependency>
  </dependencies>
</project>"""


def test_pom_with_a_parent_in_the_repository_and_its_properties():
    found = read_manifests({"pom.xml": PARENT.encode(), "shop/pom.xml": CHILD.encode()})[1]
    assert (str(found.published), found.line) == ("pkg:maven/org.acme/shop", 3)
    assert required(found) == [
        ("org.acme/parent", "parent", 2, 0.9),
        ("org.lib.deep/lib", "dependencies", 6, 0.9),
        ("org.acme/core", "dependencies", 7, 0.6),
        ("junit/junit", "dependencies", 8, 0.4),
    ]
    assert problems(found) == [(9, "dependencies: groupId or artifactId is missing, or names an unknown property")]


def test_a_pom_that_declares_a_document_type_is_refused_before_anything_is_expanded():
    text = '<!DOCTYPE project [<!ENTITY a "x"><!ENTITY b SYSTEM "file:///etc/passwd">]>\n<project><artifactId>&b;</artifactId></project>'
    found = read("pom.xml", text)
    assert (found.published, found.requires) == (None, ())
    assert problems(found) == [(1, "declares a document type, which is not read; remove <!DOCTYPE …>")]


def test_properties_that_mean_each_other_end():
    text = "<project><groupId>${a}</groupId><artifactId>x</artifactId><properties><a>${b}${b}</a><b>${a}${a}</b></properties></project>"
    assert read("pom.xml", text).published is None


def test_cargo_with_renamed_crates_of_a_workspace():
    root = '[workspace]\nmembers = ["*"]\n[workspace.dependencies]\nui = { package = "acme_ui", version = "1" }\n'
    member = """[package]
name = "shop"
[dependencies]
ui = { workspace = true }
short = { package = "acme-long", version = "1", optional = true }
[target.'cfg(unix)'.dev-dependencies]
unixy = "1"
"""
    found = read_manifests({"Cargo.toml": root.encode(), "shop/Cargo.toml": member.encode()})[1]
    assert (str(found.published), found.line) == ("pkg:cargo/shop", 2)
    assert required(found) == [
        ("acme-ui", "dependencies", 4, 0.9),
        ("acme-long", "dependencies", 5, 0.6),
        ("unixy", "target.cfg(unix).dev-dependencies", 7, 0.4),
    ]


def test_what_is_no_manifest_is_told_with_its_line():
    found = {
        "Cargo.toml": b"[package]\nname = \n",
        "a/package.json": b'{\n "name": }',
        "b/package.json": b"[]",
        "go.mod": b"module a\n\xff",
        "pom.xml": b"<project>\n</projec>",
        "c/package.json": b" " * (MOST_BYTES + 1),
        "d/package.json": b"[" * 200_000,
    }
    assert [(manifest.path, *problems(manifest)) for manifest in read_manifests(found)] == [
        ("Cargo.toml", (2, "is no valid TOML: Invalid value (at line 2, column 8)")),
        ("a/package.json", (2, "is no valid JSON: Expecting value")),
        ("b/package.json", (1, "holds no JSON object")),
        ("c/package.json", (1, "has 1,000,001 bytes; 1,000,000 are allowed")),
        ("d/package.json", (1, "is nested too deeply to be read")),
        ("go.mod", (2, "is no UTF-8")),
        ("pom.xml", (2, "is no valid XML: mismatched tag")),
    ]
