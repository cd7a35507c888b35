"""Which hosts and addresses may be reached: names, every spelling of an address, and names that resolve otherwise the second time."""

from collections.abc import Sequence

import pytest

from config.backend import Reading
from plugins.contract import SourceError, SourceReason
from plugins.outbound.addresses import kind_of, parsed
from plugins.outbound.client import Outbound
from plugins.outbound.guard import Guard, Resolve, http_url

PUBLIC = "93.184.216.34"


def reading(*allow: str, private: Sequence[str] = (), paths: Sequence[str] | None = None) -> Reading:
    return Reading.model_validate({"allow": [{"host": host, "paths": paths} for host in allow], "allowPrivate": list(private)})


def answers(*rounds: Sequence[str]) -> Resolve:
    """A resolver that gives these answers in turn, and the last one from then on."""
    left = list(rounds)

    async def resolve(host: str, port: int) -> Sequence[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


def guard(reading: Reading, *rounds: Sequence[str], reached: Sequence[str] = ()) -> Guard:
    return Guard(reading, frozenset(reached), answers(*rounds or ([PUBLIC],)))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.8",
        "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.7", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.88.99.1",
        "::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1", "5f00::1", "100::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1",
        "2002:7f00:1::1", "2002:a9fe:a9fe::1", "::127.0.0.1", "::a9fe:a9fe", "2001:0:7f00:1::1", "fe80::1%eth0",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_none_in_any_form(address: str):
    assert kind_of(parsed(address)) is not None


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", f"::ffff:{PUBLIC}", "64:ff9b::808:808"])
def test_a_public_address_is_public_in_any_form(address: str):
    assert kind_of(parsed(address)) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/", "http://0177.0.0.1/", "http://0x7f.1/", "http://127.1/", "http://\uff11\uff12\uff17.0.0.1/", "http://[::ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/", "http://2852039166/latest/meta-data/", "http://0xa9fea9fe/",
    ],
)  # fmt: skip
async def test_no_spelling_of_a_private_address_gets_past(url: str):
    at = http_url(url)
    with pytest.raises(SourceError) as refused:
        await guard(reading(at.host)).addresses(at.name, at.port)
    assert refused.value.reason is SourceReason.NOT_ALLOWED


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://example.com/", "gopher://example.com/", "//example.com", "nonsense", "http://"]
)
def test_only_http_is_spoken(url: str):
    with pytest.raises(SourceError) as refused:
        http_url(url)
    assert refused.value.reason is SourceReason.NOT_ALLOWED


def test_credentials_in_a_url_are_refused_and_not_repeated():
    with pytest.raises(SourceError) as refused:
        http_url("https://user:hunter2@example.com/a")
    assert "hunter2" not in f"{refused.value} {refused.value.url} {refused.value.remedy}"


def test_hosts_are_allowed_as_in_backstage():
    some = guard(reading("example.com", "*.example.org", "example.net:8080"))
    allowed = ["https://example.com/", "https://EXAMPLE.com:443/x", "https://a.b.example.org/", "http://example.net:8080/"]
    refused = ["https://www.example.com/", "https://example.org/", "https://evilexample.org/", "http://example.net/", "https://example.com:444/",
               "https://example.com./", "https://example.com.evil.net/"]  # fmt: skip
    assert [url for url in (*allowed, *refused) if _is_allowed(some, url)] == allowed


def test_paths_narrow_a_host():
    some = guard(reading("example.com", paths=["/docs/"]))
    assert _is_allowed(some, "https://example.com/docs/x")
    assert not _is_allowed(some, "https://example.com/docs/../secret")
    assert not _is_allowed(some, "https://example.com/docs/%2e%2e/secret")


def test_hosts_of_integrations_need_no_leave():
    assert _is_allowed(guard(reading(), reached=["git.example.com:8443"]), "https://git.example.com:8443/x")


def _is_allowed(guard: Guard, url: str) -> bool:
    try:
        guard.check_url(http_url(url))
    except SourceError as error:
        assert error.reason is SourceReason.NOT_ALLOWED
        return False
    return True


async def test_private_addresses_are_allowed_by_name_address_or_network():
    for entry in ("git.intern", "10.1.2.3", "10.0.0.0/8", "GIT.intern"):
        assert await guard(reading(private=[entry]), ["10.1.2.3"]).addresses("git.intern", 443) == ["10.1.2.3"]
    for entry in ("other.intern", "10.1.2.4", "192.168.0.0/16"):
        with pytest.raises(SourceError, match=r"git\.intern has a private or reserved address"):
            await guard(reading(private=[entry]), ["10.1.2.3"]).addresses("git.intern", 443)


async def test_a_name_does_not_open_link_local_addresses():
    """Where cloud machines keep their credentials, so that a poisoned name server is not enough."""
    with pytest.raises(SourceError, match="link-local"):
        await guard(reading(private=["git.intern"]), ["169.254.169.254"]).addresses("git.intern", 80)


async def test_of_several_addresses_only_those_allowed_are_connected_to():
    assert await guard(reading(), ["10.0.0.1", PUBLIC, "::1"]).addresses("example.com", 443) == [PUBLIC]


async def test_what_a_name_resolves_to_is_checked_when_it_is_connected_to():
    """A name server that answers with a public address first and a private one then (DNS rebinding) gains nothing."""
    outbound = Outbound(reading("rebind.example"), resolve=answers([PUBLIC], ["127.0.0.1"]))
    assert await outbound.check_host("rebind.example", 80) == PUBLIC
    with pytest.raises(SourceError, match=r"rebind\.example has a loopback address") as refused:
        async with outbound.request("GET", "http://rebind.example/"):
            pass
    assert refused.value.reason is SourceReason.NOT_ALLOWED
    await outbound.close()


async def test_a_name_without_an_address_is_an_outage():
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    with pytest.raises(SourceError) as failed:
        await Guard(reading(), frozenset(), resolve).addresses("nowhere.example", 443)
    assert failed.value.reason is SourceReason.UNAVAILABLE
