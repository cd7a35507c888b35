"""Input that no honest client sends: it is answered or refused, never a failure within."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

import orjson
import pytest

from graph.errors import InputError, LimitExceededError
from tests.api.catalog import Asking

SURROGATE = "\ud800"
TEXTS = [
    "",
    " ",
    SURROGATE,
    f"component:{SURROGATE}",
    "\x00",
    "component:\x00",
    "%",
    "'",
    "a" * 5_000,
    "\U0010ffff",
    "*",
    "component:default/*",
]

WITH_TEXT = [
    "query ($t: String!) { entity(ref: $t) { ref } }",
    "query ($t: ID!) { node(id: $t) { id } }",
    "query ($t: String!) { entitiesByRef(refs: [$t, $t]) { ref } }",
    "query ($t: String!) { entities(filter: { text: $t }) { totalCount nodes { ref } } }",
    "query ($t: String!) { entities(filter: { kind: [$t], owner: [$t] }) { totalCount nodes { ref } } }",
    "query ($t: String!) { entities(filter: { label: { key: $t, value: [$t] } }) { totalCount nodes { ref } } }",
    "query ($t: String!) { entities(filter: { where: { path: $t, equals: $t, hasPrefix: $t, contains: $t } }) { totalCount } }",
    'query ($t: String!) { entities(filter: { where: { path: "kind", hasPrefix: $t } }) { totalCount nodes { ref } } }',
    "query ($t: String!) { entities(filter: { related: { relation: OWNED_BY, target: [$t], transitive: true } }) { totalCount } }",
    "query ($t: String!) { entities(orderBy: [{ path: $t }], first: 2) { nodes { ref } pageInfo { endCursor } } }",
    "query ($t: String!) { facets(of: [$t, $t]) { of values { value } } }",
    "query ($t: String!) { impact(of: [$t]) { totalCount edges { cursor } } }",
    "query ($t: String!) { paths(from: $t, to: $t) { length } }",
    "query ($t: String!) { whyMissing(ref: $t) { presence explanation sameName { ref } claims { path } } }",
    "query ($t: String!) { changes(since: $t, of: [$t]) { totalCount nodes { ref } } }",
    "query ($t: String!, $i: ID!) { catalogErrors(of: [$t], codes: [$t], locations: [$i]) { totalCount nodes { code } } }",
    "query ($t: String!) { catalogErrors(codes: [$t]) { totalCount nodes { code } } }",
    "query ($i: ID!) { catalogErrors(locations: [$i]) { totalCount nodes { code } } }",
    "query ($t: String!) { entities(after: $t) { nodes { ref } } }",
    "query ($r: [_Any!]!) { _entities(representations: $r) { __typename } }",
]


async def _refused_or_answered(asking: Asking, operation: str, **variables: Any) -> None:
    answer = await asking.answer(operation, **variables)
    for error in answer.errors or ():
        assert isinstance(error.original_error, InputError | LimitExceededError), (operation, variables, error)


@pytest.mark.parametrize("operation", WITH_TEXT)
async def test_no_text_makes_an_operation_fail_within(asking: Asking, operation: str) -> None:
    for text in TEXTS:
        variables = {"t": text, "i": text, "r": [{"__typename": "Component", "ref": text}]}
        declared = operation[: operation.index("{")]
        await _refused_or_answered(asking, operation, **{name: value for name, value in variables.items() if f"${name}:" in declared})


@pytest.mark.parametrize("since", ["9" * 18, "9" * 19, "9" * 5_000, "٣", "²", "+1", "1_0", " 1"])
async def test_no_sequence_number_makes_the_log_fail_within(asking: Asking, since: str) -> None:
    await _refused_or_answered(asking, "query ($s: String) { changes(since: $s) { nodes { ref } pageInfo { hasNextPage } } }", s=since)


PAGED = [
    ("entities", "{ entities({}) { edges { cursor } nodes { ref } } }"),
    (
        "entities",
        '{ entities(orderBy: [{ path: "metadata.title" }, { path: "kind", direction: DESC }], {}) { edges { cursor } nodes { ref } } }',
    ),
    ("locations", "{ locations({}) { edges { cursor } } }"),
    ("changes", "{ changes({}) { edges { cursor } } }"),
    ("catalogErrors", "{ catalogErrors({}) { edges { cursor } } }"),
    ("danglingRelations", "{ danglingRelations({}) { edges { cursor } } }"),
    ("impact", '{ impact(of: ["component:shop"], {}) { edges { cursor } } }'),
    ("cycles", "{ cycles({}) { edges { cursor } } }"),
    ("entity.relations", '{ entity(ref: "component:shop") { relations({}) { edges { cursor } } } }'),
    ("entity.dependencies", '{ entity(ref: "component:shop") { dependencies({}) { edges { cursor } } } }'),
    ("entity.history", '{ entity(ref: "component:shop") { history({}) { edges { cursor } } } }'),
    ("entity.owns", '{ entity(ref: "group:company") { ... on Group { owns({}) { edges { cursor } } } } }'),
]


def _forged(cursor: str) -> list[str]:
    fingerprint, *keyset = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    keysets: list[list[Any]] = [[], [None] * len(keyset), [*keyset, "more"], keyset[1:], ["x"] * len(keyset), [""] * len(keyset)]
    keysets += [["9" * 30] * len(keyset), ["-1"] * len(keyset), ["\x00"] * len(keyset), [1] * len(keyset), [[]] * len(keyset), [True]]
    return [urlsafe_b64encode(orjson.dumps([fingerprint, *forged])).decode().rstrip("=") for forged in keysets]


@pytest.mark.parametrize(("path", "operation"), PAGED)
async def test_no_forged_cursor_makes_a_list_fail_within(asking: Asking, path: str, operation: str) -> None:
    found: Any = await asking.data(operation.replace("{})", "first: 3)"))
    for name in path.split("."):
        found = found[name]
    for cursor in _forged(found["edges"][0]["cursor"]):
        await _refused_or_answered(asking, operation.replace("{})", f'after: "{cursor}")'))
        if path not in {"impact", "cycles"}:
            await _refused_or_answered(asking, operation.replace("{})", f'last: 2, before: "{cursor}")'))
