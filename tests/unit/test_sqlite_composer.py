"""The SQL of conditions, where it can be read off without a database."""

from graph.conditions import EVERYTHING, NOTHING, All, AnyOf, FactHasPrefix, FactIn, IsOrphan, Not, RefIn
from graph.refs import Ref
from graph.relations import Direction, Step
from graph.stores.sqlite_composer import Composer, joined


def test_nothing_of_visibility_is_left_where_everything_is_visible() -> None:
    composer = Composer(EVERYTHING, seen_in_set=True)
    assert (composer.visible("n"), Composer(EVERYTHING).visible("n")) == ("TRUE", "TRUE")
    assert "visible" not in composer.there("n")
    assert "declarer" not in composer.links([Step("dependsOn", Direction.OUT)], "roots", "id")
    assert Composer().parameters == {}


def test_conditions_that_hold_always_or_never_vanish() -> None:
    composer = Composer()
    assert composer.matches(All((EVERYTHING, All())), "n") == "TRUE"
    assert composer.matches(AnyOf((NOTHING, FactIn("kind", ()))), "n") == "FALSE"
    assert composer.matches(AnyOf((RefIn((Ref("a:b/c"),)), EVERYTHING)), "n") == "TRUE"
    assert composer.matches(Not(NOTHING), "n") == "NOT FALSE"


def test_every_value_is_a_parameter() -> None:
    composer = Composer()
    text = composer.matches(All((FactIn("pa'th", ("va'lue",)), FactHasPrefix("x", "pre'fix"), RefIn((Ref("r'ef"),)))), "n")
    assert "'" not in text
    assert sorted(str(value) for value in composer.parameters.values()) == ['["r\'ef"]', "pa'th", "pre'fix", "pre'fiy", "va'lue", "x"]


def test_a_prefix_ends_before_the_next_text() -> None:
    for prefix, end in (("a", "b"), ("a\U0010ffff", "b"), ("\ud7ff", "\ue000")):
        composer = Composer()
        composer.matches(FactHasPrefix("x", prefix), "n")
        assert end in composer.parameters.values()
    composer = Composer()
    assert "<" not in composer.matches(FactHasPrefix("x", "\U0010ffff"), "n")


def test_many_parts_make_a_shallow_tree() -> None:
    depth = deepest = 0
    for character in joined("AND", [f"p{i}" for i in range(1024)]):
        depth += {"(": 1, ")": -1}.get(character, 0)
        deepest = max(deepest, depth)
    assert deepest == 10


def test_kinds_say_between_which_refs_their_entities_lie() -> None:
    composer = Composer()
    assert composer.ref_range(All((IsOrphan(), FactIn("kind", ("a", "a-b", "b"))))) == "ref >= :c0 AND ref < :c1"
    assert composer.parameters == {"c0": "a-b:", "c1": "b;"}
    assert Composer().ref_range(FactIn("kind", ())) == "TRUE"
    assert Composer().ref_range(Not(FactIn("kind", ("a",)))) == "TRUE"
