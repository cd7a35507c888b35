"""A close look at a document by a parser that knows places: where every value stands, duplicate keys, and what aliases expand to."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import cast

import yaml
from yaml.events import CollectionEndEvent, Event, MappingStartEvent, NodeEvent, ScalarEvent, SequenceStartEvent

Path = tuple[str | int, ...]
"""Keys and indexes that lead from the root of a document to a value."""

Place = tuple[int, int]
"""Line and column in the document's text, both from 0."""

DEEPEST = 200
"""Levels of nesting that a document may have."""

MOST_VALUES = 300_000
"""Keys, items and values that are looked at closely; a survey takes about a second for so many."""

_PLACED_LEVELS = 8
_MOST_EXPANDED = 4_000_000
# Line breaks in YAML 1.1, which the surveying parser reads, but not in 1.2.
_OLD_BREAKS = {0x85: " ", 0x2028: " ", 0x2029: " "}


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A key that its mapping holds already; `first` is where."""

    key: str
    place: Place
    first: Place


@dataclass(slots=True)
class Survey:
    """What a close look found. `places` leads to the keys of mappings and the items of sequences, down to a few levels.

    The survey ends early at a key that stands twice, at nesting that is `too_deep`, and, `cut_off`, at too many values.
    `expanded` is how many values and characters the aliases add.
    """

    places: dict[Path, Place] = field(default_factory=lambda: {})
    duplicate: Duplicate | None = None
    undefined: list[tuple[str, Place]] = field(default_factory=lambda: [])
    cyclic: list[tuple[str, Place]] = field(default_factory=lambda: [])
    too_deep: Place | None = None
    cut_off: Place | None = None
    expanded: int = 0
    last_alias: Place = (0, 0)

    @property
    def explodes(self) -> bool:
        """Whether the aliases multiply what is written beyond all measure."""
        return self.expanded > _MOST_EXPANDED

    def place(self, path: Path) -> Place:
        """Where the value stands; of a value that is missing or too deep down, the nearest one above it."""
        for length in range(len(path), -1, -1):
            if (found := self.places.get(path[:length])) is not None:
                return found
        return (0, 0)


@dataclass(slots=True)
class _Frame:
    """A collection that is being read."""

    path: Path
    anchor: str | None
    keys: dict[Hashable, Place] | None
    at_key: bool = True
    key: str = ""
    count: int = 0
    weight: int = 1


def survey(text: str) -> Survey:
    """The survey of one document. yaml.MarkedYAMLError where the parser, which reads YAML 1.1, refuses the text."""
    if not text.isascii():
        text = text.translate(_OLD_BREAKS)
    events = cast("Iterator[Event]", yaml.parse(text, Loader=yaml.CSafeLoader))  # pyright: ignore[reportUnknownMemberType] # its stubs type no argument
    return _Surveyor().run(events)


class _Surveyor:
    """One pass over the events of a document."""

    def __init__(self) -> None:
        self._survey = Survey()
        self._frames: list[_Frame] = []
        self._weights: dict[str, int | None] = {}

    def run(self, events: Iterator[Event]) -> Survey:
        values = 0
        for event in events:
            if isinstance(event, NodeEvent):
                values += 1
                place = (event.start_mark.line, event.start_mark.column)
                if len(self._frames) >= DEEPEST:
                    self._survey.too_deep = place
                    break
                if values > MOST_VALUES:
                    self._survey.cut_off = place
                    break
                self._node(event, place)
                if self._survey.duplicate is not None:
                    break
            elif isinstance(event, CollectionEndEvent):
                self._end()
        return self._survey

    def _node(self, event: NodeEvent, place: Place) -> None:
        path = self._path_of(event, place)
        if isinstance(event, SequenceStartEvent | MappingStartEvent):
            if event.anchor:
                self._weights[event.anchor] = None
            self._frames.append(_Frame(path, event.anchor, {} if isinstance(event, MappingStartEvent) else None))
            return
        if isinstance(event, ScalarEvent):
            weight = 1 + len(event.value)
            if event.anchor:
                self._weights[event.anchor] = weight
        else:
            weight = self._weight_of(event.anchor, place)
        self._add(weight)

    def _path_of(self, event: NodeEvent, place: Place) -> Path:
        """The path of a node that begins, after noting its place, and in a mapping whether it is a key."""
        if not self._frames:
            self._survey.places[()] = place
            return ()
        frame = self._frames[-1]
        if frame.keys is None:
            path = (*frame.path, frame.count)
            frame.count += 1
        elif frame.at_key:
            frame.key = event.value if isinstance(event, ScalarEvent) else f"?{len(frame.keys)}"
            frame.at_key = False
            path = (*frame.path, frame.key)
            if (first := frame.keys.setdefault(frame.key, place)) is not place:
                self._survey.duplicate = Duplicate(frame.key, place, first)
        else:
            frame.at_key = True
            return (*frame.path, frame.key)
        if len(path) <= _PLACED_LEVELS:
            self._survey.places[path] = place
        return path

    def _weight_of(self, name: str, place: Place) -> int:
        if name not in self._weights:
            self._survey.undefined.append((name, place))
            return 1
        weight = self._weights[name]
        if weight is None:
            self._survey.cyclic.append((name, place))
            return 1
        self._survey.expanded += weight
        self._survey.last_alias = place
        return weight

    def _end(self) -> None:
        frame = self._frames.pop()
        if frame.anchor:
            self._weights[frame.anchor] = frame.weight
        self._add(frame.weight)

    def _add(self, weight: int) -> None:
        if self._frames:
            self._frames[-1].weight += weight
