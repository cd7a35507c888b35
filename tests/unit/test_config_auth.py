"""How sign-in is configured, and what of it is refused when it is read."""

import re
from pathlib import Path

import pytest

from config.auth import Auth
from config.errors import ConfigurationError
from config.load import load

SIGN_IN = "signIn: { resolvers: [{ resolver: emailMatchingUserEntityProfileEmail }] }"
CLIENT = f"clientId: c, clientSecret: a-secret-of-tests, {SIGN_IN}"
GITHUB = f"github: {{ development: {{ {CLIENT} }} }}"


DOCUMENTED = re.findall(r"```yaml\n(.*?)```", (Path(__file__).parents[2] / "docs" / "sign-in.md").read_text(encoding="utf-8"), re.DOTALL)


def problem_of(text: str, folder: Path) -> str:
    (folder / "c.yaml").write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load([folder / "c.yaml"], {}, folder)
    assert "a-secret-of-tests" not in str(refused.value)
    return str(refused.value)


def auth_of(text: str, folder: Path) -> Auth:
    (folder / "c.yaml").write_text(text)
    auth = load([folder / "c.yaml"], {}, folder).auth
    assert auth is not None
    return auth


def test_the_environment_chooses_of_each_provider(tmp_path: Path):
    providers = f"{{ github: {{ production: {{ {CLIENT} }} }}, gitlab: {{ development: {{ {CLIENT} }} }} }}"
    assert list(auth_of(f"auth: {{ environment: production, providers: {providers} }}", tmp_path).clients) == ["github"]


def test_a_secret_shows_nowhere(tmp_path: Path):
    assert "a-secret-of-tests" not in repr(auth_of(f"auth: {{ providers: {{ {GITHUB} }} }}", tmp_path))


def test_beyond_loopback_somebody_has_to_sign_in(tmp_path: Path):
    listen = "backend: { listen: { host: 0.0.0.0 } }\n"
    assert "anyone could read the catalog without sign-in" in problem_of(listen, tmp_path)
    refusal = problem_of(f"{listen}auth: {{ providers: {{ guest: {{}} }} }}", tmp_path)
    assert "auth.providers.guest: is for loopback alone" in refusal
    assert "guest is the only provider, which asks nobody who they are" in refusal
    assert "anyone could go on as a guest" in problem_of(f"{listen}auth: {{ providers: {{ guest: {{}}, {GITHUB} }} }}", tmp_path)
    assert list(auth_of(f"{listen}auth: {{ providers: {{ {GITHUB} }} }}", tmp_path).clients) == ["github"]


def test_guests_are_for_development(tmp_path: Path):
    text = "auth: {{ environment: production, providers: {{ guest: {{ {} }} }} }}"
    assert "is for development, and auth.environment is production" in problem_of(text.format(""), tmp_path)
    assert auth_of(text.format("dangerouslyAllowOutsideDevelopment: true"), tmp_path).providers.guest is not None


def test_somebody_has_to_be_able_to_sign_in(tmp_path: Path):
    assert "has no provider for the environment production" in problem_of(
        f"auth: {{ environment: production, providers: {{ {GITHUB} }} }}", tmp_path
    )


def test_asking_for_sign_in_and_letting_everybody_in_contradict_each_other(tmp_path: Path):
    text = f"backend: {{ auth: {{ dangerouslyDisableDefaultAuthPolicy: true }} }}\nauth: {{ providers: {{ {GITHUB} }} }}"
    assert "lets everybody in, while auth asks people to sign in" in problem_of(text, tmp_path)


@pytest.mark.parametrize("tenant", ["common", "organizations", "Consumers"])
def test_people_of_any_tenant_of_microsoft_are_refused(tmp_path: Path, tenant: str):
    text = f"auth: {{ providers: {{ microsoft: {{ development: {{ tenantId: {tenant}, {CLIENT} }} }} }} }}"
    assert "should name one tenant" in problem_of(text, tmp_path)


def test_a_resolver_of_another_provider_is_refused(tmp_path: Path):
    sign_in = "signIn: { resolvers: [{ resolver: usernameMatchingUserEntityName }] }"
    text = f"auth: {{ providers: {{ google: {{ development: {{ clientId: c, clientSecret: a-secret-of-tests, {sign_in} }} }} }} }}"
    assert "has no resolver usernameMatchingUserEntityName" in problem_of(text, tmp_path)


def test_a_resolver_by_annotation_needs_to_know_which(tmp_path: Path):
    sign_in = "signIn: { resolvers: [{ resolver: userIdMatchingUserEntityAnnotation }] }"
    client = f"metadataUrl: 'https://sso.example.com', clientId: c, clientSecret: a-secret-of-tests, {sign_in}"
    assert "should say under `annotation` which annotation" in problem_of(
        f"auth: {{ providers: {{ oidc: {{ development: {{ {client} }} }} }} }}", tmp_path
    )


def test_an_algorithm_with_a_shared_secret_is_refused(tmp_path: Path):
    client = f"metadataUrl: 'https://sso.example.com', tokenSignedResponseAlg: HS256, {CLIENT}"
    assert "tokenSignedResponseAlg" in problem_of(f"auth: {{ providers: {{ oidc: {{ development: {{ {client} }} }} }} }}", tmp_path)


def test_a_proxy_has_to_prove_itself(tmp_path: Path):
    assert "should have trustedProxies or a sharedSecret" in problem_of(
        f"auth: {{ providers: {{ oauth2Proxy: {{ {SIGN_IN} }} }} }}", tmp_path
    )


def test_a_callback_leads_to_where_answers_are_taken(tmp_path: Path):
    client = f"callbackUrl: 'https://portal.example.com/elsewhere', {CLIENT}"
    assert "should end in /handler/frame" in problem_of(f"auth: {{ providers: {{ github: {{ development: {{ {client} }} }} }} }}", tmp_path)


@pytest.mark.parametrize("example", DOCUMENTED)
def test_what_the_documentation_shows_is_a_configuration(tmp_path: Path, example: str):
    (tmp_path / "c.yaml").write_text(example)
    values = dict.fromkeys(("GITHUB_CLIENT_ID", "GITHUB_CLIENT_SECRET", "PROXY_SECRET"), "a-secret-of-tests")
    assert load([tmp_path / "c.yaml"], values, tmp_path).backend.base_url
