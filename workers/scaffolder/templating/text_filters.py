"""Nunjucks' filters that make text."""

import re
from collections.abc import Callable, Mapping, Sequence
from math import isnan
from urllib.parse import quote

from graph.errors import RenderError
from workers.scaffolder.templating import lookups, numbers, regexes
from workers.scaffolder.templating.coercions import is_truthy, join, lower, order, rendered, to_number, to_string, upper
from workers.scaffolder.templating.limits import Budget
from workers.scaffolder.templating.lookups import text_of
from workers.scaffolder.templating.numbers import WHITESPACE
from workers.scaffolder.templating.serializing import serialized
from workers.scaffolder.templating.values import UNDEFINED, Array, Record, Regex, SafeString, Value, with_pairs_joined

Filter = Callable[[Value, Sequence[Value], Budget], Value]

_TAG = (r"</?[a-z][a-z0-9]*\b[^>]*>|<!--[\s\S]*?-->", "gi")
_LINE_EDGES = ("^ +| +$", "gm")
_SPACES = re.compile(" +")
_BLANK_LINES = re.compile("\n\n\n+")
_WHITESPACE = re.compile(f"[{WHITESPACE}]+")
_WORD = re.compile(r"[A-Za-z0-9_]+")
_PUNCTUATION = re.compile(r"(?:\(|<|&lt;)?(.*?)(?:\.|,|\)|\n|&gt;)?\Z")
_EMAIL = re.compile(r"[A-Za-z0-9_.!#$%&'*+\-/=?^`{|}~]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+\Z", re.IGNORECASE | re.ASCII)
_DOMAIN = re.compile(r"\.(?:org|net|com)(?::|/|\Z)")
_ESCAPES = {
    ord(sign): text for sign, text in (("&", "&amp;"), ('"', "&quot;"), ("'", "&#39;"), ("<", "&lt;"), (">", "&gt;"), ("\\", "&#92;"))
}
_STRIP_PASSES = 8


def at(given: Sequence[Value], index: int) -> Value:
    """That argument; undefined if it was not given."""
    return given[index] if index < len(given) else UNDEFINED


def _like(value: Value, text: str) -> Value:
    """The text, as safe as the value."""
    return SafeString(text) if isinstance(value, SafeString) else text


def _or_empty(value: Value) -> Value:
    return "" if value is UNDEFINED or value is None or value is False else value


def _paid(text: str, budget: Budget) -> str:
    budget.allocate(len(text))
    return text


def _capitalized(text: str) -> str:
    return upper(text[:1]) + text[1:]


def _capitalize(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    return _like(value, _capitalized(_paid(lower(text_of(_or_empty(value))), budget)))


def _title(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    text = text_of(_or_empty(value))
    budget.step(text.count(" "))
    words = text.split(" ")
    return _like(value, join([_capitalized(lower(word)) for word in words], " ", budget))


def _spaces(count: float, budget: Budget) -> str:
    """That many spaces, rounded up."""
    if isnan(count) or count <= 0:
        return ""
    budget.allocate(count)
    return " " * -int(-count // 1)


def _center(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    text = _or_empty(value)
    width = at(given, 0) if is_truthy(at(given, 0)) else 80.0
    length = lookups.get(text, "length")
    if order(length, width, budget) >= 0:
        return text
    spaces = to_number(width, budget) - to_number(length, budget)
    before = _spaces(spaces / 2 - numbers.remainder(spaces, 2), budget)
    return _like(text, join([before, to_string(text, budget), _spaces(spaces / 2, budget)], "", budget))


def _escape(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    return value if isinstance(value, SafeString) else _force_escape(value, (), budget)


def _force_escape(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    text = rendered(value, budget)
    budget.allocate(len(text) + 5 * sum(map(text.count, "&\"'<>\\")))
    return SafeString(text.translate(_ESCAPES))


def _safe(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    return value if isinstance(value, SafeString) else SafeString(rendered(value, budget))


def _string(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    if value is UNDEFINED or value is None:
        raise RenderError("The filter string needs a value.")
    return value if isinstance(value, SafeString) else rendered(value, budget)


def _indent(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    text = _or_empty(value)
    lines = text_of(text).split("\n")
    width = at(given, 0) if is_truthy(at(given, 0)) else 4.0
    if text == "":
        return ""
    margin = _spaces(to_number(width, budget), budget)
    budget.allocate(len(lines) * (len(margin) + 1) + sum(map(len, lines)))
    first = 0 if is_truthy(at(given, 1)) else 1
    return _like(text, "\n".join(line if number < first else margin + line for number, line in enumerate(lines)))


def _lower(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    return _paid(lower(text_of(_or_empty(value))), budget)


def _upper(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    return _paid(upper(text_of(_or_empty(value))), budget)


def _trim(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    return _like(value, _paid(text_of(value).strip(WHITESPACE), budget))


def _breaks(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    text = "" if value is UNDEFINED or value is None else text_of(value)
    budget.allocate(len(text) + 6 * text.count("\n"))
    return _like(value, text.replace("\r\n", "\n").replace("\n", "<br />\n"))


def _replace(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    search, replacement = at(given, 0), at(given, 1)
    if isinstance(search, Regex):
        return regexes.replace(text_of(value), Regex(search.source, search.flags), to_string(replacement, budget), budget)
    if isinstance(value, float) and isinstance(search, float | str):
        value = to_string(value, budget)
    if not isinstance(search, float | str) or not isinstance(value, str | SafeString):
        return value
    text, needle, new = text_of(value), to_string(search, budget), to_string(replacement, budget)
    if needle == "":
        between = "," if replacement is UNDEFINED else new
        return _like(value, join([new, join([*text], between, budget), new], "", budget))
    most = -1.0 if at(given, 2) is UNDEFINED else at(given, 2)
    found = text.count(needle)
    if found == 0 or most == 0:
        return value
    count = found if most == -1 else min(float(found), to_number(most, budget))
    whole = max(0, -int(-count // 1)) if not isnan(count) else 0
    budget.step(whole)
    budget.allocate(len(text) + whole * (len(new) - len(needle)))
    return _like(value, text.replace(needle, new, whole))


def _without(pattern: tuple[str, str], text: str, budget: Budget) -> str:
    return regexes.replace(text, Regex(*pattern), "", budget)


def _strip_tags(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    text = text_of(_or_empty(value))
    for _ in range(_STRIP_PASSES + 1):
        stripped = _without(_TAG, _paid(text, budget), budget)
        if stripped == text:
            break
        text = stripped
    else:
        raise RenderError("Tags are nested too deeply to be stripped.")
    text = text.strip(WHITESPACE)
    if not is_truthy(at(given, 0)):
        return _like(value, _WHITESPACE.sub(" ", text))
    text = _SPACES.sub(" ", _without(_LINE_EDGES, text, budget)).replace("\r\n", "\n")
    return _like(value, _BLANK_LINES.sub("\n\n", text))


def _truncate(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    text = _or_empty(value)
    limit = at(given, 0) if is_truthy(at(given, 0)) else 255.0
    if order(lookups.get(text, "length"), limit, budget) <= 0:
        return text
    whole, most = text_of(text), to_number(limit, budget)
    length = int(min(max(most, 0.0), float(len(whole)))) if not isnan(most) else 0
    if not is_truthy(at(given, 1)):
        # lastIndexOf takes NaN for no limit at all.
        space = whole.rfind(" ", 0, length + 1 if not isnan(most) else len(whole))
        length = length if space < 0 else space
    end = at(given, 2)
    ending = "..." if end is UNDEFINED or end is None else to_string(end, budget)
    return _like(value, join([whole[:length], ending], "", budget))


def _quoted(value: Value, budget: Budget) -> str:
    text = with_pairs_joined(to_string(value, budget))
    try:
        return _paid(quote(text, safe="!'()*-._~"), budget)
    except UnicodeEncodeError as error:
        raise RenderError("Half a character can't be put into a URL.") from error


def _url_encode(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    if isinstance(value, str | SafeString):
        return _quoted(value, budget)
    pairs: list[tuple[Value, Value]] = []
    if isinstance(value, Record):
        pairs = [*value.entries.items()]
    elif isinstance(value, Array):
        pairs = [(lookups.attribute(item, "0"), lookups.attribute(item, "1")) for item in value.items]
    return join([f"{_quoted(key, budget)}={_quoted(item, budget)}" for key, item in pairs], "&", budget)


def _url_length(value: Value, budget: Budget) -> int:
    if value is UNDEFINED or (isinstance(value, float) and isnan(value)):
        return budget.limits.string_characters
    number = to_number(value, budget)
    return int(min(number, budget.limits.string_characters)) if number > 0 else 0


def _urlize(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    length = _url_length(at(given, 0), budget)
    follow = ' rel="nofollow"' if at(given, 1) is True else ""
    words = re.split(f"([{WHITESPACE}]+)", text_of(value))
    return join([_linked(word, length, follow) for word in words if word], "", budget)


def _linked(word: str, length: int, follow: str) -> str:
    found = _PUNCTUATION.match(word)
    address = found[1] if found else word
    shown = address[:length]
    if address.startswith(("http://", "https://")):
        return f'<a href="{address}"{follow}>{shown}</a>'
    if address.startswith("www."):
        return f'<a href="http://{address}"{follow}>{shown}</a>'
    if _EMAIL.match(address):
        return f'<a href="mailto:{address}">{address}</a>'
    return f'<a href="http://{address}"{follow}>{shown}</a>' if _DOMAIN.search(address) else word


def _word_count(value: Value, _given: Sequence[Value], budget: Budget) -> Value:
    text = _or_empty(value)
    if not is_truthy(text):
        return None
    budget.step(len(text_of(text)) >> 6)
    return float(count) if (count := sum(1 for _ in _WORD.finditer(text_of(text)))) else None


def _dump(value: Value, given: Sequence[Value], budget: Budget) -> Value:
    return serialized(value, at(given, 0), budget)


TEXT_FILTERS: Mapping[str, Filter] = {
    "capitalize": _capitalize,
    "center": _center,
    "dump": _dump,
    "e": _escape,
    "escape": _escape,
    "forceescape": _force_escape,
    "indent": _indent,
    "lower": _lower,
    "nl2br": _breaks,
    "replace": _replace,
    "safe": _safe,
    "string": _string,
    "striptags": _strip_tags,
    "title": _title,
    "trim": _trim,
    "truncate": _truncate,
    "upper": _upper,
    "urlencode": _url_encode,
    "urlize": _urlize,
    "wordcount": _word_count,
}
