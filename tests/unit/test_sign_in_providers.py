"""Where each configured provider is asked, for what, and what of its answers is believed."""

from typing import Any

import pytest

from api.auth.providers.hosts import Host
from api.auth.providers.openid import OpenId
from api.auth.providers.registry import callback_of, plan_of, providers_from
from config.auth import Auth, Provider
from config.backend import Reading
from plugins.outbound.client import Outbound

RESOLVERS = {"signIn": {"resolvers": [{"resolver": "emailMatchingUserEntityProfileEmail"}]}}


def settings(name: str, **more: Any) -> Provider:
    provider = {"clientId": "c", "clientSecret": "s", **RESOLVERS, **more}
    return Auth.model_validate({"providers": {name: {"development": provider}}}).clients[name]


def openid(name: str, **more: Any) -> OpenId:
    protocol = plan_of(settings(name, **more)).protocol
    assert isinstance(protocol, OpenId)
    return protocol


@pytest.mark.parametrize(
    ("name", "more", "description", "issuer"),
    [
        ("google", {}, "https://accounts.google.com/.well-known/openid-configuration", "https://accounts.google.com"),
        (
            "microsoft",
            {"tenantId": "example.onmicrosoft.com"},
            "https://login.microsoftonline.com/example.onmicrosoft.com/v2.0/.well-known/openid-configuration",
            "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
        ),
        (
            "okta",
            {"audience": "https://x.okta.com/", "authServerId": "default"},
            "https://x.okta.com/oauth2/default/.well-known/openid-configuration",
            "https://x.okta.com/oauth2/default",
        ),
        ("okta", {"audience": "https://x.okta.com"}, "https://x.okta.com/.well-known/openid-configuration", "https://x.okta.com"),
        ("auth0", {"domain": "x.eu.auth0.com"}, "https://x.eu.auth0.com/.well-known/openid-configuration", "https://x.eu.auth0.com/"),
        (
            "oidc",
            {"metadataUrl": "https://sso.example.com/r"},
            "https://sso.example.com/r/.well-known/openid-configuration",
            "https://sso.example.com/r",
        ),
    ],
)
def test_a_provider_is_asked_where_it_describes_itself(name: str, more: dict[str, Any], description: str, issuer: str):
    found = openid(name, **more)
    assert found.description == description
    assert found.is_issuer(issuer)
    assert not found.is_issuer("https://evil.example.com")
    assert "none" not in found.algorithms


@pytest.mark.parametrize(
    "issuer", ["https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com.evil.example/a/v2.0", ""]
)
def test_an_issuer_of_microsoft_is_one_tenant(issuer: str):
    assert not openid("microsoft", tenantId="example.com").is_issuer(issuer)


def test_hosts_are_asked_for_no_more_than_is_needed():
    by_name = {"signIn": {"resolvers": [{"resolver": "usernameMatchingUserEntityName"}]}}
    assert plan_of(settings("github", **by_name)).scopes == ("read:user",)
    assert plan_of(settings("github")).scopes == ("read:user", "user:email")
    assert plan_of(settings("bitbucket", **by_name)).scopes == ("account",)
    enterprise = plan_of(settings("github", enterpriseInstanceUrl="https://ghe.example.com/")).protocol
    assert isinstance(enterprise, Host)
    assert (enterprise.authorize, enterprise.api) == ("https://ghe.example.com/login/oauth/authorize", "https://ghe.example.com/api/v3")


def test_an_organisation_of_auth0_has_to_be_in_the_id_token():
    assert openid("auth0", domain="x.auth0.com", organization="org_1").required == {"org_id": "org_1"}
    assert openid("auth0", domain="x.auth0.com", organization="acme").required == {"org_name": "acme"}


async def test_who_signs_out_can_sign_out_of_auth0_too():
    outbound = Outbound(Reading())
    settings_of = {"clientId": "c", "clientSecret": "s", "domain": "x.auth0.com", "federatedLogout": True, **RESOLVERS}
    auth = Auth.model_validate({"providers": {"auth0": {"development": settings_of}}})
    provider = providers_from(auth, outbound, "https://catalog.example.com")["auth0"]
    farewell = provider.farewell("https://portal.example.com")
    assert farewell == "https://x.auth0.com/v2/logout?federated&client_id=c&returnTo=https%3A%2F%2Fportal.example.com"


def test_a_configuration_replaces_none_of_the_protocol():
    more = {"state": "fixed", "redirect_uri": "https://evil.example.com", "audience": "api"}
    found = openid("oidc", metadataUrl="https://sso.example.com", startUrlSearchParams=more, prompt="login")
    assert found.parameters == {"audience": "api", "prompt": "login"}


def test_the_address_to_come_back_to_is_one():
    assert (
        callback_of("github", settings("github"), "https://catalog.example.com/")
        == "https://catalog.example.com/api/auth/github/handler/frame"
    )
    own = "https://portal.example.com/api/auth/github/handler/frame"
    assert callback_of("github", settings("github", callbackUrl=own), "https://catalog.example.com") == own
