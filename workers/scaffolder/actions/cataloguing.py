"""The actions on the catalog: catalog:register, catalog:fetch and catalog:write."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import Field, RootModel

from graph.errors import CallboardError, InputError
from graph.refs import DEFAULT_NAMESPACE, Ref, parse_ref, split_ref
from plugins.actions import Action, ActionContext, ActionModel, Effect, Idempotency, action
from workers.scaffolder.actions.structured import as_yaml
from workers.scaffolder.catalog import TaskCatalog

_OPTIONAL = "Permit the registered location to optionally exist. Default: false"


class RegisterUrl(ActionModel):
    """The input of catalog:register that names the file."""

    catalog_info_url: str = Field(description="An absolute URL pointing to the catalog info file location")
    optional: bool | None = Field(default=None, description=_OPTIONAL)


class RegisterRepository(ActionModel):
    """The input of catalog:register that names the repository."""

    repo_contents_url: str = Field(description="An absolute URL pointing to the root of a repository directory tree")
    catalog_info_path: str | None = Field(
        default=None, description="A relative path from the repo root pointing to the catalog info file, defaults to /catalog-info.yaml"
    )
    optional: bool | None = Field(default=None, description=_OPTIONAL)


class Register(RootModel[RegisterUrl | RegisterRepository]):
    """The input of catalog:register."""


class RegisterOutput(ActionModel):
    """The output of catalog:register."""

    catalog_info_url: str = Field(description="The URL of the catalog info file")
    entity_ref: str | None = Field(default=None, description="The ref of the entity that it declares, of a Component if there is one")


class Fetch(ActionModel):
    """The input of catalog:fetch."""

    entity_ref: str | None = Field(default=None, description="Entity reference of the entity to get")
    entity_refs: list[str] | None = Field(default=None, description="Entity references of the entities to get")
    optional: bool | None = Field(default=None, description="Allow the entity or entities to optionally exist. Default: false")
    default_kind: str | None = Field(default=None, description="The default kind")
    default_namespace: str | None = Field(default=None, description="The default namespace")


class FetchOutput(ActionModel):
    """The output of catalog:fetch."""

    entity: Mapping[str, Any] | None = Field(default=None, description="The entity, for `entityRef`.")
    entities: list[Mapping[str, Any] | None] | None = Field(default=None, description="The entities, for `entityRefs`.")


class Write(ActionModel):
    """The input of catalog:write."""

    file_path: str | None = Field(default=None, description="Defaults to catalog-info.yaml")
    entity: Mapping[str, Any] = Field(description="You can provide the same values used in the Entity schema.")


def cataloguing_actions(catalog: TaskCatalog) -> Sequence[Action]:
    """Those of this module, on that catalog."""
    return [_registering(catalog), _fetching(catalog), _write]


def _registering(catalog: TaskCatalog) -> Action:
    @action(
        "catalog:register",
        "Registers entities from a catalog descriptor file in the workspace into the software catalog.",
        idempotency=Idempotency.REPEATABLE,
    )
    async def register(given: Register, context: ActionContext) -> RegisterOutput:
        url = _url_of(given, context)
        context.log.info(f"Registering {url} in the catalog")
        try:
            done = await catalog.register(url, context.access, context.task_id)
        except CallboardError as error:
            if not given.root.optional:
                raise
            context.log.warning(f"{url} is not registered, which the step allows: {error}")
            return RegisterOutput(catalog_info_url=url)
        details = {"existed": done.existed}
        await context.created(Effect("location", url, details=details))
        for ref in done.refs:
            await context.created(Effect("entity", f"{url}#{ref}", ref, details))
        main = _main_of(done.refs)
        return RegisterOutput(catalog_info_url=url, **({"entity_ref": main} if main else {}))

    return register


def _fetching(catalog: TaskCatalog) -> Action:
    @action(
        "catalog:fetch",
        "Returns entity or entities from the catalog by entity reference(s)",
        supports_dry_run=True,
        idempotency=Idempotency.REPEATABLE,
    )
    async def fetch(given: Fetch, context: ActionContext) -> FetchOutput:
        if not given.entity_ref and given.entity_refs is None:
            if given.optional:
                return FetchOutput()
            raise InputError("Missing entity reference or references")
        names = [*([given.entity_ref] if given.entity_ref else []), *(given.entity_refs or [])]
        namespace = given.default_namespace or DEFAULT_NAMESPACE
        refs = [parse_ref(name, default_kind=given.default_kind, default_namespace=namespace).ref for name in names]
        found = await catalog.entities(refs, context.access)
        missing = next((name for name, ref in zip(names, refs, strict=True) if ref not in found), None)
        if missing is not None and not given.optional:
            raise InputError(f"Entity {missing} not found")
        entities = [found.get(ref) for ref in refs]
        told: dict[str, Any] = {"entity": entities.pop(0)} if given.entity_ref else {}
        return FetchOutput.model_validate({**told, **({"entities": entities} if given.entity_refs is not None else {})})

    return fetch


@action("catalog:write", "Writes the catalog-info.yaml for your template", supports_dry_run=True, idempotency=Idempotency.REPEATABLE)
async def _write(given: Write, context: ActionContext) -> None:
    path = given.file_path or "catalog-info.yaml"
    context.log.info(f"Writing {path}")
    metadata: Mapping[str, Any] = given.entity.get("metadata") or {}
    written: Mapping[str, Any] = metadata.get("annotations") or {}
    annotations = {**written, "backstage.io/source-template": context.template.ref}
    entity = {**given.entity, "metadata": {**metadata, "annotations": annotations}}
    await asyncio.to_thread(context.workspace.write, path, as_yaml(entity).encode("utf-8", "replace"))


def _url_of(given: Register, context: ActionContext) -> str:
    asked = given.root
    if isinstance(asked, RegisterUrl):
        return asked.catalog_info_url
    found = context.hosts.of(asked.repo_contents_url)
    if found is None:
        raise InputError(f"No integration found for host {asked.repo_contents_url}")
    host, place = found
    path = (asked.catalog_info_path or "/catalog-info.yaml").lstrip("/")
    if ".." in path.split("/"):
        raise InputError(f"{asked.catalog_info_path!r} leads out of the repository")
    return host.url(replace(place, path=path.removeprefix("./")))


def _main_of(refs: Sequence[Ref]) -> Ref | None:
    """The entity that a registration is about, as Backstage chooses it: a Component first, and none whose name was made up."""
    named = [ref for ref in refs if not split_ref(ref)[2].startswith("generated-")]
    components = [ref for ref in named if split_ref(ref)[0] == "component"]
    return next(iter((*components, *named, *refs)), None)
