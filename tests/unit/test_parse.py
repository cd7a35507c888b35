"""What makes a document unreadable, and where."""

import pytest

from tests.unit.readings import HEAD, problems, reading

BOMB = "  a0: &a0 [x]\n" + "".join(f"  a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{HEAD}  x: [1\n", ("yaml-syntax", 10, 1)),
        (f"{HEAD}  x: a: b\n", ("yaml-syntax", 9, 7)),
        (f"{HEAD}  x\n  y: 1\n", ("yaml-syntax", 9, 3)),
        (f"{HEAD}\tx: 1\n", ("tab", 9, 1)),
        (f"{HEAD}  x:\n\t- a\n", ("tab", 10, 1)),
        (f"{HEAD}  x: *y\n", ("undefined-alias", 9, 6)),
        (f"{HEAD}  x: &y [*y]\n", ("alias-expansion", 9, 10)),
        (f"{HEAD}{BOMB}", ("alias-expansion", 17, 52)),
        (f"{HEAD}  x: {'[' * 500}{']' * 500}\n", ("too-deep", 9, 204)),
        (f"{HEAD}  x:\n   {'- ' * 500}a\n", ("too-deep", 10, 400)),
        (f"{HEAD}  x:\n   {'? ' * 500}a\n", ("too-deep", 10, 400)),
        (f"{HEAD}  x: [{'a,' * 400_000}]\n", ("too-many-values", 1, 1)),
        (f"{HEAD}  x: [&a 1, {'*a,' * 320_000}]\n", ("too-many-values", 9, 899_953)),
        (f"{HEAD}  x: 1\n  x: 2\n", ("duplicate-key", 10, 3)),
        (f"{HEAD}  x: {{a: 1, 'a': 2}}\n", ("duplicate-key", 9, 13)),
        (f"kind: Component\n{HEAD}", ("duplicate-key", 3, 1)),
        (f"{HEAD}  x: a\x07\n", ("control-character", 9, 7)),
        (f"{HEAD}  x: a\x81\n", ("control-character", 9, 7)),
        (HEAD.encode() + b"  x: a\xff\n", ("not-utf8", 9, 7)),
        (f"{HEAD}  {{%- if x %}}\n  x: 1\n  {{%- endif %}}\n", ("unrendered-template", 9, 3)),
        (f"{HEAD}  x: {{{{ y }}}}\n", ("unrendered-template", 9, 6)),
        (f"{HEAD}  x: {{{{ y }}}}-z\n", ("unrendered-template", 9, 6)),
    ],
)
def test_what_can_not_be_read_is_one_problem_at_its_place(text: str | bytes, problem: tuple[str, int, int]):
    assert problems(text) == [problem]


@pytest.mark.parametrize(
    "bad", ["x: [\n", "x: 1\nx: 2\n", "x: *y\n", "\tx: 1\n", "x: \x07\n", "{% if x %}\n", f"{'[' * 300}\n", "- a\n", "a\n"]
)
def test_the_other_documents_of_the_file_are_read(bad: str):
    text = f"{HEAD}---\n{bad}---\n{HEAD.replace('shop', 'till')}"
    found = reading(text)
    assert [(document.ref, document.index, document.line) for document in found.documents] == [
        ("component:default/shop", 0, 1),
        ("component:default/till", 2, 9 + 1 + bad.count("\n") + 1),
    ]
    assert [problem.document for problem in found.problems] == [1]


def test_bytes_that_are_no_utf8_spoil_their_document_alone():
    found = reading(b"x: \xff\n---\n" + HEAD.encode())
    assert [document.ref for document in found.documents] == ["component:default/shop"]
    assert [(problem.code.value, problem.document, problem.line, problem.column) for problem in found.problems] == [("not-utf8", 0, 1, 4)]


def test_the_entity_of_a_document_that_can_not_be_read_is_guessed():
    text = f"{HEAD}  x: [\n".replace("  name: shop\n", "  # the shop\n  namespace: retail\n  name: 'shop'\n")
    assert [problem.ref for problem in reading(text).problems] == ["component:retail/shop"]


def test_aliases_in_moderation_are_expanded():
    found = reading(f"{HEAD}  x: &y [a, b]\n  z: *y\n")
    assert found.problems == ()
    assert found.documents[0].document["spec"]["z"] == ["a", "b"]


def test_templates_may_hold_expressions():
    text = (
        "apiVersion: scaffolder.backstage.io/v1beta3\nkind: Template\nmetadata: {name: t}\nspec:\n  type: service\n"
        "  steps:\n  - action: a\n    input:\n      x: ${{ parameters.x }}\n      y: {{ z }}\n"
    )
    assert reading(text).problems == ()


def test_what_only_the_placing_parser_refuses_is_accepted():
    found = reading(f"{HEAD}  x: 'a'#b\n".replace("'a'#b", "?a"))
    assert found.problems == ()
