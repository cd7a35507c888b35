"""What templates are run with in this process, put together once: actions, hosts, the catalog, and the rows of tasks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from config import Config
from config.redaction import secrets_of
from graph.access import Access, Principal
from graph.errors import ConflictError
from graph.policy import policy_from
from graph.relations import RelationRegistry
from graph.store import Store
from plugins.hosts import Hosts
from plugins.loading import load_plugins
from workers.scaffolder.actions.builtin import ActionServices, builtin_actions
from workers.scaffolder.catalog import TaskCatalog
from workers.scaffolder.context import Masking, TaskHosts
from workers.scaffolder.evaluation import Filters, filters_from, value_renderer
from workers.scaffolder.records import Record
from workers.scaffolder.registry import ActionRegistry
from workers.scaffolder.running import Run
from workers.scaffolder.sealing import Seal, seal_from
from workers.scaffolder.task_store import TaskStore
from workers.scaffolder.tasks import TaskSpec
from workers.scaffolder.templating.rendering import Renderer
from workers.scaffolder.workspace import TaskWorkspace


@dataclass
class Scaffolding:
    """One for each process. `running` counts the tasks that it runs now."""

    config: Config
    store: Store
    registry: RelationRegistry
    hosts: Hosts
    catalog: TaskCatalog
    running: int = field(default=0, init=False)

    @cached_property
    def actions(self) -> ActionRegistry:
        """Every action: Callboard's own, and those of plugins."""
        services = ActionServices(self.config, self.hosts, self.catalog, self.filters)
        return ActionRegistry([*builtin_actions(services), *load_plugins(self.config.plugins).actions])

    @cached_property
    def filters(self) -> Filters:
        """The filters of templates, beside nunjucks' own."""
        return filters_from(self.config.integrations)

    @cached_property
    def renderer(self) -> Renderer:
        """What renders the values of templates."""
        return value_renderer(self.filters)

    @cached_property
    def policy(self) -> Callable[[Principal], Access]:
        """What a principal may do, by the policy as it is now."""
        return policy_from(self.config.permission)

    @cached_property
    def runs(self) -> bool:
        """Whether tasks can be run: not where nothing can be encrypted, because several processes would need one key."""
        return self._seal is not None

    @cached_property
    def tasks(self) -> TaskStore:
        """The rows of tasks. ConflictError where nothing can be encrypted."""
        if self._seal is None:
            raise ConflictError("templates can't be run: without the embedded store they need scaffolder.encryptionKey to be configured")
        return TaskStore(self.store, self._seal, self.config.scaffolder.task_retention)

    @cached_property
    def _seal(self) -> Seal | None:
        return seal_from(self.config)

    def run_of(
        self, task_id: str, spec: TaskSpec, access: Access, secrets: Mapping[str, str], record: Record, folder: Path, *, is_dry_run: bool
    ) -> Run:
        """A run of these steps, which works in the folder."""
        environment = self.config.scaffolder.default_environment
        own = {} if is_dry_run else {name: secret.get_secret_value() for name, secret in environment.secrets.items()}
        return Run(
            task_id=task_id,
            spec=spec,
            access=access,
            secrets=secrets,
            environment=environment.parameters,
            environment_secrets=own,
            actions=self.actions,
            hosts=TaskHosts(self.hosts),
            renderer=self.renderer,
            record=record,
            masking=Masking([*secrets.values(), *secrets_of(self.config)]),
            workspace=TaskWorkspace(folder / "workspace", self.config.scaffolder.max_workspace_bytes),
            folder=folder,
            is_dry_run=is_dry_run,
        )
