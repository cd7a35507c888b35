"""The renderers that templates are run with: for the values of their steps, and for the files of skeletons."""

from collections.abc import Callable, Mapping
from typing import Any

from config.integrations import Integrations
from workers.scaffolder.templating.backstage import backstage_filters
from workers.scaffolder.templating.rendering import Renderer
from workers.scaffolder.templating.scanning import Syntax

Filters = Mapping[str, Callable[..., Any]]

_KNOWN = {"github.com": "github", "gitlab.com": "gitlab", "bitbucket.org": "bitbucketCloud", "dev.azure.com": "azure"}


def filters_from(integrations: Integrations) -> Filters:
    """Backstage's filters, by the hosts that are configured and those that Backstage knows without being told."""
    configured = {
        "github": integrations.github,
        "gitlab": integrations.gitlab,
        "bitbucketCloud": integrations.bitbucket_cloud,
        "bitbucketServer": integrations.bitbucket_server,
        "azure": integrations.azure,
        "gitea": integrations.gitea,
    }
    known = {**_KNOWN, **{one.host.lower(): type_ for type_, hosts in configured.items() for one in hosts}}
    return backstage_filters(lambda host: known.get(host.lower()))


def value_renderer(filters: Filters) -> Renderer:
    """What renders the inputs, conditions and outputs of templates."""
    return Renderer(filters)


def file_renderer(filters: Filters, *, cookiecutter: bool, trim_blocks: bool, lstrip_blocks: bool) -> Renderer:
    """What renders the files of a skeleton, by the options of the action that does."""
    return Renderer(filters, syntax=Syntax(cookiecutter=cookiecutter, trim_blocks=trim_blocks, lstrip_blocks=lstrip_blocks))


def is_truthy(value: Any) -> bool:
    """Whether a value is one that makes a condition hold: not false, null, "", 0 and [], but an empty mapping."""
    return True if isinstance(value, Mapping) else bool(value)
