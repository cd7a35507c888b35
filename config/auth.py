"""The `auth` section: how people sign in, with Backstage's keys."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from config.integration import BaseUrl
from config.intervals import Duration
from config.sections import Section, Text

Resolver = Literal[
    "emailMatchingUserEntityProfileEmail",
    "emailLocalPartMatchingUserEntityName",
    "emailMatchingUserEntityAnnotation",
    "usernameMatchingUserEntityName",
    "usernameMatchingUserEntityAnnotation",
    "preferredUsernameMatchingUserEntityName",
    "userIdMatchingUserEntityAnnotation",
    "forwardedUserMatchingUserEntityName",
    "forwardedPreferredUsernameMatchingUserEntityName",
]

_BY_EMAIL: frozenset[str] = frozenset({"emailMatchingUserEntityProfileEmail", "emailLocalPartMatchingUserEntityName"})
_BY_USERNAME: frozenset[str] = frozenset(
    {"usernameMatchingUserEntityName", "usernameMatchingUserEntityAnnotation", "userIdMatchingUserEntityAnnotation"}
)
_BY_CLAIM: frozenset[str] = frozenset(
    {"preferredUsernameMatchingUserEntityName", "emailMatchingUserEntityAnnotation", "userIdMatchingUserEntityAnnotation"}
)

_DEVELOPMENT = "development"


def _words(value: object) -> object:
    """Scopes in Backstage's two forms: a list, or a text with spaces."""
    return value.split() if isinstance(value, str) else value


def _callback(url: str) -> str:
    if not url.endswith("/handler/frame"):
        raise ValueError("should end in /handler/frame, where the answer of the provider is taken")
    return url


def _one_tenant(tenant: str) -> str:
    # People of any tenant can write any address into their account's email.
    if tenant.lower() in {"common", "organizations", "consumers"}:
        raise ValueError("should name one tenant: people of others could sign in under any email")
    return tenant


Scopes = Annotated[tuple[Text, ...], BeforeValidator(_words)]


class SignInResolver(Section):
    """One of `signIn.resolvers`."""

    resolver: Resolver = Field(
        description="How the User entity is found, by Backstage's names; each provider has some of them. They are tried in order. The "
        "first that finds exactly one user decides; one that finds several refuses."
    )
    allowed_domains: tuple[Text, ...] | None = Field(
        default=None, description="Domains that an email has to be of, for resolvers that go by emails; without it any."
    )
    annotation: Text | None = Field(
        default=None,
        description="The annotation to compare with, for resolvers by annotation, where it is not the one that Backstage's catalog "
        "providers write; needed with `oidc` and `auth0`.",
    )
    dangerously_allow_sign_in_without_user_in_catalog: bool = Field(
        default=False,
        description="Sign people in whom the catalog has no User entity for, under the name that was looked for, in no group.",
    )


class SignIn(Section):
    """A provider's `signIn`."""

    resolvers: Annotated[tuple[SignInResolver, ...], Field(min_length=1)] = Field(
        description="How the User entity of who signs in is found."
    )


class Provider(Section):
    """What every provider at which Callboard is a registered client has in common."""

    known_resolvers: ClassVar[frozenset[str]] = _BY_EMAIL
    usual_annotations: ClassVar[bool] = True

    client_id: Text = Field(description="Id that the provider gave Callboard.")
    client_secret: SecretStr = Field(description="Secret that the provider gave Callboard; write ${VARIABLE} or $file.")
    callback_url: Annotated[BaseUrl, AfterValidator(_callback)] | None = Field(
        default=None,
        description="Address that the provider sends people back to, exactly as registered there; without it "
        "`<backend.baseUrl>/api/auth/<provider>/handler/frame`.",
    )
    additional_scopes: Scopes = Field(
        default=(), description="Scopes to ask for beside those that are needed; a list, or a text with spaces."
    )
    session_duration: Duration | None = Field(
        default=None, description="How long a session lasts at most; without it, or if that is shorter, `auth.session.lifetime`."
    )
    sign_in: SignIn = Field(description="Who signs in by it.")

    @model_validator(mode="after")
    def _resolvers_are_its_own(self) -> "Provider":
        _check_resolvers(self.sign_in, self.known_resolvers, needs_annotation=not self.usual_annotations)
        return self


def _check_resolvers(sign_in: SignIn, known: frozenset[str], *, needs_annotation: bool) -> None:
    for one in sign_in.resolvers:
        if one.resolver not in known:
            raise ValueError(f"has no resolver {one.resolver}; known here: {', '.join(sorted(known))}")
        if needs_annotation and one.resolver.endswith("Annotation") and one.annotation is None:
            raise ValueError(f"should say under `annotation` which annotation {one.resolver} compares with")


class GithubProvider(Provider):
    """One of `auth.providers.github`."""

    known_resolvers = _BY_EMAIL | _BY_USERNAME | {"preferredUsernameMatchingUserEntityName"}

    enterprise_instance_url: BaseUrl | None = Field(
        default=None, description="Address of a GitHub Enterprise Server; without it github.com."
    )


class GitlabProvider(Provider):
    """One of `auth.providers.gitlab`."""

    known_resolvers = _BY_EMAIL | {"usernameMatchingUserEntityName", "userIdMatchingUserEntityAnnotation"}

    audience: BaseUrl = Field(default="https://gitlab.com", description="Address of the GitLab.")


class BitbucketProvider(Provider):
    """One of `auth.providers.bitbucket`: Bitbucket Cloud."""

    known_resolvers = _BY_EMAIL | _BY_USERNAME


class GoogleProvider(Provider):
    """One of `auth.providers.google`."""

    known_resolvers = _BY_EMAIL | {"emailMatchingUserEntityAnnotation"}


class MicrosoftProvider(Provider):
    """One of `auth.providers.microsoft`."""

    known_resolvers = _BY_EMAIL | {"emailMatchingUserEntityAnnotation", "userIdMatchingUserEntityAnnotation"}

    tenant_id: Annotated[str, AfterValidator(_one_tenant)] = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*$",
        description="Id or domain of the one tenant whose people sign in; `common`, `organizations` and `consumers` are refused.",
    )
    domain_hint: Text | None = Field(default=None, description="Domain that Microsoft's page takes people to at once.")
    skip_user_profile: bool = Field(default=False, description="As in Backstage; Microsoft Graph is not asked for profiles either way.")


class OktaProvider(Provider):
    """One of `auth.providers.okta`."""

    known_resolvers = _BY_EMAIL | {"emailMatchingUserEntityAnnotation", "preferredUsernameMatchingUserEntityName"}

    audience: BaseUrl = Field(description="Address of the organisation at Okta, such as https://example.okta.com.")
    auth_server_id: Text | None = Field(default=None, description="Id of a custom authorization server, such as `default`.")
    idp: Text | None = Field(default=None, description="Id of the identity provider that Okta sends people on to.")


class Auth0Provider(Provider):
    """One of `auth.providers.auth0`."""

    known_resolvers = _BY_EMAIL | _BY_CLAIM
    usual_annotations = False

    domain: str = Field(pattern=r"^[A-Za-z0-9.-]+(:[0-9]{1,5})?$", description="Domain of the tenant, such as example.eu.auth0.com.")
    audience: Text | None = Field(default=None, description="API that the access token is for.")
    connection: Text | None = Field(default=None, description="Connection that people sign in by, without being asked which.")
    connection_scope: Text | None = Field(default=None, description="Scopes that are asked of that connection.")
    organization: Text | None = Field(default=None, description="Organisation that people have to be of.")
    prompt: Text = Field(default="auto", description="Auth0's `prompt`; `auto` leaves it to Auth0.")
    federated_logout: bool = Field(
        default=False, description="Whether who signs out is signed out of the identity provider behind Auth0 too."
    )


class OidcProvider(Provider):
    """One of `auth.providers.oidc`: any provider that speaks OpenID Connect."""

    known_resolvers = _BY_EMAIL | _BY_CLAIM
    usual_annotations = False

    metadata_url: BaseUrl = Field(
        description="Address of the provider's description, which ends in /.well-known/openid-configuration, or what comes before that."
    )
    token_endpoint_auth_method: Literal["client_secret_basic", "client_secret_post"] = Field(
        default="client_secret_basic", description="How Callboard sends its secret."
    )
    token_signed_response_alg: Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"] = Field(
        default="RS256", description="The one algorithm that ID tokens have to be signed by."
    )
    prompt: Text = Field(
        default="auto", description="What the provider asks of people, such as `login` or `consent`; `auto` leaves it to it."
    )
    timeout: Duration = Field(default=timedelta(seconds=10), description="How long an answer of the provider may take.")
    start_url_search_params: Mapping[str, str] = Field(
        default={}, description="More parameters of the address at which people sign in; they replace none of the protocol's own."
    )


class SharedSecret(Section):
    """`auth.providers.oauth2Proxy.sharedSecret`."""

    header: Text = Field(default="x-callboard-proxy-secret", description="Header that the proxy sends the secret in.")
    value: Annotated[SecretStr, Field(min_length=16)] = Field(description="The secret; at least 16 characters.")


class TrustedProxy(Section):
    """`auth.providers.oauth2Proxy`: a proxy that signs people in and says by headers who they are. No environments, as in Backstage."""

    trusted_proxies: tuple[Text, ...] = Field(
        default=(),
        description="Addresses (10.0.0.5) and networks (10.0.0.0/24) whose headers are believed. All others can't sign in by headers.",
    )
    shared_secret: SharedSecret | None = Field(
        default=None, description="What the proxy proves itself by; asked for beside the address where both are configured."
    )
    sign_in: SignIn = Field(description="Who signs in by it.")

    @model_validator(mode="after")
    def _trusts_somebody(self) -> "TrustedProxy":
        if not self.trusted_proxies and self.shared_secret is None:
            raise ValueError("should have trustedProxies or a sharedSecret: whoever can reach this server could send the headers otherwise")
        known = _BY_EMAIL | {"forwardedUserMatchingUserEntityName", "forwardedPreferredUsernameMatchingUserEntityName"}
        _check_resolvers(self.sign_in, known, needs_annotation=False)
        return self


class GuestProvider(Section):
    """`auth.providers.guest`: whoever asks, for development on one machine. It has no environments, as in Backstage."""

    user_entity_ref: Text = Field(default="user:development/guest", description="Who guests are.")
    ownership_entity_refs: tuple[Text, ...] | None = Field(default=None, description="As whose owner they count; without it themselves.")
    dangerously_allow_outside_development: bool = Field(
        default=False,
        description="Allow guests in other environments than `development`. Beyond loopback they are refused all the same.",
    )


class Providers(Section):
    """`auth.providers`: by name, and below most names by environment, such as `development` or `production`."""

    github: Mapping[str, GithubProvider] = Field(default={}, description="GitHub, by environment.")
    gitlab: Mapping[str, GitlabProvider] = Field(default={}, description="GitLab, by environment.")
    google: Mapping[str, GoogleProvider] = Field(default={}, description="Google, by environment.")
    microsoft: Mapping[str, MicrosoftProvider] = Field(default={}, description="Microsoft Entra ID, by environment.")
    okta: Mapping[str, OktaProvider] = Field(default={}, description="Okta, by environment.")
    auth0: Mapping[str, Auth0Provider] = Field(default={}, description="Auth0, by environment.")
    bitbucket: Mapping[str, BitbucketProvider] = Field(default={}, description="Bitbucket Cloud, by environment.")
    oidc: Mapping[str, OidcProvider] = Field(default={}, description="Any provider that speaks OpenID Connect, by environment.")
    oauth2_proxy: TrustedProxy | None = Field(default=None, description="A proxy in front of this server that signs people in.")
    guest: GuestProvider | None = Field(default=None, description="Everybody, for development on one machine.")


class Session(Section):
    """`auth.session`."""

    idle: Duration = Field(default=timedelta(hours=12), description="A session ends when nothing was asked under it for so long.")
    lifetime: Duration = Field(default=timedelta(days=7), description="A session ends so long after signing in, whatever was asked.")
    secret: SecretStr | None = Field(default=None, description="As in Backstage; sessions are kept in the store here, and need none.")


class OwnershipClaims(Section):
    """`auth.ownership`."""

    inherited: bool = Field(
        default=False, description="Whether people own what groups above their groups own, too; Backstage looks at their own groups alone."
    )


class Auth(Section):
    """`auth`."""

    environment: Text = Field(default=_DEVELOPMENT, description="Which environment of each provider is used.")
    providers: Providers = Field(default=Providers(), description="By what people sign in.")
    session: Session = Field(default=Session(), description="How long people stay signed in.")
    ownership: OwnershipClaims = Field(default=OwnershipClaims(), description="As whose owner people count.")
    key_rotation: Duration = Field(default=timedelta(hours=1), description="How often the keys that sign tokens are replaced.")
    backstage_token_expiration: Duration = Field(default=timedelta(hours=1), description="How long a token of a signed-in user lasts.")
    experimental_extra_allowed_origins: tuple[BaseUrl, ...] = Field(
        default=(), description="Origins, beside that of `app.baseUrl`, whose pages may open the sign-in as a popup."
    )

    @property
    def clients(self) -> Mapping[str, Provider]:
        """The providers of the configured environment at which Callboard is a client, by name."""
        p = self.providers
        named: Mapping[str, Mapping[str, Provider]] = {
            "github": p.github,
            "gitlab": p.gitlab,
            "google": p.google,
            "microsoft": p.microsoft,
            "okta": p.okta,
            "auth0": p.auth0,
            "bitbucket": p.bitbucket,
            "oidc": p.oidc,
        }
        return {name: by[self.environment] for name, by in named.items() if self.environment in by}

    @property
    def signs_people_in(self) -> bool:
        """Whether somebody other than guests can sign in."""
        return bool(self.clients) or self.providers.oauth2_proxy is not None

    @property
    def refuses_guests(self) -> bool:
        """Whether guests are configured, but not for this environment."""
        guest = self.providers.guest
        return guest is not None and self.environment != _DEVELOPMENT and not guest.dangerously_allow_outside_development


class App(Section):
    """`app`: the portal, written for Backstage, that uses this server."""

    base_url: BaseUrl | None = Field(
        default=None, description="Address of the portal; the one origin that is told who signed in by a popup."
    )
