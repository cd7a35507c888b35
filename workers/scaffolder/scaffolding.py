"""What tasks are run with in this process: the workshop, and the rows of tasks in the store."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from graph.access import Access, Principal
from graph.errors import ConflictError
from graph.policy import policy_from
from graph.relations import RelationRegistry
from graph.store import Store
from workers.scaffolder.ledger import Ledger
from workers.scaffolder.renderings import Renderings
from workers.scaffolder.sealing import Seal, seal_from
from workers.scaffolder.task_store import TaskStore
from workers.scaffolder.workshop import Workshop


@dataclass
class Scaffolding:
    """One for each process. `running` counts the tasks that it runs now."""

    workshop: Workshop
    store: Store
    registry: RelationRegistry
    running: int = field(default=0, init=False)

    @cached_property
    def policy(self) -> Callable[[Principal], Access]:
        """What a principal may do, by the policy as it is now."""
        return policy_from(self.workshop.config.permission)

    @cached_property
    def runs(self) -> bool:
        """Whether tasks can be run: not where nothing can be encrypted, because several processes would need one key."""
        return self._seal is not None

    @cached_property
    def tasks(self) -> TaskStore:
        """The rows of tasks. ConflictError where nothing can be encrypted."""
        return TaskStore(self.store, self._needed_seal, self.workshop.config.scaffolder.task_retention)

    @cached_property
    def ledger(self) -> Ledger:
        """What tasks made."""
        return Ledger(self.store, self.workshop.hosts)

    @cached_property
    def renderings(self) -> Renderings:
        """What tasks published. ConflictError as of `tasks`."""
        return Renderings(self.store, self._needed_seal)

    @property
    def _needed_seal(self) -> Seal:
        if self._seal is None:
            raise ConflictError("templates can't be run: without the embedded store they need scaffolder.encryptionKey to be configured")
        return self._seal

    @cached_property
    def _seal(self) -> Seal | None:
        return seal_from(self.workshop.config)
