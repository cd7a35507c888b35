"""What counts as a URL."""

import pytest

from config import catalog
from ingest import targets


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("https://example.com/a.yaml", True),
        ("http://example.com", True),
        ("ssh://git@example.com/a.git", True),
        ("git@example.com:team/a.git", True),
        ("https:///a.yaml", False),
        ("file:///a.yaml", False),
        ("ftp://example.com/a", False),
        ("/a/b.yaml", False),
        ("./a@b/c.yaml", False),
        ("git@example.com: a", False),
        ("", False),
    ],
)
def test_the_configuration_and_reading_take_the_same_targets_for_urls(target: str, found: bool):
    assert (catalog.is_url(target), targets.is_url(target)) == (found, found)
