"""How far building processes can be kept apart from this one on this machine, found out by trying."""

import asyncio
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from workers.techdocs.layout import REPORT, SOURCES, TEMPORARY

_NOBODY = 65534
_TRY_SECONDS = 30
_TRY_BYTES = 1024 * 1024 * 1024
_UNSHARED = ("--user", "--net", "--ipc", "--pid", "--fork", "--kill-child")


@dataclass(frozen=True, slots=True)
class Isolation:
    """What a building process runs without: this process's user, its network and processes (namespaces), and its files.

    `works` is false where not even the plain process starts; `reason` says why then.
    """

    own_user: bool = False
    namespaces: bool = False
    files: bool = False
    works: bool = True
    reason: str = ""

    def described(self) -> str:
        """One line for people."""
        if not self.works:
            return f"documentation can't be built here: {self.reason}"
        has = {
            "a user of their own": self.own_user,
            "no network and no sight of other processes (namespaces)": self.namespaces,
            "no files but their own (Landlock)": self.files,
        }
        present, missing = [name for name, there in has.items() if there], [name for name, there in has.items() if not there]
        text = "; ".join(["limits of time, memory and output, no environment", *present])
        return f"builds run with {text}" + (f"; not given here: {', '.join(missing)}" if missing else "")

    def command(self) -> Sequence[str]:
        """The command of a building process, to which its job is told on its input."""
        program = [sys.executable, "-I", "-X", "utf8", "-m", "workers.techdocs.build_process"]
        return [str(shutil.which("unshare")), *_UNSHARED, "--", *program] if self.namespaces else program

    def process_options(self, folder: Path) -> Mapping[str, Any]:
        """How the process of a build in `folder` is started."""
        temporary = str(folder / TEMPORARY)
        user: dict[str, Any] = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if self.own_user else {}
        environment = {"HOME": temporary, "TMPDIR": temporary, "LANG": "C.UTF-8", "PATH": os.defpath}
        return {"cwd": folder / SOURCES, "env": environment, "start_new_session": True, **user}

    def hand_over(self, folder: Path) -> None:
        """Let the building process read and write the folder. Blocking."""
        if self.own_user:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)


async def found_isolation() -> Isolation:
    """The strongest isolation with which a process starts that can build."""
    may_change_user = hasattr(os, "geteuid") and os.geteuid() == 0
    reason = ""
    for own_user in (True, False) if may_change_user else (False,):
        for namespaces in (True, False) if shutil.which("unshare") else (False,):
            with TemporaryDirectory(prefix="callboard-docs-") as folder:
                report, reason = await _tried(Isolation(own_user, namespaces), Path(folder))
            if report is not None:
                apart = namespaces and report["interfaces"] == ["lo"]
                return Isolation(own_user, apart, bool(report["filesGivenUp"]))
    return Isolation(works=False, reason=reason)


async def _tried(isolation: Isolation, folder: Path) -> tuple[Mapping[str, Any] | None, str]:
    """What a process that builds nothing says of itself; None, and why, if it does not get so far."""
    for name in (SOURCES, TEMPORARY):
        (folder / name).mkdir()
    isolation.hand_over(folder)
    limits = {"memoryBytes": _TRY_BYTES, "seconds": _TRY_SECONDS, "fileBytes": 1024 * 1024}
    job = {"folder": str(folder), "settings": None, "ownUser": isolation.own_user or isolation.namespaces, **limits}
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *isolation.command(), stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT, **isolation.process_options(folder)
        )
    except (OSError, ValueError) as error:
        return None, str(error)
    try:
        said, _ = await asyncio.wait_for(process.communicate(json.dumps(job).encode()), _TRY_SECONDS)
        if process.returncode == 0:
            return json.loads((folder / REPORT).read_bytes()), ""
        return None, said.decode(errors="replace").strip().rpartition("\n")[2]
    except (TimeoutError, OSError, ValueError) as error:
        return None, str(error) or "it takes too long to start"
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
