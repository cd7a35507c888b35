"""A browser without a screen, for what pages of sign-in ask of one: it follows redirects, keeps cookies, and fills in forms."""

import re
from collections.abc import Mapping
from html import unescape
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

_FORM = re.compile(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_INPUT = re.compile(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"')


async def signed_in_at(provider: httpx.AsyncClient, address: str, login: str) -> str:
    """The address that the provider sends the browser back to, once `login` has signed in there and agreed."""
    answer = await provider.get(address)
    for _ in range(12):
        if answer.is_redirect:
            target = urljoin(str(answer.request.url), answer.headers["location"])
            if urlsplit(target).netloc != urlsplit(address).netloc:
                return target
            answer = await provider.get(target)
            continue
        form = _FORM.search(answer.text)
        assert form is not None, answer.text
        fields = dict(_INPUT.findall(form[2])) | {"login": login, "password": "any"}
        answer = await provider.post(urljoin(str(answer.request.url), unescape(form[1])), data=fields)
    raise AssertionError(f"the provider does not send back: {answer.text}")


def parameters(address: str) -> Mapping[str, str]:
    """The parameters of an address, each of which is there once."""
    found = parse_qs(urlsplit(address).query, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}
