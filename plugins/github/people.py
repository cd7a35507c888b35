"""Teams and members of GitHub organisations as Groups and Users.

Names and annotations are those of Backstage's GitHub organisation data, https://backstage.io/docs/integrations/github/org
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from config.providers import GitHubOrg
from plugins.contract import FullMutation, ProvidedEntity, ProviderConnection, Touched
from plugins.github.host import GitHubHost
from plugins.github.lists import RememberedLists
from plugins.payloads import Payload
from plugins.rest import understood
from plugins.schedule import schedule_of

_AT_ONCE = 8
_API_VERSION = "backstage.io/v1alpha1"
_EVENTS = ("membership", "organization", "team")

User = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Team:
    """A team with the logins of those who are in it, or in a team below it, as GitHub lists them."""

    organisation: str
    slug: str
    name: str
    description: str | None
    parent: str | None
    url: str
    members: frozenset[str]


class GitHubPeople:
    """Provides a User for each member of the organisations and a Group for each team.

    With one organisation the groups are in the default namespace, else each organisation has one of its own.
    """

    def __init__(self, config: GitHubOrg, host: GitHubHost, *, is_only_one: bool = True) -> None:
        self.name = f"githubOrg:{config.id}"
        self.config = config
        self.schedule = schedule_of(config.schedule)
        self._host = host
        self._lists = RememberedLists(host.api)
        self._has_default_namespace = is_only_one and len(config.orgs) == 1
        self._users: dict[str, User | None] = {}

    async def read(self, connection: ProviderConnection) -> None:
        """Provide the people as they are now."""
        self._users.clear()
        await self._provide(connection)

    async def on_event(self, touched: Touched, connection: ProviderConnection) -> bool:
        """Follow what happened to a team or its members. Who is known already is not asked for again."""
        organisation = Payload(touched.payload).part("organization").value.get("login")
        ours = {org.lower() for org in self.config.orgs}
        is_of_people = touched.event.partition(".")[0] in _EVENTS
        if not is_of_people or touched.host not in ("", self._host.host) or str(organisation).lower() not in ours:
            return False
        await self._provide(connection)
        return True

    async def _provide(self, connection: ProviderConnection) -> None:
        teams: list[_Team] = []
        members: dict[str, User] = {}
        for organisation in self.config.orgs:
            listed = await self._lists.items(f"/orgs/{quote(organisation)}/members?per_page=100", organisation)
            with understood(self._host.host):
                members |= {str(user["login"]): user for user in listed}
            await self._look_up([login for login in members if login not in self._users], organisation)
            teams += await self._teams(organisation)
        known = {login: self._users.get(login) or user for login, user in members.items()}
        users = {login: user for login, user in known.items() if not self._is_left_out(user)}
        with understood(self._host.host):
            entities = [*(self._user(user, teams) for user in users.values()), *(self._group(team, teams, users) for team in teams)]
        await connection.apply(FullMutation(entities))

    async def _look_up(self, logins: Sequence[str], organisation: str) -> None:
        """Ask for names and addresses, which lists leave out; from the second time on by conditional requests."""
        some = asyncio.Semaphore(_AT_ONCE)

        async def look(login: str) -> None:
            async with some:
                self._users[login] = await self._lists.thing(f"/users/{quote(login)}", organisation)

        looking = [asyncio.create_task(look(login)) for login in logins]
        try:
            await asyncio.gather(*looking)
        finally:
            for task in looking:
                task.cancel()

    async def _teams(self, organisation: str) -> list[_Team]:
        path = f"/orgs/{quote(organisation)}/teams"
        listed = await self._lists.items(f"{path}?per_page=100", organisation)
        teams: list[_Team] = []
        for each in listed:
            with understood(self._host.host):
                slug, parent = str(each["slug"]), each.get("parent")
            members = await self._lists.items(f"{path}/{quote(slug)}/members?per_page=100", organisation)
            with understood(self._host.host):
                logins = frozenset(str(member["login"]) for member in members)
                above = str(parent["slug"]) if parent else None
                teams.append(_Team(organisation, slug, str(each["name"]), each.get("description"), above, str(each["html_url"]), logins))
        return teams

    def _is_left_out(self, user: User) -> bool:
        return self.config.exclude_suspended_users and bool(user.get("suspended_at"))

    def _user(self, user: User, teams: Sequence[_Team]) -> ProvidedEntity:
        login = str(user["login"])
        profile = {"displayName": user.get("name"), "email": user.get("email"), "picture": user.get("avatar_url")}
        metadata = {
            "name": login,
            "annotations": {"github.com/user-login": login, "github.com/user-id": user.get("node_id")},
            "description": user.get("bio"),
        }
        spec = {"profile": _filled(profile), "memberOf": [self._ref(team) for team in teams if login in self._own_members(team, teams)]}
        document = {"apiVersion": _API_VERSION, "kind": "User", "metadata": _filled(metadata), "spec": spec}
        return ProvidedEntity(document, f"{self._host.web_url}/{login}")

    def _group(self, team: _Team, teams: Sequence[_Team], users: Mapping[str, User]) -> ProvidedEntity:
        below = [one.slug for one in teams if one.organisation == team.organisation and one.parent == team.slug]
        metadata = {
            "name": team.slug,
            "namespace": None if self._has_default_namespace else team.organisation.lower(),
            "description": team.description,
            "annotations": {"github.com/team-slug": f"{team.organisation}/{team.slug}", "backstage.io/edit-url": f"{team.url}/edit"},
        }
        spec: dict[str, Any] = {
            "type": "team",
            "profile": {"displayName": team.name},
            "children": sorted(below),
            "members": [f"default/{login}" for login in sorted(self._own_members(team, teams) & users.keys())],
        }
        document = {"apiVersion": _API_VERSION, "kind": "Group", "metadata": _filled(metadata), "spec": spec}
        if team.parent:
            spec["parent"] = team.parent
        return ProvidedEntity(document, team.url)

    def _own_members(self, team: _Team, teams: Sequence[_Team]) -> frozenset[str]:
        """Who is in the team itself. GitHub's list holds those of the teams below it as well, who belong to it through these."""
        below = [one.members for one in teams if one.organisation == team.organisation and one.parent == team.slug]
        return team.members.difference(*below)

    def _ref(self, team: _Team) -> str:
        return team.slug if self._has_default_namespace else f"{team.organisation.lower()}/{team.slug}"


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without those that are missing."""
    return {key: value for key, value in values.items() if value}
