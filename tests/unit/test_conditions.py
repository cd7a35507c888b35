"""How conditions are put together."""

from graph.conditions import EVERYTHING, NOTHING, All, AnyOf, FactIn, IsOrphan, Not, RefIn, all_of, fact_in


def test_values_and_paths_are_lowered_sorted_and_without_repetition() -> None:
    assert fact_in("Spec.Type", ["Website", "API", "website"]) == FactIn("spec.type", ("api", "website"))


def test_a_conjunction_is_flat() -> None:
    a, b, c = IsOrphan(), RefIn(()), Not(IsOrphan())
    assert all_of([a, All((b, c)), EVERYTHING]) == All((a, b, c))


def test_a_conjunction_of_one_is_that_one_and_of_none_everything() -> None:
    assert all_of([EVERYTHING, IsOrphan()]) == IsOrphan()
    assert all_of([]) == EVERYTHING


def test_everything_and_nothing_are_the_empty_conjunction_and_disjunction() -> None:
    assert (All(), AnyOf()) == (EVERYTHING, NOTHING)
