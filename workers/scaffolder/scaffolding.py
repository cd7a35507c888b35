"""What tasks are run with in this process: the workshop, and the rows of tasks in the store."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from graph.access import Access, Principal
from graph.policy import policy_from
from graph.relations import RelationRegistry
from graph.store import Store
from workers.scaffolder.ledger import Ledger
from workers.scaffolder.renderings import Renderings
from workers.scaffolder.sealing import seal_from
from workers.scaffolder.skeletons import Skeletons
from workers.scaffolder.task_store import TaskStore
from workers.scaffolder.workshop import Workshop


@dataclass
class Scaffolding:
    """One for each process. `running` counts the tasks that it runs now, `rehearsing` the dry runs."""

    workshop: Workshop
    store: Store
    registry: RelationRegistry
    running: int = field(default=0, init=False)
    rehearsing: int = field(default=0, init=False)

    @cached_property
    def policy(self) -> Callable[[Principal], Access]:
        """What a principal may do, by the policy as it is now."""
        return policy_from(self.workshop.config.permission)

    @cached_property
    def tasks(self) -> TaskStore:
        """The rows of tasks."""
        config = self.workshop.config
        return TaskStore(self.store, lambda: seal_from(config), config.scaffolder.task_retention)

    @cached_property
    def ledger(self) -> Ledger:
        """What tasks made."""
        return Ledger(self.store, self.workshop.hosts)

    @cached_property
    def skeletons(self) -> Skeletons:
        """What tasks fetched."""
        return Skeletons(self.store, self.workshop.sources, self.workshop.config.scaffolder.skeleton_interval)

    @cached_property
    def renderings(self) -> Renderings:
        """What tasks published. ConflictError where nothing can be sealed."""
        return Renderings(self.store, seal_from(self.workshop.config))
