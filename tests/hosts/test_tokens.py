"""Tokens of OAuth clients and service principals: fetched once, anew before they expire, and never for another organization."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from config.backend import Reading
from config.integrations_azure import AzureIntegration
from config.integrations_bitbucket import BitbucketCloudIntegration
from plugins.azure.host import AzureHost
from plugins.bitbucket_cloud.host import BitbucketCloudHost
from plugins.contract import Place, SourceError, SourceReason
from plugins.oauth import ClientCredentials
from plugins.outbound.client import Outbound
from tests.servers.forges.azure import Azure, serving_azure
from tests.servers.forges.bitbucket_cloud import BitbucketCloud, serving_bitbucket_cloud

FILE = {"catalog-info.yaml": "kind: Component\n"}
SECRET = "secret-of-the-client"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[BitbucketCloud]:
    with serving_bitbucket_cloud(tmp_path) as cloud:
        cloud.clients["key"] = SECRET
        cloud.repository("acme/shop", FILE, private=True)
        yield cloud


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    with serving_azure(tmp_path) as azure:
        azure.clients["app"] = SECRET
        azure.repository("acme/web/shop", FILE, private=True)
        azure.repository("other/web/shop", FILE, private=True)
        yield azure


@pytest.fixture
async def outbound(request: pytest.FixtureRequest) -> AsyncIterator[Outbound]:
    name = "azure" if "azure" in request.fixturenames else "cloud"
    outbound = Outbound(Reading.model_validate({"allowPrivate": ["127.0.0.1"]}), [request.getfixturevalue(name).host])
    yield outbound
    await outbound.close()


def bitbucket(cloud: BitbucketCloud, outbound: Outbound, secret: str = SECRET) -> BitbucketCloudHost:
    integration = BitbucketCloudIntegration.model_validate({"clientId": "key", "clientSecret": secret})
    return BitbucketCloudHost(integration, outbound, web_url=cloud.url, api_url=cloud.api_url)


async def test_bitbucket_is_read_with_the_token_of_an_oauth_consumer(cloud: BitbucketCloud, outbound: Outbound):
    host = bitbucket(cloud, outbound)
    place = Place(cloud.host, "acme/shop", "main", "catalog-info.yaml")
    for _ in range(2):
        assert await host.file(place, await host.head(place), 100) == b"kind: Component\n"
    assert cloud.count("POST /site/oauth2/access_token") == 1
    assert {seen.token for seen in cloud.seen if seen.method == "GET"} == {"oauth-0"}


async def test_a_refused_client_is_unauthorized_and_its_secret_stays_unseen(cloud: BitbucketCloud, outbound: Outbound):
    with pytest.raises(SourceError) as caught:
        await bitbucket(cloud, outbound, "secret-of-nobody").head(Place(cloud.host, "acme/shop", "main", ""))
    assert caught.value.reason is SourceReason.UNAUTHORIZED
    assert "secret-of-nobody" not in f"{caught.value.message}{caught.value.url}{caught.value!r}"
    assert cloud.count("GET") == 0


async def test_a_token_is_fetched_anew_before_it_expires(cloud: BitbucketCloud, outbound: Outbound):
    now = 0.0
    headers = {"authorization": "Basic a2V5OnNlY3JldC1vZi10aGUtY2xpZW50"}
    sign = ClientCredentials(outbound, f"{cloud.url}/site/oauth2/access_token", {}, headers, clock=lambda: now)
    first = await sign("")
    now = 7200.0 - 301
    assert await sign("") == first
    now = 7200.0 - 299
    assert await sign("") != first
    assert cloud.count() == 2


async def test_each_organization_of_azure_has_its_own_credential(azure: Azure, outbound: Outbound):
    azure.token("token-of-other", repositories=["other/web/shop"])
    credentials = [
        {"organizations": ["acme"], "tenantId": "tenant", "clientId": "app", "clientSecret": SECRET},
        {"organizations": ["Other"], "personalAccessToken": "token-of-other"},
    ]
    integration = AzureIntegration.model_validate({"credentials": credentials})
    host = AzureHost(integration, outbound, web_url=azure.url, sign_in_url=azure.url)
    heads = [await host.head(Place(azure.host, f"{name}/web/_git/shop", "main", "")) for name in ("acme", "other", "acme")]
    assert len(heads) == 3
    assert [(seen.method, seen.path.split("/")[1], seen.token) for seen in azure.seen] == [
        ("POST", "tenant", None),
        ("GET", "acme", "entra-token"),
        ("GET", "other", "token-of-other"),
        ("GET", "acme", "entra-token"),
    ]


@pytest.mark.parametrize(
    "keys",
    [
        {"credentials": [{"clientId": "app"}]},
        {"credentials": [{"personalAccessToken": "a", "tenantId": "t", "clientId": "c", "clientSecret": "s"}]},
        {"credentials": [{"personalAccessToken": "a"}], "token": "b"},
        {"credentials": [{"personalAccessToken": "a", "organizations": ["X"]}, {"personalAccessToken": "b", "organizations": ["x"]}]},
        {"host": "tfs.example.com", "credentials": [{"tenantId": "t", "clientId": "c", "clientSecret": "s"}]},
    ],
)
def test_credentials_that_would_not_tell_which_to_take_are_refused(keys: dict[str, object]):
    with pytest.raises(ValueError, match="should"):
        AzureIntegration.model_validate(keys)


def test_no_secret_is_shown():
    shown = repr(
        [
            AzureIntegration.model_validate({"credentials": [{"tenantId": "t", "clientId": "c", "clientSecret": SECRET}]}),
            BitbucketCloudIntegration.model_validate({"username": "u", "appPassword": SECRET}),
        ]
    )
    assert SECRET not in shown
