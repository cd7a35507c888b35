"""What tasks published or proposed: the files as the template made them, and of what, sealed and kept as long as the ledger."""

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any
from uuid import uuid4

from graph.state_rows import rows_below
from graph.store import StateRow, StateWrite, Store
from plugins.actions import TaskUser
from workers.scaffolder.merging import File
from workers.scaffolder.sealing import Seal
from workers.scaffolder.snapshots import archive_of, files_of

RENDERINGS = "scaffolder-renderings"
"""The collection: by task and address a row that says what there is, and the chunks of the archive."""

_CHUNK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a task published to a repository: its files, which version of the template made them, and with which values and for whom.

    `step_id` and `item` are the step that published, and the item of its `each`, empty without. `secret_files` are the paths of files
    that hold secrets, or did in a version before. `proposal` is the pull request by which the files came there, on `branch` or the default
    one; None if they are the repository's first ones.
    """

    repository: str
    files: Mapping[str, File]
    version: str
    parameters: Mapping[str, Any]
    user: TaskUser
    step_id: str
    item: str = ""
    secret_files: frozenset[str] = frozenset()
    proposal: str | None = None
    branch: str | None = None

    @property
    def url(self) -> str:
        """The address of the effect that brought it, by which it is told from what else the task published."""
        return self.proposal or self.repository


@dataclass(frozen=True, slots=True)
class Renderings:
    """Reads and writes them. Every method raises StoreUnavailableError while the store can't be reached."""

    store: Store
    seal: Seal

    async def keep(self, task_id: str, rendering: Rendering) -> None:
        """Keep what a task published, instead of what was kept of that before."""
        name, row_id = uuid4().hex, _row_id(task_id, rendering.url)
        sealed = self.seal.close(archive_of(rendering.files), f"rendering {row_id} {name}")
        for number, start in enumerate(range(0, len(sealed), _CHUNK_BYTES)):
            chunk = base64.b85encode(sealed[start : start + _CHUNK_BYTES]).decode()
            await self.store.write_states([StateWrite(RENDERINGS, f"{row_id}:{name}:{number:06d}", {"chunk": chunk})])
        told = {
            "name": name,
            "repository": rendering.repository,
            "proposal": rendering.proposal,
            "branch": rendering.branch,
            "version": rendering.version,
            "parameters": rendering.parameters,
            "user": {"ref": rendering.user.ref, "entity": rendering.user.entity},
            "step": rendering.step_id,
            "item": rendering.item,
            "secretFiles": sorted(rendering.secret_files),
        }
        row = {"sealed": self.seal.close_json(told, f"rendering {row_id}")}
        await self.store.write_states([StateWrite(RENDERINGS, row_id, row)])
        stale = [each.id async for each in self._rows(f"{row_id}:") if f":{name}:" not in each.id]
        for row_id in stale:
            await self.store.write_states([StateWrite(RENDERINGS, row_id, None)])

    async def of(self, task_id: str, url: str) -> Rendering | None:
        """What the task published by that effect; None if that is not known. UnsealableError if the key is another one by now."""
        row_id = _row_id(task_id, url)
        rows = await self.store.states(RENDERINGS, ids=[row_id])
        if not rows:
            return None
        told = self.seal.open_json(rows[0].value["sealed"], f"rendering {row_id}")
        chunks = [base64.b85decode(row.value["chunk"]) async for row in self._rows(f"{row_id}:{told['name']}:")]
        files = files_of(self.seal.open(b"".join(chunks), f"rendering {row_id} {told['name']}"))
        user = TaskUser(told["user"]["ref"], told["user"]["entity"])
        made_by = (told["version"], told["parameters"], user, told["step"], told["item"])
        return Rendering(told["repository"], files, *made_by, frozenset(told["secretFiles"]), told["proposal"], told["branch"])

    async def versions(self, task_id: str, urls: Sequence[str]) -> set[str]:
        """The versions of what the task published by these effects, as far as it is known. UnsealableError."""
        rows = await self.store.states(RENDERINGS, ids=[_row_id(task_id, url) for url in urls])
        return {self.seal.open_json(row.value["sealed"], f"rendering {row.id}")["version"] for row in rows}

    def _rows(self, beginning: str) -> AsyncIterator[StateRow]:
        # Few at once, since they are large.
        return rows_below(self.store, RENDERINGS, beginning, limit=20)


def _row_id(task_id: str, url: str) -> str:
    return f"{task_id}:{blake2b(url.encode(), digest_size=16).hexdigest()}"
