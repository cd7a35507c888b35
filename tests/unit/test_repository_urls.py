"""URLs of repository hosts: as people copy them, as they are written, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.backend import Reading
from config.integrations import Integrations
from plugins.azure.host import AzureHost
from plugins.bitbucket_cloud.host import BitbucketCloudHost
from plugins.bitbucket_server.host import BitbucketServerHost
from plugins.contract import Place, RepositoryHost
from plugins.gitea.host import GiteaHost
from plugins.gitlab.host import GitLabHost
from plugins.outbound.client import Outbound

COMMIT = "0123456789abcdef0123456789abcdef01234567"

INTEGRATIONS = Integrations.model_validate(
    {
        "gitlab": [{"host": "gitlab.com"}, {"host": "code.example.com", "baseUrl": "https://code.example.com/gitlab"}],
        "gitea": [{"host": "gitea.example.com"}],
        "bitbucketCloud": [{}],
        "bitbucketServer": [
            {"host": "bitbucket.example.com"},
            {"host": "stash.example.com:7990", "apiBaseUrl": "http://stash.example.com:7990/stash/rest/api/1.0"},
        ],
        "azure": [{}, {"host": "tfs.example.com"}, {"host": "acme.visualstudio.com"}],
    }
)
OUTBOUND = Outbound(Reading())
HOSTS: dict[str, RepositoryHost] = {
    host.host: host
    for host in (
        *(GitLabHost(integration, OUTBOUND) for integration in INTEGRATIONS.gitlab),
        *(GiteaHost(integration, OUTBOUND) for integration in INTEGRATIONS.gitea),
        *(BitbucketCloudHost(integration, OUTBOUND) for integration in INTEGRATIONS.bitbucket_cloud),
        *(BitbucketServerHost(integration, OUTBOUND) for integration in INTEGRATIONS.bitbucket_server),
        *(AzureHost(integration, OUTBOUND) for integration in INTEGRATIONS.azure),
    )
}

GITLAB = [
    ("https://gitlab.com/acme/shop", "acme/shop", None, ""),
    ("https://gitlab.com/acme/shop.git", "acme/shop", None, ""),
    ("https://gitlab.com/acme/web/shop/", "acme/web/shop", None, ""),
    ("https://gitlab.com/acme/web/shop/-/blob/main/catalog-info.yaml", "acme/web/shop", "main", "catalog-info.yaml"),
    ("https://gitlab.com/acme/shop/-/blob/main/a%20b/c.yaml?ref_type=heads#L3", "acme/shop", "main", "a b/c.yaml"),
    ("https://gitlab.com/acme/shop/-/blob/feature%2Fone/x.yaml", "acme/shop", "feature/one", "x.yaml"),
    ("https://gitlab.com/acme/shop/blob/main/catalog-info.yaml", "acme/shop", "main", "catalog-info.yaml"),
    ("https://gitlab.com/acme/shop/-/tree/main", "acme/shop", "main", ""),
    ("https://gitlab.com/acme/shop/-/raw/main/**/catalog-*.yaml", "acme/shop", "main", "**/catalog-*.yaml"),
    ("https://gitlab.com/acme/shop/-/blob/HEAD/x.yaml", "acme/shop", None, "x.yaml"),
    ("https://GitLab.com:443/acme/shop", "acme/shop", None, ""),
    ("https://code.example.com/gitlab/acme/shop/-/blob/main/x.yaml", "acme/shop", "main", "x.yaml"),
]
GITEA = [
    ("https://gitea.example.com/acme/shop", "acme/shop", None, ""),
    ("https://gitea.example.com/acme/shop/src/branch/main/catalog-info.yaml", "acme/shop", "main", "catalog-info.yaml"),
    ("https://gitea.example.com/acme/shop/raw/branch/main/x.yaml", "acme/shop", "main", "x.yaml"),
    ("https://gitea.example.com/acme/shop/src/tag/v1.0/x.yaml", "acme/shop", "refs/tags/v1.0", "x.yaml"),
    (f"https://gitea.example.com/acme/shop/src/commit/{COMMIT}/x.yaml", "acme/shop", COMMIT, "x.yaml"),
    ("https://gitea.example.com/acme/shop/src/branch/feature%2Fone", "acme/shop", "feature/one", ""),
]
BITBUCKET = [
    ("https://bitbucket.org/acme/shop", "acme/shop", None, ""),
    ("https://bitbucket.org/acme/shop/src/main/catalog-info.yaml", "acme/shop", "main", "catalog-info.yaml"),
    ("https://bitbucket.org/acme/shop/src/main/", "acme/shop", "main", ""),
    (f"https://bitbucket.org/acme/shop/raw/{COMMIT}/x.yaml", "acme/shop", COMMIT, "x.yaml"),
    ("https://bitbucket.org/acme/shop/src/HEAD/docs/x.yaml", "acme/shop", None, "docs/x.yaml"),
    ("https://bitbucket.example.com/projects/ACME/repos/shop", "ACME/shop", None, ""),
    ("https://bitbucket.example.com/projects/acme/repos/shop/browse/a/x.yaml", "ACME/shop", None, "a/x.yaml"),
    ("https://bitbucket.example.com/projects/ACME/repos/shop/browse/x.yaml?at=refs%2Fheads%2Fmain", "ACME/shop", "main", "x.yaml"),
    ("https://bitbucket.example.com/projects/ACME/repos/shop/raw/x.yaml?at=refs/tags/v1", "ACME/shop", "refs/tags/v1", "x.yaml"),
    ("https://bitbucket.example.com/users/ada/repos/notes/browse/x.yaml", "~ada/notes", None, "x.yaml"),
    ("https://bitbucket.example.com/scm/acme/shop.git", "ACME/shop", None, ""),
    ("http://stash.example.com:7990/stash/projects/ACME/repos/shop/browse/x.yaml", "ACME/shop", None, "x.yaml"),
]
AZURE = [
    ("https://dev.azure.com/acme/Web%20Shop/_git/shop", "acme/Web Shop/_git/shop", None, ""),
    ("https://acme@dev.azure.com/acme/web/_git/shop", "acme/web/_git/shop", None, ""),
    ("https://dev.azure.com/acme/_git/shop?path=/catalog-info.yaml", "acme/shop/_git/shop", None, "catalog-info.yaml"),
    ("https://dev.azure.com/acme/web/_git/shop?path=%2Fa%2Fx.yaml&version=GBmain", "acme/web/_git/shop", "main", "a/x.yaml"),
    ("https://dev.azure.com/acme/web/_git/shop?path=/x.yaml&version=GTv1", "acme/web/_git/shop", "refs/tags/v1", "x.yaml"),
    (f"https://dev.azure.com/acme/web/_git/shop?version=GC{COMMIT}&_a=contents", "acme/web/_git/shop", COMMIT, ""),
    ("https://tfs.example.com/tfs/Main/web/_git/shop?path=/x.yaml", "tfs/Main/web/_git/shop", None, "x.yaml"),
    ("https://acme.visualstudio.com/web/_git/shop?path=/x.yaml", "web/_git/shop", None, "x.yaml"),
    ("https://acme.visualstudio.com/_git/shop", "shop/_git/shop", None, ""),
]


def place_of(url: str) -> Place | None:
    """What the one host that knows the URL says of it."""
    found = [place for host in HOSTS.values() if (place := host.place(url))]
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(("url", "repository", "revision", "path"), [*GITLAB, *GITEA, *BITBUCKET, *AZURE])
def test_a_url_copied_from_a_browser_is_understood_by_one_host_and_written_in_one_way(
    url: str, repository: str, revision: str | None, path: str
):
    place = place_of(url)
    assert place is not None
    assert (place.repository, place.revision, place.path) == (repository, revision, path)
    written = HOSTS[place.host].url(place)
    assert HOSTS[place.host].place(written) == place
    assert HOSTS[place.host].url(place) == written


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://gitlab.com/acme/shop/blob/feature%2Fone/a%20b.yaml", "https://gitlab.com/acme/shop/-/blob/feature%2Fone/a%20b.yaml"),
        ("https://gitlab.com/acme/shop/-/tree/main/**/*.yaml", "https://gitlab.com/acme/shop/-/blob/main/**/*.yaml"),
        ("https://gitea.example.com/acme/shop/raw/tag/v1/x.yaml", "https://gitea.example.com/acme/shop/src/tag/v1/x.yaml"),
        ("https://bitbucket.org/acme/shop/raw/main/x.yaml", "https://bitbucket.org/acme/shop/src/main/x.yaml"),
        (
            "https://bitbucket.example.com/projects/acme/repos/shop/raw/x.yaml?at=refs/heads/main",
            "https://bitbucket.example.com/projects/ACME/repos/shop/browse/x.yaml?at=main",
        ),
        ("https://dev.azure.com/acme/_git/shop?path=x.yaml", "https://dev.azure.com/acme/shop/_git/shop?path=/x.yaml"),
    ],
)
def test_a_place_is_written_as_the_page_that_people_look_at(url: str, written: str):
    place = place_of(url)
    assert place is not None
    assert HOSTS[place.host].url(place) == written


@pytest.mark.parametrize(
    "url",
    [
        "https://gitlab.com/acme",
        "https://gitlab.com/acme/shop/-/issues/3",
        "https://gitlab.com/acme/shop/-/blob/main/%2e%2e/%2e%2e/admin",
        "https://gitlab.com/acme/..%2f..%2fusers/-/blob/main/x",
        "https://gitlab.com/acme/shop/-/blob/main/a%5c..%5cb",
        "https://code.example.com/acme/shop/-/blob/main/x.yaml",
        "https://gitlab.com.evil.example/acme/shop",
        "ftp://gitlab.com/acme/shop",
        "https://gitea.example.com/acme/shop/issues",
        "https://gitea.example.com/acme/shop/src/branch",
        "https://bitbucket.org/acme/shop/pull-requests/1",
        "https://bitbucket.example.com/projects/ACME/repos/shop/browse/a/%2E%2E/b",
        "https://bitbucket.example.com/projects/ACME/repos/shop/commits/1",
        "https://dev.azure.com/acme/web/_git/shop?path=/../../secrets",
        "https://dev.azure.com/acme/web/_wiki/shop",
        "https://dev.azure.com/_git/shop",
        "https://[dev.azure.com/x",
    ],
)
def test_what_is_no_place_in_a_repository_is_none(url: str):
    assert place_of(url) is None


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="/\\"), min_size=1, max_size=12).filter(
    lambda name: name not in {".", "..", "HEAD"} and not name.startswith(("refs", " ")) and name == name.strip()
)


@given(
    host=st.sampled_from(sorted(HOSTS)), path=st.lists(NAMES, max_size=4).map("/".join), revision=NAMES | st.just("feature/one") | st.none()
)
def test_every_place_is_read_back_from_its_url(host: str, path: str, revision: str | None):
    repository = {"dev.azure.com": "acme/web/_git/shop", "tfs.example.com": "Main/web/_git/shop", "acme.visualstudio.com": "web/_git/shop"}
    place = Place(host, repository.get(host, "ACME/shop"), revision, path)
    assert HOSTS[host].place(HOSTS[host].url(place)) == place
    assert HOSTS[host].place(HOSTS[host].folder_url(place)) == place
