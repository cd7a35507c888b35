"""Malformed catalog files: valid ones, changed byte by byte and piece by piece by a seeded generator."""

import json
import random
from collections.abc import Iterator

from tests.differential.mutations import BUILTIN, mutated

TEXTS = (
    """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: shop
  title: "The shop"
  description: |
    Sells things: many of them.
      And more.
  annotations: {a/b: 'c', d: e}
  labels:
    tier: '1'
  tags: [java, c++]
  links:
  - url: https://example.com
    title: Site
  - url: https://example.com/b
spec:
  type: service   # of a kind
  lifecycle: production
  owner: group:default/red
  dependsOn:
    - component:cart
    - resource:db
  providesApis: [orders, "prices"]
""",
    """\
%YAML 1.2
---
&top
apiVersion: backstage.io/v1alpha1
kind: API
metadata: &m
  name: orders
spec:
  type: openapi
  lifecycle: &l production
  owner: red
  copy: *l
  definition: >-
    openapi: 3.0.0

    paths: {}
""",
    """\
apiVersion: scaffolder.backstage.io/v1beta3
kind: Template
metadata: {name: new, title: '${{ x }}'}
spec:
  type: service
  parameters:
    - title: First
      properties: {name: {type: string}}
  steps:
    - id: a
      action: fetch:template
      if: ${{ parameters.x === 'y' }}
      input:
        values: {a: "${{ parameters.a }}", b: [1, 2.5, true, ~]}
""",
)
GOOD = "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {{name: {name}}}\nspec: {{type: team, children: []}}\n"

PIECES = (
    "---\n",
    "\n---\n",
    "...\n",
    "\t",
    "  ",
    "\n",
    "\r",
    "\r\n",
    ": ",
    "- ",
    "? ",
    "{",
    "}",
    "[",
    "]",
    "{{ x }}",
    "{%- if x %}",
    "${{ y }}",
    "'",
    '"',
    "|\n",
    ">-\n",
    "&a ",
    "*a",
    "&b [*b]",
    "!!int ",
    "!x ",
    "#",
    " #",
    "%",
    "@",
    "`",
    "<<: *m\n",
    "\ufeff",
    "\u2028",
    "\x85",
    "\x00",
    "\x07",
    "\x9f",
    "\\",
    "\\x4",
    "é",
    "😀",
    "null",
    "~",
    "1e999",
    ".nan",
    "0x",
    "2020-01-01",
    "$text: a\n",
    "{$yaml: b}",
    "=",
    ",",
    "::",
    ":",
    "name: shop\n",
    "spec:\n",
    "kind: Component\n",
    "metadata: []\n",
    "a: b: c\n",
    "[" * 250,
    "{a: " * 250,
    "- " * 250,
    "? " * 30,
    "x" * 5000,
    " " * 300,
    "&a [*a,*a]",
)
BYTES = (b"\xff", b"\xc3", b"\xe2\x82", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x00", b"\xfe\xff", b"\x80")


def malformed(count: int, seed: int) -> Iterator[bytes]:
    """`count` files, always the same for a seed: the first document is a Group `before`, the last one a Group `behind`, and what is
    between them has been tampered with."""
    chance = random.Random(seed)
    descriptors = mutated(BUILTIN, count, seed)
    for number, descriptor in enumerate(descriptors):
        text = (
            json.dumps(descriptor, ensure_ascii=False, indent=chance.choice((None, 1, "\t"))) if number % 4 == 0 else chance.choice(TEXTS)
        )
        for _ in range(chance.randint(1, 6)):
            text = _changed(text, chance)
        tampered = text.encode("utf-8", "surrogatepass")
        if chance.random() < 0.1:
            place = chance.randint(0, len(tampered))
            tampered = tampered[:place] + chance.choice(BYTES) + tampered[place:]
        # A document is ended by ..., so that a directive at its end does not become one of the next.
        yield b"\n".join((GOOD.format(name="before").encode() + b"---", tampered, b"...\n---", GOOD.format(name="behind").encode()))


def _changed(text: str, chance: random.Random) -> str:
    start = chance.randint(0, len(text))
    end = min(len(text), start + chance.choice((0, 1, 1, 3, 20, 200)))
    match chance.randint(0, 6):
        case 0:
            return text[:start] + text[end:]
        case 1:
            return text[:start] + text[start:end] * chance.choice((2, 2, 3, 50)) + text[end:]
        case 2:
            return text[:start] + chr(chance.choice((chance.randrange(0x20, 0x7F), chance.randrange(0xA0, 0xD7FF)))) + text[end:]
        case 3:
            lines = text.split("\n")
            chance.shuffle(lines)
            return "\n".join(lines)
        case 4:
            lines = text.split("\n")
            number = chance.randrange(len(lines))
            lines[number] = chance.choice(("", " ", "\t", "    ")) + lines[number].lstrip(" ")
            return "\n".join(lines)
        case _:
            return text[:start] + chance.choice(PIECES) + text[start if chance.random() < 0.7 else end :]
