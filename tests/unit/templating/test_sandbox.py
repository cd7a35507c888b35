"""Templates can't get out of their sandbox, nor take more time, memory or output than they may."""

import tracemalloc
from collections.abc import Mapping
from typing import Any

import pytest

from graph.errors import RenderError, RenderLimitError
from workers.scaffolder.templating.limits import Limits
from workers.scaffolder.templating.rendering import Failure, Renderer
from workers.scaffolder.templating.scanning import Syntax

CONTEXT: Mapping[str, Any] = {"values": {"name": "shop", "list": [1, 2, 3], "record": {"a": 1}, "long": "a" * 50_000}}
LIMITS = Limits(
    steps=50_000, seconds=2.0, regex_seconds=0.3, string_characters=200_000, allocated_characters=1_000_000, output_characters=200_000
)
RENDERER = Renderer(globals={"add": lambda a, b: a + b}, limits=LIMITS)
COOKIECUTTER = Syntax(cookiecutter=True)
MEMORY = 64 * 1024 * 1024

ESCAPES = {
    "the class of a string": "${{ ''.__class__.__mro__() }}",
    "the subclasses of everything": "${{ [].__class__.__base__.__subclasses__() }}",
    "the globals of a host's function": "${{ add.__globals__.__builtins__.open('x') }}",
    "the code of a host's function": "${{ add.__code__.replace() }}",
    "the constructor of a string": "${{ ''.constructor.constructor('return process')() }}",
    "the constructor by subscript": "${{ ''['constructor'] }}",
    "the constructor by a key made at run time": "${{ ''['con' ~ 'structor']('return 1')() }}",
    "the prototype of a record": "${{ values.record.__proto__.polluted }}",
    "the prototype by a key made at run time": "${{ values.record['__pro' ~ 'to__'].toString() }}",
    "a record with a prototype of its own": "${{ { '__proto__': { a: 1 } }.a }}",
    "a variable called constructor": "{% set constructor = 1 %}${{ constructor }}",
    "grouping by the prototype": "${{ [{ a: '__proto__' }] | groupby('a') }}",
    "an attribute called constructor": "${{ [values] | join(',', 'constructor') }}",
    "sorting by what is in the constructor": "${{ [values, values] | sort(attribute='constructor.name') }}",
    "the methods of Python's strings": "${{ 'x'.format(values).upper() }}",
    "the fields of Python's formats": "${{ '{0.__class__}'.format(1) }}",
    "the encoders of Python's strings": "${{ values.name.encode('utf-8') }}",
    "Python's own functions": "${{ open('passwd').read() }}",
    "evaluating": "${{ eval('1') }}",
    "importing": "${{ __import__('os').system('id') }}",
    "the process": "${{ process.env.PATH ~ process.env.exit() }}",
    "including a file": "{% include 'secrets.txt' %}",
    "importing a file": "{% import 'secrets.txt' as secrets %}",
    "importing from a file": "{% from 'secrets.txt' import password %}",
    "extending a file": "{% extends '../base.txt' %}",
    "a macro written out": "{% macro m() %}{% endmacro %}${{ [m] | dump }}",
    "a function given to a host's function": "${{ add(range, 1) }}",
    "the interpreter through a caller": "{% macro m() %}${{ caller.environment.scope() }}{% endmacro %}{% call m() %}{% endcall %}",
    "the interpreter through a cycler": "${{ cycler(1).values.append(2) }}",
    "the receiver of a method": "${{ values.name.trim.receiver.name.call() }}",
}
BOMBS = {
    "a range of a billion": "${{ range(1000000000) | length }}",
    "a range without an end": "${{ range(0, 1, 0.000000001) }}",
    "a range of text": "${{ range('a', 'b', '1') | length }}",
    "loops in loops": "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{% endfor %}{% endfor %}{% endfor %}",
    "a macro that calls itself": "{% macro m() %}${{ m() }}{% endmacro %}${{ m() }}",
    "macros that call each other twice": "{% macro a(n) %}${{ a(n + 1) }}${{ a(n + 1) }}{% endmacro %}${{ a(0) }}",
    "a text doubled again and again": "{% set x = 'a' %}{% for i in range(100) %}{% set x = x ~ x %}{% endfor %}${{ x }}",
    "a list doubled again and again": "{% set x = [1] %}{% for i in range(100) %}{% set x = x.concat(x) %}{% endfor %}${{ x }}",
    "a list of lists of lists": "{% set x = [1] %}{% for i in range(1000) %}{% set x = [x, x] %}{% endfor %}${{ x }}",
    "a list shared a thousand times": "{% set x = [1] %}{% for i in range(60) %}{% set x = [x, x] %}{% endfor %}${{ x | dump }}",
    "a list that contains itself": "{% set x = [1] %}${{ x.push(x) }}${{ x }}",
    "a list joined by a long text": "${{ range(10000) | join(values.long) }}",
    "a method that joins by a long text": "${{ range(10000).join(values.long) }}",
    "a replacement at every letter": "${{ values.long | replace('a', values.long) }}",
    "a replacement between all letters": "${{ values.long | replace('', values.long) }}",
    "a replacement that doubles": '${{ values.long | replace(r/a/g, "$`$\'$&") }}',
    "a replacement by a method that doubles": "${{ values.long.replace(r/a/g, values.long) }}",
    "a center of a billion": "${{ 'a' | center(1000000000) }}",
    "an indent of a billion": "${{ values.name | indent(1000000000, true) }}",
    "a batch of a billion": "${{ [1] | batch(1000000000, 'x') }}",
    "a slice of a billion": "${{ [1] | slice(1000000000) }}",
    "a record that says it is long": "${{ { length: 1000000000 } | list | length ~ ({ length: 1000000000 } | sort | length) }}",
    "a loop over what says it is endless": "{% for x in { length: 1 / 0 } %}{% endfor %}",
    "a slice of a number": "${{ 5[1:] }}",
    "output without an end": "{% for i in range(10000) %}${{ values.long }}{% endfor %}",
    "tags that never end": "${{ values.long | replace('a', '<a') | striptags }}",
    "comments that never end": "${{ values.long | replace('a', '<!--') | striptags }}",
    "groups in groups": "${{ r/" + "(" * 1000 + "a" + ")" * 1000 + "/.test('a') }}",
    "a pattern that is too long": "${{ r/" + "a" * 100_000 + "/.test('a') }}",
    "parentheses": "${{ " + "(" * 10_000 + "1" + ")" * 10_000 + " }}",
    "brackets": "${{ " + "[" * 10_000 + "]" * 10_000 + " }}",
    "braces": "${{ " + "{ a: " * 10_000 + "1" + "}" * 10_000 + " }}",
    "subscripts in subscripts": "${{ values" + "[values" * 10_000 + "]" * 10_000 + " }}",
    "signs": "${{ " + "-+" * 10_000 + "1 }}",
    "filters after filters": "${{ 1" + " | abs" * 10_000 + " }}",
    "lookups after lookups": "${{ values" + ".a" * 10_000 + " }}",
    "calls after calls": "${{ values" + "()" * 10_000 + " }}",
    "conditionals": "${{ " + "1 if (1 if " * 5_000 + "1" + ")" * 5_000 + " }}",
    "ifs in ifs": "{% if 1 %}" * 10_000 + "{% endif %}" * 10_000,
    "blocks of filters": "{% filter upper %}" * 1_000 + "{% endfilter %}" * 1_000,
    "more tags than there may be": "${{ 1 }}" * 300_000,
    "brackets in a pattern": "${{ r/" + "[" * 2_000 + "/.test('a') }}",
}
PATTERNS = {
    "overlapping alternatives": "${{ values.long | replace(r/(a|aa|aaa)*c/g, '') }}",
    "a backreference to backtrack over": r"${{ values.long.split(r/(a*)*\1b/) }}",
    "a look-ahead to backtrack in": "${{ r/(?=(a+)+b)c/.test(values.long) }}",
    "nested quantifiers": "${{ values.long | replace(r/(a+)+$b/g, '') }}",
    "repetitions of repetitions": "${{ values.long | replace(r/((a{1,1000}){1,1000}){1,1000}b/, '') }}",
    "quantifiers next to each other": "${{ values.long | replace(r/a*a*a*a*a*a*b/, '') }}",
    "an anchor after a group": "${{ values.long | replace(r/^(([a-z])+.)+[A-Z]([a-z])+$/, '') }}",
    "a pattern at every place": "${{ values.long | replace(r/.*?b/g, '') }}",
}


def refused(source: str, renderer: Renderer = RENDERER) -> RenderError | RenderLimitError:
    with pytest.raises((RenderError, RenderLimitError)) as caught:
        renderer.render_text(source, CONTEXT)
    assert len(str(caught.value)) < 1000
    return caught.value


@pytest.mark.parametrize("source", ESCAPES.values(), ids=ESCAPES)
def test_no_template_reaches_out_of_its_values(source: str):
    assert isinstance(refused(source), RenderError)


@pytest.mark.parametrize("source", ESCAPES.values(), ids=ESCAPES)
def test_no_cookiecutter_template_does_either(source: str):
    renderer = Renderer(globals={"add": lambda a, b: a + b}, limits=LIMITS, syntax=COOKIECUTTER)
    refused(source.replace("${{", "{{"), renderer)


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS)
def test_no_template_takes_more_than_it_may(source: str):
    tracemalloc.start()
    try:
        refused(source)
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("source", PATTERNS.values(), ids=PATTERNS)
def test_no_pattern_takes_longer_than_it_may(source: str):
    try:
        answered = RENDERER.render_text(source, CONTEXT)
    except RenderLimitError as error:
        assert "regular expression" in str(error)
    else:
        assert answered in {CONTEXT["values"]["long"], "false"}


def test_what_escapes_is_left_as_it_was_in_a_value():
    failures: list[Failure] = []
    value = dict(ESCAPES)
    assert RENDERER.render_value(value, CONTEXT, failures=failures) == value
    assert len(failures) == len(ESCAPES)


def test_the_strings_of_a_value_share_its_limits():
    loop = "{% for i in range(200) %}${{ i }}{% endfor %}"
    assert RENDERER.render_value([loop] * 5, CONTEXT)[0] == "".join(map(str, range(200)))
    with pytest.raises(RenderLimitError):
        RENDERER.render_value([loop] * 500, CONTEXT)


def test_what_a_template_changes_is_changed_for_itself_alone():
    context = {"values": {"list": [3, 1, 2]}}
    value = ["${{ values.list.sort() }}", "${{ values.list.push(4) }}", "${{ values.list }}"]
    assert RENDERER.render_value(value, context) == [[1, 2, 3], 4, [3, 1, 2]]
    assert context == {"values": {"list": [3, 1, 2]}}


def test_a_function_of_the_host_gets_copies_and_its_errors_are_the_template_s():
    taken: list[Any] = []

    def take(value: Any) -> Any:
        taken.append(value)
        value["a"] = 2
        raise KeyError("no")

    context = {"values": {"record": {"a": 1}}}
    with pytest.raises(RenderError, match="The function take failed"):
        Renderer(globals={"take": take}).render_text("${{ take(values.record) }}", context)
    assert (taken, context) == ([{"a": 2}], {"values": {"record": {"a": 1}}})


def test_answers_of_the_host_have_to_be_json():
    renderer = Renderer(filters={"odd": lambda _: object()}, globals={"cyclic": cyclic})
    for source in ("${{ 1 | odd }}", "${{ cyclic() }}", "${{ values }}"):
        with pytest.raises(RenderError):
            renderer.render_text(source, {"values": {"x": {1, 2}}})


def cyclic() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found
