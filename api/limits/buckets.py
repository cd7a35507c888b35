"""Token buckets: who has spent how much lately. Each process counts for itself, in a table of bounded size."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from math import ceil
from time import monotonic

_MOST_KEYS = 10_000


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of taking from a bucket: whether there was enough, what is left, and in how many seconds the same is there again."""

    granted: bool
    left: int
    retry_after_seconds: int
    full_in_seconds: int


class Buckets:
    """A bucket for each key, which holds what may be spent in a minute and fills up as time passes.

    Of more than `most_keys`, those not asked for longest are forgotten, which makes them full again.
    """

    def __init__(self, per_minute: int, most_keys: int = _MOST_KEYS, clock: Callable[[], float] = monotonic) -> None:
        self.capacity = per_minute
        self._per_second = per_minute / 60
        self._most_keys = most_keys
        self._clock = clock
        self._levels: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, key: Hashable, cost: int) -> Taken:
        """Take a cost, or nothing if there is not enough. What costs more than a bucket holds needs a full one, and is owed."""
        level = self._level(key)
        wanted = min(cost, self.capacity)
        granted = level >= wanted
        if granted:
            level -= cost
        self._keep(key, level)
        return self._told(level, granted, wanted)

    def charge(self, key: Hashable, cost: int) -> None:
        """Take what something has cost already, whether there is enough or not."""
        self._keep(key, max(self._level(key) - cost, -float(self.capacity)))

    def __len__(self) -> int:
        return len(self._levels)

    def _level(self, key: Hashable) -> float:
        now = self._clock()
        level, at = self._levels.get(key, (float(self.capacity), now))
        return min(float(self.capacity), level + (now - at) * self._per_second)

    def _keep(self, key: Hashable, level: float) -> None:
        self._levels[key] = (level, self._clock())
        self._levels.move_to_end(key)
        if len(self._levels) > self._most_keys:
            self._levels.popitem(last=False)

    def _told(self, level: float, granted: bool, wanted: int) -> Taken:
        missing = 0 if granted else max(0.0, wanted - level)
        retry, full = (ceil(amount / self._per_second) for amount in (missing, self.capacity - level))
        return Taken(granted, max(0, int(level)), max(1, retry), full)
