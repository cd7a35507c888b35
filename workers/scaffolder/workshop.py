"""What templates are run with, whether or not there is a store: actions, renderers and hosts, put together once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from config import Config
from config.redaction import secrets_of
from graph.access import Access
from plugins.hosts import Hosts
from plugins.loading import load_plugins
from workers.scaffolder.actions.builtin import ActionServices, builtin_actions
from workers.scaffolder.catalog import TaskCatalog
from workers.scaffolder.context import Masking, TaskHosts
from workers.scaffolder.evaluation import Filters, filters_from, value_renderer
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.records import Record
from workers.scaffolder.registry import ActionRegistry
from workers.scaffolder.running import Run
from workers.scaffolder.sources import Sources, sources_from
from workers.scaffolder.tasks import TaskSpec
from workers.scaffolder.templating.rendering import Renderer
from workers.scaffolder.workspace import TaskWorkspace


@dataclass
class Workshop:
    """One for each process."""

    config: Config
    hosts: Hosts
    catalog: TaskCatalog

    @cached_property
    def actions(self) -> ActionRegistry:
        """Every action: Callboard's own, and those of plugins."""
        services = ActionServices(self.config, self.hosts, self.catalog, self.filters, self.sources, self.desk)
        return ActionRegistry([*builtin_actions(services), *load_plugins(self.config.plugins).actions])

    @cached_property
    def sources(self) -> Sources:
        """What reads what templates name."""
        return sources_from(self.config, self.hosts)

    @cached_property
    def desk(self) -> Desk:
        """What publishing works with."""
        return Desk(self.config, self.hosts.outbound, self.filters)

    @cached_property
    def filters(self) -> Filters:
        """The filters of templates, beside nunjucks' own."""
        return filters_from(self.config.integrations)

    @cached_property
    def renderer(self) -> Renderer:
        """What renders the values of templates."""
        return value_renderer(self.filters)

    @property
    def environment_secrets(self) -> Mapping[str, str]:
        """The secrets that the configuration gives to every task."""
        return {name: secret.get_secret_value() for name, secret in self.config.scaffolder.default_environment.secrets.items()}

    def run_of(
        self, task_id: str, spec: TaskSpec, access: Access, secrets: Mapping[str, str], record: Record, folder: Path, *, is_dry_run: bool
    ) -> Run:
        """A run of these steps, which works in the folder."""
        own = self.environment_secrets
        return Run(
            task_id=task_id,
            spec=spec,
            access=access,
            secrets=secrets,
            environment=self.config.scaffolder.default_environment.parameters,
            environment_secrets={} if is_dry_run else own,
            actions=self.actions,
            hosts=TaskHosts(self.hosts),
            renderer=self.renderer,
            record=record,
            masking=Masking([*secrets.values(), *own.values()], secrets_of(self.config)),
            workspace=TaskWorkspace(folder / "workspace", self.config.scaffolder.max_workspace_bytes),
            folder=folder,
            most_published_bytes=self.config.scaffolder.max_rendering_bytes,
            is_dry_run=is_dry_run,
        )
