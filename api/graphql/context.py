"""What one request knows: its store, its registry, what its principal may see, and its loaders."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import strawberry

from api.audit import Audit, Outcome
from api.auth.personal import PersonalTokens
from api.auth.sessions import Sessions
from api.docs.sites import DocsSites
from api.graphql.feed import LogFeed
from api.graphql.loaders import Loaders
from api.graphql.template_loaders import TemplateLoaders
from graph.access import UNRESTRICTED_GUEST, Access, Action
from graph.conditions import Condition
from graph.errors import ForbiddenError, StoreUnavailableError
from graph.refs import Ref
from graph.relations import RelationRegistry
from graph.store import Store
from ingest.lifecycle import Actions
from workers.figures import BackgroundWork
from workers.scaffolder.port import Scaffolder
from workers.search.finding import UNCONFIGURED, Search, SearchUnavailableError


@dataclass(frozen=True)
class Context:
    """Made anew for every request, because its loaders remember what they read.

    `most_reached` is the number of entities after which a traversal stops and says that it is truncated. Without `actions` the catalog can
    only be read, without `scaffolder` no template can be run, and without `work` nothing is known of jobs. `charge` takes the cost of an
    operation from the principal, with RateLimitedError if that is too much. Without `sessions` and `personal` (tokens) nobody signs in;
    without `docs` nothing has documentation.
    """

    store: Store
    registry: RelationRegistry
    access: Access = UNRESTRICTED_GUEST
    most_reached: int = 250_000
    actions: Actions | None = None
    scaffolder: Scaffolder | None = None
    work: BackgroundWork | None = None
    log_feed: LogFeed | None = None
    charge: Callable[[int], None] = lambda cost: None
    audit: Audit = field(default_factory=Audit)
    sessions: Sessions | None = None
    personal: PersonalTokens | None = None
    search: Search | None = None
    docs: DocsSites | None = None

    @property
    def visible(self) -> Condition:
        """Which entities the principal sees."""
        return self.access.visible

    @property
    def principal(self) -> Ref:
        """Who asks, as the log keeps it."""
        return self.access.principal.ref

    def demand(self, action: Action, what: str) -> None:
        """ForbiddenError, which is recorded, unless the principal may do this at all; `what` is the field that was asked for."""
        try:
            self.access.demand(action)
        except ForbiddenError as error:
            self.audit.record(self.access, action, what, Outcome.DENIED, cause=f"GraphQL {what}", reason=str(error))
            raise

    @property
    def acting(self) -> Actions:
        """What changes the catalog. StoreUnavailableError until it has been set up."""
        if self.actions is None:
            raise StoreUnavailableError("the catalog can't be changed here")
        return self.actions

    @property
    def searching(self) -> Search:
        """What answers searches. SearchUnavailableError where nothing does."""
        if self.search is None:
            raise SearchUnavailableError(UNCONFIGURED)
        return self.search

    @property
    def templates(self) -> Scaffolder:
        """What runs templates. StoreUnavailableError until it has been set up."""
        if self.scaffolder is None:
            raise StoreUnavailableError("templates can't be run here")
        return self.scaffolder

    @property
    def feed(self) -> LogFeed:
        """What tells subscriptions of changes. StoreUnavailableError where nothing does."""
        if self.log_feed is None:
            raise StoreUnavailableError("subscriptions are not served here")
        return self.log_feed

    def forget(self) -> None:
        """Let the loaders read anew: a subscription's next event is of another moment."""
        for loaders in ("loaders", "template_loaders"):
            self.__dict__.pop(loaders, None)

    @cached_property
    def loaders(self) -> Loaders:
        return Loaders(self.store, self.visible)

    @cached_property
    def template_loaders(self) -> TemplateLoaders:
        return TemplateLoaders(self.templates, self.access)


Info = strawberry.Info[Context, None]
