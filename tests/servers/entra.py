"""An emulator of Microsoft Entra's tokens and of the part of Microsoft Graph that lists people, as their documentation shows it.

https://learn.microsoft.com/en-us/graph/api/overview
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TENANT, CLIENT, SECRET = "tenant-1", "client-1", "client-secret"


@dataclass(slots=True)
class Tenant:
    """What the emulator knows and has seen. Pages hold `page` items however many are asked for."""

    users: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    groups: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    members: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    page: int = 100
    url: str = ""
    status: int | None = None
    next_elsewhere: str | None = None
    tokens: int = 0
    seen: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def user(self, id: str, **more: Any) -> None:
        """A user; what is not said is as in most tenants."""
        known = {"id": id, "displayName": id.title(), "userPrincipalName": f"{id}@example.com", "mail": None, "accountEnabled": True}
        self.users[id] = known | more

    def group(self, id: str, *members: str, **more: Any) -> None:
        """A security group with these members, users or groups."""
        known = {"id": id, "displayName": id.title(), "securityEnabled": True, "mailNickname": id, "description": None, "mail": None}
        self.groups[id] = known | more
        self.members[id] = list(members)


@contextmanager
def serving_entra() -> Iterator[Tenant]:
    """A running emulator, with the address of both its parts in `url`."""
    tenant = Tenant()
    listener = socket.create_server(("127.0.0.1", 0))
    tenant.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(_application(tenant), log_config=None, log_level="critical", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield tenant
    finally:
        server.should_exit = True
        thread.join(10)


def _application(tenant: Tenant) -> Starlette:
    async def token(request: Request) -> Response:
        form = {key: values[0] for key, values in parse_qs((await request.body()).decode()).items()}
        wanted = {"grant_type": "client_credentials", "client_id": CLIENT, "client_secret": SECRET, "scope": f"{tenant.url}/.default"}
        if form != wanted or request.path_params["tenant"] != TENANT:
            return JSONResponse({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret"}, 401)
        tenant.tokens += 1
        return JSONResponse({"token_type": "Bearer", "expires_in": 3599, "access_token": f"token-{tenant.tokens}"})

    async def graph(request: Request) -> Response:
        path = request.path_params["path"]
        tenant.seen.append((path, request.url.query))
        if tenant.status:
            headers = {"retry-after": "30"} if tenant.status == 429 else None
            return JSONResponse({"error": {"code": "x", "message": "x"}}, tenant.status, headers)
        if not request.headers.get("authorization", "").startswith("Bearer token-"):
            return JSONResponse({"error": {"code": "InvalidAuthenticationToken", "message": "x"}}, 401)
        if path == f"organization/{TENANT}":
            return JSONResponse({"id": TENANT, "displayName": "Example Inc."})
        if "$search" in request.query_params and request.headers.get("consistencylevel") != "eventual":
            return JSONResponse({"error": {"code": "Request_UnsupportedQuery", "message": "x"}}, 400)
        listed = _listed(tenant, path, request)
        return _page(tenant, request, listed) if listed is not None else JSONResponse({"error": {"code": "NotFound"}}, 404)

    tokens = Route("/{tenant}/oauth2/v2.0/token", token, methods=["POST"])
    return Starlette(routes=[tokens, Route("/v1.0/{path:path}", graph)])


def _listed(tenant: Tenant, path: str, request: Request) -> list[dict[str, Any]] | None:
    asked = request.query_params
    if path == "users":
        found = list(tenant.users.values())
        return [user for user in found if user.get("userType", "Member") == "Member"] if asked.get("$filter") else found
    if path == "groups":
        wanted = asked.get("$search", "").removeprefix('"displayName:').removesuffix('"').lower()
        return [group for group in tenant.groups.values() if wanted in group["displayName"].lower()]
    _, group, *rest = path.split("/")
    if group not in tenant.groups or rest[:1] != ["members"]:
        return None
    everybody = [_typed(tenant, member) for member in tenant.members[group]]
    only = rest[1].removeprefix("microsoft.graph.") if len(rest) > 1 else None
    return [member for member in everybody if only is None or member["@odata.type"].endswith(f".{only}")]


def _typed(tenant: Tenant, id: str) -> dict[str, Any]:
    kind, known = ("user", tenant.users) if id in tenant.users else ("group", tenant.groups)
    return {"@odata.type": f"#microsoft.graph.{kind}", **known[id]}


def _page(tenant: Tenant, request: Request, listed: list[dict[str, Any]]) -> Response:
    asked = request.query_params
    if int(asked.get("$top", 100)) > 999:
        return JSONResponse({"error": {"code": "BadRequest", "message": "Invalid page size"}}, 400)
    start = int(asked.get("$skiptoken", 0))
    fields = asked["$select"].split(",") if "$select" in asked else None
    items = [{k: v for k, v in item.items() if fields is None or k in fields or k.startswith("@")} for item in listed]
    page: dict[str, Any] = {"value": items[start : start + tenant.page]}
    if start + tenant.page < len(items):
        following = request.url.include_query_params(**{"$skiptoken": start + tenant.page})
        page["@odata.nextLink"] = tenant.next_elsewhere or str(following)
    return JSONResponse(page)
