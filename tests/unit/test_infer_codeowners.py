"""CODEOWNERS in the three dialects: who owns a path, and what is said of lines that can't be understood."""

import pytest

from ingest.infer.codeowners import Dialect, codeowners_path, owning_rules, read_codeowners


def owners(text: str, path: str, dialect: Dialect | None = None) -> list[str]:
    rules = owning_rules(read_codeowners(text.encode(), "CODEOWNERS", dialect), path)
    return [owner for rule in rules for owner in rule.owners]


@pytest.mark.parametrize(
    ("pattern", "owned", "not_owned"),
    [
        ("*", ["a", "a/b/c.py"], []),
        ("*.js", ["a.js", "x/y/a.js"], ["a.jsx"]),
        ("/build/logs/", ["build/logs/x", "build/logs/a/b"], ["build/logs", "x/build/logs/y"]),
        ("docs/*", ["docs/a.md"], ["docs/deep/a.md"]),
        ("apps/", ["apps/x", "services/apps/y"], ["apps"]),
        ("/docs/", ["docs/x"], ["x/docs/y"]),
        ("/scripts", ["scripts", "scripts/run"], ["a/scripts"]),
        ("**/logs", ["logs", "build/logs", "a/b/logs/x"], ["logsx"]),
        ("/apps/**/main.py", ["apps/main.py", "apps/a/b/main.py"], ["main.py"]),
        ("a?c", ["abc", "x/axc"], ["ac"]),
    ],
)
def test_a_pattern_on_github_owns_what_its_documentation_says(pattern: str, owned: list[str], not_owned: list[str]):
    found = {path: owners(f"{pattern} @o", path) for path in (*owned, *not_owned)}
    assert found == {**{path: ["@o"] for path in owned}, **{path: [] for path in not_owned}}


def test_the_last_rule_that_matches_decides_and_may_say_nobody():
    text = "* @all\n/apps/ @apps # theirs\n/apps/free\n"
    assert [owners(text, path) for path in ("x", "apps/x", "apps/free/x")] == [["@all"], ["@apps"], []]


def test_a_slash_in_the_middle_ties_a_pattern_on_github_and_not_on_gitlab():
    assert owners("internal/x.md @o", "deep/internal/x.md", Dialect.GITHUB) == []
    assert owners("internal/x.md @o", "deep/internal/x.md", Dialect.GITLAB) == ["@o"]


def test_each_section_of_gitlab_decides_for_itself():
    text = "* @root\n[Docs][2] @writers\n*.md\n/api/*.md @api\n^[DATABASE] @dba\nmodel/\n!model/free/\n[docs]\nlast.md @last\n"
    found = [owners(text, path) for path in ("a.md", "api/b.md", "model/x.md", "model/free/x.py", "last.md")]
    assert found == [["@root", "@writers"], ["@root", "@api"], ["@root", "@writers", "@dba"], ["@root"], ["@root", "@last"]]


def test_groups_and_choices_of_bitbucket_become_their_members():
    text = 'CODEOWNERS.destination_branch_pattern main\n@@@Devs @ann joe@acme.org\n* @@Devs\n"my docs/" @acme/writers:random(1)\n'
    assert owners(text, "x") == ["@ann", "joe@acme.org"]
    assert owners(text, "my docs/x") == ["@acme/writers"]


def test_blanks_in_patterns_are_escaped():
    assert owners("my\\ docs/ @o", "my docs/x") == ["@o"]


def test_a_line_that_github_does_not_support_is_told_and_left_out():
    read = read_codeowners(b"* @o\n!x @o\n[ab].py @o\n/y nobody\n", "CODEOWNERS", Dialect.GITHUB)
    assert [rule.pattern for rule in read.rules] == ["*", "/y"]
    nobody = "'nobody' is neither @user nor @organisation/team nor an e-mail address"
    assert [(problem.line, problem.message) for problem in read.problems] == [
        (2, "'!x' uses ! or [ ], which GitHub does not support"),
        (3, "'[ab].py' uses ! or [ ], which GitHub does not support"),
        (4, nobody),
    ]


def test_the_first_place_that_has_the_file_counts():
    assert codeowners_path({"docs/CODEOWNERS", "CODEOWNERS"}) == "CODEOWNERS"
    assert codeowners_path({".gitlab/CODEOWNERS"}) == ".gitlab/CODEOWNERS"
    assert codeowners_path({"src/CODEOWNERS"}) is None


def test_a_pattern_made_to_be_slow_is_not():
    pattern = "/" + "**/a*a*a*a*a*a*a*b/" * 10
    assert owners(f"{pattern} @o", "/".join(["a" * 100] * 40)) == []
