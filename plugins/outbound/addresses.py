"""Which addresses are public, whatever form they are written in."""

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

_NAT64 = ip_network("64:ff9b::/96")
_SPECIAL = tuple(
    ip_network(text)
    for text in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
        "::/96",
    )
)
"""Networks that are not public by the registries of special-purpose addresses, though `is_global` of some Python versions says so."""


def parsed(text: str) -> Address:
    """The address; the zone of an IPv6 address is left out. ValueError if it is none."""
    return ip_address(text.strip("[]").partition("%")[0])


def kind_of(address: Address) -> str | None:
    """What the address is where it is not public, such as `a private address`; None for a public one.

    An address that stands for another one (IPv4 in IPv6, NAT64, 6to4, Teredo) is public only if that is public, too.
    """
    for one in (address, *_embedded(address)):
        if found := _kind(one):
            return found
    return None


def is_within(address: Address, networks: Sequence[str]) -> bool:
    """Whether one of the networks or addresses holds the address, or the IPv4 address that it is another form of."""
    forms = (address, *_embedded(address))
    return any(form in network for network in _networks(networks) for form in forms)


def _networks(texts: Sequence[str]) -> Iterator[IPv4Network | IPv6Network]:
    for text in texts:
        try:
            yield ip_network(text.strip("[]"), strict=False)
        except ValueError:
            continue


def _embedded(address: Address) -> Iterator[IPv4Address]:
    if isinstance(address, IPv4Address):
        return
    if address.ipv4_mapped:
        yield address.ipv4_mapped
    elif address.sixtofour:
        yield address.sixtofour
    elif address.teredo:
        yield from address.teredo
    elif address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
        yield IPv4Address(int(address) & 0xFFFFFFFF)


def _kind(address: Address) -> str | None:
    if address.is_loopback or address.is_unspecified:
        return "a loopback address"
    if address.is_link_local:
        return "a link-local address"
    if address.is_multicast:
        return "a multicast address"
    mapped = isinstance(address, IPv6Address) and address.ipv4_mapped is not None
    if mapped or address in _NAT64:
        return None
    if not address.is_global or any(address in network for network in _SPECIAL):
        return "a private or reserved address"
    return None
