"""All actions that Callboard brings, put together with what they work on."""

from collections.abc import Sequence
from dataclasses import dataclass

from config import Config
from plugins.actions import Action
from plugins.hosts import Hosts
from workers.scaffolder.actions import debugging, edits, files
from workers.scaffolder.actions.cataloguing import cataloguing_actions
from workers.scaffolder.actions.fetching import fetching_actions
from workers.scaffolder.actions.requests import request_actions
from workers.scaffolder.actions.templating import templating_actions
from workers.scaffolder.catalog import TaskCatalog
from workers.scaffolder.evaluation import Filters
from workers.scaffolder.publishing.actions import publishing_actions
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.sources import Sources


@dataclass(frozen=True, slots=True)
class ActionServices:
    """What the actions of Callboard work on, beside what each run gives them."""

    config: Config
    hosts: Hosts
    catalog: TaskCatalog
    filters: Filters
    sources: Sources
    desk: Desk


def builtin_actions(services: ActionServices) -> Sequence[Action]:
    """Every action of this package."""
    return [
        *fetching_actions(services.sources),
        *templating_actions(services.sources, services.filters),
        *files.ACTIONS,
        *edits.ACTIONS,
        *cataloguing_actions(services.catalog),
        *debugging.ACTIONS,
        *request_actions(services.config, services.hosts),
        *publishing_actions(services.desk),
    ]
