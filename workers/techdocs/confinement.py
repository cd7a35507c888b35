"""What a building process gives up before it touches anything of a repository: resources, privileges, files and the network.

Landlock as in https://docs.kernel.org/userspace-api/landlock.html; where the kernel has none, the rest holds.
"""

import ctypes
import os
import platform
import resource
import site
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_ONLY = 1
_BENEATH = 1
_NO_NEW_PRIVILEGES = 38
_READ_FILES, _WRITE_FILES, _ALL = 0b101, 0b111, 13
_READ = 0b1101
_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/fonts", "/etc/mime.types", "/etc/localtime", "/dev/urandom")
_PROCESSES = 64
_OPEN_FILES = 512


def limit(memory_bytes: int, seconds: int, file_bytes: int) -> None:
    """Take no more than this from now on, in this process and those it starts."""
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in limits.items():
        _, hard = resource.getrlimit(kind)
        within = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (within, within))


def limit_processes() -> None:
    """Let no more processes be started; counted for the user of this one, so only where that user is the builds' own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
    most = _PROCESSES if hard == resource.RLIM_INFINITY else min(_PROCESSES, hard)
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))


def give_up_files(folder: Path) -> bool:
    """Read no more than programs and libraries, write no more than the folder, and connect nowhere. False where the kernel can't."""
    if platform.system() != "Linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, 0, _VERSION_ONLY)
    if version < 1:
        return False
    # Later versions know more kinds of access, each of which is allowed as long as nobody says that it is handled.
    handled = (1 << (_ALL + min(version - 1, 2))) - 1
    handles_network = version >= 4
    attributes = (ctypes.c_uint64 * 2)(handled, 0b11 if handles_network else 0)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, 16 if handles_network else 8, 0)
    if ruleset < 0:
        return False
    try:
        allowed = {**dict.fromkeys(_programs(), _READ), "/dev/null": handled, str(folder): handled}
        for path, access in allowed.items():
            _allow(libc, ruleset, path, access)
        if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
            return False
        return libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _programs() -> Iterable[str]:
    own = {sys.prefix, sys.base_prefix, sys.exec_prefix, os.path.realpath(sys.executable), *site.getsitepackages()}
    return sorted({*own, *(os.path.realpath(path) for path in own), *_SYSTEM})


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, access: int) -> None:
    with suppress(OSError):
        handle = os.open(path, getattr(os, "O_PATH", 0) | os.O_CLOEXEC)
        try:
            # A rule about a file may only speak of what can be done with files.
            within = access if Path(path).is_dir() else access & (_WRITE_FILES | 1 << 14)
            rule = within.to_bytes(8, sys.byteorder) + handle.to_bytes(4, sys.byteorder)
            libc.syscall(_ADD_RULE, ruleset, _BENEATH, rule, 0)
        finally:
            os.close(handle)


def interfaces() -> list[str]:
    """The network interfaces that this process could use."""
    return [name for _, name in socket.if_nameindex()]
