"""Which user of the catalog somebody who has signed in is, by Backstage's resolvers; whoever can't be told apart is nobody."""

from typing import Any

import pytest

from api.auth.providers.people import Person, SignInError
from api.auth.resolvers import Resolution, Resolver, resolvers_of
from config.auth import Auth
from graph.store import Batch, Store
from tests.api.catalog import CAUSE, described, write_of

USERS = [
    described("User", "ann", {"memberOf": [], "profile": {"email": "Ann@Example.com"}}, annotations={"github.com/user-id": "MDQ6"}),
    described(
        "User", "bob", {"memberOf": [], "profile": {"email": "shared@example.com"}}, annotations={"github.com/user-login": "BobTheDev"}
    ),
    described(
        "User", "cat", {"memberOf": [], "profile": {"email": "shared@example.com"}}, annotations={"google.com/email": "cat@example.com"}
    ),
    described("User", "dan", {"memberOf": []}, annotations={"gitlab.example.com/user-id": "7", "google.com/email": "two@example.com"}),
    described("User", "eve", {"memberOf": []}, annotations={"google.com/email": "two@example.com"}),
    described("Group", "fay", {"type": "team", "children": [], "profile": {"email": "fay@example.com"}}),
    described("User", "gus", {"memberOf": []}, namespace="elsewhere"),
]
PROFILE_EMAIL, LOCAL_PART = "emailMatchingUserEntityProfileEmail", "emailLocalPartMatchingUserEntityName"
USERNAME, USER_ID = "usernameMatchingUserEntityName", "userIdMatchingUserEntityAnnotation"


@pytest.fixture
async def people(store: Store) -> Store:
    await store.apply(Batch(CAUSE, [write_of(document) for document in USERS]))
    return store


async def user_of(store: Store, person: Person, *resolvers: Resolver) -> str:
    return await Resolution(store, "The provider", resolvers).user_of(person)


FOUND = [
    (Resolver(PROFILE_EMAIL), Person("1", email="ann@EXAMPLE.com"), "user:default/ann"),
    (Resolver(PROFILE_EMAIL), Person("1", email="ann+news@example.com"), "user:default/ann"),
    (Resolver(LOCAL_PART), Person("1", email="Bob@anything.example"), "user:default/bob"),
    (Resolver(LOCAL_PART, allowed_domains=("Example.com",)), Person("1", email="bob@example.COM"), "user:default/bob"),
    (Resolver(USERNAME), Person("1", username="Ann"), "user:default/ann"),
    (Resolver("preferredUsernameMatchingUserEntityName"), Person("1", username="ann"), "user:default/ann"),
    (Resolver("usernameMatchingUserEntityAnnotation", "github.com/user-login"), Person("1", username="bobthedev"), "user:default/bob"),
    (Resolver(USER_ID, "github.com/user-id"), Person("MDQ6"), "user:default/ann"),
    (Resolver(USER_ID, "gitlab.example.com/user-id"), Person("7"), "user:default/dan"),
    (Resolver("emailMatchingUserEntityAnnotation", "google.com/email"), Person("1", email="cat@example.com"), "user:default/cat"),
    (Resolver("forwardedUserMatchingUserEntityName"), Person("ann"), "user:default/ann"),
    (Resolver("forwardedPreferredUsernameMatchingUserEntityName"), Person("x", username="ann"), "user:default/ann"),
    (Resolver(USERNAME, allows_unknown=True), Person("1", username="New-Comer"), "user:default/new-comer"),
    (Resolver(PROFILE_EMAIL, allows_unknown=True), Person("1", email="new@example.com"), "user:default/new@example.com"),
]
NOT_FOUND = [
    (Resolver(PROFILE_EMAIL), Person("1", email="shared@example.com"), "several users of the catalog match"),
    (Resolver("emailMatchingUserEntityAnnotation", "google.com/email"), Person("1", email="two@example.com"), "several users"),
    (Resolver(PROFILE_EMAIL, allows_unknown=True), Person("1", email="shared@example.com"), "several users of the catalog match"),
    (Resolver(PROFILE_EMAIL), Person("1", email="nobody@example.com"), "no user in the catalog matches"),
    (Resolver(PROFILE_EMAIL), Person("1"), "the provider tells no email"),
    (Resolver(PROFILE_EMAIL), Person("1", email_problem="the provider has not verified the email"), "has not verified the email"),
    (Resolver(PROFILE_EMAIL), Person("1", email="a@b@example.com"), "the provider tells no email"),
    (Resolver(PROFILE_EMAIL), Person("1", email="fay@example.com"), "no user in the catalog matches"),
    (
        Resolver(LOCAL_PART, allowed_domains=("example.com",)),
        Person("1", email="ann@example.com.evil.example"),
        "of this domain may not",
    ),
    (Resolver(USER_ID, "github.com/user-id"), Person("mdq6"), "no user in the catalog matches"),
    (Resolver(USERNAME), Person("1", username="fay"), "no user in the catalog matches"),
    (Resolver(USERNAME), Person("1", username="elsewhere/gus"), "no user in the catalog matches"),
    (Resolver(USERNAME, allows_unknown=True), Person("1", username="x/../group:default/fay"), "no user in the catalog matches"),
    (Resolver(USERNAME), Person("1"), "the provider tells no user name"),
    (Resolver("forwardedUserMatchingUserEntityName"), Person(""), "the provider tells no user name"),
]


async def test_each_resolver_finds_its_user(people: Store):
    found = [(resolver, person, await user_of(people, person, resolver)) for resolver, person, _ in FOUND]
    assert found == FOUND


async def test_a_resolver_that_can_not_tell_finds_nobody(people: Store):
    for resolver, person, message in NOT_FOUND:
        with pytest.raises(SignInError, match=message):
            await user_of(people, person, resolver)


async def test_the_first_resolver_that_finds_somebody_decides(people: Store):
    person = Person("1", username="bob", email="ann@example.com")
    assert await user_of(people, person, Resolver(USERNAME), Resolver(PROFILE_EMAIL)) == "user:default/bob"


async def test_a_resolver_that_finds_several_is_not_passed_over(people: Store):
    person = Person("1", username="bob", email="shared@example.com")
    with pytest.raises(SignInError, match="several users"):
        await user_of(people, person, Resolver(PROFILE_EMAIL), Resolver(USERNAME))


@pytest.mark.parametrize(
    ("provider", "more", "resolver", "annotation"),
    [
        ("github", {}, USER_ID, "github.com/user-id"),
        ("gitlab", {"audience": "https://gitlab.example.com:8443"}, USER_ID, "gitlab.example.com/user-id"),
        ("microsoft", {"tenantId": "example.com"}, USER_ID, "graph.microsoft.com/user-id"),
        ("bitbucket", {}, "usernameMatchingUserEntityAnnotation", "bitbucket.org/username"),
        ("okta", {"audience": "https://x.okta.com"}, "emailMatchingUserEntityAnnotation", "okta.com/email"),
        ("google", {"annotation": "example.com/mail"}, "emailMatchingUserEntityAnnotation", "example.com/mail"),
    ],
)
def test_annotations_are_those_that_the_catalog_s_providers_write(provider: str, more: dict[str, Any], resolver: str, annotation: str):
    one = {"resolver": resolver} | ({"annotation": more.pop("annotation")} if "annotation" in more else {})
    section = {"clientId": "c", "clientSecret": "s", "signIn": {"resolvers": [one]}, **more}
    client = Auth.model_validate({"providers": {provider: {"development": section}}}).clients[provider]
    assert [found.annotation for found in resolvers_of(provider, client.sign_in.resolvers, client)] == [annotation]
