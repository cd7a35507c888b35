"""Decision records are numbered, listed and two paragraphs long; the changelog begins with what is unreleased."""

import re

from tests.house.tracked import ROOT

FOLDER = ROOT / "docs" / "decisions"
RECORDS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")


def test_records_are_numbered_without_gaps():
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))


def test_a_record_is_a_title_and_two_paragraphs():
    for path in RECORDS:
        parts = [part for part in path.read_text(encoding="utf-8").split("\n\n") if part.strip()]
        assert re.match(rf"# {int(path.name[:4])}\. [A-Z]", parts[0]), path.name
        assert len(parts) == 3, path.name


def test_every_record_is_listed():
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (FOLDER / "README.md").read_text(encoding="utf-8"))
    assert listed == [path.name for path in RECORDS]


def test_the_changelog_begins_with_what_is_unreleased():
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
