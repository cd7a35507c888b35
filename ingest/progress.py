"""How a long read tells how far it is."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far the reading of a location is. `files` were found so far (more may follow), `read` of them read, `entities` written."""

    location: str
    files: int
    read: int
    entities: int
    finished: bool = False


class Progress(Protocol):
    """Told now and then, at least once per batch and at the end. Must not raise."""

    def __call__(self, progressed: Progressed, /) -> None: ...
