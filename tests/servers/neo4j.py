"""A Neo4j server of the version that production runs, as a child process, without Docker: for tests and for scripts/neo4j."""

import argparse
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

_HERE = Path(__file__).parent
_OPENED = ("java.base/java.nio", "java.base/java.io", "java.base/sun.nio.ch")

QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""Java options that halve the work of a start and cost speed later: for tests, not for measuring."""


class MissingServerError(Exception):
    """What is needed to start a server is not on this machine; the message says what."""


class Neo4jServer:
    """A server on loopback with its data in `data`. The port of the first start is kept for the later ones."""

    def __init__(self, data: Path, *, auth: bool = False, java_options: Sequence[str] = QUICK_START) -> None:
        self.data = data
        self._auth = auth
        self._java_options = java_options
        self._port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def uri(self) -> str:
        return f"bolt://127.0.0.1:{self._port}"

    def start(self) -> str:
        """The address, once the server answers. MissingServerError without Java or the jars, RuntimeError if it ends instead."""
        options = ("auth", "attached") if self._auth else ("attached",)
        command = command_line(self.data, self._port, options, self._java_options)
        log = (self.data.parent / f"{self.data.name}.log").open("a")
        with log:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("bolt://"):
                self._port = int(line.rsplit(":", 1)[1])
                return self.uri
        raise RuntimeError(f"Neo4j ended at its start; see {log.name}:\n{Path(log.name).read_text()[-2000:]}")

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Meanwhile it keeps its connections and answers nothing, as behind a broken network."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, as a crash does; the data stay."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process = None


def command_line(data: Path, port: int, options: Sequence[str] = (), java_options: Sequence[str] = ()) -> list[str]:
    """The command that serves `data` on `port`, its jars fetched if need be. MissingServerError if this machine can't run it."""
    java = shutil.which("java")
    if java is None or shutil.which("javac") is None:
        raise MissingServerError("Neo4j needs a JDK (17 or later): java and javac are not both on the PATH")
    opens = [f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED]
    return [java, "-Xmx2g", *java_options, *opens, "-cp", f"{_jars()}/*", str(_HERE / "GraphServer.java"), str(data), str(port), *options]


def _jars() -> Path:
    """The folder of the server's jars, fetched by Maven the first time. MissingServerError if they are neither there nor to be had."""
    pom = _HERE / "pom.xml"
    version = ElementTree.parse(pom).findtext(".//{*}neo4j.version")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "callboard"
    jars = cache / f"neo4j-{version}"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingServerError("Neo4j is fetched by Maven, and mvn is not on the PATH")
    cache.mkdir(parents=True, exist_ok=True)
    fetched = tempfile.mkdtemp(dir=cache)
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={fetched}"]
    done = subprocess.run([maven, "-q", "-B", "-f", str(pom), *goal], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(fetched)
        raise MissingServerError(f"Maven can't fetch Neo4j: {done.stdout[-500:]}")
    try:
        Path(fetched).rename(jars)
    except OSError:
        shutil.rmtree(fetched)
    return jars


def main() -> None:
    """Serve a folder in the foreground until interrupted, or only fetch the server."""
    parser = argparse.ArgumentParser(prog="scripts/neo4j", description="A local Neo4j without authentication, for development.")
    parser.add_argument("--data", type=Path, default=Path(".callboard/neo4j"), help="where it keeps its data (default: %(default)s)")
    parser.add_argument("--port", type=int, default=7687, help="the Bolt port on 127.0.0.1 (default: %(default)s)")
    parser.add_argument("--fetch", action="store_true", help="only fetch what a start needs, where it is not there yet")
    given = parser.parse_args()
    try:
        command = command_line(given.data.resolve(), given.port)
        if given.fetch:
            return
    except MissingServerError as missing:
        raise SystemExit(str(missing)) from None
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
