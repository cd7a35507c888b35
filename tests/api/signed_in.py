"""Applications that ask everybody to sign in, and what people and programs ask them with."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from socket import create_server
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette

from api.app import create_app
from api.auth.keys import Keys
from api.auth.sessions import Session, Sessions
from api.auth.tokens import UserTokens
from config import Config
from graph.refs import Ref
from graph.store import Store
from tests.api.catalog import CONFIGURED
from tests.api.http import until_ready

BASE = "http://localhost"
ISSUER = f"{BASE}/api/auth"
ANN = Ref("user:default/ann")
HOUR = timedelta(hours=1)


def configured(**backend: Any) -> Config:
    """Nobody is a guest; `auth` of `backend` may name services."""
    github = {"clientId": "id", "clientSecret": "secret", "signIn": {"resolvers": [{"resolver": "usernameMatchingUserEntityName"}]}}
    providers = {"github": {"development": github}}
    return Config.model_validate({"backend": {"baseUrl": BASE, **backend}, "auth": {"providers": providers}})


@asynccontextmanager
async def application(store: Store, config: Config | None = None) -> AsyncIterator[Starlette]:
    """The application once its store is open."""
    app = create_app(config or configured(), store, CONFIGURED)
    async with app.router.lifespan_context(app), client_of(app) as client:
        await until_ready(client)
        yield app


@asynccontextmanager
async def listening(app: Starlette) -> AsyncIterator[str]:
    """The address (host:port) of a real server of the application."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", ws="websockets-sansio"))
    with create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        app.state.feed.close()
        server.should_exit = True
        await serving


def client_of(app: Starlette, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)


def cookie(session: Session) -> dict[str, str]:
    """The headers of a request from a page of the server itself."""
    return {"cookie": f"callboard-session={session.secret}", "origin": BASE}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


class Office:
    """Signs people in without a provider, as a process of its own beside the application, on the same store."""

    def __init__(self, store: Store) -> None:
        self.sessions = Sessions(store, idle=timedelta(hours=12), lifetime=timedelta(days=7))
        self.keys = Keys(store, HOUR, HOUR)
        self.tokens = UserTokens(self.keys, ISSUER, HOUR)

    async def session(self, user: Ref = ANN, **more: Any) -> Session:
        return await self.sessions.begin(user, provider="oidc", profile={}, **more)

    async def token(self, user: Ref = ANN) -> str:
        session = await self.session(user)
        return (await self.tokens.issue(user, [user], session=session.id, until=session.expires_at)).token


async def answer(client: httpx.AsyncClient, query: str, headers: Mapping[str, str], **variables: Any) -> dict[str, Any]:
    return (await client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)).json()
