"""Running git: in an environment of its own, to an address that was checked, with credentials that nobody else sees."""

import asyncio
import base64
import os
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from config.integrations import GitIntegration
from plugins.contract import SourceError, SourceReason
from plugins.outbound.addresses import parsed
from plugins.outbound.client import Outbound

_CHUNK = 256 * 1024
_TOLD_BYTES = 8 * 1024
_SHOWN = 600
_SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.symlinks": "false",
    "credential.helper": "",
    "fetch.fsckObjects": "true",
    "gc.auto": "0",
    "http.followRedirects": "false",
    "http.proxy": "",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "protocol.https.allow": "always",
    "protocol.http.allow": "always",
    "protocol.ssh.allow": "always",
    "protocol.version": "2",
}
_SIGNS: Sequence[tuple[SourceReason, Sequence[str]]] = (
    (SourceReason.UNAUTHORIZED, ("authentication failed", "could not read username", "permission denied", "error: 401", "error: 403")),
    (SourceReason.UNAUTHORIZED, ("host key verification failed", "terminal prompts disabled")),
    (SourceReason.NOT_FOUND, ("repository not found", "not found", "does not appear to be a git repository", "not our ref", "error: 404")),
    (SourceReason.NOT_FOUND, ("couldn't find remote ref", "does not exist")),
    (SourceReason.TOO_LARGE, ("file size limit",)),
)
_PINS_ADDRESSES = (2, 37)
"""The first version of git with http.curloptResolve; an older one ignores it."""

_ADVICE = {
    SourceReason.UNAUTHORIZED: ("refuses the credentials, or asks for some", "Check the credentials of its host under integrations."),
    SourceReason.NOT_FOUND: ("has no such repository or revision", "Check the URL, the revision after ?ref=, and the credentials' rights."),
    SourceReason.TOO_LARGE: ("is larger than allowed", "Raise backend.reading.maxArchiveBytes, or leave it out of what is read."),
    SourceReason.UNAVAILABLE: ("can't be reached, or broke off", "It is tried again by itself; if it stays so, check host and network."),
}


@dataclass(frozen=True, slots=True)
class _Done:
    """What a command printed; `told` is what it wrote to stderr, if it failed."""

    output: bytes
    told: str | None


@dataclass(frozen=True, slots=True)
class Git:
    """Runs git commands about repositories of one host."""

    integration: GitIntegration
    outbound: Outbound

    async def remote(self, url: str, arguments: Sequence[str], *, timeout_seconds: float, watch: Callable[[], bool] | None = None) -> bytes:
        """What a command that reaches the repository at `url` prints. SourceError if it fails or takes too long, or `watch` turns false."""
        with TemporaryDirectory(prefix="callboard-git-") as folder:
            environment = await self._environment(url, Path(folder))
            done = await _output(["git", *arguments], environment, url, timeout_seconds, watch)
        if done.told is not None:
            raise _failed(url, _reason(done.told.lower()))
        return done.output

    async def fetch(
        self, url: str, folder: Path, refspec: str, *, most_bytes: int, timeout_seconds: float, options: Sequence[str] = ()
    ) -> None:
        """Fetch a commit without its history into the bare repository in the folder. SourceError as of `remote`, (TOO_LARGE) if the folder
        becomes larger than that.
        """
        settled = ["--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", *options]
        command = [f"--git-dir={folder}", "fetch", *settled, "--", url, refspec]
        await self.remote(url, command, timeout_seconds=timeout_seconds, watch=lambda: size_of(folder) <= most_bytes)

    async def push(self, url: str, folder: Path, refspec: str, *, timeout_seconds: float) -> None:
        """Push from the repository in the folder. SourceError that tells what the host says if it refuses, never what it was sent."""
        with TemporaryDirectory(prefix="callboard-git-") as home:
            environment = await self._environment(url, Path(home))
            command = ["git", f"--git-dir={folder}", "push", "--quiet", "--no-verify", "--no-signed", url, refspec]
            done = await _output(command, environment, url, timeout_seconds, None)
        if done.told is not None:
            raise _not_pushed(url, done.told)

    async def local(self, arguments: Sequence[str], url: str, *, most: int) -> bytes:
        """What a command prints that reaches nothing. SourceError (TOO_LARGE) beyond `most` bytes, (NOT_FOUND) if it fails."""
        try:
            return b"".join([chunk async for chunk in self.streamed(arguments, url, most)])
        except SourceError as error:
            raise error if error.reason is SourceReason.TOO_LARGE else _failed(url, SourceReason.NOT_FOUND) from error

    async def streamed(self, arguments: Sequence[str], url: str, most: int) -> AsyncIterator[bytes]:
        """As `local`, in parts. SourceError (UNAVAILABLE) if the command fails."""
        environment = {**environment_of(Path(os.devnull)), "GIT_ALLOW_PROTOCOL": ""}
        async with _running(["git", *arguments], environment) as process:
            output = process.stdout
            left = most
            while output and (chunk := await output.read(_CHUNK)):
                left -= len(chunk)
                if left < 0:
                    raise _failed(url, SourceReason.TOO_LARGE)
                yield chunk
            if await process.wait():
                raise _failed(url, SourceReason.UNAVAILABLE)

    async def _environment(self, url: str, folder: Path) -> Mapping[str, str]:
        at = urlsplit(url)
        name = at.hostname or ""
        port = at.port or {"https": 443, "http": 80}.get(at.scheme, 22)
        address = await self.outbound.check_host(name, port)
        if at.scheme == "ssh":
            return {**environment_of(folder), "GIT_SSH_COMMAND": self._ssh(url, name, port, address, folder)}
        if await asyncio.to_thread(_version) < _PINS_ADDRESSES:
            message = f"{url} is not read: this machine has no git, or one that can't be told which address to connect to"
            raise SourceError(SourceReason.UNAVAILABLE, url, message, "Install git 2.37 or later where Callboard runs.")
        # The address that was checked is the one that git connects to, whatever the name means a moment later.
        pinned = f"[{address}]" if ":" in address else address
        settings = {"http.curloptResolve": f"{name}:{port}:{pinned}"}
        password = self.integration.password
        # In clear text no further than this machine.
        if password and (at.scheme == "https" or parsed(address).is_loopback):
            pair = f"{self.integration.username or 'git'}:{password.get_secret_value().strip()}"
            header = f"Authorization: Basic {base64.b64encode(pair.encode()).decode()}"
            settings[f"http.{at.scheme}://{at.netloc}/.extraHeader"] = header
        return environment_of(folder, settings)

    def _ssh(self, url: str, name: str, port: int, address: str, folder: Path) -> str:
        key, known = self.integration.ssh_private_key, self.integration.ssh_known_hosts
        if key is None or known is None:
            message = f"{url} can't be read: sshPrivateKey and sshKnownHosts of {self.integration.host} are not both configured"
            raise SourceError(SourceReason.UNAUTHORIZED, url, message, "Configure both under integrations.git.")
        key_file, known_file = folder / "key", folder / "known_hosts"
        key_file.touch(mode=0o600)
        key_file.write_text(key.get_secret_value().strip() + "\n")
        known_file.write_text(known.strip() + "\n")
        alias = name if port == 22 else f"[{name}]:{port}"
        options = {
            "BatchMode": "yes",
            "HostKeyAlias": alias,
            "HostName": address,
            "IdentitiesOnly": "yes",
            "IdentityFile": str(key_file),
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(known_file),
        }
        return " ".join(["ssh", "-F", os.devnull, *(f"-o '{option}={value}'" for option, value in options.items())])


def size_of(folder: Path) -> int:
    """How many bytes the objects of the repository in the folder take."""
    total = 0
    for path in folder.glob("objects/**/*"):
        with suppress(OSError):
            total += path.stat().st_size
    return total


def environment_of(home: Path, settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Everything that git is told: nothing of this process's environment, and no file of configuration."""
    every = {**_SETTINGS, **(settings or {})}
    counted = {"GIT_CONFIG_COUNT": str(len(every))}
    for number, (key, value) in enumerate(every.items()):
        counted |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    git = shutil.which("git")
    return {
        **counted,
        "GIT_ASKPASS": "true",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "HOME": str(home),
        "LC_ALL": "C",
        "PATH": f"{Path(git).parent}:{os.defpath}" if git else os.defpath,
        "SSH_ASKPASS": "true",
    }


async def _output(
    command: Sequence[str], environment: Mapping[str, str], url: str, seconds: float, watch: Callable[[], bool] | None
) -> _Done:
    async with _running(command, environment) as process:
        talking = asyncio.ensure_future(process.communicate())
        deadline = asyncio.get_running_loop().time() + seconds
        try:
            while True:
                done, _ = await asyncio.wait([talking], timeout=0.2 if watch else seconds)
                if done:
                    output, told = talking.result()
                    break
                if watch and not watch():
                    raise _failed(url, SourceReason.TOO_LARGE)
                if asyncio.get_running_loop().time() > deadline:
                    raise _failed(url, SourceReason.UNAVAILABLE)
        finally:
            if not talking.done():
                _kill(process)
                with suppress(asyncio.CancelledError):
                    await talking
        return _Done(output, told[-_TOLD_BYTES:].decode(errors="replace") if process.returncode else None)


@asynccontextmanager
async def _running(command: Sequence[str], environment: Mapping[str, str]) -> AsyncGenerator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=environment, start_new_session=True
        )
    except OSError as error:
        remedy = "Install git on the machine that runs Callboard, or remove locations that need it."
        raise SourceError(SourceReason.UNAVAILABLE, "git", "git can't be run on this machine", remedy) from error
    try:
        yield process
    finally:
        if process.returncode is None:
            _kill(process)
            await process.wait()


def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _reason(told: str) -> SourceReason:
    return next((reason for reason, signs in _SIGNS if any(sign in told for sign in signs)), SourceReason.UNAVAILABLE)


def _not_pushed(url: str, told: str) -> SourceError:
    lines = [line.strip() for line in told.splitlines()]
    said = [line for line in lines if line.startswith(("remote:", "! [", "error:", "fatal:"))]
    reason = _reason(told.lower())
    message = f"{url} did not take what was pushed: {'; '.join(said)[:_SHOWN] or 'it gave no reason'}"
    return SourceError(reason, url, message, "Check that the credentials may write to it, and that the branch is not there already.")


def _failed(url: str, reason: SourceReason) -> SourceError:
    what, remedy = _ADVICE[reason]
    return SourceError(reason, url, f"{url} {what}", remedy)


@cache
def _version() -> tuple[int, ...]:
    """The first two numbers of git's version; (0, 0) without git."""
    try:
        shown = subprocess.run(["git", "version"], capture_output=True, text=True, check=True, timeout=30).stdout  # noqa: S607 - whichever is installed
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    return tuple(int(number) for number in re.findall(r"\d+", shown)[:2])
