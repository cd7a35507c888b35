"""What the README shows is what the example catalog answers."""

import re

from scripts.answers import QUERIES, blocks, with_answers
from tests.house.tracked import ROOT

TEXT = QUERIES.read_text(encoding="utf-8")


def test_the_answers_are_those_of_the_example_catalog():
    assert with_answers(TEXT) == TEXT, "run scripts/docs"


def test_there_are_five_queries_with_answers():
    languages = [block.language for block in blocks(TEXT) if block.language in {"graphql", "json"}]
    assert languages == ["graphql", "json"] * 5


def test_its_pictures_are_there():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TEXT)
    assert pictures == ["docs/images/graphiql.png"]
    assert all((ROOT / picture).is_file() for picture in pictures)


def test_the_commands_it_names_are_there():
    named = set(re.findall(r"`?(?:callboard/)?(scripts/\w+)", TEXT))
    assert named == {"scripts/serve", "scripts/test", "scripts/check", "scripts/docs"}
    assert all((ROOT / name).stat().st_mode & 0o100 for name in named)
