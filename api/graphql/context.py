"""What one request knows: its store, its registry, what its principal may see, and its loaders."""

from dataclasses import dataclass
from functools import cached_property

import strawberry

from api.graphql.loaders import Loaders
from graph.conditions import EVERYTHING, Condition
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Store

GUEST = Ref("user:default/guest")


@dataclass(frozen=True)
class Context:
    """Made anew for every request, because its loaders remember what they read.

    `most_reached` is the number of entities after which a traversal stops and says that it is truncated.
    """

    store: Store
    registry: RelationRegistry
    visible: Condition = EVERYTHING
    principal: Ref = GUEST
    most_reached: int = 250_000

    @cached_property
    def loaders(self) -> Loaders:
        return Loaders(self.store, self.visible)


Info = strawberry.Info[Context, None]
