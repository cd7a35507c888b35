"""Lines and columns of a document's values, found with as little work as its layout allows."""

from functools import cached_property

import yaml

from ingest.documents import DocumentText
from ingest.outline import Row, keys_are_unique, rows_of, spec_lines, without_block_scalars
from ingest.survey import Path, Place, Survey, survey


class Places:
    """Where things stand in one document. The costly survey happens only when something asks for what the outline can't tell."""

    def __init__(self, document: DocumentText) -> None:
        self._document = document
        self._keys_text = without_block_scalars(document.text)
        self._rows: list[Row] = rows_of(self._keys_text)

    @cached_property
    def survey(self) -> Survey | None:
        """The survey, or None where the surveying parser refuses what YAML 1.2 allows."""
        try:
            return survey(self._document.text)
        except yaml.YAMLError:
            return None

    @cached_property
    def _spec_lines(self) -> dict[str, list[int]]:
        return spec_lines(self._rows)

    @property
    def keys_are_unique(self) -> bool:
        return keys_are_unique(self._keys_text, self._rows)

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
        if self.survey is None:
            return self._guessed(path)
        return self.at(self.survey.place(path))

    def at(self, place: Place) -> Place:
        """A place in the document's text, from 0, as line and column of the file, from 1."""
        return place[0] + self._document.line, place[1] + 1

    def _guessed(self, path: Path) -> Place:
        keys = [step for step in path if isinstance(step, str)]
        row, lead = 0, ""
        for key in keys:
            row, lead = next(((n, r[0]) for n, r in enumerate(self._rows[row:], row) if r[1].strip("\"'") == key), (row, lead))
        return self.at((row, len(lead)))
