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
from typing import Any, cast

from config.generator import BuildLimits
from workers.techdocs.isolation import Isolation
from workers.techdocs.layout import REPORT, SITE, SOURCES, TEMPORARY
from workers.techdocs.results import DocsProblem, LeftOut, ProblemKind

_LOOK_SECONDS = 0.3
_CHUNK = 64 * 1024
_MOST_REPORT_BYTES = 32 * 1024 * 1024
_MORE_LIMITS = "Make the site smaller, or raise techdocs.generator.limits"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a building process ended. `failure` is reason and remedy, None if the site is there."""

    failure: tuple[str, str] | None
    log: str
    problems: Sequence[DocsProblem]
    left_out: Sequence[LeftOut]


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
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *isolation.command(), stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT, **isolation.process_options(folder)
    )
    log = _Log(limits.log_bytes)
    try:
        stopped = await _followed(process, json.dumps(job).encode(), log, folder, limits)
    finally:
        # What it may have started ends with it, whether it ended by itself or not.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    report = await asyncio.to_thread(_report, folder)
    failure = stopped or _failure(process.returncode, report, limits)
    problems, left_out = _problems(report), _left_out(report)
    # Nobody is told where on this machine the build was.
    text = log.text().replace(f"{folder}/{SOURCES}/", "").replace(f"{folder}/", "")
    return Outcome(failure, text, problems, left_out)


async def _followed(
    process: asyncio.subprocess.Process, job: bytes, log: "_Log", folder: Path, limits: BuildLimits
) -> tuple[str, str] | None:
    """Wait until the process ends; why it has to be killed if it does not."""
    talking = asyncio.create_task(_talk(process, job, log))
    deadline = asyncio.get_running_loop().time() + limits.time.total_seconds()
    try:
        while True:
            done, _ = await asyncio.wait([talking], timeout=_LOOK_SECONDS)
            if await asyncio.to_thread(_is_too_much, folder, limits):
                return f"The site has more than {limits.site_files:,} files or {limits.site_bytes:,} bytes", f"{_MORE_LIMITS}."
            if done:
                return None
            if asyncio.get_running_loop().time() > deadline:
                return f"The build took longer than {limits.time.total_seconds():g} seconds and was ended", f"{_MORE_LIMITS}.time."
    finally:
        talking.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await talking


async def _talk(process: asyncio.subprocess.Process, job: bytes, log: "_Log") -> None:
    if process.stdin and process.stdout:
        with suppress(ConnectionError):
            process.stdin.write(job)
            await process.stdin.drain()
        process.stdin.close()
        while chunk := await process.stdout.read(_CHUNK):
            log.add(chunk)
    await process.wait()


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


def _report(folder: Path) -> Mapping[str, Any]:
    """What the process wrote in the end; empty if it did not get so far, or wrote something else."""
    try:
        handle = os.open(folder / REPORT, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return {}
            found: object = json.loads(file.read(_MOST_REPORT_BYTES))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _problems(report: Mapping[str, Any]) -> list[DocsProblem]:
    found: list[list[Any]] = report.get("problems") or []
    return [DocsProblem(ProblemKind(kind), str(page), str(target), line and int(line)) for kind, page, target, line in found]


def _left_out(report: Mapping[str, Any]) -> list[LeftOut]:
    found: list[list[Any]] = report.get("leftOut") or []
    return [LeftOut(str(setting), str(reason)) for setting, reason in found]


def _failure(code: int | None, report: Mapping[str, Any], limits: BuildLimits) -> tuple[str, str] | None:
    error = report.get("error")
    if code == 0 and error is None and report:
        return None
    text = str(error or "")
    if text.startswith("MemoryError"):
        return f"The build needs more than {limits.memory_bytes:,} bytes of memory", f"{_MORE_LIMITS}.memoryBytes."
    if "File too large" in text:
        return f"A file of the site is larger than {limits.file_bytes:,} bytes", f"{_MORE_LIMITS}.fileBytes."
    if text:
        return f"mkdocs could not build the site: {text}", "The log of the build says what it was doing; `mkdocs build` shows the same."
    return "The build ended without a site, as a process does that is killed, or takes more than its limits", f"{_MORE_LIMITS}."


class _Log:
    """What a process says, bounded: its beginning and its end."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._first = bytearray()
        self._last = bytearray()
        self._left_out = 0

    def add(self, chunk: bytes) -> None:
        room = self._half - len(self._first)
        self._first += chunk[:room]
        self._last += chunk[room:]
        beyond = len(self._last) - self._half
        if beyond > 0:
            self._left_out += beyond
            del self._last[:beyond]

    def text(self) -> str:
        """All of it as text, with a line in place of what is left out."""
        gap = f"\n… {self._left_out:,} bytes are left out …\n".encode() if self._left_out else b""
        return bytes(self._first + gap + self._last).decode(errors="replace")
