"""One document's text as a JSON value, or why it can't be read and where."""

import re
from collections.abc import Mapping
from typing import cast

import yaml

from ingest.documents import DocumentText
from ingest.places import Places
from ingest.problems import ErrorCode
from ingest.survey import DEEPEST, MOST_VALUES, Place, Survey
from ingest.validate import quoted
from ingest.values import TooDeepError, Value, YamlError, parsed

# All but what YAML 1.2 calls printable, https://yaml.org/spec/1.2.2/#rule-c-printable; a lone surrogate stands for a byte that is no UTF-8.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_ALIAS = re.compile(r"(?:^|[\s\[{,:])\*[^\s,\]}]", re.MULTILINE)
_INDENTED = re.compile(rf"^[ \t\-?:]{{{DEEPEST}}}", re.MULTILINE)
_TEMPLATE = re.compile(r"\$?\{\{|\{%|<%")
_BARE_EXPRESSION = re.compile(r"(?:^|[\s\[,:])\{\{", re.MULTILINE)
_FEW_ALIASES = 4


class RefusedError(Exception):
    """A document can't be read. `place` is line and column in the file, from 1; `details` fill the remedy of the code."""

    def __init__(self, code: ErrorCode, message: str, place: Place, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.place = place
        self.details = details or {}


def parse(document: DocumentText, places: Places) -> Value:
    """The document's value, as `values.parsed` gives it. RefusedError if it is no YAML 1.2, holds a key twice, or would harm the reader."""
    if (bad := _FORBIDDEN.search(document.text)) is not None:
        raise _forbidden(document, bad)
    _refuse_harm(document.text, places)
    try:
        value = parsed(document.text)
    except YamlError as error:
        raise _syntax(document, places, error) from error
    except TooDeepError as error:
        raise _too_deep(places.of(())) from error
    if not places.keys_are_unique and places.survey is not None:
        _refuse_by_survey(places, places.survey)
    return value


def refuse_bare_expression(document: DocumentText, value: Value) -> None:
    """RefusedError where a bare `{{ x }}` was read as a mapping, but not in a Template, whose expressions are rendered later."""
    template = isinstance(value.json, dict) and cast("dict[str, object]", value.json).get("kind") == "Template"
    if value.odd_keys and not template and (found := _BARE_EXPRESSION.search(document.text)) is not None:
        message = "A template expression stands where YAML reads a mapping, so the document has not been rendered."
        raise RefusedError(ErrorCode.UNRENDERED_TEMPLATE, message, _place_of(document, found.end() - 2))


def _refuse_harm(text: str, places: Places) -> None:
    """Looks at nesting and aliases before the fast parser does: it copies what an alias names, and deep nesting makes it crawl."""
    if places.are_too_many:
        message = "The document holds more lines and items than can be read in reasonable time."
        raise RefusedError(ErrorCode.TOO_MANY_VALUES, message, places.of(()))
    aliases = len(_ALIAS.findall(text)) if "&" in text else 0
    nests = text.count("[") + text.count("{") > DEEPEST or _INDENTED.search(text) is not None
    if not aliases and not nests:
        return
    found = places.survey
    if found is not None:
        _refuse_by_survey(places, found)
    elif (nests and _nests_deeply(text)) or aliases > _FEW_ALIASES:
        raise _refused_by_surveying(places)


def _refuse_by_survey(places: Places, found: Survey) -> None:
    if found.duplicate is not None:
        first = places.at(found.duplicate.first)[0]
        message = f"The key {quoted(found.duplicate.key)} stands twice in one mapping, first in line {first}."
        raise RefusedError(ErrorCode.DUPLICATE_KEY, message, places.at(found.duplicate.place), {"first": first})
    if found.too_deep is not None:
        raise _too_deep(places.at(found.too_deep))
    if found.cut_off is not None:
        raise RefusedError(ErrorCode.TOO_MANY_VALUES, f"The document holds more than {MOST_VALUES} values.", places.at(found.cut_off))
    if found.cyclic:
        name, place = found.cyclic[0]
        raise RefusedError(ErrorCode.ALIAS_EXPANSION, f"The alias *{name} refers to itself.", places.at(place))
    if found.explodes:
        raise RefusedError(ErrorCode.ALIAS_EXPANSION, "The aliases multiply to an excessive size.", places.at(found.last_alias))


def _nests_deeply(text: str) -> bool:
    depth = 0
    for bracket in re.finditer(r"[\[{\]}]", text):
        depth = depth + 1 if bracket[0] in "[{" else max(depth - 1, 0)
        if depth > DEEPEST:
            return True
    return _INDENTED.search(text) is not None


def _refused_by_surveying(places: Places) -> RefusedError:
    error = places.refusal
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        place = places.at((error.problem_mark.line, error.problem_mark.column))
        return RefusedError(ErrorCode.YAML_SYNTAX, f"The document is no valid YAML: {error.problem}.", place)
    return RefusedError(ErrorCode.YAML_SYNTAX, f"The document is no valid YAML: {error}.", places.of(()))


def _too_deep(place: Place) -> RefusedError:
    return RefusedError(ErrorCode.TOO_DEEP, f"The document nests deeper than {DEEPEST} levels.", place)


def _forbidden(document: DocumentText, bad: re.Match[str]) -> RefusedError:
    place = _place_of(document, bad.start())
    code = ord(bad[0])
    if 0xD800 <= code <= 0xDFFF:
        return RefusedError(ErrorCode.NOT_UTF8, f"The byte 0x{code & 0xFF:02x} here is no UTF-8.", place)
    message = f"The control character U+{code:04X} is not allowed in YAML."
    return RefusedError(ErrorCode.CONTROL_CHARACTER, message, place, {"escape": f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"})


def _place_of(document: DocumentText, offset: int) -> Place:
    before = document.text[:offset]
    return document.line + before.count("\n"), offset - before.rfind("\n")


def _syntax(document: DocumentText, places: Places, error: YamlError) -> RefusedError:
    lines = document.text.split("\n")
    if error.line is None or error.column is None:
        line, column = 0, 0
    else:
        line = min(error.line, len(lines) - 1)
        column = min(error.column, len(lines[line]))
    place = places.at((_simple_key(places) if "simple key" in error.reason else None) or (line, column))
    if (mark := _template_mark(lines, line)) is not None:
        message = "The document holds template expressions where YAML stands, so it can't be read before it is rendered."
        return RefusedError(ErrorCode.UNRENDERED_TEMPLATE, message, places.at(mark))
    reason = error.reason.removesuffix(".")
    if "unknown anchor" in reason:
        name, place = _undefined(places, (line, column))
        return RefusedError(ErrorCode.UNDEFINED_ALIAS, f"The alias {name} has no anchor before it.", place)
    if (tab := _tab(lines, line)) is not None:
        return RefusedError(ErrorCode.TAB, "A tab stands where YAML allows only spaces.", places.at(tab))
    return RefusedError(ErrorCode.YAML_SYNTAX, f"The document is no valid YAML: {reason}.", place)


def _undefined(places: Places, reported: Place) -> tuple[str, Place]:
    if places.survey is None or not places.survey.undefined:
        return "here", places.at(reported)
    name, place = places.survey.undefined[0]
    return f"*{name}", places.at(place)


def _simple_key(places: Places) -> Place | None:
    """Where a key stands that lacks its colon, which both parsers notice only behind it."""
    error = places.refusal
    if isinstance(error, yaml.MarkedYAMLError) and error.context == "while scanning a simple key" and error.context_mark is not None:
        return error.context_mark.line, error.context_mark.column
    return None


def _template_mark(lines: list[str], wrong: int) -> Place | None:
    """Where template syntax stands, if the line that is wrong holds some, or if a whole line of the document is some."""
    found = _TEMPLATE.search(lines[wrong])
    if found is not None:
        return wrong, found.start()
    for number, line in enumerate(lines):
        if line.lstrip(" -").startswith(("{%", "<%", "{{", "${{")):
            return number, len(line) - len(line.lstrip(" -"))
    return None


def _tab(lines: list[str], wrong: int) -> Place | None:
    """Where a tab indents the line that is wrong or one of its neighbours."""
    for number in (wrong, wrong - 1, wrong + 1):
        if 0 <= number < len(lines) and (found := re.match(r"[ \-]*\t|[^\t]*?:(?=\t)", lines[number])) is not None:
            return number, max(found.end() - 1, 0) if found[0].endswith("\t") else found.end()
    return None
