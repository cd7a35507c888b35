"""`callboard login`: a token for this machine, allowed by its user in a browser."""

import socket
import time
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

import click
import httpx

from cli.exits import OK
from config.load import is_loopback
from config.tokens import address_of, keep_token

_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_TIMEOUT_SECONDS = 30
_NOT_FOUND = 404


class LoginError(click.ClickException):
    """Nobody was signed in."""


@click.command("login")
@click.option("--url", required=True, help="The server to sign in to, such as https://callboard.example.com.")
@click.option("--name", default=None, help="What to call this machine in the list of your tokens; its host name without it.")
def command(url: str, name: str | None) -> int:
    """Sign in to a server, so that other commands with the same --url ask it in your name.

    It shows a code and an address; open that in a browser, on any machine, and let this machine in. The token is kept in your own folder
    for configuration, where you alone can read it, and is for 30 days. `callboard logout` revokes it.
    """
    server = address_of(url)
    _warn_of_plain(server)
    try:
        with httpx.Client(timeout=_TIMEOUT_SECONDS) as client:
            begun = _begin(client, server, name or socket.gethostname())
            click.echo(f"Open {begun['verification_uri']} and type the code {begun['user_code']}", err=True)
            click.echo(f"or open {begun['verification_uri_complete']}", err=True)
            token = _wait(client, server, begun)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise LoginError(f"{server} can't be reached: {error or type(error).__name__}") from error
    file = keep_token(server, token)
    click.echo(f"You are signed in to {server}. The token is kept in {file}.", err=True)
    return OK


def _begin(client: httpx.Client, server: str, name: str) -> Mapping[str, Any]:
    response = client.post(f"{server}/api/auth/device/authorize", data={"client_id": "callboard-cli", "device_name": name})
    if response.status_code == _NOT_FOUND:
        raise LoginError(f"{server} asks nobody to sign in, or is no Callboard")
    answer = _json(response, server)
    wanted = ("device_code", "user_code", "verification_uri", "verification_uri_complete")
    if response.is_error or not all(isinstance(answer.get(key), str) and answer[key].isprintable() for key in wanted):
        raise LoginError(f"{server} did not begin a login: {_reason(response, answer)}")
    return answer


def _wait(client: httpx.Client, server: str, begun: Mapping[str, Any]) -> str:
    """The token, asked for until the user has decided."""
    interval = float(begun.get("interval", 5))
    ends = time.monotonic() + float(begun.get("expires_in", 600))
    while time.monotonic() < ends:
        time.sleep(interval)
        form = {"grant_type": _GRANT, "device_code": begun["device_code"], "client_id": "callboard-cli"}
        response = client.post(f"{server}/api/auth/device/token", data=form)
        answer = _json(response, server)
        token = answer.get("access_token")
        if response.is_success and isinstance(token, str):
            return token
        match answer.get("error"):
            case "authorization_pending":
                continue
            case "slow_down":
                interval += 5
            case _ if response.status_code in {429, 503}:
                interval += 5
            case _:
                raise LoginError(f"nobody was signed in: {_reason(response, answer)}")
    raise LoginError("nobody was signed in: the code has expired")


def _json(response: httpx.Response, server: str) -> Mapping[str, Any]:
    try:
        answer: object = response.json()
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise LoginError(f"{server} is no Callboard: it answered {response.status_code} {response.reason_phrase}")
    return cast("dict[str, Any]", answer)


def _reason(response: httpx.Response, answer: Mapping[str, Any]) -> str:
    """What went wrong, from OAuth's errors or from Callboard's own."""
    error = answer.get("error")
    told = answer.get("error_description") or (cast("dict[str, Any]", error).get("message") if isinstance(error, dict) else None)
    return str(told or f"it answered {response.status_code}")


def _warn_of_plain(server: str) -> None:
    parts = urlsplit(server)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        click.echo(f"callboard: {server} is asked without encryption; whoever is on the way can read the token", err=True)
