"""The tutorial, done as it is written: its files made, its commands run in order in an empty folder."""

from scripts.answers import TUTORIAL, with_outputs


def test_the_commands_print_what_the_tutorial_shows():
    text = TUTORIAL.read_text(encoding="utf-8")
    assert with_outputs(text) == text, "run scripts/docs"
