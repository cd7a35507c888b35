"""Groups and users of GitLab as Groups and Users.

Names and annotations are those of Backstage's GitLab organisation data, https://backstage.io/docs/integrations/gitlab/org
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote

import orjson

from config.providers_hosts import GitLabDiscovery as Settings
from plugins.contract import FullMutation, ProvidedEntity, ProviderConnection, Touched
from plugins.discovery import each
from plugins.gitlab.host import GitLabHost
from plugins.pages import query
from plugins.rest import understood
from plugins.schedule import schedule_of

SAAS = "gitlab.com"

_API_VERSION = "backstage.io/v1alpha1"
_EVENTS = ("user_", "group_", "subgroup_")
_BOT = re.compile(r"(?:project|group)_\w+_bot_\w+")
_MEMBERS = """query ($group: ID!, $relations: [GroupMemberRelation!], $after: String) {
  group(fullPath: $group) {
    groupMembers(first: 100, relations: $relations, after: $after) { nodes { user { id username } } pageInfo { endCursor hasNextPage } }
  }
}"""


@dataclass(slots=True)
class _Group:
    """A group with the ids of those of its members that are taken over."""

    id: int
    full_path: str
    name: str
    description: str
    visibility: str | None
    parent: int | None
    members: set[int] = field(default_factory=set[int])


class GitLabPeople:
    """Provides a User for each active user and a Group for each group with members, and for those above it."""

    def __init__(self, id: str, config: Settings, host: GitLabHost, *, is_saas: bool | None = None) -> None:
        """`is_saas`: whether the host is GitLab's own, where nobody may list all users; by its name if not told."""
        self.name = f"gitlabOrg:{id}"
        self.schedule = schedule_of(config.schedule)
        self._config, self._host = config, host
        self._is_saas = host.host == SAAS if is_saas is None else is_saas
        # A port can't be part of an annotation's name.
        self._prefix = host.host.partition(":")[0]

    async def read(self, connection: ProviderConnection) -> None:
        """Provide the people as they are now."""
        groups = await self._groups()
        users = await self._users(groups)
        listed = list(groups.values())
        for group, members in zip(listed, await each(listed, self._members), strict=True):
            group.members = members & users.keys()
        kept = _with_members(groups)
        with understood(self._host.api_url):
            people = [self._user(user, [group for group in kept.values() if number in group.members]) for number, user in users.items()]
            teams = [self._group(group, kept) for group in kept.values()]
        await connection.apply(FullMutation([*people, *teams]))

    async def on_event(self, touched: Touched, connection: ProviderConnection) -> bool:
        """Read anew whatever happens to a user, a group or its members."""
        if touched.host not in {"", self._host.host} or not touched.event.startswith(_EVENTS):
            return False
        await self.read(connection)
        return True

    async def _groups(self) -> Mapping[int, _Group]:
        api, root = self._host.api_url, self._config.group
        if self._is_saas or self._config.restrict_users_to_group:
            own, _ = await self._host.api.json(f"{api}/groups/{quote(root, safe='')}?with_projects=false")
            below = await self._listed(f"/groups/{quote(root, safe='')}/descendant_groups", {})
            listed = [own, *below]
        else:
            listed = await self._listed("/groups", {"all_available": "true"})
        with understood(api):
            groups = [_group_of(group) for group in listed]
        return {group.id: group for group in groups if self._covers(group.full_path)}

    def _covers(self, path: str) -> bool:
        root = self._config.group
        matches = any(re.search(pattern, path) for pattern in self._config.group_pattern)
        return matches and (not root or path == root or path.startswith(f"{root}/"))

    async def _users(self, groups: Mapping[int, _Group]) -> Mapping[int, Mapping[str, Any]]:
        """The users that are taken over, by id."""
        if not self._is_saas and not self._config.restrict_users_to_group:
            options = {"active": "true", "without_project_bots": "true", "exclude_internal": "true"}
            listed = await self._listed("/users", options)
        else:
            root = self._config.group
            names = [root] if self._config.restrict_users_to_group else [root.partition("/")[0], *map(str, groups)]
            seats = {"show_seat_info": "true"} if self._is_saas else {}
            listed = [user for name in names for user in await self._listed(f"/groups/{quote(name, safe='')}/members/all", seats)]
        with understood(self._host.api_url):
            return {int(user["id"]): user for user in listed if self._is_taken_over(user)}

    def _is_taken_over(self, user: Mapping[str, Any]) -> bool:
        without_seat = self._is_saas and not (user.get("is_using_seat") or self._config.include_users_without_seat)
        named = user.get("email") or user["username"]
        is_bot = _BOT.fullmatch(str(user["username"])) is not None
        return (
            user["state"] == "active" and not without_seat and not is_bot and re.search(self._config.user_pattern, str(named)) is not None
        )

    async def _members(self, group: _Group) -> set[int]:
        inherited = ["INHERITED"] if self._config.allow_inherited else []
        relations = list(dict.fromkeys(["DIRECT", *self._config.relations, *inherited]))
        members: set[int] = set()
        async for user in self._group_members({"group": group.full_path, "relations": relations}):
            members.add(int(str(user["id"]).rpartition("/")[2]))
        return members

    async def _group_members(self, variables: Mapping[str, Any]) -> AsyncIterator[Mapping[str, Any]]:
        url = f"{self._host.web_url}/api/graphql"
        after: str | None = None
        more = True
        while more:
            content = orjson.dumps({"query": _MEMBERS, "variables": {**variables, "after": after}})
            found, _ = await self._host.api.json(url, content=content)
            with understood(url):
                group = found["data"]["group"]
                if group is None:
                    # The token may not look into it.
                    return
                for node in group["groupMembers"]["nodes"]:
                    if node and node["user"]:
                        yield node["user"]
                page = group["groupMembers"]["pageInfo"]
                more, after = bool(page["hasNextPage"]), page["endCursor"]

    async def _listed(self, path: str, options: Mapping[str, str]) -> list[Any]:
        url = f"{self._host.api_url}{path}" + query({"per_page": "100", **options})
        return [each async for each in self._host.api.pages(url)]

    def _user(self, user: Mapping[str, Any], groups: Sequence[_Group]) -> ProvidedEntity:
        login = str(user["username"])
        saml = cast("Mapping[str, Any]", user.get("group_saml_identity") or {}).get("extern_uid")
        annotations = {
            f"{self._prefix}/user-login": str(user["web_url"]),
            f"{self._prefix}/user-id": str(user["id"]),
            **({f"{self._prefix}/saml-external-uid": str(saml)} if saml else {}),
        }
        profile = {"displayName": user.get("name"), "email": user.get("email"), "picture": user.get("avatar_url")}
        spec = {
            "profile": {key: value for key, value in profile.items() if value},
            "memberOf": [self._name(group) for group in groups],
        }
        metadata = {"name": login, "annotations": annotations}
        document = {"apiVersion": _API_VERSION, "kind": "User", "metadata": metadata, "spec": spec}
        return ProvidedEntity(document, f"{self._host.web_url}/{login}")

    def _group(self, group: _Group, groups: Mapping[int, _Group]) -> ProvidedEntity:
        annotations = {f"{self._prefix}/team-path": group.full_path}
        if group.visibility:
            annotations[f"{self._prefix}/visibility"] = group.visibility
        metadata: dict[str, Any] = {"name": self._name(group), "annotations": annotations}
        if group.description:
            metadata["description"] = group.description
        spec: dict[str, Any] = {"type": "team", "profile": {"displayName": group.name}, "children": []}
        above = groups.get(group.parent or 0)
        if above:
            spec["parent"] = self._name(above)
        document = {"apiVersion": _API_VERSION, "kind": "Group", "metadata": metadata, "spec": spec}
        return ProvidedEntity(document, f"{self._host.web_url}/{group.full_path}")

    def _name(self, group: _Group) -> str:
        return group.full_path.removeprefix(f"{self._config.group}/" if self._config.group else "").replace("/", "-")


def _group_of(listed: Mapping[str, Any]) -> _Group:
    visibility, parent = listed.get("visibility"), listed.get("parent_id")
    return _Group(
        int(listed["id"]),
        str(listed["full_path"]),
        str(listed["name"]),
        str(listed.get("description") or ""),
        str(visibility) if visibility else None,
        int(parent) if parent else None,
    )


def _with_members(groups: Mapping[int, _Group]) -> Mapping[int, _Group]:
    """The groups that have members, and those above them."""
    kept: set[int] = set()
    for group in groups.values():
        above: _Group | None = group
        while group.members and above is not None and above.id not in kept:
            kept.add(above.id)
            above = groups.get(above.parent or 0)
    return {number: group for number, group in groups.items() if number in kept}
