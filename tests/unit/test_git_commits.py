"""Commits of files alone: the same files and text are the same commit, and nothing on this machine has a say in them."""

import hashlib
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from graph.errors import InputError
from plugins.git.commits import CommittedFile, CommitText, committed, ignored, is_gits_own
from workers.scaffolder.publishing.contents import within

TEXT = CommitText("Begin\n\nwith ümlauts", "Ada <x>\n", "ada@acme.example", datetime(2026, 1, 2, tzinfo=UTC))


def file(path: str, content: bytes, *, executable: bool = False) -> CommittedFile:
    return CommittedFile(path, executable, lambda: content)


def git(repository: Path, *arguments: str) -> str:
    command = ["git", f"--git-dir={repository}", *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout.decode()


async def test_a_commit_holds_the_files_byte_by_byte_and_is_the_same_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    config = tmp_path / "gitconfig"
    config.write_text("[core]\n\tautocrlf = true\n\thooksPath = /nowhere\n[commit]\n\tgpgsign = true\n[user]\n\tname = Somebody\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    files = [
        file(".gitattributes", b"* text eol=lf filter=x\n"),
        file('a\r\n b\t"ü\\.txt', b"1\r\n\0"),
        file("bin/run", b"", executable=True),
    ]
    first = await committed(tmp_path / "one.git", "main", files, TEXT)
    second = await committed(tmp_path / "two.git", "main", files, TEXT)
    assert first == second
    assert git(tmp_path / "one.git", "log", "--format=%an|%ae|%at|%cn|%B", first) == (
        "Ada x|ada@acme.example|1767312000|Ada x|Begin\n\nwith ümlauts\n"
    )
    listed = [line.split(None, 3) for line in git(tmp_path / "one.git", "ls-tree", "-r", "-z", first).split("\0")[:-1]]
    assert [(mode, path) for mode, _, _, path in listed] == [
        ("100644", ".gitattributes"),
        ("100644", 'a\r\n b\t"ü\\.txt'),
        ("100755", "bin/run"),
    ]
    assert git(tmp_path / "one.git", "cat-file", "-s", listed[1][2]) == "4\n"
    assert listed[1][2] == hashlib.sha1(b"blob 4\x001\r\n\0", usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("branch", ["--upload-pack=x", "a..b", "a b", "", "refs/heads/.x", "a\nb"])
async def test_what_is_no_name_of_a_branch_is_refused(tmp_path: Path, branch: str):
    with pytest.raises(InputError):
        await committed(tmp_path / "one.git", branch, [file("a", b"a")], TEXT)


@pytest.mark.parametrize("path", [".git/config", "a/.git/hooks/pre-push", "../out", "a//b"])
async def test_what_can_t_be_a_path_of_a_repository_is_refused(tmp_path: Path, path: str):
    with pytest.raises(InputError, match="can't be committed"):
        await committed(tmp_path / "one.git", "main", [file(path, b"a")], TEXT)


async def test_files_are_left_out_as_their_own_gitignore_says_and_by_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "excludes").write_text("*.txt\n")
    (tmp_path / "gitconfig").write_text(f"[core]\n\texcludesFile = {tmp_path / 'excludes'}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    folder = tmp_path / "work"
    for path, content in {
        ".gitignore": "*.log\n!kept.log\nbuild/\n",
        "inner/.gitignore": "own.txt\n",
        "inner/own.txt": "",
        ":(top)a.txt": "",
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    paths = [".gitignore", "a.log", "kept.log", "build/x", "inner/own.txt", "own.txt", ":(top)a.txt", ":!x", "[a].log"]
    assert await ignored(tmp_path / "ask.git", folder, paths) == {"a.log", "build/x", "inner/own.txt", "[a].log"}
    assert await ignored(tmp_path / "none.git", folder, []) == frozenset()


@pytest.mark.parametrize(
    ("path", "expected"),
    [(".git", True), ("a/.GIT/config", True), (".git. ./x", True), ("GIT~1/x", True), (".gitignore", False), ("git/.github", False)],
)
def test_gits_own_folder_is_known_under_each_of_its_names(path: str, expected: bool):
    assert is_gits_own(path) is expected


@pytest.mark.parametrize("path", ["/etc", "../a", "a/../../b", "a\\b", ".git/hooks", "a\0b"])
def test_a_path_that_leads_out_of_the_repository_is_refused(path: str):
    with pytest.raises(InputError, match="targetPath leads out of the repository"):
        within(path, "targetPath")


def test_a_path_is_told_in_its_simplest_form():
    assert (within("./a//b/", "targetPath"), within("", "targetPath"), within(".", "targetPath")) == ("a/b", "", "")
