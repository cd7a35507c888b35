"""Sites that mean harm: what they ask for is refused, and what would get past that is held by the process that builds."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from config.generator import BuildLimits
from tests.workers.docs import SHOP, built, configured, outcome, text_of
from workers.techdocs.building import Outcome, Report, read_report, run_build
from workers.techdocs.isolation import Isolation, found_isolation
from workers.techdocs.layout import REPORT, SITE, SOURCES, TEMPORARY
from workers.techdocs.results import FailedBuild, LeftOut
from workers.techdocs.site_builds import finished

TOUCH = "__import__('pathlib').Path(__file__).with_name('it-ran').touch()\n"
HOSTILE = """
site_name: Hostile
docs_dir: docs
hooks: [evil.py]
nav: [index.md, { Up: ../../../etc/passwd }, { Other: '!include ../other/mkdocs.yml' }, { Code: 'javascript:alert(1)' }]
theme: { name: material, custom_dir: overrides }
plugins: [techdocs-core, evil, macros: { module_name: evil }]
markdown_extensions:
  - evil
  - pymdownx.snippets: { url_download: true, base_path: [/etc, docs], restrict_base_path: false }
extra: { run: !!python/object/apply:os.system ['touch it-ran'] }
edit_uri: ../../../../evil
"""
PAGE = """# {{ 7 * 7 }} {% include "/etc/passwd" %}
--8<-- "/etc/passwd"
--8<-- "passwd"
--8<-- "../../secret.txt"
--8<-- "http://127.0.0.1:1/x"

;--8<--
../../secret.txt
;--8<--

![x](../../../../etc/passwd) ![x](secret.md)

```plantuml source="/etc/passwd"
```
"""


async def test_nothing_that_a_site_asks_for_runs_or_leaves_its_folder(tmp_path: Path):
    folder = tmp_path / "site"
    (tmp_path / "secret.txt").write_text("the secret of another")
    (tmp_path / "other" / "docs").mkdir(parents=True)
    (tmp_path / "other" / "mkdocs.yml").write_text("site_name: other\n")
    (tmp_path / "other" / "docs" / "index.md").write_text("the secret of another")
    (folder / "docs").mkdir(parents=True)
    (folder / "docs" / "secret.md").symlink_to(tmp_path / "secret.txt")
    (folder / "docs" / "passwd.md").symlink_to("/etc/passwd")
    (folder / "docs" / "all").symlink_to("/etc")
    os.mkfifo(folder / "docs" / "pipe.md")
    files = {"mkdocs.yml": HOSTILE, "docs/index.md": PAGE, "evil.py": TOUCH, "docs/evil.py": TOUCH, "overrides/main.html": "{{ evil }}"}
    async with built(folder, files) as site:
        shown = text_of(site)
        assert not (site.folder / "secret" / "index.html").exists()
    assert below(tmp_path, "it-ran") == []
    assert [sign for sign in ("root:", "the secret of another", "javascript:alert", "{{ evil }}") if sign in shown] == []
    assert "{{ 7 * 7 }}" in shown
    outside = "The link leads outside of the folder of documentation."
    assert site.left_out[:4] == [
        LeftOut("docs/all", outside),
        LeftOut("docs/passwd.md", outside),
        LeftOut("docs/pipe.md", "It is neither a file nor a folder."),
        LeftOut("docs/secret.md", outside),
    ]
    assert [each.setting for each in site.left_out[4:]] == [
        "extra.run",
        "edit_uri",
        "theme.custom_dir",
        "plugins.evil",
        "plugins.macros",
        "markdown_extensions.evil",
        "markdown_extensions.pymdownx.snippets.url_download",
        "markdown_extensions.pymdownx.snippets.base_path",
        "nav.Up",
        "nav.Other",
        "nav.Code",
        "hooks",
    ]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"siteBytes": 100_000}, "The site has more than 20,000 files or 100,000 bytes"),
        ({"siteFiles": 10}, "The site has more than 10 files or 536,870,912 bytes"),
        ({"sourceFiles": 1}, "holds more than 1 files or 536,870,912 bytes"),
        ({"time": {"seconds": 1}}, "The build took longer than 1 seconds and was ended"),
    ],
)
async def test_a_site_takes_no_more_than_it_may(tmp_path: Path, limits: dict[str, Any], reason: str):
    slow = {f"docs/{number}.md": "# x\n\n" + "[a][" * 2_000 for number in range(40 if "time" in limits else 0)}
    result = await outcome(tmp_path, {"docs/index.md": "# x", "docs/more.md": "# y", **slow}, configured(limits))
    assert isinstance(result, FailedBuild)
    assert result.reason.endswith(reason)


async def test_a_large_file_is_left_out_and_the_rest_built(tmp_path: Path):
    async with built(tmp_path, {"docs/index.md": "# x", "docs/large.bin": "x" * 3_000_000}, configured({"fileBytes": 2_000_000})) as site:
        assert site.left_out == [LeftOut("docs/large.bin", "It is larger than 2,000,000 bytes.")]


@pytest.fixture(scope="module")
def isolation() -> Isolation:
    return asyncio.run(found_isolation())


async def ran(folder: Path, code: str, isolation: Isolation, **limits: Any) -> Outcome:
    """How a build ends in which somebody has got a program of their own to run."""
    for name in (SOURCES, f"{SOURCES}/docs", TEMPORARY):
        (folder / name).mkdir()
    (folder / SOURCES / "docs" / "index.md").write_text("# x")
    run = {"$python": "subprocess.run", "arguments": {"args": [sys.executable, "-I", "-c", code]}}
    settings = {"site_name": "x", "docs_dir": "docs", "theme": {"name": "material", "font": False}, "plugins": [], "extra": {"run": run}}
    return await run_build(folder, settings, BuildLimits.model_validate({"time": {"seconds": 6}, **limits}), isolation)


async def test_a_program_in_a_build_sees_neither_files_nor_network_nor_environment(tmp_path: Path, isolation: Isolation):
    if not (isolation.files and isolation.namespaces):
        pytest.skip("this machine gives neither namespaces nor Landlock to builds")
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "build"
    folder.mkdir()
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    code = f"""
import json, os, socket
def tried(what):
    try:
        what()
        return "worked"
    except OSError as error:
        return type(error).__name__
result = {{
    "read": tried(lambda: open({str(tmp_path / "secret")!r}).read()),
    "passwd": tried(lambda: open("/etc/passwd").read()),
    "parent": tried(lambda: open("/proc/{os.getpid()}/environ").read()),
    "write": tried(lambda: open({str(tmp_path / "written")!r}, "w")),
    "connect": tried(lambda: socket.create_connection(("127.0.0.1", {port}), 1)),
    "kill": tried(lambda: os.kill({os.getpid()}, 0)),
    "own": tried(lambda: open("../seen", "w").write("x")),
    "environment": sorted(os.environ),
}}
open("../result.json", "w").write(json.dumps(result))
"""
    try:
        await ran(folder, code, isolation)
    finally:
        server.close()
        await server.wait_closed()
    found = json.loads((folder / "result.json").read_text())
    assert found.pop("environment") == ["HOME", "LANG", "PATH", "TMPDIR"]
    assert found.pop("connect") in {"PermissionError", "ConnectionRefusedError", "OSError"}
    assert found == {
        "read": "PermissionError",
        "passwd": "PermissionError",
        "parent": "PermissionError",
        "write": "PermissionError",
        "kill": "ProcessLookupError",
        "own": "worked",
    }


@pytest.mark.parametrize(
    ("code", "limits", "reason"),
    [
        ("while True: pass", {"time": {"seconds": 2}}, "The build took longer than 2 seconds"),
        ("while True: print('x' * 1000)", {}, "The build says more than 16,777,216 bytes"),
        ("import os\nwhile True: os.fork()", {"time": {"seconds": 2}}, "The build took longer than 2 seconds"),
        (
            "import os; os.mkdir('../site')\nfor n in range(1024): open(f'../site/{n}', 'w').write('x' * 1048576)",
            {"siteBytes": 20_000_000},
            "The site has more than 20,000 files or 20,000,000 bytes",
        ),
        (
            "import os; os.mkdir('../site')\nfor n in range(10**6): open(f'../site/{n}', 'w')",
            {"siteFiles": 1_000},
            "The site has more than 1,000 files or 536,870,912 bytes",
        ),
    ],
    ids=["endless", "endless talk", "processes without end", "a gigabyte", "a million files"],
)
async def test_a_program_in_a_build_ends(tmp_path: Path, isolation: Isolation, code: str, limits: dict[str, Any], reason: str):
    if "fork" in code and not (isolation.namespaces or isolation.own_user):
        pytest.skip("the processes of a build are not counted on this machine")
    result = await ran(tmp_path, code, isolation, **limits)
    assert result.failure is not None
    assert result.failure[0].startswith(reason)
    assert len(result.log) <= 64 * 1024 + 100
    assert sum(path.stat().st_size for path in below(tmp_path, "*") if path.is_file()) < 900_000_000
    assert running(tmp_path) == []


@pytest.mark.parametrize(
    "report",
    [
        "[]",
        "{}",
        "[" * 100_000,
        '{"error": null, "problems": [[1, 2]], "leftOut": [], "pages": {}}',
        '{"error": null, "problems": [], "leftOut": 5, "pages": {}}',
    ],
)
def test_what_a_program_says_in_place_of_a_report_is_none(tmp_path: Path, report: str):
    (tmp_path / REPORT).write_text(report)
    assert read_report(tmp_path) is None
    (tmp_path / "true").write_text('{"error": null, "problems": [], "leftOut": [], "pages": {}}')
    (tmp_path / REPORT).unlink()
    (tmp_path / REPORT).symlink_to(tmp_path / "true")
    assert read_report(tmp_path) is None
    (tmp_path / REPORT).unlink()
    (tmp_path / "true").rename(tmp_path / REPORT)
    assert read_report(tmp_path) == Report.model_validate({"error": None, "problems": [], "leftOut": [], "pages": {}})


async def test_a_site_that_a_program_puts_elsewhere_is_none(tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret").write_text("secret")
    (tmp_path / SITE).symlink_to(elsewhere)
    result = finished(SHOP, tmp_path, "etag", Outcome(None, "", (), (), {}), ())
    assert isinstance(result, FailedBuild)
    assert (result.reason, [path.name for path in below(elsewhere, "*")]) == ("The build left no site behind", ["secret"])


async def test_memory_and_files_without_end_are_refused_to_a_program(tmp_path: Path, isolation: Isolation):
    code = """
import os
try:
    bytearray(2 * 1024**3)
except MemoryError:
    open("../memory", "w")
try:
    with open("../huge", "wb") as file:
        for _ in range(100):
            file.write(b"x" * 1024**2)
except OSError:
    open("../file", "w")
"""
    await ran(tmp_path, code, isolation, fileBytes=10_000_000)
    assert (tmp_path / "memory").exists()
    assert (tmp_path / "file").exists()
    assert (tmp_path / "huge").stat().st_size <= 10_000_000


async def test_what_a_program_leaves_running_ends_with_the_build(tmp_path: Path, isolation: Isolation):
    if not isolation.namespaces:
        pytest.skip("without namespaces a process that leaves its session outlives the build")
    code = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(3600)\n    os._exit(0)"
    await ran(tmp_path, code, isolation)
    assert running(tmp_path) == []


def below(folder: Path, pattern: str) -> list[Path]:
    return list(folder.rglob(pattern))


def running(folder: Path) -> list[str]:
    """The processes whose working folder is that of the build."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(process.name)
        except OSError:
            continue
    return found
