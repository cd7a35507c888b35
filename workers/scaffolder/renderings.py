"""What tasks published: the files as the template made them, and what it made them of, sealed and kept as long as the ledger."""

import base64
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from graph.store import StateRow, StateWrite, Store
from plugins.actions import TaskUser
from workers.scaffolder.merging import File
from workers.scaffolder.sealing import Seal
from workers.scaffolder.snapshots import archive_of, files_of
from workers.state_rows import rows_below

RENDERINGS = "scaffolder-renderings"
"""The collection: by task a row that says what there is, and the chunks of the archive."""

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a task published: the files of the repository, as its workspace held them in the end, and with which values and for whom."""

    files: Mapping[str, File]
    parameters: Mapping[str, Any]
    user: TaskUser


@dataclass(frozen=True, slots=True)
class Renderings:
    """Reads and writes them. Every method raises StoreUnavailableError while the store can't be reached."""

    store: Store
    seal: Seal

    async def keep(self, task_id: str, rendering: Rendering) -> None:
        """Keep what a task published, instead of what was kept of it before."""
        name = uuid4().hex
        sealed = self.seal.close(archive_of(rendering.files), f"rendering {task_id} {name}")
        for number, start in enumerate(range(0, len(sealed), _CHUNK_BYTES)):
            chunk = base64.b85encode(sealed[start : start + _CHUNK_BYTES]).decode()
            await self.store.write_states([StateWrite(RENDERINGS, f"{task_id}:{name}:{number:06d}", {"chunk": chunk})])
        told = {"name": name, "parameters": rendering.parameters, "user": {"ref": rendering.user.ref, "entity": rendering.user.entity}}
        row = {"sealed": self.seal.close_json(told, f"rendering {task_id}")}
        await self.store.write_states([StateWrite(RENDERINGS, task_id, row)])
        stale = [each.id async for each in self._rows(f"{task_id}:") if f":{name}:" not in each.id]
        for row_id in stale:
            await self.store.write_states([StateWrite(RENDERINGS, row_id, None)])

    async def of(self, task_id: str) -> Rendering | None:
        """What the task published; None if that is not known. UnsealableError if the key is another one by now."""
        rows = await self.store.states(RENDERINGS, ids=[task_id])
        if not rows:
            return None
        told = self.seal.open_json(rows[0].value["sealed"], f"rendering {task_id}")
        chunks = [base64.b85decode(row.value["chunk"]) async for row in self._rows(f"{task_id}:{told['name']}:")]
        archive = self.seal.open(b"".join(chunks), f"rendering {task_id} {told['name']}")
        return Rendering(files_of(archive), told["parameters"], TaskUser(told["user"]["ref"], told["user"]["entity"]))

    def _rows(self, beginning: str) -> AsyncIterator[StateRow]:
        # Few at once, since they are large.
        return rows_below(self.store, RENDERINGS, beginning, limit=20)
