"""An OpenLDAP server of the tests' own, where the machine has the program."""

import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.servers.neo4j import MissingServerError

SUFFIX = "dc=example,dc=com"
ADMIN = f"cn=admin,{SUFFIX}"
PASSWORD = "not a real secret"

_SCHEMA = Path("/etc/ldap/schema")
_MODULES = Path("/usr/lib/ldap")


class Slapd:
    """A slapd on a free port of the loopback interface with its data in the folder. Readers have to sign in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    def start(self, ldif: str = "") -> None:
        """Return once it answers, with these entries. MissingServerError without the program."""
        program = shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/libexec")
        add = shutil.which("slapadd", path="/usr/sbin:/usr/local/sbin")
        if program is None or add is None or not _SCHEMA.is_dir():
            raise MissingServerError("slapd is not installed; on Debian and Ubuntu: apt-get install slapd")
        config = self._folder / "slapd.conf"
        data = self._folder / "data"
        if not data.exists():
            data.mkdir(parents=True)
            config.write_text(_configuration(data))
            entries = f"dn: {SUFFIX}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n\n{ldif}"
            subprocess.run([add, "-q", "-f", str(config)], input=entries.encode(), check=True)
        self.port = self.port or _free_port()
        command = [program, "-d", "0", "-f", str(config), "-h", f"{self.url}/"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait()

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()

    def _wait(self) -> None:
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > until:
                    raise
            time.sleep(0.02)


def _configuration(data: Path) -> str:
    schemas = "".join(f"include {_SCHEMA}/{name}.schema\n" for name in ("core", "cosine", "inetorgperson"))
    return (
        f"{schemas}modulepath {_MODULES}\nmoduleload back_mdb\nsizelimit size.soft=100 size.hard=100 size.prtotal=unlimited\n"
        f'database mdb\nsuffix "{SUFFIX}"\nrootdn "{ADMIN}"\nrootpw "{PASSWORD}"\ndirectory {data}\nmaxsize 104857600\n'
        f"access to attrs=userPassword by anonymous auth by * none\naccess to * by users read\n"
    )


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
