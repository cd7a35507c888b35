"""What a template is run with: which pages of its form are shown, and whether values and secrets are what it asks for."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from graph.errors import InputError
from workers.scaffolder.schemas import Refusal, refusals_of
from workers.scaffolder.templates import Page, Template
from workers.scaffolder.templating.rendering import Renderer


class RefusedValuesError(InputError):
    """The values, or with `secrets` the secrets, are not what the template asks for; `refusals` say where. No value is told."""

    def __init__(self, refusals: Sequence[Refusal], *, secrets: bool = False) -> None:
        self.refusals, self.secrets = refusals, secrets
        super().__init__("; ".join(f"{self.named(refusal)} {refusal.message}" for refusal in refusals[:10]))

    def named(self, refusal: Refusal) -> str:
        """Where it is, as Backstage names it."""
        beginning = "secrets" if self.secrets else "instance"
        return beginning + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in refusal.path)


def accepted_values(template: Template, values: Mapping[str, Any], renderer: Renderer) -> Mapping[str, Any]:
    """The values, without those that only pages ask for which are not shown. RefusedValuesError if a page that is shown refuses them.

    Blocking, as rendering is.
    """
    seen: list[tuple[Page, bool]] = []
    for page in template.pages:
        seen.append((page, _is_shown(page, _visible_values(values, seen), renderer)))
    for page, is_shown in seen:
        if is_shown and (refusals := refusals_of(dict(values), page.check)):
            raise RefusedValuesError(refusals)
    return _visible_values(values, seen)


def check_secrets(template: Template, secrets: Mapping[str, str]) -> None:
    """RefusedValuesError if the secrets are not those that the template asks for."""
    if template.secrets_schema is not None and (refusals := refusals_of(dict(secrets), template.secrets_schema)):
        raise RefusedValuesError(refusals, secrets=True)


def with_defaults(template: Template, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values with those beside them that the form would have filled in."""
    defaults = {
        name: cast("Mapping[str, Any]", rules)["default"]
        for page in template.pages
        for name, rules in _properties(page).items()
        if isinstance(rules, Mapping) and "default" in rules
    }
    return {**defaults, **values}


def _is_shown(page: Page, values: Mapping[str, Any], renderer: Renderer) -> bool:
    if page.when is None or isinstance(page.when, bool):
        return page.when is not False
    condition = page.when.strip()
    if not condition:
        return True
    text = condition if condition.startswith("${{") else f"${{{{ {condition} }}}}"
    return renderer.evaluate_condition(text, {"parameters": values}).holds


def _visible_values(values: Mapping[str, Any], pages: Sequence[tuple[Page, bool]]) -> Mapping[str, Any]:
    """The values without those of properties that are only on pages that are not shown."""
    shown = {name for page, is_shown in pages if is_shown for name in _names(page)}
    hidden = {name for page, is_shown in pages if not is_shown for name in _names(page)}
    return {name: value for name, value in values.items() if name in shown or name not in hidden}


def _names(page: Page) -> set[str]:
    """The properties that the page asks for, under whatever conditions."""
    found: set[str] = set()
    waiting: list[Any] = [page.schema]
    while waiting:
        schema = waiting.pop()
        if not isinstance(schema, Mapping):
            continue
        rules = cast("Mapping[str, Any]", schema)
        if isinstance(rules.get("properties"), Mapping):
            found |= {str(name) for name in rules["properties"]}
        for keyword in ("allOf", "oneOf", "anyOf"):
            waiting += cast("list[Any]", rules[keyword]) if isinstance(rules.get(keyword), list) else []
        dependencies = rules.get("dependencies")
        waiting += [rules.get("then"), rules.get("else")]
        waiting += list(cast("Mapping[str, Any]", dependencies).values()) if isinstance(dependencies, Mapping) else []
    return found


def _properties(page: Page) -> Mapping[str, Any]:
    properties = page.schema.get("properties")
    return cast("Mapping[str, Any]", properties) if isinstance(properties, Mapping) else {}
