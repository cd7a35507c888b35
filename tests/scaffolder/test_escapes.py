"""Attempts to get out of the workspace, out of the template's folder, and into the network: each is refused, and leaves nothing."""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from config.backend import AllowedHost, Reading
from graph.errors import CallboardError, InputError, LimitExceededError
from ingest.sources import SourceLimits
from plugins.contract import Head, Place
from plugins.hosts import Hosts
from plugins.https.host import HttpsHost
from plugins.outbound.client import Outbound
from tests.scaffolder.templates import Folder, running, template
from tests.servers.http import http_server, response
from workers.scaffolder.actions.patterns import checked_pattern
from workers.scaffolder.sources import Sources
from workers.scaffolder.workspace import TaskWorkspace

SECRET = "what nobody may read"


@pytest.fixture
def workspace(tmp_path: Path) -> TaskWorkspace:
    (tmp_path / "outside.txt").write_text(SECRET)
    return TaskWorkspace(tmp_path / "workspace", 10_000)


@pytest.mark.parametrize(
    "path",
    [
        "../outside.txt",
        "a/../../outside.txt",
        "/etc/passwd",
        "~/.ssh/id_rsa",
        "..\\outside.txt",
        "C:\\outside.txt",
        "c:outside.txt",
        "a\0b",
        "",
        ".",
        "a/..",
        "x" * 300,
        "/".join(["d"] * 200),
        "\ud800",
    ],
)
def test_paths_that_lead_out_are_refused(workspace: TaskWorkspace, path: str):
    with pytest.raises(InputError):
        workspace.write(path, b"x")
    with pytest.raises(InputError):
        workspace.read(path)
    assert workspace.entries() == []


def test_links_are_followed_nowhere(workspace: TaskWorkspace, tmp_path: Path):
    (workspace.path / "link.txt").symlink_to(tmp_path / "outside.txt")
    (workspace.path / "folder").symlink_to(tmp_path)
    (workspace.path / "loop").symlink_to("loop")
    os.mkfifo(workspace.path / "pipe")
    doing: list[Callable[[], object]] = [
        lambda: workspace.read("link.txt"),
        lambda: workspace.write("link.txt", b"x"),
        lambda: workspace.append("link.txt", b"x"),
        lambda: workspace.read("folder/outside.txt"),
        lambda: workspace.write("folder/new.txt", b"x"),
        lambda: workspace.make_folder("folder/new"),
        lambda: workspace.entries("folder"),
        lambda: workspace.remove("folder/outside.txt"),
        lambda: workspace.move("folder/outside.txt", "mine.txt"),
        lambda: workspace.read("loop"),
        lambda: workspace.read("pipe"),
        lambda: workspace.write("pipe", b"x"),
        lambda: workspace.move("link.txt", "mine.txt"),
    ]
    for attempt in doing:
        with pytest.raises(InputError):
            attempt()
    assert workspace.entries() == []
    workspace.remove("folder")
    workspace.remove("link.txt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside.txt", "workspace"]
    assert (tmp_path / "outside.txt").read_text() == SECRET


def test_a_link_that_is_put_in_the_way_of_a_path_is_not_followed(workspace: TaskWorkspace, tmp_path: Path):
    workspace.write("a/b/c.txt", b"mine")
    (workspace.path / "a").rename(tmp_path / "moved")
    (workspace.path / "a").symlink_to(tmp_path / "moved")
    with pytest.raises(InputError):
        workspace.write("a/b/c.txt", b"x")
    assert (tmp_path / "moved" / "b" / "c.txt").read_bytes() == b"mine"


def test_what_is_too_large_is_refused(workspace: TaskWorkspace):
    with pytest.raises(LimitExceededError):
        workspace.write("large", b"x" * 10_001)
    with pytest.raises(LimitExceededError):
        for number in range(20):
            workspace.write(f"{number}", b"x" * 900)


@pytest.mark.parametrize(
    "pattern", ["../*", "/etc/*", "a/../../b", "a\\b", "{a,b}" * 20, "{" + ",".join("abcdefghijkl") + "}" * 1 + "{a,b}" * 9, "x" * 1001]
)
def test_patterns_that_lead_out_or_take_for_ever_are_refused(pattern: str):
    with pytest.raises(InputError):
        checked_pattern(pattern)


STEPS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "fetch above the template": ("fetch:plain", {"url": "../other"}),
    "fetch an absolute path": ("fetch:plain", {"url": "/etc"}),
    "fetch by file": ("fetch:plain", {"url": "file:///etc"}),
    "fetch a file above the template": ("fetch:plain:file", {"url": "../secret.txt", "targetPath": "a"}),
    "fetch through a link": ("fetch:plain:file", {"url": "./link.txt", "targetPath": "a"}),
    "fetch to above": ("fetch:plain", {"url": "./skeleton", "targetPath": "../../up"}),
    "fetch a template to above": ("fetch:template", {"url": "./skeleton", "targetPath": "../up", "values": {"n": "x"}}),
    "a file name that leads out": ("fetch:template", {"url": "./skeleton", "values": {"n": "../../../up"}}),
    "an address of this machine": ("fetch:plain", {"url": "http://127.0.0.1:1/a"}),
    "an address of a cloud": ("fetch:plain:file", {"url": "http://169.254.169.254/latest/meta-data", "targetPath": "a"}),
    "another scheme": ("fetch:plain", {"url": "gopher://example.org/1"}),
    "no scheme": ("fetch:plain", {"url": "//example.org/1"}),
    "rename out": ("fs:rename", {"files": [{"from": "in.txt", "to": "../out.txt"}]}),
    "rename from outside": ("fs:rename", {"files": [{"from": "../../secret.txt", "to": "in.txt"}]}),
    "delete above": ("fs:delete", {"files": ["../*"]}),
    "read above": ("fs:read", {"path": "../../../../etc/passwd"}),
    "list above": ("fs:readdir", {"paths": [".."]}),
    "write above": ("fs:write", {"path": "../out.txt", "content": "x"}),
    "catalog-info above": ("catalog:write", {"filePath": "../catalog-info.yaml", "entity": {"kind": "x"}}),
    "fill in above": ("workspace:template", {"sourcePath": "..", "targetPath": "x", "copyWithoutTemplating": []}),
    "a request that is not allowed": ("http:backstage:request", {"path": "/proxy/x", "method": "GET"}),
    "a request to another host": ("http:backstage:request", {"path": "http://127.0.0.1:1/", "method": "GET"}),
    "register this machine": ("catalog:register", {"catalogInfoUrl": "http://127.0.0.1:1/catalog-info.yaml"}),
    "a token for a host of no integration": ("fetch:plain", {"url": "https://elsewhere.example/a/b/tree/main/c", "token": "t"}),
    "code in an expression": ("debug:log", {"message": 5}),
}


async def test_steps_that_lead_out_fail_and_leave_nothing(folder: Folder):
    for number, (action, given) in enumerate(STEPS.values()):
        steps = [
            {"id": "write", "action": "fs:write", "input": {"path": "in.txt", "content": "x"}},
            {"id": "x", "action": action, "input": given},
        ]
        folder.add(template(f"escape-{number}", steps), {"skeleton/${{ values.n }}.txt": "x"})
        (folder.path / "templates" / f"escape-{number}" / "link.txt").symlink_to(folder.path / "templates" / "secret.txt")
    (folder.path / "templates" / "other").mkdir()
    (folder.path / "templates" / "other" / "a.txt").write_text(SECRET)
    (folder.path / "templates" / "secret.txt").write_text(SECRET)
    before = sorted(str(path) for path in folder.path.rglob("*") if "data" not in path.parts)
    async with running(folder) as tasks:
        for number, name in enumerate(STEPS):
            seen = await tasks.run(f"escape-{number}")
            assert seen.task.status == "failed", name
            told = "\n".join(await tasks.messages(seen.task.id))
            assert SECRET not in told, name
            assert "Traceback" not in told, (name, told)
            assert await tasks.statuses(seen.task.id) == {"write": "completed", "x": "failed"}, name
        assert await tasks.store.locations() == [location for location in await tasks.store.locations() if location.origin != "registered"]
    assert sorted(str(path) for path in folder.path.rglob("*") if "data" not in path.parts) == before


class _Archived(HttpsHost):
    """A host whose archives are what a test says."""

    def __init__(self, archive: bytes, outbound: Outbound) -> None:
        super().__init__(outbound, 1000)
        self._archive = archive

    async def head(self, place: Place, known: Head | None = None) -> Head:
        return Head("1", "main")

    async def archive(self, place: Place, head: Head) -> Any:
        yield self._archive


def _tar(*members: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for member in members:
            member.size = len(SECRET) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(SECRET.encode()))
    return buffer.getvalue()


def _member(name: str, type_: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = type_, target
    return member


def _zip(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, SECRET)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("archive", "kept"),
    [
        (_tar(_member("r/good.txt"), _member("r/../../up.txt"), _member("/abs.txt")), ["good.txt"]),
        (
            _tar(
                _member("r/good.txt"), _member("r/link", tarfile.SYMTYPE, "/etc/passwd"), _member("r/hard", tarfile.LNKTYPE, "r/good.txt")
            ),
            ["good.txt"],
        ),
        (_tar(_member("r/good.txt"), _member("r/dev", tarfile.CHRTYPE)), ["good.txt"]),
        (_zip("r/good.txt", "../up.txt", "r\\..\\up.txt"), ["good.txt"]),
    ],
)
async def test_archives_whose_names_lead_out_or_that_hold_links_give_only_the_rest(archive: bytes, kept: list[str]):
    outbound = Outbound(Reading(allow=(AllowedHost(host="example.org"),)))
    sources = Sources(Hosts([_Archived(archive, outbound)], outbound), SourceLimits(1000, 100_000, 100_000))
    files = await sources.tree(None, "https://example.org/")
    assert [file.path for file in files] == kept
    await outbound.close()


async def test_an_archive_that_unpacks_to_too_much_is_refused():
    outbound = Outbound(Reading(allow=(AllowedHost(host="example.org"),)))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("r/bomb", b"\0" * 1_000_000)
    sources = Sources(Hosts([_Archived(buffer.getvalue(), outbound)], outbound), SourceLimits(1_000_000, 10_000, 10_000))
    with pytest.raises(CallboardError, match="unpacks to more"):
        await sources.tree(None, "https://example.org/")
    await outbound.close()


async def test_a_redirect_into_this_machine_is_refused():
    async with http_server() as server:
        server.answers["/file"] = response(302, location="http://127.0.0.2:1/secret")
        host = f"127.0.0.1:{server.port}"
        outbound = Outbound(Reading.model_validate({"allow": [{"host": host}], "allowPrivate": ["127.0.0.1"]}))
        sources = Sources(Hosts([HttpsHost(outbound, 1000)], outbound), SourceLimits(1000, 10_000, 10_000))
        with pytest.raises(CallboardError):
            await sources.file(None, f"http://{host}/file")
        await outbound.close()
