"""Lines and columns of a document's values, found with as little work as its layout allows."""

import re
from functools import cached_property

import yaml

from ingest.documents import DocumentText
from ingest.outline import Row, keys_are_unique, rows_of, spec_lines, without_block_scalars
from ingest.survey import Path, Place, Survey, survey

_BLANK = re.compile(r"(?:(?:---)?[ \t]*+(?:#[^\n]*+)?\n|%[^\n]*+\n)*+(?:---)?[ \t]*")
_MOST_LINES_AND_ITEMS = 400_000


class Places:
    """Where things stand in one document. The costly survey happens only when something asks for what the outline can't tell."""

    def __init__(self, document: DocumentText) -> None:
        self._document = document
        self._keys_text = without_block_scalars(document.text)
        size = self._keys_text.count("\n") + self._keys_text.count(",")
        self.are_too_many = size > _MOST_LINES_AND_ITEMS
        """Whether the document is so large, block scalars' commas left out, that reading it would take seconds."""
        self._rows: list[Row] = [] if self.are_too_many else rows_of(self._keys_text)

    @property
    def survey(self) -> Survey | None:
        """The survey, or None where the surveying parser refuses the text, which YAML 1.2 may allow all the same."""
        return None if isinstance(self._surveyed, yaml.YAMLError) else self._surveyed

    @property
    def refusal(self) -> yaml.YAMLError | None:
        """Why the surveying parser refuses the text, if it does."""
        return self._surveyed if isinstance(self._surveyed, yaml.YAMLError) else None

    @cached_property
    def _surveyed(self) -> Survey | yaml.YAMLError:
        try:
            return survey(self._document.text)
        except yaml.YAMLError as error:
            return error

    @cached_property
    def _spec_lines(self) -> dict[str, list[int]]:
        return spec_lines(self._rows)

    @property
    def keys_are_unique(self) -> bool:
        return bool(self._rows) and keys_are_unique(self._keys_text, self._rows)

    @property
    def first_line(self) -> int:
        """The line of the file, from 1, in which the document's content begins, behind marks, blanks and comments."""
        return self._start[0] + self._document.line

    def spec_line(self, steps: Path) -> int:
        """The line of the file, from 1, where a field of `spec`, or an item of a list in it, stands."""
        field = steps[0]
        lines = self._spec_lines.get(field) if isinstance(field, str) else None
        if lines is not None:
            if len(steps) == 1:
                return lines[0] + self._document.line
            index = steps[1]
            if isinstance(index, int) and len(steps) == 2 and 0 <= index < len(lines) - 1:
                return lines[index + 1] + self._document.line
        return self.of(("spec", *steps))[0]

    def of(self, path: Path) -> Place:
        """Line and column of the file, from 1, of the value, or of the nearest one above it."""
        if not path:
            return self.at(self._start)
        if self.survey is None:
            return self._guessed(path)
        return self.at(self.survey.place(path))

    def at(self, place: Place) -> Place:
        """A place in the document's text, from 0, as line and column of the file, from 1."""
        return place[0] + self._document.line, place[1] + 1

    @cached_property
    def _start(self) -> Place:
        blank = _BLANK.match(self._document.text)
        before = blank[0] if blank is not None else ""
        return before.count("\n"), len(before) - before.rfind("\n") - 1

    def _guessed(self, path: Path) -> Place:
        keys = [step for step in path if isinstance(step, str)]
        row, lead = 0, ""
        for key in keys:
            row, lead = next(((n, r[0]) for n, r in enumerate(self._rows[row:], row) if r[1].strip("\"'") == key), (row, lead))
        return self.at((row, len(lead)))
