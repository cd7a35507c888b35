"""Templates in folders: read as the catalog reads them, with what they need to be run for one command."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import click
import yaml12

from cli.offline import reading_only
from config import Config
from graph.access import GUEST, GUEST_PRINCIPAL, UNRESTRICTED_GUEST
from graph.configured import registry_from
from ingest.files import FileJob, decoded_content, read_file
from ingest.pipeline import location_of
from ingest.settings import context_of, settings_from
from plugins.actions import TaskUser, TemplateInfo
from plugins.hosts import opened_hosts
from workers.scaffolder.catalog import NoCatalog
from workers.scaffolder.parameters import accepted_values, check_secrets, with_defaults
from workers.scaffolder.port import Rehearsed, RehearsedFile
from workers.scaffolder.rehearsing import rehearsed_task
from workers.scaffolder.tasks import TaskSpec
from workers.scaffolder.templates import API_VERSION, Template, TemplateProblem, template_of, unknown_actions
from workers.scaffolder.workshop import Workshop

_NAME = "template.yaml"


@dataclass(slots=True)
class TemplateFile:
    """A template that was read, and what it is run with. `refusals` tell of values that were not accepted."""

    path: Path
    template: Template
    workshop: Workshop
    problems: Sequence[TemplateProblem]
    refusals: list[str] = field(default_factory=list[str])


@asynccontextmanager
async def opened_template(path: Path, config: Config) -> AsyncGenerator[TemplateFile]:
    """The template of a file, or of template.yaml in a folder. click.ClickException if there is none, or it can't be read."""
    file = _file(path)
    async with opened_hosts(config) as hosts:
        template = _read(file, config)
        workshop = Workshop(config, hosts, NoCatalog())
        problems = [*template.problems, *unknown_actions(template, workshop.actions.names)]
        yield TemplateFile(file, template, workshop, problems)


async def rehearsed(file: TemplateFile, values: Mapping[str, Any], secrets: Mapping[str, str], *, is_dry_run: bool) -> Rehearsed:
    """What the template does, or would do. RefusedValuesError if it does not accept the values or secrets."""
    template = file.template
    given = with_defaults(template, values)
    accepted = await asyncio.to_thread(accepted_values, template, given, file.workshop.renderer)
    check_secrets(template, secrets)
    info = TemplateInfo(template.ref, file.path.as_uri(), template.digest, template.metadata)
    user = TaskUser(GUEST, None)
    spec = TaskSpec(API_VERSION, template.steps, template.output, accepted, user, info, GUEST_PRINCIPAL, template.recovery)
    return await rehearsed_task(file.workshop, spec, UNRESTRICTED_GUEST, secrets, is_dry_run=is_dry_run)


def placed(files: Sequence[RehearsedFile], folder: Path) -> None:
    """Write the files below the folder. click.UsageError if it is there already."""
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise click.UsageError(f"{folder} is there already; name a folder that is not") from error
    for file in files:
        target = folder / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.content)
        target.chmod(0o755 if file.executable else 0o644)


def given_values(path: Path | None, sets: Sequence[str]) -> Mapping[str, Any]:
    """The parameters of a file and of single settings. click.UsageError for what is none."""
    values = dict(mapping_of(path)) if path else {}
    for one in sets:
        name, equals, text = one.partition("=")
        if not name or not equals:
            raise click.UsageError(f"--set {one} is no NAME=VALUE")
        values[name] = _parsed(text, f"--set {name}")
    return values


def given_secrets(path: Path | None) -> Mapping[str, str]:
    """The secrets of a file. click.UsageError for what are none, none of which is told."""
    secrets: Mapping[str, Any] = mapping_of(path) if path else {}
    if not all(isinstance(secret, str) for secret in secrets.values()):
        raise click.UsageError(f"{path} holds a secret that is no text; write it in quotes")
    return secrets


def mapping_of(path: Path) -> Mapping[str, Any]:
    """The mapping that a YAML or JSON file holds, empty for an empty one. click.UsageError if it holds something else, or can't be read."""
    try:
        value = _parsed(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{path} can't be read: {error}") from error
    if value is not None and not isinstance(value, dict):
        raise click.UsageError(f"{path} holds no mapping")
    return cast("Mapping[str, Any]", value or {})


def _parsed(text: str, where: str) -> Any:
    try:
        return yaml12.parse_yaml(text)
    except ValueError as error:
        raise click.UsageError(f"{where} is no valid YAML: {error}") from error


def _file(path: Path) -> Path:
    return (path / _NAME if path.is_dir() else path).resolve()


def _read(file: Path, config: Config) -> Template:
    registry = registry_from(config.catalog.relations)
    location = location_of("file", str(file), origin="command", order=0)
    settings = settings_from(reading_only(config, [str(file)]), registry)
    reading = read_file(FileJob(str(file), None), context_of(location, settings))
    if reading is None or reading.failure:
        raise click.ClickException(reading.failure.message if reading and reading.failure else f"{file} can't be read")
    templates = [entity for entity in reading.entities if entity.ref.startswith("template:")]
    if reading.problems:
        told = [f"{file}:{problem.line}: {problem.message} {problem.remedy}" for problem in reading.problems]
        raise click.ClickException("\n".join(told))
    if len(templates) != 1:
        raise click.ClickException(f"{file} holds {len(templates)} templates; one is expected")
    return template_of(decoded_content(templates[0].content, templates[0].ref)[0])
