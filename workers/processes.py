"""Which process something was done by, so that another one on the same machine can tell whether that process is gone."""

import os
from contextlib import suppress
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")
_STARTED = 19
"""Where a process's start stands in /proc/<pid>/stat, counted from behind its name (proc_pid_stat(5))."""


def this_process() -> str:
    """This process among all that ran on this machine since it was started; empty where the system does not tell."""
    with suppress(OSError):
        return " ".join((_place(), str(os.getpid()), _started(os.getpid())))
    return ""


def is_gone(process: str) -> bool:
    """Whether a process, as `this_process` named it, is known to have ended; False for one of another machine or container."""
    place, _, named = process.rpartition(" ")[0].rpartition(" ")
    try:
        if place != _place():
            return False
        os.kill(int(named), 0)
        return _started(int(named)) != process.rpartition(" ")[2]
    except ProcessLookupError:
        return True
    except (OSError, ValueError, IndexError):
        return False


def _place() -> str:
    return f"{_BOOT.read_text().strip()} {_NAMESPACE.readlink()}"


def _started(pid: int) -> str:
    """Another process may have got the number of one that is gone, and was started later."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[_STARTED]
