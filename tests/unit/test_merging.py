"""The three-way difference: the template's changes arrive, the repository's stay, and where both changed the same it is said."""

from workers.scaffolder.merging import ChangeKind, File, FileChange, changes_between


def text(*lines: str, executable: bool = False) -> File:
    return File("".join(f"{line}\n" for line in lines).encode(), executable)


OLD = text("one", "two", "three", "four", "five")


def test_what_only_the_template_changed_arrives():
    old = {"same": OLD, "changed": OLD, "gone": OLD}
    new = {"same": OLD, "changed": text("one"), "new": text("n")}
    assert changes_between(old, new, dict(old)) == [
        FileChange("changed", OLD, text("one")),
        FileChange("gone", OLD, None),
        FileChange("new", None, text("n")),
    ]
    assert [change.kind for change in changes_between(old, new, dict(old))] == ["modified", "removed", "added"]


def test_what_the_repository_changed_stays():
    mine = {"same": text("mine"), "own": text("own"), "there": text("n")}
    assert changes_between({"same": OLD, "removed": OLD}, {"same": OLD, "removed": OLD, "there": text("n")}, mine) == []


def test_changes_at_different_places_of_a_file_are_both_there():
    new, mine = text("one", "two", "three", "four", "FIVE"), text("ONE", "two", "three", "four", "five")
    (change,) = changes_between({"f": OLD}, {"f": new}, {"f": mine})
    assert change == FileChange("f", mine, text("ONE", "two", "three", "four", "FIVE"))
    assert change.diff() == "--- a/f\n+++ b/f\n@@ -2,4 +2,4 @@\n two\n three\n four\n-five\n+FIVE\n"


def test_changes_at_the_same_place_are_marked():
    new, mine = text("one", "2", "three", "four", "five"), text("one", "TWO", "three", "four", "five")
    (change,) = changes_between({"f": OLD}, {"f": new}, {"f": mine})
    assert change.after is not None
    assert change.after.content.decode().splitlines() == [
        "one",
        "<<<<<<< the repository",
        "TWO",
        "||||||| the template before",
        "two",
        "=======",
        "2",
        ">>>>>>> the template now",
        "three",
        "four",
        "five",
    ]
    assert change.conflict == "It changed in the template and in the repository at the same places, 1 of them, which are marked in it."


def test_what_can_not_be_marked_stays_as_the_repository_has_it():
    cases = {
        "removed from the repository": (OLD, text("new"), None),
        "removed from the template": (OLD, None, text("mine")),
        "no text": (File(b"\0a"), File(b"\0b"), File(b"\0c")),
    }
    for told, (old, new, mine) in cases.items():
        (change,) = changes_between(*({"f": file} if file else {} for file in (old, new, mine)))
        assert (change.kind, change.after, change.diff()) == (ChangeKind.KEPT, mine, "")
        assert told in (change.conflict or "")


def test_files_that_both_made_are_merged_as_from_nothing():
    assert changes_between({}, {"f": OLD}, {"f": OLD}) == []
    (change,) = changes_between({}, {"f": text("theirs")}, {"f": text("mine")})
    assert change.after is not None
    assert b"<<<<<<< the repository\nmine\n" in change.after.content
    assert change.conflict is not None


def test_nothing_is_removed_where_it_is_not_known_whether_it_is_still_made():
    (change,) = changes_between({"f": OLD}, {}, {"f": OLD}, removes=False)
    assert (change.kind, "not known" in (change.conflict or "")) == (ChangeKind.KEPT, True)


def test_whether_a_file_can_be_run_is_merged_too():
    run = File(OLD.content, executable=True)
    (change,) = changes_between({"f": OLD}, {"f": run}, {"f": text("mine")})
    assert change.after == File(text("mine").content, executable=True)
    assert changes_between({"f": OLD}, {"f": text("new")}, {"f": run}) == [FileChange("f", run, File(text("new").content, executable=True))]
    assert FileChange("f", OLD, run).diff() == "f becomes executable\n"
    assert FileChange("f", File(b"a"), File(b"\xff")).diff() == "f differs\n"
    assert FileChange("f", None, File(b"a")).diff() == "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n\\ No newline at end of file\n"
