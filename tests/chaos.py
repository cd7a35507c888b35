"""Processes that are killed at random while the sources of their catalog change, and what has to be true afterwards."""

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import yaml

from config import Config
from graph.conditions import EVERYTHING
from graph.configured import registry_from
from graph.history import documents_at
from graph.refs import Ref
from graph.store import Change, Store
from graph.stores import store_from
from ingest.pipeline import synchronise
from tests.graph_dump import graph_dump
from tests.ingest.catalogs import component
from tests.servers.git_http import GitHttpServer, serving_git
from tests.servers.github.repositories import GitRepository
from tests.servers.neo4j import Neo4jServer
from tests.servers.redis import RedisServer

NAMES = 40
FOLDERS = 3
_ROOT = Path(__file__).parent.parent
_LISTENS = re.compile(r"listens on (http://\S+?),")
_SETTLING_SECONDS = 120
_AT_ONCE = 1000


class Sources:
    """Folders and one git repository; every name is declared in one of them, or nowhere. `seed` decides what changes."""

    def __init__(self, folder: Path, repository: GitRepository, git: GitHttpServer, seed: int) -> None:
        self.folder, self.repository, self.git = folder, repository, git
        self._random = random.Random(seed)
        self._places: list[dict[str, str]] = [{} for _ in range(FOLDERS + 1)]
        for place in range(FOLDERS):
            (folder / str(place)).mkdir(parents=True)
        for number in range(NAMES):
            self._places[number % (FOLDERS + 1)][f"c{number}"] = "1"
        for place in range(FOLDERS + 1):
            self._write(place)

    @property
    def locations(self) -> Sequence[Mapping[str, str]]:
        """What `catalog.locations` has to name."""
        files = [{"type": "file", "target": str(self.folder / str(place) / "*.yaml")} for place in range(FOLDERS)]
        return [*files, {"type": "url", "target": f"{self.git.url}/{self.repository.folder.name}/all.yaml"}]

    def change(self) -> None:
        """Change, add, remove or move some of the entities."""
        for place in {self._change_one() for _ in range(self._random.randint(1, 5))}:
            self._write(place)

    def _change_one(self) -> int:
        name = f"c{self._random.randrange(NAMES)}"
        at = next((place for place, names in enumerate(self._places) if name in names), None)
        to = self._random.randrange(FOLDERS + 1)
        if at is None:
            self._places[to][name] = "1"
            return to
        if self._random.random() < 0.2:
            del self._places[at][name]
        elif self._random.random() < 0.2:
            del self._places[at][name]
            self._write(at)
            self._places[to][name] = "moved"
            return to
        else:
            self._places[at][name] = str(self._random.randrange(1_000_000))
        return at

    def _write(self, place: int) -> None:
        text = "---\n".join(yaml.safe_dump(component(name, lifecycle=value)) for name, value in sorted(self._places[place].items()))
        if place == FOLDERS:
            self.repository.commit({"all.yaml": text or "\n"}, anew=self._random.random() < 0.3)
            return
        path = self.folder / str(place) / "all.yaml"
        # As editors do it: nobody sees half a file.
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.rename(path)


def configuration(sources: Sources, backend: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "backend": {"listen": {"port": 0}, "reading": {"allowPrivate": ["127.0.0.1"]}, **backend},
        "integrations": {"git": [{"host": sources.git.host}]},
        "catalog": {
            "rules": [{"allow": ["Component"]}],
            "processingInterval": {"seconds": 2},
            "removalGrace": {"seconds": 2},
            "locations": [dict(location) for location in sources.locations],
        },
    }


@dataclass
class Command:
    """A `callboard` command that is started again whenever it ends, as whoever runs it would do."""

    arguments: Sequence[str]
    log: Path
    process: "subprocess.Popen[str] | None" = None
    url: str | None = None

    def keep_running(self) -> None:
        if self.process is None or self.process.poll() is not None:
            self.start()

    def start(self) -> None:
        self.url = None
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "from cli.main import main; main()", *self.arguments],
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
                cwd=self.log.parent,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def kill(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def _read(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                if match := _LISTENS.search(line):
                    self.url = match[1]


@dataclass
class Follower:
    """A client that subscribes to everything, and again from its cursor whenever it is cut off."""

    url: Callable[[], str | None]
    seen: list[int] = field(default_factory=list[int])
    connections: int = 0
    _stopped: bool = False

    @contextmanager
    def following(self) -> Iterator[None]:
        thread = threading.Thread(target=self._follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopped = True
            thread.join(20)

    def _follow(self) -> None:
        while not self._stopped:
            url = self.url()
            if url:
                with contextlib.suppress(httpx.HTTPError):
                    self._listen(url)
            time.sleep(0.1)

    def _listen(self, url: str) -> None:
        since = str(self.seen[-1]) if self.seen else "0"
        asked = {"query": "subscription($since: String) { entityChanges(since: $since) { cursor } }", "variables": {"since": since}}
        headers = {"Accept": "text/event-stream"}
        with httpx.stream("POST", f"{url}/graphql", json=asked, headers=headers, timeout=17) as response:
            self.connections += response.status_code == 200
            for line in response.iter_lines():
                if line.startswith("data: "):
                    answer = json.loads(line.removeprefix("data: "))
                    if "data" in answer:
                        self.seen.append(int(answer["data"]["entityChanges"]["cursor"]))
                if self._stopped:
                    return


@dataclass
class Chaos:
    """`killers` by name each kill something, and have it started again after a while; `commands` are kept running."""

    sources: Sources
    commands: Sequence[Command]
    killers: Mapping[str, Callable[[], None]]
    seed: int
    kills: dict[str, int] = field(default_factory=dict[str, int])

    def rage(self, seconds: float, pause: tuple[float, float]) -> None:
        """Change the sources and kill at random for so many seconds, everything at least once."""
        moments = random.Random(self.seed)
        until = time.monotonic() + seconds
        first = list(self.killers)
        moments.shuffle(first)
        while time.monotonic() < until or first:
            rest = moments.uniform(*pause)
            while rest > 0:
                self.sources.change()
                time.sleep(min(rest, 0.3))
                rest -= 0.3
            name = first.pop() if first else moments.choice(list(self.killers))
            self.killers[name]()
            self.kills[name] = self.kills.get(name, 0) + 1
            time.sleep(moments.uniform(0, 1))
            self.keep_running()

    def keep_running(self) -> None:
        for command in self.commands:
            command.keep_running()


@contextmanager
def changing_sources(folder: Path, seed: int) -> Iterator[Sources]:
    """Sources below the folder, the repository served while entered."""
    repository = GitRepository(folder / "served" / "shop.git")
    repository.create()
    with serving_git(repository.folder.parent) as git:
        yield Sources(folder / "catalog", repository, git, seed)


def survives_on_sqlite(folder: Path, seconds: float, seed: int) -> Chaos:
    """The one process of an embedded catalog is killed."""
    with changing_sources(folder, seed) as sources:
        database = {"client": "sqlite", "connection": {"filename": str(folder / "catalog.db")}}
        config = configuration(sources, {"database": database})
        server = Command(("serve", "--config", _written(folder, config)), folder / "serve.log")
        chaos = Chaos(sources, [server], {"server": server.kill}, seed)
        _survives(folder, chaos, server, config, seconds)
    return chaos


def survives_on_neo4j(folder: Path, neo4j: Neo4jServer, redis: RedisServer, seconds: float, seed: int) -> Chaos:
    """A server, two workers, Redis and Neo4j are killed."""
    with changing_sources(folder, seed) as sources:
        database = {"client": "neo4j", "connection": {"uri": neo4j.uri}}
        config = configuration(sources, {"database": database, "queue": {"url": redis.url}})
        path = _written(folder, config)
        server = Command(("serve", "--config", path), folder / "serve.log")
        workers = [Command(("worker", "--config", path), folder / f"worker-{number}.log") for number in range(2)]

        def restarted(other: Neo4jServer | RedisServer) -> None:
            other.kill()
            time.sleep(0.5)
            other.start()

        killers = {
            "server": server.kill,
            "worker 0": workers[0].kill,
            "worker 1": workers[1].kill,
            "redis": lambda: restarted(redis),
            "neo4j": lambda: restarted(neo4j),
        }
        chaos = Chaos(sources, [server, *workers], killers, seed)
        _survives(folder, chaos, server, config, seconds)
    return chaos


def _survives(folder: Path, chaos: Chaos, server: Command, config: Mapping[str, Any], seconds: float) -> None:
    follower = Follower(lambda: server.url)
    try:
        chaos.keep_running()
        with follower.following():
            chaos.rage(seconds, (1.0, 4.0))
            fresh = asyncio.run(fresh_load(config, folder))
            head = asyncio.run(assert_settles(config, fresh, chaos))
            _wait_for(follower, head)
        assert follower.seen == list(range(1, follower.seen[-1] + 1))
    finally:
        for command in chaos.commands:
            command.kill()


def _wait_for(follower: Follower, head: int) -> None:
    until = time.monotonic() + _SETTLING_SECONDS
    while not follower.seen or follower.seen[-1] < head:
        assert time.monotonic() < until, f"the subscription has seen {follower.seen[-1:]} of {head}"
        time.sleep(0.2)


def _written(folder: Path, config: Mapping[str, Any]) -> str:
    path = folder / "app-config.yaml"
    path.write_text(yaml.safe_dump(dict(config)))
    return str(path)


async def fresh_load(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The graph of a load of the sources as they are now into an empty store."""
    backend = {**config["backend"], "database": {"client": "sqlite", "connection": {"filename": str(folder / "fresh.db")}}}
    backend.pop("queue", None)
    loaded = Config.model_validate({**config, "backend": backend})
    async with _opened(loaded) as store:
        await synchronise(loaded, store, registry_from(loaded.catalog.relations))
        return comparable(await graph_dump(store))


def comparable(dumped: dict[str, Any]) -> dict[str, Any]:
    """Without what is claimed twice, which depends on who came first, and without digests, which are of the code that read as well."""
    contested = {ref for ref, claims in dumped["claims"].items() if len(claims) > 1}
    kept = {key: dumped[key] for key in ("errors", "locations")}
    kept["files"] = {at: {path: replace(file, digest="") for path, file in files.items()} for at, files in dumped["files"].items()}
    by_ref = {key: {ref: row for ref, row in dumped[key].items() if ref not in contested} for key in ("entities", "declared", "claims")}
    return {**kept, **by_ref}


@contextlib.asynccontextmanager
async def _opened(config: Config):
    store = store_from(config.backend.database, registry_from(config.catalog.relations))
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def assert_settles(config: Mapping[str, Any], fresh: dict[str, Any], chaos: Chaos) -> int:
    """Within two minutes the graph is that of a fresh load, and its history has no gap; the newest entry's number is returned."""
    async with _opened(Config.model_validate(config)) as store:
        until = time.monotonic() + _SETTLING_SECONDS
        while (now := comparable(await graph_dump(store))) != fresh and time.monotonic() < until:
            chaos.keep_running()
            await asyncio.sleep(1)
        for part, expected in fresh.items():
            assert now[part] == expected, part
        return await _assert_gapless(store)


async def _assert_gapless(store: Store) -> int:
    head = await store.head()
    changes = await _changes(store, head)
    assert [change.sequence for change in changes] == list(range(1, head + 1))
    by_ref: dict[Ref, list[Change]] = {}
    for change in changes:
        by_ref.setdefault(change.ref, []).append(change)
    entities = await store.entities_by_ref(sorted(by_ref), visible=EVERYTHING)
    for ref, own in by_ref.items():
        # Taken back one by one, the entries lead from what is there now to nothing at all.
        present = entities[ref].document if ref in entities else None
        assert documents_at(present, own, [0]) == [None], ref
    return head


async def _changes(store: Store, head: int) -> list[Change]:
    found: list[Change] = []
    while not found or found[-1].sequence < head:
        read = await store.changes(found[-1].sequence if found else 0, _AT_ONCE, visible=EVERYTHING)
        if not read:
            break
        found += [change for change in read if change.sequence <= head]
    return found
