"""Templates as a typed model, read from the descriptor of a Template entity, with everything about them that is not in order."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from graph.entities import Document, canonical_json, content_hash
from graph.errors import InputError
from graph.refs import DEFAULT_NAMESPACE, EntityRef, Ref
from workers.scaffolder.schemas import SchemaProblem, checked_schema

API_VERSION = "scaffolder.backstage.io/v1beta3"

_OLDER = ("backstage.io/v1beta2", "scaffolder.backstage.io/v1beta2", "backstage.io/v1alpha1")
_UNTITLED = "Please enter the following information"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TemplateProblem:
    """Something about a template that is not in order: `path` names the place in its descriptor, `remedy` what to do.

    With `is_fatal` the template can't be run.
    """

    path: str
    message: str
    remedy: str
    is_fatal: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the form. `schema` is the JSON Schema as it is written, without `when`; `check` is what values are held to."""

    title: str
    description: str | None
    schema: Json
    check: Json
    when: str | bool | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A step. `if_` is a condition, an expression or None; `each` is what the step is done for each item of, None for once."""

    id: str
    name: str
    action: str
    input: Json = field(default_factory=dict[str, Any])
    if_: str | bool | None = None
    each: Any = None
    continue_on_failure: str | bool = False

    def encoded(self) -> dict[str, Any]:
        """The step as Backstage's API writes it; `step_of` reads it."""
        optional = {"if": self.if_, "each": self.each, "continueOnFailure": self.continue_on_failure or None}
        given = {key: value for key, value in optional.items() if value is not None}
        return {"id": self.id, "name": self.name, "action": self.action, "input": dict(self.input), **given}


@dataclass(frozen=True, slots=True)
class Template:
    """A template that can be looked at; whether it can be run as well its `problems` tell."""

    ref: Ref
    metadata: Document
    digest: str
    pages: Sequence[Page]
    steps: Sequence[Step]
    output: Json
    presentation: Json
    secrets_schema: Json | None
    form_decorators: Sequence[Json]
    recovery: Json | None
    problems: Sequence[TemplateProblem]

    @property
    def title(self) -> str:
        return str(self.metadata.get("title") or self.metadata["name"])


def template_of(document: Document) -> Template:
    """The template of a descriptor. InputError for one that is no template, or of a version that is not run."""
    if str(document.get("kind", "")).lower() != "template":
        raise InputError(f"Invalid kind, only 'Template' kind is supported; this is a {document.get('kind')!r}")
    version = document.get("apiVersion")
    if version != API_VERSION:
        raise InputError(f"Unsupported apiVersion field in schema entity, {version}. {_remedy_of_version(version)}")
    metadata, spec = cast("Document", document["metadata"]), cast("Json", document.get("spec") or {})
    problems: list[TemplateProblem] = []
    named = EntityRef("template", str(metadata.get("namespace") or DEFAULT_NAMESPACE), str(metadata["name"]))
    return Template(
        ref=named.ref,
        metadata=metadata,
        digest=content_hash(canonical_json({"metadata": _own(metadata), "spec": spec})),
        pages=_pages(spec.get("parameters"), problems),
        steps=_steps(spec.get("steps"), problems),
        output=_mapping(spec.get("output"), "spec.output", problems),
        presentation=_mapping(spec.get("presentation"), "spec.presentation", problems),
        secrets_schema=_secrets_schema(spec.get("secrets"), problems),
        form_decorators=spec.get("formDecorators") or spec.get("EXPERIMENTAL_formDecorators") or (),
        recovery=spec.get("EXPERIMENTAL_recovery"),
        problems=problems,
    )


def unknown_actions(template: Template, known: Collection[str]) -> Iterator[TemplateProblem]:
    """A problem for each step whose action nobody provides."""
    for index, step in enumerate(template.steps):
        if step.action not in known:
            message = f"The step {step.id} wants the action {step.action}, which is not installed here."
            yield TemplateProblem(f"spec.steps[{index}].action", message, "Mend its name, or install the plugin that brings it.")


def step_of(value: Json) -> Step:
    """The step that was encoded."""
    return Step(
        value["id"],
        value["name"],
        value["action"],
        value.get("input") or {},
        value.get("if"),
        value.get("each"),
        value.get("continueOnFailure") or False,
    )


def _remedy_of_version(version: object) -> str:
    if version in _OLDER:
        return f"Write `apiVersion: {API_VERSION}` and expressions as ${{{{ }}}} instead of {{{{ }}}}; the rest mostly stays as it is."
    return f"Write `apiVersion: {API_VERSION}`."


def _own(metadata: Document) -> Json:
    """Metadata without what reading adds, so that the same file is the same template wherever it lies."""
    annotations = cast("Json", metadata.get("annotations") or {})
    kept = {key: value for key, value in annotations.items() if not key.startswith("backstage.io/")}
    return {**metadata, "annotations": kept}


def _pages(given: object, problems: list[TemplateProblem]) -> Sequence[Page]:
    written = [] if given is None else cast("list[object]", given) if isinstance(given, list) else [given]
    pages: list[Page] = []
    for index, one in enumerate(written):
        path = f"spec.parameters[{index}]" if isinstance(given, list) else "spec.parameters"
        if not isinstance(one, dict):
            problems.append(TemplateProblem(path, f"{path} is no mapping.", "Write a JSON Schema with `properties`.", is_fatal=True))
            continue
        page = cast("Json", one)
        when = page.get("when")
        schema = {key: value for key, value in page.items() if key != "when"}
        check, wrong = checked_schema(schema)
        problems += (_schema_problem(path, problem) for problem in wrong)
        title, description = page.get("title"), page.get("description")
        pages.append(
            Page(
                str(title) if title is not None else _UNTITLED,
                None if description is None else str(description),
                schema,
                check,
                when if isinstance(when, str | bool) else None,
            )
        )
    return pages


def _schema_problem(path: str, problem: SchemaProblem) -> TemplateProblem:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in problem.path)
    return TemplateProblem(path + where, f"{path}{where} {problem.message}", problem.remedy, is_fatal=not problem.path)


def _secrets_schema(given: object, problems: list[TemplateProblem]) -> Json | None:
    schema = cast("Json", given).get("schema") if isinstance(given, dict) else None
    if not isinstance(schema, dict):
        return None
    check, wrong = checked_schema(cast("Json", schema))
    problems += (_schema_problem("spec.secrets.schema", problem) for problem in wrong)
    return check


def _steps(given: object, problems: list[TemplateProblem]) -> Sequence[Step]:
    if not isinstance(given, list):
        problems.append(TemplateProblem("spec.steps", "spec.steps is no list.", "Write a list of steps.", is_fatal=True))
        return ()
    steps: list[Step] = []
    for index, one in enumerate(cast("list[object]", given)):
        path = f"spec.steps[{index}]"
        step = _step(cast("Json", one), index) if isinstance(one, dict) and isinstance(cast("Json", one).get("action"), str) else None
        if step is None:
            problems.append(TemplateProblem(path, f"{path} is no step.", "Write a mapping with at least `action`.", is_fatal=True))
        else:
            steps.append(step)
    counted = Counter(step.id for step in steps)
    for index, step in enumerate(steps):
        if counted[step.id] > 1:
            message = f"The id {step.id} belongs to {counted[step.id]} steps, of which only the last one's output can be read."
            problems.append(TemplateProblem(f"spec.steps[{index}].id", message, "Give each step an id of its own."))
    return steps


def _step(given: Json, index: int) -> Step | None:
    identity, name = given.get("id"), given.get("name")
    written, condition, goes_on = given.get("input"), given.get("if"), given.get("continueOnFailure")
    return Step(
        str(identity) if identity is not None else f"step-{index + 1}",
        str(name) if name is not None else given["action"],
        given["action"],
        cast("Json", written) if isinstance(written, dict) else {},
        condition if isinstance(condition, str | bool) else None,
        given.get("each"),
        goes_on if isinstance(goes_on, str | bool) else False,
    )


def _mapping(given: object, path: str, problems: list[TemplateProblem]) -> Json:
    if given is not None and not isinstance(given, dict):
        problems.append(TemplateProblem(path, f"{path} is no mapping, and is left out.", "Write a mapping."))
    return cast("Json", given) if isinstance(given, dict) else {}
