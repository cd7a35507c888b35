"""Runs mkdocs in a process of its own, for as long and as much as is allowed, and keeps what it says."""

import asyncio
import json
import os
import signal
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from config.generator import BuildLimits
from config.sections import Section
from workers.techdocs.isolation import Isolation
from workers.techdocs.layout import REPORT, SITE, SOURCES, TEMPORARY
from workers.techdocs.results import DocsProblem, LeftOut, ProblemKind

_LOOK_SECONDS = 0.3
_LOOK_AGAIN_SECONDS = 0.02
_MOST_LOOKS = 100
_MOST_SAID_BYTES = 16 * 1024 * 1024
_MOST_REPORT_BYTES = 32 * 1024 * 1024
_MORE_LIMITS = "Make the site smaller, or raise techdocs.generator.limits"


class Report(Section):
    """What a building process says of the site, which may be anything: somebody may have got it to run a program of theirs."""

    error: str | None
    problems: tuple[tuple[ProblemKind, str, str, int | None], ...]
    left_out: tuple[tuple[str, str], ...]
    pages: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a building process ended. `failure` is reason and remedy, None if the site is there. `pages` are the sources of pages that show
    diagrams as code, by their paths in the site.
    """

    failure: tuple[str, str] | None
    log: str
    problems: Sequence[DocsProblem]
    left_out: Sequence[LeftOut]
    pages: Mapping[str, str]


async def run_build(folder: Path, settings: Mapping[str, Any], limits: BuildLimits, isolation: Isolation) -> Outcome:
    """Build the sources in `folder` with the settings. Whatever the process does, it ends, and this returns."""
    seconds = limits.time.total_seconds()
    job = {
        "folder": str(folder),
        "settings": settings,
        "memoryBytes": limits.memory_bytes,
        "seconds": int(seconds) + 1,
        "fileBytes": limits.file_bytes,
        "ownUser": isolation.own_user or isolation.namespaces,
    }
    await asyncio.to_thread(isolation.hand_over, folder)
    # Files, not pipes: nobody has to read along, and nothing that is left running can hold them open.
    with TemporaryFile() as told, TemporaryFile() as said:
        told.write(json.dumps(job).encode())
        told.seek(0)
        stopped, code = await _followed(told, said, folder, limits, isolation)
        log = _bounded(said, limits.log_bytes)
    report = await asyncio.to_thread(read_report, folder)
    failure = stopped or _failure(code, report, limits)
    # Nobody is told where on this machine the build was.
    text = log.replace(f"{folder}/{SOURCES}/", "").replace(f"{folder}/", "")
    problems = [DocsProblem(*problem) for problem in report.problems] if report else []
    left_out = [LeftOut(*each) for each in report.left_out] if report else []
    return Outcome(failure, text, problems, left_out, report.pages if report else {})


async def _followed(
    told: IO[bytes], said: IO[bytes], folder: Path, limits: BuildLimits, isolation: Isolation
) -> tuple[tuple[str, str] | None, int | None]:
    """Why the process had to be ended, None if it ended itself, and its exit code."""
    process = await asyncio.create_subprocess_exec(
        *isolation.command(), stdin=told, stdout=said, stderr=asyncio.subprocess.STDOUT, **isolation.process_options(folder)
    )
    ended = asyncio.create_task(process.wait())
    deadline = asyncio.get_running_loop().time() + limits.time.total_seconds()
    try:
        while True:
            done, _ = await asyncio.wait([ended], timeout=_LOOK_SECONDS)
            if await asyncio.to_thread(_is_too_much, folder, limits):
                reason = f"The site has more than {limits.site_files:,} files or {limits.site_bytes:,} bytes"
                return (reason, f"{_MORE_LIMITS}."), None
            if os.fstat(said.fileno()).st_size > _MOST_SAID_BYTES:
                return (f"The build says more than {_MOST_SAID_BYTES:,} bytes", "The log shows what it says without end."), None
            if done:
                return None, ended.result()
            if asyncio.get_running_loop().time() > deadline:
                reason = f"The build took longer than {limits.time.total_seconds():g} seconds and was ended"
                return (reason, f"{_MORE_LIMITS}.time."), None
    finally:
        await _end(process.pid)
        await ended


async def _end(group: int) -> None:
    """End a process and what it may have started, whether it ended by itself or not, and wait until they are gone."""
    with suppress(ProcessLookupError, PermissionError):
        for _ in range(_MOST_LOOKS):
            os.killpg(group, signal.SIGKILL)
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)


def _bounded(said: IO[bytes], most: int) -> str:
    """What a process said: all of it, or its beginning and its end."""
    size = said.seek(0, os.SEEK_END)
    said.seek(0)
    if size <= most:
        return said.read().decode(errors="replace")
    first = said.read(most // 2)
    said.seek(size - most // 2)
    return f"{first.decode(errors='replace')}\n… {size - most:,} bytes are left out …\n{said.read(most).decode(errors='replace')}"


def _is_too_much(folder: Path, limits: BuildLimits) -> bool:
    """Whether the process wrote more than is allowed: into the site, or into its temporary folder, where sources are merged."""
    places = ((SITE, limits.site_files, limits.site_bytes), (TEMPORARY, limits.source_files * 2, limits.source_bytes * 2))
    return any(_exceeds(folder / name, files, size) for name, files, size in places)


def _exceeds(folder: Path, files: int, size: int) -> bool:
    waiting = [str(folder)]
    while waiting:
        # Files come and go while the process is at work.
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                files -= 1
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    with suppress(OSError):
                        size -= entry.stat(follow_symlinks=False).st_size
                if files < 0 or size < 0:
                    return True
    return False


def read_report(folder: Path) -> Report | None:
    """What the process in the folder wrote in the end; None if it did not get so far, or wrote something else. Blocking."""
    try:
        handle = os.open(folder / REPORT, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return None
            return Report.model_validate_json(file.read(_MOST_REPORT_BYTES))
    except (OSError, ValueError):
        return None


def _failure(code: int | None, report: Report | None, limits: BuildLimits) -> tuple[str, str] | None:
    if code == 0 and report is not None and report.error is None:
        return None
    text = (report.error if report else None) or ""
    if text.startswith("MemoryError"):
        return f"The build needs more than {limits.memory_bytes:,} bytes of memory", f"{_MORE_LIMITS}.memoryBytes."
    if "File too large" in text:
        return f"A file of the site is larger than {limits.file_bytes:,} bytes", f"{_MORE_LIMITS}.fileBytes."
    if text:
        return f"mkdocs could not build the site: {text}", "The log of the build says what it was doing; `mkdocs build` shows the same."
    return "The build ended without a site, as a process does that is killed, or takes more than its limits", f"{_MORE_LIMITS}."
