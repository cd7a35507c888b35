"""Looking at a location's repository for inference, while the location is read."""

import asyncio
import posixpath
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from graph.conditions import EVERYTHING
from graph.entities import Entity
from graph.refs import Ref
from graph.store import Location, SourceFile, Store
from ingest.globs import fixed_folder, is_pattern
from ingest.infer.codeowners import PLACES
from ingest.infer.edges import Repository
from ingest.infer.facts import Declared, facts_of
from ingest.infer.folders import files_below
from ingest.infer.manifests import NAMES
from ingest.infer.notes import note
from ingest.readers import ReadError
from ingest.remote import RemoteFiles
from plugins.contract import Place, RepositoryHost
from plugins.hosts import Hosts

_MOST_MANIFESTS = 200


async def gather(
    location: Location, store: Store, records: Mapping[str, SourceFile], hosts: Hosts | None, remote: RemoteFiles | None
) -> bool:
    """Note what the repository of the location tells about the entities it declares; whether that is another thing than before.

    Nothing is noted of one that can't be read, so what it told before stays.
    """
    refs = sorted({ref for record in records.values() for ref in (*record.claims, *record.kept)})
    found = await store.entities_by_ref(refs, visible=EVERYTHING) if refs else dict[Ref, Entity]()
    entities = [entity for entity in found.values() if entity.origin.location_id == location.id]
    if location.type == "file":
        folder = Path(fixed_folder(location.target) if is_pattern(location.target) else location.target)
        root = folder if await asyncio.to_thread(folder.is_dir) else folder.parent
        files = await asyncio.to_thread(files_below, root)
        declared = [Declared(e.ref, e.document, posixpath.relpath(e.origin.path, root.as_posix())) for e in entities]
        return await note(store, location.id, Repository(root.as_posix(), facts_of(files, declared)))
    place = hosts.of(location.target) if hosts else None
    if hosts is None or place is None or remote is None or location.type != "url":
        return False
    repository = await remote.in_thread(_of_host, entities, *place, hosts, remote)
    return repository is not None and await note(store, location.id, repository)


def _of_host(entities: list[Entity], host: RepositoryHost, place: Place, hosts: Hosts, remote: RemoteFiles) -> Repository | None:
    """What the repository at a host tells; None if it can't be listed. Blocking, on the thread of the location's reader."""
    addresses: dict[str, str] = {}
    try:
        for name in sorted(NAMES):
            for url in remote.reader.find(host.url(replace(place, path=f"**/{name}"))).paths[:_MOST_MANIFESTS]:
                _note_address(addresses, url, hosts)
    except ReadError:
        return None
    for path in PLACES:
        addresses[path] = host.url(replace(place, path=path))
    remote.reader.announce(addresses.values())
    files: dict[str, bytes] = {}
    for path, url in addresses.items():
        try:
            files[path] = remote.reader.read(url)
        except ReadError as error:
            if not error.missing:
                return None
    declared: list[Declared] = []
    for entity in entities:
        named = hosts.of(entity.origin.path)
        if named and replace(named[1], path="") == replace(place, path=""):
            declared.append(Declared(entity.ref, entity.document, named[1].path))
    known = {path: addresses[path] for path in files}
    return Repository(host.url(replace(place, path="")), facts_of(files, declared), known)


def _note_address(addresses: dict[str, str], url: str, hosts: Hosts) -> None:
    found = hosts.of(url)
    if found:
        addresses[found[1].path] = url
