"""Which of several documents gets a ref that all of them declare, and what is reported."""

from hypothesis import given
from hypothesis import strategies as st

from graph.refs import Ref
from graph.store import Claim
from ingest.conflicts import conflict_errors, place_of, winner_of

_REF = Ref("component:default/x")
_claims = st.lists(
    st.builds(Claim, st.just(_REF), st.sampled_from(["l1", "l2"]), st.sampled_from(["/a", "/b", "/c"]), st.integers(0, 2), st.just(1)),
    unique_by=lambda claim: (claim.location_id, claim.path, claim.document),
)
_ORDER = {"l2": 0, "l1": 1}


@given(_claims, st.randoms())
def test_who_wins_does_not_depend_on_the_order_of_claims(claims: list[Claim], random):
    shuffled = list(claims)
    random.shuffle(shuffled)
    winners = [winner_of(some, ("l1", "/b"), _ORDER, lambda claim: claim.path == "/a") for some in (claims, shuffled)]
    assert winners[0] == winners[1]


@given(_claims)
def test_a_holder_from_before_keeps_its_ref(claims: list[Claim]):
    for holder in {place_of(claim) for claim in claims}:
        winner = winner_of(claims, holder, _ORDER, lambda _: False)
        assert winner is not None
        assert place_of(winner) == holder


@given(_claims)
def test_when_a_file_lets_go_its_location_keeps_the_ref_if_it_can(claims: list[Claim]):
    left = [claim for claim in claims if place_of(claim) != ("l1", "/b")]
    winner = winner_of(left, ("l1", "/b"), _ORDER, lambda _: False)
    assert (winner is not None and winner.location_id == "l1") == any(claim.location_id == "l1" for claim in left)


@given(_claims)
def test_among_new_claims_the_first_by_configured_order_path_and_document_wins(claims: list[Claim]):
    winner = winner_of(claims, None, _ORDER, lambda _: True)
    assert winner == min(claims, key=lambda c: (_ORDER[c.location_id], c.path, c.document), default=None)


def test_a_new_claim_displaces_only_a_holder_that_is_as_new():
    old, new = Claim(_REF, "l1", "/b", 0, 1), Claim(_REF, "l1", "/a", 0, 1)
    assert winner_of([old, new], ("l1", "/b"), _ORDER, lambda claim: claim is new) is old
    assert winner_of([old, new], ("l1", "/b"), _ORDER, lambda _: True) is new


@given(_claims)
def test_each_of_several_claims_is_told_of_another(claims: list[Claim]):
    if not claims:
        return
    errors = list(conflict_errors(_REF, claims, claims[0]))
    assert [(error.location_id, error.path, error.document) for error in errors] == (
        [(claim.location_id, claim.path, claim.document) for claim in claims] if len(claims) > 1 else []
    )
