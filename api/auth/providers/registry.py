"""From the configuration to the providers that people sign in by."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from api.auth.providers.client import ProviderClient, Registration
from api.auth.providers.hosts import Host, HostProvider, bitbucket, github, gitlab
from api.auth.providers.openid import OpenId, OpenIdProvider, described_at, is_issuer_of
from api.auth.providers.people import SignInProvider
from config.auth import (
    Auth,
    Auth0Provider,
    BitbucketProvider,
    GithubProvider,
    GitlabProvider,
    GoogleProvider,
    MicrosoftProvider,
    OidcProvider,
    OktaProvider,
    Provider,
)
from plugins.outbound.client import Outbound

TITLES: Mapping[str, str] = {
    "github": "GitHub",
    "gitlab": "GitLab",
    "google": "Google",
    "microsoft": "Microsoft",
    "okta": "Okta",
    "auth0": "Auth0",
    "bitbucket": "Bitbucket",
    "oidc": "OpenID Connect",
}

_OPENID = ("openid", "profile", "email")
_OWN = frozenset({"client_id", "response_type", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method"})
"""Parameters of the protocol, which a configuration may not replace."""

_MICROSOFT = "https://login.microsoftonline.com"
_MICROSOFT_ISSUER = re.compile(re.escape(_MICROSOFT) + r"/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/v2\.0")


@dataclass(frozen=True, slots=True)
class Plan:
    """How a provider is spoken to: as a host of repositories, or by OpenID Connect."""

    protocol: Host | OpenId
    scopes: tuple[str, ...]
    secret_in_body: bool = True
    timeout_seconds: float = 10.0


def providers_from(auth: Auth, outbound: Outbound, base_url: str, clock: Callable[[], float] = time.time) -> Mapping[str, SignInProvider]:
    """The providers of the configured environment by name, all but those that send nobody anywhere: the proxy and guests."""
    return {name: _provider(name, settings, outbound, base_url, clock) for name, settings in auth.clients.items()}


def callback_of(name: str, settings: Provider, base_url: str) -> str:
    """The one address that the provider may send people back to."""
    return settings.callback_url or f"{base_url.rstrip('/')}/api/auth/{name}/handler/frame"


def _provider(name: str, settings: Provider, outbound: Outbound, base_url: str, clock: Callable[[], float]) -> SignInProvider:
    plan = plan_of(settings)
    scopes = tuple(dict.fromkeys((*plan.scopes, *settings.additional_scopes)))
    client = ProviderClient(
        outbound,
        Registration(
            title=TITLES[name],
            client_id=settings.client_id,
            client_secret=settings.client_secret.get_secret_value(),
            redirect_uri=callback_of(name, settings, base_url),
            scopes=scopes,
            secret_in_body=plan.secret_in_body,
            timeout_seconds=plan.timeout_seconds,
        ),
    )
    if isinstance(plan.protocol, Host):
        return HostProvider(name, client, plan.protocol)
    return OpenIdProvider(name, client, plan.protocol, clock)


def _goes_by_email(settings: Provider) -> bool:
    return any(one.resolver.startswith("email") for one in settings.sign_in.resolvers)


@singledispatch
def plan_of(settings: Provider) -> Plan:
    """How the configured provider is spoken to."""
    raise TypeError(f"{type(settings).__name__} is no provider")


@plan_of.register
def _(settings: GithubProvider) -> Plan:
    asks_email = _goes_by_email(settings)
    scopes = ("read:user", "user:email") if asks_email else ("read:user",)
    return Plan(github(settings.enterprise_instance_url, asks_email=asks_email), scopes)


@plan_of.register
def _(settings: GitlabProvider) -> Plan:
    return Plan(gitlab(settings.audience), ("read_user",))


@plan_of.register
def _(settings: BitbucketProvider) -> Plan:
    asks_email = _goes_by_email(settings)
    return Plan(bitbucket(asks_email=asks_email), ("account", "email") if asks_email else ("account",))


@plan_of.register
def _(_: GoogleProvider) -> Plan:
    issuer = "https://accounts.google.com"
    scopes = ("openid", "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/userinfo.profile")
    return Plan(_openid(issuer, algorithms=("RS256",)), scopes)


@plan_of.register
def _(settings: MicrosoftProvider) -> Plan:
    hint = {"domain_hint": settings.domain_hint} if settings.domain_hint else {}
    openid = OpenId(
        described_at(f"{_MICROSOFT}/{settings.tenant_id}/v2.0"),
        # A tenant that is configured by its domain has its id in the issuer's name.
        is_issuer=lambda issuer: _MICROSOFT_ISSUER.fullmatch(issuer) is not None,
        algorithms=("RS256",),
        parameters=hint,
        id_claim="oid",
        trusts_email=True,
    )
    return Plan(openid, _OPENID)


@plan_of.register
def _(settings: OktaProvider) -> Plan:
    issuer = f"{settings.audience}/oauth2/{settings.auth_server_id}" if settings.auth_server_id else settings.audience
    return Plan(_openid(issuer, parameters={"idp": settings.idp} if settings.idp else {}), _OPENID)


@plan_of.register
def _(settings: Auth0Provider) -> Plan:
    asked = {
        "audience": settings.audience,
        "connection": settings.connection,
        "connection_scope": settings.connection_scope,
        "organization": settings.organization,
        "prompt": _prompt(settings.prompt),
    }
    organization = settings.organization
    required = {} if organization is None else {"org_id" if organization.startswith("org_") else "org_name": organization}
    openid = _openid(
        f"https://{settings.domain}",
        parameters={name: value for name, value in asked.items() if value},
        farewell=f"https://{settings.domain}/v2/logout{'?federated' if settings.federated_logout else ''}",
        required=required,
    )
    return Plan(openid, _OPENID)


@plan_of.register
def _(settings: OidcProvider) -> Plan:
    description = described_at(settings.metadata_url)
    more = {name: value for name, value in settings.start_url_search_params.items() if name not in _OWN}
    prompt = _prompt(settings.prompt)
    openid = OpenId(
        description,
        is_issuer_of(description),
        algorithms=(settings.token_signed_response_alg,),
        parameters={**more, **({"prompt": prompt} if prompt else {})},
    )
    in_body = settings.token_endpoint_auth_method.endswith("_post")
    return Plan(openid, _OPENID, in_body, settings.timeout.total_seconds())


def _openid(issuer: str, **particular: Any) -> OpenId:
    description = described_at(issuer)
    return OpenId(description, is_issuer_of(description), **particular)


def _prompt(prompt: str) -> str | None:
    return None if prompt == "auto" else prompt
