"""Repositories of GitHub: made, given their settings, pushed to and protected, by https://docs.github.com/en/rest/repos/."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from nacl.public import PublicKey, SealedBox

from graph.errors import InputError
from plugins.actions import ActionContext, Effect
from plugins.contract import SourceError
from plugins.rest import understood
from workers.scaffolder.publishing.contents import Pushed, commit_text, push
from workers.scaffolder.publishing.desk import Desk
from workers.scaffolder.publishing.destinations import Destination
from workers.scaffolder.publishing.github_inputs import (
    Collaborator,
    OnGitHub,
    PushSettings,
    RepositorySettings,
    creation_of,
    protection_of,
)
from workers.scaffolder.publishing.repositories import Repository, created_once
from workers.scaffolder.publishing.requests import WriteApi

_UNTIL_BRANCH_SECONDS = 0.6


@dataclass(frozen=True, slots=True)
class GitHubRepository:
    """One repository of GitHub that a step is about."""

    desk: Desk
    context: ActionContext
    api: WriteApi
    at: Destination

    @property
    def path(self) -> str:
        """Its path in the API."""
        return f"/repos/{quote(self.at.full_name)}"

    async def look(self) -> Repository | None:
        """The repository, if there is one that is seen."""
        found = await self.api.get(self.path)
        if found is None:
            return None
        # `size` lags behind a push, and there is no other field that tells.
        heads = await self.api.ask("GET", f"{self.path}/git/matching-refs/heads/", expected={404, 409})
        return self._told(found, is_empty=not heads.value or heads.status != 200)

    async def made(self, given: RepositorySettings, *, auto_init: bool | None = None) -> Repository:
        """The repository, made by this task. Errors as of `created_once`."""

        async def create() -> Repository:
            owner = await self.api.get(f"/users/{quote(self.at.owner)}")
            if owner is None:
                raise InputError(f"there is no user or organization {self.at.owner} on {self.at.host}")
            in_organization = owner["type"] == "Organization"
            body = creation_of(given, self.at.repo, in_organization=in_organization, auto_init=auto_init)
            path = f"/orgs/{quote(self.at.owner)}/repos" if in_organization else "/user/repos"
            said = await self.api.ask("POST", path, body)
            return self._told(said.value, is_empty=not auto_init)

        return await created_once(self.context, self.at.full_name, self.look, create, holds_commit=bool(auto_init))

    async def forked(self) -> "GitHubRepository":
        """The fork of whoever signs in, made if there is none; its objects may come a moment later. SourceError if GitHub refuses it."""
        viewer = await self.api.get("/user")
        with understood(self.api.url):
            login = str(viewer["login"])
        there = replace(self, at=replace(self.at, owner=login))

        async def find() -> str | None:
            found = await self.api.get(there.path)
            with understood(self.api.url):
                return str(found["name"]) if found and self._is_parent_of(found) else None

        async def fork() -> str:
            made = (await self.api.ask("POST", f"{self.path}/forks")).value
            with understood(self.api.url):
                return str(made["name"])

        name = await self.context.checkpoint(f"fork-before:{self.at.full_name}", find)
        if name is None:
            name = await self.context.checkpoint(f"fork:{self.at.full_name}", fork, find)
            at = replace(there.at, repo=name)
            await self.context.created(Effect("fork", self.desk.github_page(at), details={"name": at.full_name, "of": self.at.full_name}))
        return replace(there, at=replace(there.at, repo=name))

    def _is_parent_of(self, found: Any) -> bool:
        return bool(found["fork"]) and str(found["parent"]["full_name"]).lower() == self.at.full_name.lower()

    async def settle(self, given: RepositorySettings) -> None:
        """Give it people, topics, variables and secrets. All of it may be done twice. SourceError if GitHub refuses what has to be."""
        if given.access and given.access != self.at.owner:
            await self._grant(given.access, "admin")
        for one in given.collaborators or ():
            await self._tolerated(f"{one.access} access for {one.user or one.team}", self._collaborate(one))
        if given.topics:
            names = {"names": [topic.lower() for topic in given.topics]}
            await self._tolerated(f"topics {' '.join(given.topics)}", self._put("/topics", names))
        for name, value in (given.repo_variables or {}).items():
            variable = {"name": name, "value": value}
            at = f"{self.path}/actions/variables/{quote(name, safe='')}"
            if await self.api.get(at) is None:
                await self.api.ask("POST", f"{self.path}/actions/variables", variable)
            else:
                await self.api.ask("PATCH", at, variable)
        if given.secrets:
            await self._keep_secrets(given.secrets)
        if (oidc := given.oidc_customization) is not None:
            body = {"use_default": oidc.use_default, "include_claim_keys": oidc.include_claim_keys}
            await self._put("/actions/oidc/customization/sub", {key: value for key, value in body.items() if value is not None})
        if given.subscribe:
            await self._put("/subscription", {"subscribed": True, "ignored": False})

    async def pushed(self, given: PushSettings) -> str:
        """The hash of the first commit, which holds the workspace. SourceError if GitHub refuses it."""
        settings = self.desk.config.scaffolder
        text = await commit_text(self.context, settings, given.git_commit_message, given.git_author_name, given.git_author_email)
        url = f"{self.desk.github_page(self.at)}.git"
        target = Pushed(url, self.at.host, "x-access-token", await self.api.password(), given.default_branch)
        commit = await push(self.context, self.desk.outbound, target, given.source_path, text)
        if given.protect_default_branch:
            await self._tolerated("default branch protection", self._protect(given))
        return commit

    async def allow_workflows(self, level: str) -> None:
        """Say who else may use its workflows."""
        await self._put("/actions/permissions/access", {"access_level": level})

    def _told(self, found: Any, *, is_empty: bool) -> Repository:
        with understood(self.api.url):
            return Repository(
                str(found["full_name"]),
                str(found["id"]),
                str(found["html_url"]),
                str(found["clone_url"]),
                str(found["created_at"]),
                is_empty=is_empty,
            )

    async def _grant(self, access: str, permission: str) -> None:
        organization, _, team = access.partition("/")
        if team and organization.lower() == self.at.owner.lower():
            await self._add_team(team, permission)
        else:
            await self._put(f"/collaborators/{quote(access, safe='')}", {"permission": permission})

    async def _collaborate(self, one: Collaborator) -> None:
        if one.user:
            await self._put(f"/collaborators/{quote(_name(one.user), safe='')}", {"permission": one.access})
        elif one.team:
            await self._add_team(_name(one.team), one.access)

    async def _add_team(self, team: str, permission: str) -> None:
        path = f"/orgs/{quote(self.at.owner)}/teams/{quote(team, safe='')}{self.path}"
        await self.api.ask("PUT", path, {"permission": permission})

    async def _keep_secrets(self, secrets: Any) -> None:
        key = await self.api.get(f"{self.path}/actions/secrets/public-key")
        with understood(self.api.url):
            box = SealedBox(PublicKey(base64.b64decode(key["key"])))
            key_id = key["key_id"]
        for name, value in secrets.items():
            sealed = base64.b64encode(box.encrypt(value.encode())).decode()
            await self._put(f"/actions/secrets/{quote(name, safe='')}", {"encrypted_value": sealed, "key_id": key_id})

    async def _protect(self, given: PushSettings) -> None:
        path = f"{self.path}/branches/{quote(given.default_branch, safe='')}/protection"
        said = await self.api.ask("PUT", path, protection_of(given), expected={404})
        if said.status == 404:
            # The branch may take a moment to be known after the push.
            await asyncio.sleep(_UNTIL_BRANCH_SECONDS)
            await self.api.ask("PUT", path, protection_of(given))
        if given.required_commit_signing:
            await self.api.ask("POST", f"{path}/required_signatures")

    async def _put(self, below: str, body: Any) -> None:
        await self.api.ask("PUT", f"{self.path}{below}", body)

    async def _tolerated(self, what: str, doing: Awaitable[None]) -> None:
        try:
            await doing
        except SourceError as error:
            self.context.log.warning(f"Skipping {what}: {error}")


def repository_of(desk: Desk) -> Callable[[OnGitHub, ActionContext], GitHubRepository]:
    """Finds the repository that an input is about. InputError if its repoUrl leads to none that may be published to."""

    def found(given: OnGitHub, context: ActionContext) -> GitHubRepository:
        destination = desk.destination(given.repo_url, "owner", "repo")
        return GitHubRepository(desk, context, desk.github(destination, given.token), destination)

    return found


def _name(ref: str) -> str:
    """The name in a reference to an entity, as Backstage takes it."""
    return ref.rpartition("/")[2].rpartition(":")[2]
