"""Files are rendered as fetch:template renders them."""

import pytest

from graph.errors import InputError, LimitExceededError, RenderError, RenderLimitError
from workers.scaffolder.templating.limits import Limits
from workers.scaffolder.templating.rendering import Renderer
from workers.scaffolder.templating.scanning import Syntax

VALUES = {"values": {"name": "shop", "ports": [80, 443], "owner": {"team": "a"}, "public": False}}
README = """# ${{ values.name | title }}
{#- not for readers #}
{%- for port in values.ports %}
- ${{ loop.index }}: ${{ port }}{% if not loop.last %},{% endif %}
{%- endfor %}
{% raw %}${{ github.actor }}{% endraw %}
"""


def test_a_file_has_statements_comments_and_parts_that_stay():
    assert Renderer().render_text(README, VALUES) == "# Shop\n- 1: 80,\n- 2: 443\n${{ github.actor }}\n"


def test_blocks_can_take_the_line_that_they_stand_on():
    source = "a\n  {% if values.public %}\nb\n  {% else %}\nc\n  {% endif %}\nd\n"
    assert Renderer().render_text(source, VALUES) == "a\n  \nc\n  \nd\n"
    trimming = Renderer(syntax=Syntax(trim_blocks=True, lstrip_blocks=True))
    assert trimming.render_text(source, VALUES) == "a\nc\nd\n"


def test_cookiecutter_templates_have_their_own_delimiters_and_words():
    renderer = Renderer(syntax=Syntax(cookiecutter=True))
    source = "{{ cookiecutter.name }} ${{ x }} {{ cookiecutter.ports | jsonify }}{% if cookiecutter.public == False %} private{% endif %}"
    source += (
        " {{ cookiecutter.owner.get('team', 'none') }} {% for key, value in cookiecutter.owner.items() %}{{ key }}{{ value }}{% endfor %}"
    )
    assert renderer.render_text(source, {"cookiecutter": VALUES["values"]}) == "shop $ [80,443] private a teama"


def test_macros_and_call_blocks():
    source = "{% macro item(name, sign='*') %}${{ sign }} ${{ name }}${{ caller() if caller }}{% endmacro %}"
    source += "${{ item('a') }} ${{ item('b', sign='-') }} {% call item('c') %}!{% endcall %}"
    assert Renderer().render_text(source, VALUES) == "* a - b * c!"


def test_nothing_is_escaped_and_safe_strings_are_told_apart():
    assert Renderer().render_text("${{ '<b>' }}${{ '<b>' | escape }}${{ '<b>' | safe is escaped }}", VALUES) == "<b>&lt;b&gt;true"


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("a\nb ${{ values.name | nonsense }}", 2, 21),
        ("a\n\n${{ values.name.nope() }}", 3, 17),
        ("a\n{% if x %}", 2, 1),
        ("a\n  {% endif %}", 2, 3),
        ("a ${{ 1 +", 1, 3),
        ("a\n${{ r/(/ }}", 2, 5),
        ("{% include 'b' %}", 1, 1),
        ("😀 ${{ [1 }}", 1, 9),
        ("x\n{% for a in values.ports %}\n${{ a.b.c() }}{% endfor %}", 3, 9),
    ],
)
def test_an_error_has_its_place(source: str, line: int, column: int):
    with pytest.raises(RenderError) as caught:
        Renderer().render_text(source, VALUES)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert str(caught.value).startswith(f"Line {line}, column {column}: ")
    assert isinstance(caught.value, InputError)


def test_what_takes_too_much_has_its_place_and_is_a_limit():
    with pytest.raises(RenderLimitError, match=r"Line 2, column 13: .* more than 100 steps") as caught:
        Renderer(limits=Limits(steps=100)).render_text("a\n{% for x in range(100) %}{% endfor %}", VALUES)
    assert isinstance(caught.value, LimitExceededError)


def test_sums_of_many_terms_are_not_nested():
    assert Renderer().render_text(f"${{{{ {' ~ '.join(['values.name'] * 1000)} }}}}", VALUES) == "shop" * 1000


def test_expressions_are_listed_with_what_they_use():
    source = "a ${{ values.name | lower | pick('x') }}\n"
    source += "{% for p in values.ports %}{% if p is defined and q | d(r) %}${{ p }}{% endif %}{% endfor %}"
    found = Renderer().expressions_of(source)
    assert [(each.text, each.line, each.column) for each in found] == [
        ("values.name | lower | pick('x')", 1, 7),
        ("values.ports", 2, 13),
        ("p is defined and q | d(r)", 2, 34),
        ("p", 2, 66),
    ]
    assert [(each.names, each.filters, each.tests) for each in found] == [
        (["values"], ["pick", "lower"], []),
        (["values"], [], []),
        (["p", "q", "r"], ["d"], ["defined"]),
        (["p"], [], []),
    ]


def test_what_macros_have_for_arguments_that_are_missing_is_listed_too():
    found = Renderer().expressions_of("{% macro m(a, b=c | odd_one) %}{% endmacro %}")
    assert [(each.text, each.names, each.filters) for each in found] == [("a, b=c | odd_one", ["c"], ["odd_one"])]


def test_which_filters_there_are_depends_on_the_host_and_the_syntax():
    renderer = Renderer({"mine": str})
    assert [renderer.knows_filter(name) for name in ("mine", "title", "jsonify", "yours")] == [True, True, False, False]
    assert Renderer(syntax=Syntax(cookiecutter=True)).knows_filter("jsonify")


def test_a_random_choice_is_the_same_for_the_same_seed():
    chosen = {Renderer().render_text("${{ range(1000) | random }}", {}, seed="task-1") for _ in range(5)}
    others = {Renderer().render_text("${{ range(1000) | random }}", {}, seed=f"task-{number}") for number in range(20)}
    assert len(chosen) == 1
    assert len(others) > 10
