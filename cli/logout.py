"""`callboard logout`: revokes the token of this machine and forgets it."""

import click
import httpx

from cli.exits import OK
from config.tokens import address_of, drop_token

_REVOKE = "mutation($id: ID!) { revokePersonalToken(id: $id) { personalToken { id } } }"
_TIMEOUT_SECONDS = 30


@click.command("logout")
@click.option("--url", required=True, help="The server that `callboard login` signed in to.")
def command(url: str) -> int:
    """Revoke the token that `callboard login` keeps for a server, and forget it."""
    server = address_of(url)
    token = drop_token(server)
    if token is None:
        click.echo(f"You are not signed in to {server}.", err=True)
        return OK
    token_id = token.removeprefix("cbp_").partition("_")[0]
    try:
        response = httpx.post(
            f"{server}/graphql",
            json={"query": _REVOKE, "variables": {"id": token_id}},
            headers={"authorization": f"Bearer {token}"},
            timeout=_TIMEOUT_SECONDS,
        )
        revoked = response.is_success and "errors" not in response.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        revoked = False
    if not revoked:
        click.echo(f"The token is forgotten here, but {server} did not revoke it; it may have ended before.", err=True)
        return OK
    click.echo(f"You are signed out of {server}.", err=True)
    return OK
