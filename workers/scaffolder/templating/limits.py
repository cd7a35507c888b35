"""What one rendering may spend: steps, time, nesting, memory and output, counted while it runs."""

import time
from dataclasses import dataclass
from random import Random

from graph.errors import RenderLimitError


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one call of a Renderer. `allocated_characters` counts all strings that are made on the way, `string_characters` each."""

    source_characters: int = 4 * 1024 * 1024
    nodes: int = 200_000
    nesting: int = 64
    steps: int = 1_000_000
    seconds: float = 5.0
    regex_seconds: float = 1.0
    string_characters: int = 4 * 1024 * 1024
    allocated_characters: int = 32 * 1024 * 1024
    output_characters: int = 16 * 1024 * 1024


class Budget:
    """What is left of the limits while something is rendered. Every method raises RenderLimitError once nothing is.

    `chance` is what the filter random draws from: the same for the same seed.
    """

    __slots__ = ("_allocated", "_deadline", "_nodes", "_output", "_regex_left", "_steps", "chance", "limits", "nesting")

    def __init__(self, limits: Limits, seed: str = "") -> None:
        self.limits = limits
        self.chance = Random(seed)  # noqa: S311 - nothing secret is made of it, and the same task has to make the same again
        self.nesting = 0
        self._deadline = time.monotonic() + limits.seconds
        self._regex_left = limits.regex_seconds
        self._steps = self._nodes = self._allocated = self._output = 0

    def step(self, count: int = 1) -> None:
        """Pay for work that takes about as long as `count` simple operations."""
        before = self._steps
        self._steps += count
        if self._steps > self.limits.steps:
            raise RenderLimitError(f"Rendering takes more than {self.limits.steps} steps.")
        if before >> 9 != self._steps >> 9 and time.monotonic() > self._deadline:
            raise RenderLimitError(f"Rendering takes longer than {self.limits.seconds:g} seconds.")

    def node(self) -> None:
        """Pay for one node of a syntax tree."""
        self._nodes += 1
        if self._nodes > self.limits.nodes:
            raise RenderLimitError(f"A template can't have more than {self.limits.nodes} parts.")
        self.step()

    def enter(self) -> None:
        """Pay for a level of nesting, to be left with `leave`."""
        self.nesting += 1
        if self.nesting > self.limits.nesting:
            raise RenderLimitError(f"A template can't be nested deeper than {self.limits.nesting} levels.")

    def leave(self) -> None:
        self.nesting -= 1

    def allocate(self, characters: float) -> None:
        """Pay for a string before it is made."""
        if characters > self.limits.string_characters:
            raise RenderLimitError(f"A string can't be longer than {self.limits.string_characters} characters.")
        self._allocated += int(characters)
        if self._allocated > self.limits.allocated_characters:
            raise RenderLimitError(
                f"The strings of one rendering can't have more than {self.limits.allocated_characters} characters together."
            )
        self.step(int(characters) >> 12)

    def output(self, characters: int) -> None:
        """Pay for text that is written."""
        self._output += characters
        if self._output > self.limits.output_characters:
            raise RenderLimitError(f"What is rendered can't be longer than {self.limits.output_characters} characters.")

    def regex_seconds(self) -> float:
        """How long the next match of a regex may take at most."""
        left = min(self._regex_left, self._deadline - time.monotonic())
        if left <= 0:
            raise RenderLimitError(f"Regular expressions take longer than {self.limits.regex_seconds:g} seconds.")
        return left

    def spend_regex_seconds(self, seconds: float) -> None:
        self._regex_left -= seconds
