"""A sign-in that has begun ends once, in the browser that began it, and not too late."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from api.auth.attempts import LASTS, Attempt, Attempts, browser_secret
from api.auth.providers.people import SignInError
from graph.store import Store

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ATTEMPT = Attempt("oidc", "page", "/graphql")


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


async def test_it_ends_with_what_it_began_with(store: Store):
    attempts, browser = Attempts(store), browser_secret(None)
    begun = await attempts.begin(ATTEMPT, browser)
    assert len({begun.state, begun.nonce, begun.verifier}) == 3
    assert await attempts.look("oidc", begun.state) == ATTEMPT
    assert await attempts.look("github", begun.state) is None
    assert await attempts.finish("oidc", begun.state, browser) == (ATTEMPT, begun)
    assert begun.state not in repr(begun)


async def test_of_many_ends_at_once_one_counts(store: Store):
    attempts, browser = Attempts(store), browser_secret(None)
    begun = await attempts.begin(ATTEMPT, browser)
    ends = await asyncio.gather(*(attempts.finish("oidc", begun.state, browser) for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(end, SignInError) for end in ends) == 1


async def test_another_browser_provider_or_state_does_not_end_it(store: Store):
    attempts, browser = Attempts(store), browser_secret(None)
    begun = await attempts.begin(ATTEMPT, browser)
    for provider, state, secret in (
        ("github", begun.state, browser),
        ("oidc", begun.state[::-1], browser),
        ("oidc", "", browser),
        ("oidc", begun.state, None),
        ("oidc", begun.state, browser_secret(None)),
    ):
        with pytest.raises(SignInError):
            await attempts.finish(provider, state, secret)
    assert (await attempts.finish("oidc", begun.state, browser))[0] == ATTEMPT


async def test_after_ten_minutes_it_is_over_and_forgotten(store: Store):
    clock = Clock()
    attempts, browser = Attempts(store, clock), browser_secret(None)
    begun = await attempts.begin(ATTEMPT, browser)
    clock.now += LASTS
    with pytest.raises(SignInError, match="took too long"):
        await attempts.finish("oidc", begun.state, browser)
    await attempts.begin(ATTEMPT, browser)
    clock.now += LASTS + timedelta(seconds=1)
    await attempts.begin(ATTEMPT, browser)
    assert len(await store.states("sign-ins")) == 1


@pytest.mark.parametrize("cookie", [None, "", "short", "x" * 44, "é" * 43, "a" * 42 + ";"])
def test_a_browser_without_a_secret_of_ours_gets_one(cookie: str | None):
    made = browser_secret(cookie)
    assert made != cookie
    assert browser_secret(made) == made
