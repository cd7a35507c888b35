"""As whose owner a user counts: themselves and their groups, by what the catalog says at the moment."""

from graph.conditions import EVERYTHING
from graph.refs import Ref
from graph.relations import Direction, Step
from graph.store import Store, Window

_MOST_REMEMBERED = 10_000
_MOST_GROUPS = 10_000
_MEMBER_OF = (Step("memberOf", Direction.OUT),)
_CHILD_OF = (Step("childOf", Direction.OUT),)


class Ownership:
    """Reads ownership claims. With `inherited`, groups above the user's own count as well.

    What was read is kept until the catalog changes.
    """

    def __init__(self, store: Store, *, inherited: bool) -> None:
        self._store = store
        self._inherited = inherited
        self._head = -1
        self._known: dict[Ref, tuple[tuple[Ref, ...], bool]] = {}

    async def claims_of(self, user: Ref) -> tuple[Ref, ...]:
        """The user, then the groups, in the order of their refs, whether there are entities of them or not. StoreUnavailableError.

        Permissions do not narrow it. A user without an entity is in no group.
        """
        return (await self.look(user))[0]

    async def look(self, user: Ref) -> tuple[tuple[Ref, ...], bool]:
        """The claims of the user, and whether there is an entity of the user at all. StoreUnavailableError."""
        head = await self._store.head()
        if head != self._head or len(self._known) >= _MOST_REMEMBERED:
            self._head, self._known = head, {}
        known = self._known
        if user not in known:
            known[user] = await self._read(user)
        return known[user]

    async def _read(self, user: Ref) -> tuple[tuple[Ref, ...], bool]:
        pages = await self._store.related([user], _MEMBER_OF, Window(_MOST_GROUPS), visible=EVERYTHING, with_nodes=False)
        groups = latest = {row.ref for page in pages.values() for row in page.rows}
        while self._inherited and latest and len(groups) < _MOST_GROUPS:
            latest = await self._ends(sorted(latest), _CHILD_OF) - groups
            groups = groups | latest
        return (user, *sorted(groups - {user})), user in pages

    async def _ends(self, refs: list[Ref], steps: tuple[Step, ...]) -> set[Ref]:
        pages = await self._store.related(refs, steps, Window(_MOST_GROUPS), visible=EVERYTHING, with_nodes=False)
        return {row.ref for page in pages.values() for row in page.rows}
