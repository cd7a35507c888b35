"""Dry runs: all steps of a template in a folder that goes afterwards, without anything being done anywhere else."""

from collections.abc import Collection, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from graph.access import Access
from graph.errors import CallboardError
from workers.scaffolder.port import Rehearsed, RehearsedFile
from workers.scaffolder.records import RehearsedRecord
from workers.scaffolder.tasks import TaskSpec, new_task_id
from workers.scaffolder.workshop import Workshop


async def rehearsed_task(
    workshop: Workshop,
    spec: TaskSpec,
    access: Access,
    secrets: Mapping[str, str],
    *,
    is_dry_run: bool = True,
    task_id: str | None = None,
    publishing: Collection[str] = (),
) -> Rehearsed:
    """What the task would do; or without `is_dry_run` what it did, of which nothing but this is kept. LimitExceededError if it makes too
    much. With `task_id` as the task of that id would; with `publishing`, what these steps would publish is told as well, made with the
    configuration's secrets too.
    """
    record = RehearsedRecord()
    with TemporaryDirectory(prefix="callboard-dry-run-", ignore_cleanup_errors=True) as folder:
        run = workshop.run_of(task_id or new_task_id(), spec, access, secrets, record, Path(folder), is_dry_run=is_dry_run)
        if publishing:
            run.publishing, run.environment_secrets = publishing, workshop.environment_secrets
        output: Mapping[str, Any] = {}
        error: str | None = None
        try:
            output = await run.complete()
        except CallboardError as failure:
            error = run.masking.text(str(failure))
        workspace = run.workspace
        workspace.size()
        files = [
            RehearsedFile(entry.path, workspace.read(entry.path), entry.executable) for entry in workspace.entries() if not entry.is_folder
        ]
    states = [record.states[index] for index in sorted(record.states)]
    return Rehearsed(spec, record.events, states, run.inputs, files, output, error, list(dict.fromkeys(run.failures)), run.published)
