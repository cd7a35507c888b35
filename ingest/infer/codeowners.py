"""Reads CODEOWNERS files of GitHub, GitLab and Bitbucket, and says who owns a path.

https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
https://docs.gitlab.com/user/project/codeowners/reference/
https://support.atlassian.com/bitbucket-cloud/docs/set-up-and-use-code-owners/
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from ingest.infer.packages import InferenceProblem

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS", ".bitbucket/CODEOWNERS")
"""Where the file may lie; the first that is there counts."""

MOST_BYTES = 3_000_000
"""A larger file is not read, as on GitHub."""

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|(?:\\.|[^\s\\])+')
_SECTION = re.compile(r"\^?\[([^\]]+)\](?:\[\d+\])?(.*)")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_HANDLE = re.compile(r"@{1,2}[\w.-]+(?:/[\w./ -]+)?")
_CHOICE = re.compile(r":(?:random|least_busy)\(\d+\)$|:all$")

Item = TypeVar("Item")


class Dialect(StrEnum):
    """Whose rules the file is written by."""

    GITHUB = "github"
    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"


@dataclass(frozen=True, slots=True)
class OwnerRule:
    """A line: what matches the pattern belongs to the owners; none: it belongs to nobody. `excluded`: the section leaves it alone."""

    pattern: str
    owners: tuple[str, ...]
    line: int
    section: str = ""
    excluded: bool = False

    @property
    def is_catch_all(self) -> bool:
        """Whether the rule speaks of every file."""
        return self.pattern in ("*", "/**", "**", "/", "**/*", "/**/*")


@dataclass(frozen=True, slots=True)
class CodeOwners:
    """A file as read; `path` is relative to the repository's root."""

    path: str
    dialect: Dialect
    rules: tuple[OwnerRule, ...] = ()
    problems: tuple[InferenceProblem, ...] = ()


@dataclass(slots=True)
class _Reading:
    path: str
    dialect: Dialect
    rules: list[OwnerRule] = field(default_factory=list[OwnerRule])
    problems: list[InferenceProblem] = field(default_factory=list[InferenceProblem])
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    section: str = ""
    inherited: tuple[str, ...] = ()


def codeowners_path(paths: Collection[str]) -> str | None:
    """The file of PLACES that counts; None if there is none."""
    return next((place for place in PLACES if place in paths), None)


def dialect_of(path: str, text: str) -> Dialect:
    """The dialect by where the file lies, else by what only one of them writes."""
    if path.startswith(".gitlab/") or re.search(r"^\^?\[[^\]]+\]", text, re.MULTILINE):
        return Dialect.GITLAB
    if path.startswith(".bitbucket/") or re.search(r"^@@@|^CODEOWNERS\.", text, re.MULTILINE):
        return Dialect.BITBUCKET
    return Dialect.GITHUB


def read_codeowners(content: bytes, path: str, dialect: Dialect | None = None) -> CodeOwners:
    """The rules of the file; lines that can't be understood are left out, with a problem each. Without a dialect it is guessed."""
    if len(content) > MOST_BYTES:
        return CodeOwners(path, Dialect.GITHUB, (), (InferenceProblem(path, 1, f"is larger than {MOST_BYTES:,} bytes"),))
    text = content.decode("utf-8-sig", errors="replace")
    reading = _Reading(path, dialect or dialect_of(path, text))
    for number, row in enumerate(text.splitlines(), 1):
        line = row.strip()
        if line and not line.startswith("#"):
            _read_line(line, number, reading)
    return CodeOwners(path, reading.dialect, tuple(reading.rules), tuple(reading.problems))


def owning_rules(codeowners: CodeOwners, path: str) -> Sequence[OwnerRule]:
    """The rules that decide about the path: the last that matches, of each section where there are sections. Empty: it is nobody's."""
    last: dict[str, OwnerRule] = {}
    excluded: set[str] = set()
    parts = path.split("/")
    for rule in codeowners.rules:
        if _covers(rule.pattern, parts, codeowners.dialect):
            if rule.excluded:
                excluded.add(rule.section)
            else:
                last[rule.section] = rule
    return [rule for section, rule in last.items() if rule.owners and section not in excluded]


def _read_line(line: str, number: int, reading: _Reading) -> None:
    dialect = reading.dialect
    if dialect is Dialect.GITLAB and (header := _SECTION.fullmatch(line)):
        reading.section = header[1].strip().lower()
        reading.inherited = _owners(_words(header[2]), number, reading)
        return
    words = _words(line)
    if not words:
        return
    if dialect is Dialect.BITBUCKET and words[0].startswith("CODEOWNERS."):
        return
    if dialect is Dialect.BITBUCKET and words[0].startswith("@@@"):
        reading.groups[words[0][3:].lower()] = _owners(words[1:], number, reading)
        return
    pattern, owners = words[0], _owners(words[1:], number, reading)
    excluded = dialect is not Dialect.GITHUB and pattern.startswith("!")
    if dialect is Dialect.GITHUB and (pattern.startswith("!") or "[" in pattern):
        reading.problems.append(InferenceProblem(reading.path, number, f"{pattern[:80]!r} uses ! or [ ], which GitHub does not support"))
        return
    pattern = pattern.removeprefix("!") if excluded else pattern
    inherited = reading.inherited if dialect is Dialect.GITLAB and len(words) == 1 else ()
    reading.rules.append(OwnerRule(pattern, owners or inherited, number, reading.section, excluded))


def _words(text: str) -> list[str]:
    """The words before a comment, without quotes and escapes."""
    words: list[str] = []
    for found in _WORD.findall(text):
        if found.startswith("#"):
            break
        unquoted = found[1:-1] if found.startswith('"') and found.endswith('"') and len(found) > 1 else found
        words.append(re.sub(r"\\(.)", r"\1", unquoted))
    return words


def _owners(words: Sequence[str], line: int, reading: _Reading) -> tuple[str, ...]:
    owners: list[str] = []
    for word in words:
        owner = _CHOICE.sub("", word) if reading.dialect is Dialect.BITBUCKET else word
        if reading.dialect is Dialect.BITBUCKET and owner.startswith("@@") and owner[2:].lower() in reading.groups:
            owners += reading.groups[owner[2:].lower()]
        elif _EMAIL.fullmatch(owner) or _HANDLE.fullmatch(owner):
            owners.append(owner)
        else:
            message = f"{word[:80]!r} is neither @user nor @organisation/team nor an e-mail address"
            reading.problems.append(InferenceProblem(reading.path, line, message))
    return tuple(dict.fromkeys(owners))


def _covers(pattern: str, parts: Sequence[str], dialect: Dialect) -> bool:
    body = pattern.strip("/").split("/")
    # On GitHub a slash in the middle ties a pattern to the root, as in .gitignore; on GitLab only one in front does.
    tied = pattern.startswith("/") or (dialect is not Dialect.GITLAB and len(body) > 1)
    if body == [""]:
        return True
    if pattern.endswith("/"):
        body += ["*", "**"]
    elif body[-1] != "*":
        body.append("**")
    return _matches(body if tied else ["**", *body], parts, "**", _name_covers)


def _name_covers(pattern: str, name: str) -> bool:
    return _matches(pattern, name, "*", lambda expected, found: expected in ("?", found))


def _matches(pattern: Sequence[Item], found: Sequence[Item], star: Item, same: Callable[[Item, Item], bool]) -> bool:
    """Whether what was found is what the pattern says, `star` standing for any number of items. Never slower than their product."""
    at = position = mark = 0
    restart = -1
    while position < len(found):
        if at < len(pattern) and pattern[at] == star:
            restart, mark = at, position
            at += 1
        elif at < len(pattern) and same(pattern[at], found[position]):
            at += 1
            position += 1
        elif restart >= 0:
            mark += 1
            at, position = restart + 1, mark
        else:
            return False
    return all(left == star for left in pattern[at:])
