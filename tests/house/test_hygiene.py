"""Nothing of a particular machine or network is in the repository."""

import re

from tests.house.tracked import ROOT, tracked_files, tracked_texts

MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|Users|work)/[\w.-]+|/tmp/[a-z_]+/|[A-Z]:\\\\?Users")
REGISTRY_HOST = re.compile(
    r"pypi\.org|files\.pythonhosted\.org|registry\.npmjs\.org|registry\.yarnpkg\.com|repo1?\.maven\.(apache\.)?org|crates\.io|proxy\.golang\.org"
    r"|deb\.debian\.org|docker\.io|ghcr\.io|quay\.io"
)
SECRET = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bglpat-[\w-]{20}\b")
HERE = "tests/house/test_hygiene.py"


def found(pattern: re.Pattern[str]) -> list[str]:
    """Every place that the pattern matches, as path:line: text."""
    return [
        f"{path}:{number}: {match[0]}"
        for path, text in tracked_texts()
        if str(path) != HERE
        for number, line in enumerate(text.splitlines(), 1)
        for match in pattern.finditer(line)
    ]


def test_no_file_names_a_machine_path():
    assert found(MACHINE_PATH) == []


def test_no_file_names_a_registry_host():
    assert found(REGISTRY_HOST) == []


def test_no_file_holds_a_secret():
    assert found(SECRET) == []


def test_the_locks_name_no_host():
    locks = [path for path in tracked_files() if path.name in {"requirements.lock", "package-lock.json"}]
    assert locks != []
    for path in locks:
        hosts = re.findall(r'"resolved"|--(?:extra-)?index-url|--find-links|@ https?://', (ROOT / path).read_text())
        assert hosts == [], path


def test_the_python_lock_has_a_hash_for_every_requirement():
    text = (ROOT / "requirements.lock").read_text()
    pinned = re.findall(r"^(\S+)==\S+.*\\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert len(pinned) == len(re.findall(r"^\S+==", text, re.MULTILINE)) >= 40


def test_links_between_documents_lead_somewhere():
    link = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
    broken = [
        f"{path}: {target}"
        for path, text in tracked_texts()
        if path.suffix == ".md"
        for target in link.findall(text)
        if not (ROOT / path.parent / target).exists()
    ]
    assert broken == []
