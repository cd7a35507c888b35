"""Token buckets: what is granted, what is owed, when there is more, and how many are remembered."""

from hypothesis import given
from hypothesis import strategies as st

from api.limits.buckets import Buckets


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_full_bucket_gives_what_it_holds_and_no_more_until_time_has_passed():
    clock = _Clock()
    buckets = Buckets(60, clock=clock)
    assert [buckets.take("a", 25).granted for _ in range(3)] == [True, True, False]
    refused = buckets.take("a", 25)
    assert (refused.left, refused.retry_after_seconds, refused.full_in_seconds) == (10, 15, 50)
    clock.now = 15
    assert buckets.take("a", 25).granted
    assert not buckets.take("a", 1).granted


def test_one_key_spends_nothing_of_another():
    buckets = Buckets(10, clock=_Clock())
    assert [buckets.take(key, 10).granted for key in ("a", "b", "a")] == [True, True, False]


def test_what_costs_more_than_a_bucket_holds_needs_a_full_one_and_is_owed():
    clock = _Clock()
    buckets = Buckets(60, clock=clock)
    assert buckets.take("a", 180).granted
    assert buckets.take("a", 1).retry_after_seconds == 121
    clock.now = 121
    assert buckets.take("a", 1).granted


def test_what_was_spent_already_is_charged_and_owed_to_a_bound():
    clock = _Clock()
    buckets = Buckets(60, clock=clock)
    for _ in range(100):
        buckets.charge("a", 50)
    assert not buckets.take("a", 0).granted
    clock.now = 61
    assert buckets.take("a", 0).granted


def test_those_not_asked_for_longest_are_forgotten():
    buckets = Buckets(10, most_keys=100, clock=_Clock())
    for number in range(1_000):
        buckets.take(number, 10)
    assert len(buckets) == 100
    assert not buckets.take(999, 1).granted
    assert buckets.take(0, 1).granted


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 30)), max_size=40))
def test_nobody_gets_more_than_a_full_bucket_and_what_time_gives(steps: list[tuple[int, float]]):
    clock = _Clock()
    buckets = Buckets(60, clock=clock)
    spent = 0
    for cost, seconds in steps:
        clock.now += seconds
        spent += cost if buckets.take("a", cost).granted else 0
        assert spent <= 60 + clock.now + 1e-6
