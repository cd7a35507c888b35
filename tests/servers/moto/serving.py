"""moto's S3 as a server, in an environment of its own: its requirements can't be met beside those of mkdocs."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha1
from pathlib import Path

from scripts.index_settings import pip_settings, uv_settings
from tests.servers.neo4j import MissingServerError

_LOCK = Path(__file__).parent / "requirements.lock"
_SERVE = (
    'import sys; from moto.server import ThreadedMotoServer; server = ThreadedMotoServer("127.0.0.1", 0, verbose=False); server.start(); '
    "print(server.get_host_and_port()[1], flush=True); sys.stdin.read()"
)


@contextmanager
def moto_server() -> Iterator[str]:
    """The address of a server with nothing in it. MissingServerError where it can't be installed."""
    process = subprocess.Popen(
        [_python(), "-c", _SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.communicate()


def _python() -> Path:
    """The Python of the environment, made the first time and kept for the next runs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "callboard"
    environment = cache / f"moto-{sys.version_info.major}.{sys.version_info.minor}-{sha1(_LOCK.read_bytes()).hexdigest()[:12]}"
    program = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
    if environment.is_dir():
        return environment / program
    cache.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=cache))
    uv = Path(sys.executable).parent / "uv"
    try:
        subprocess.run(
            [uv, "venv", "--quiet", "--relocatable", "--python", sys.executable, "--clear", made], check=True, capture_output=True
        )
        install = [uv, "pip", "sync", "--quiet", "--python", made / program, "--require-hashes", _LOCK]
        subprocess.run(install, check=True, capture_output=True, env={**os.environ, **_index()})
    except (subprocess.CalledProcessError, OSError) as error:
        shutil.rmtree(made, ignore_errors=True)
        said = error.stderr.decode()[-500:] if isinstance(error, subprocess.CalledProcessError) else str(error)
        raise MissingServerError(f"moto can't be installed from the package index: {said}") from None
    try:
        made.rename(environment)
    except OSError:
        # Another process of tests was faster.
        shutil.rmtree(made)
    return environment / program


def _index() -> dict[str, str]:
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"], capture_output=True, check=True
    )
    return dict(uv_settings(pip_settings(listing.stdout.decode()), os.environ))


def main() -> None:
    """Install what a start needs, where it is not there yet."""
    try:
        _python()
    except MissingServerError as missing:
        raise SystemExit(str(missing)) from None


if __name__ == "__main__":
    main()
