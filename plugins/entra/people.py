"""Users and groups of Microsoft Entra, by Microsoft Graph, as Users and Groups.

Fields and annotations are those of Backstage's Microsoft Graph module, https://backstage.io/docs/integrations/azure/org
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from config.providers_people import EntraOrg
from graph.refs import EntityRef
from plugins.contract import FullMutation, ProvidedEntity, ProviderConnection, SourceError, SourceReason, Touched
from plugins.oauth import ClientCredentials
from plugins.outbound.answers import unreadable
from plugins.outbound.client import Outbound
from plugins.outbound.guard import http_url
from plugins.rest import understood
from plugins.schedule import schedule_of

_API_VERSION = "backstage.io/v1alpha1"
_TENANT, _GROUP, _USER = (f"graph.microsoft.com/{name}-id" for name in ("tenant", "group", "user"))
_PAGE = 999
_AT_ONCE = 8
_MOST_PAGES = 10_000
_USER_FIELDS = ("id", "accountEnabled", "displayName", "mail", "userPrincipalName")

Thing = Mapping[str, Any]


class EntraPeople:
    """Provides a User for each enabled user, a Group for each group, and one above them all for the organisation."""

    def __init__(self, id: str, config: EntraOrg, outbound: Outbound) -> None:
        self.name = f"microsoftGraphOrg:{id}"
        self.config = config
        self.schedule = schedule_of(config.schedule)
        self._id = id
        self._outbound = outbound
        self._origin = http_url(config.target).origin
        form = {
            "client_id": config.client_id,
            "client_secret": config.client_secret.get_secret_value(),
            "scope": f"{self._origin}/.default",
        }
        self._sign = ClientCredentials(outbound, f"{config.authority}/{quote(config.tenant_id)}/oauth2/v2.0/token", form)

    async def read(self, connection: ProviderConnection) -> None:
        """Provide the people as Entra has them now."""
        organisation = await self._get(f"{self.config.target}/organization/{quote(self.config.tenant_id)}")
        groups, members = await self._groups()
        users = await self._users()
        with understood(self.config.target):
            entities = [*self._group_entities(organisation, groups, members), *self._user_entities(users, groups, members)]
        await connection.apply(FullMutation(entities))

    async def on_event(self, touched: Touched, connection: ProviderConnection) -> bool:
        """Entra tells of nothing here."""
        return False

    async def _users(self) -> list[Thing]:
        config = self.config.user
        wanted = {*config.select, *_USER_FIELDS} if config.select else _USER_FIELDS
        asked = {"$select": ",".join(sorted(wanted)), "$expand": config.expand, "$top": str(_PAGE)}
        members = self.config.user_group_member
        if members is None:
            found = [user async for user in self._listed(config.path, {**asked, "$filter": config.filter})]
        else:
            query = {"$filter": members.filter, "$search": members.search, "$select": "id,displayName", "$top": str(_PAGE)}
            groups = [group async for group in self._listed(members.path, query)]
            paths = [f"groups/{_id_of(group)}/members/microsoft.graph.user" for group in groups]
            found = [user for listed in await self._all(paths, asked) for user in listed]
        enabled = {_id_of(user): user for user in found if user.get("accountEnabled") is not False}
        return [enabled[key] for key in sorted(enabled) if enabled[key].get("displayName")]

    async def _groups(self) -> tuple[list[Thing], Mapping[str, Sequence[Thing]]]:
        """The groups and the members of each, by its id."""
        config = self.config.group
        asked = {
            "$filter": config.filter,
            "$search": config.search,
            "$expand": config.expand,
            "$select": ",".join(config.select) or None,
            "$top": str(_PAGE),
        }
        found = {_id_of(group): group async for group in self._listed(config.path, asked)}
        members = await self._members(found)
        if config.include_sub_groups:
            below = {_id_of(one): one for listed in members.values() for one in listed if _is(one, "group")}
            more = {key: group for key, group in below.items() if key not in found}
            found |= more
            members |= await self._members(more)
        return [found[key] for key in sorted(found) if found[key].get("displayName")], members

    async def _members(self, groups: Mapping[str, Thing]) -> dict[str, Sequence[Thing]]:
        listed = await self._all([f"groups/{key}/members" for key in groups], {"$top": str(_PAGE)})
        return dict(zip(groups, listed, strict=True))

    async def _all(self, paths: Sequence[str], asked: Mapping[str, str | None]) -> list[Sequence[Thing]]:
        """What each list holds, some asked for at once."""
        some = asyncio.Semaphore(_AT_ONCE)

        async def items(path: str) -> Sequence[Thing]:
            async with some:
                return [item async for item in self._listed(path, asked)]

        reading = [asyncio.create_task(items(path)) for path in paths]
        try:
            return list(await asyncio.gather(*reading))
        finally:
            for task in reading:
                task.cancel()

    async def _listed(self, path: str, asked: Mapping[str, str | None]) -> AsyncIterator[Thing]:
        """The items of a list, page after page."""
        query = {name: value for name, value in asked.items() if value}
        is_advanced = "$search" in query or self.config.query_mode == "advanced"
        if is_advanced and query.keys() & {"$filter", "$select"}:
            query["$count"] = "true"
        headers = {"consistencylevel": "eventual"} if is_advanced else {}
        url: str | None = f"{self.config.target}/{path.strip('/')}?{urlencode(query, quote_via=quote, safe='$,')}"
        for _ in range(_MOST_PAGES):
            if url is None:
                return
            page = await self._get(url, headers)
            with understood(self.config.target):
                items: list[Thing] = list(page["value"])
                url = page.get("@odata.nextLink")
            for item in items:
                yield item

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        at = http_url(url)
        if at.origin != self._origin:
            raise unreadable(http_url(self.config.target), "names a next page on another host")
        try:
            signed = {"accept": "application/json", **(headers or {}), **(await self._sign(url))}
            async with self._outbound.request("GET", url, headers=signed, any_host=True) as answer:
                return await answer.json()
        except SourceError as error:
            if error.reason is not SourceReason.UNAUTHORIZED:
                raise
            remedy = "Check clientId, clientSecret and tenantId of the provider, and that the application may read users and groups."
            raise SourceError(error.reason, error.url, error.message, remedy) from error

    def _group_entities(self, organisation: Thing, groups: Sequence[Thing], members: Mapping[str, Sequence[Thing]]) -> list[ProvidedEntity]:
        known = {_id_of(group): group for group in groups}
        children = {key: sorted(_id_of(one) for one in members.get(key, ()) if _id_of(one) in known) for key in known}
        parents: dict[str, str] = {}
        for key in sorted(children):
            for child in children[key]:
                parents.setdefault(child, key)
        tenant, shown = str(organisation["id"]), organisation.get("displayName")
        root = _entity("Group", normalized(str(shown)), {_TENANT: tenant}, shown, {"displayName": shown}) if shown else None
        entities: list[ProvidedEntity] = []
        if root:
            tops = [_ref("group", _group_name(known[key])) for key in sorted(known) if key not in parents]
            root["spec"] |= {"type": "root", "children": tops}
            entities.append(self._provided(root, tenant))
        for key, group in known.items():
            profile = {"displayName": group["displayName"], "email": group.get("mail")}
            entity = _entity("Group", _group_name(group), {_GROUP: key}, group.get("description"), profile)
            entity["spec"] |= {"type": "team", "children": [_ref("group", _group_name(known[child])) for child in children[key]]}
            above = _ref("group", _group_name(known[parents[key]])) if key in parents else None
            above = above or (_ref("group", root["metadata"]["name"]) if root else None)
            entity["spec"] |= {"parent": above} if above else {}
            entities.append(self._provided(entity, key))
        return entities

    def _user_entities(
        self, users: Sequence[Thing], groups: Sequence[Thing], members: Mapping[str, Sequence[Thing]]
    ) -> list[ProvidedEntity]:
        groups_of: dict[str, list[str]] = {}
        for group in groups:
            for one in members.get(_id_of(group), ()):
                groups_of.setdefault(_id_of(one), []).append(_ref("group", _group_name(group)))
        entities: list[ProvidedEntity] = []
        for user in users:
            key, mail = _id_of(user), user.get("mail")
            annotations = {_USER: key} | ({"microsoft.com/email": mail} if mail else {})
            name = normalized(str(mail or user["userPrincipalName"]))
            entity = _entity("User", name, annotations, None, {"displayName": user["displayName"], "email": mail})
            entity["spec"] |= {"memberOf": sorted(groups_of.get(key, ()))}
            entities.append(self._provided(entity, key))
        return entities

    def _provided(self, document: Mapping[str, Any], key: str) -> ProvidedEntity:
        return ProvidedEntity(document, f"msgraph:{self._id}/{quote(key, safe='')}")


def normalized(name: str) -> str:
    """The name as Backstage makes an entity's name of it, without the marks at its ends that no name may have."""
    return re.sub(r"_{2,}", "_", re.sub(r"[^a-zA-Z0-9_\-.]", "_", name.strip().lower())).strip("_-.")


def _entity(kind: str, name: str, annotations: Mapping[str, str], description: Any, profile: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "annotations": annotations} | ({"description": description} if description else {})
    spec = {"profile": {key: value for key, value in profile.items() if value}}
    return {"apiVersion": _API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _group_name(group: Thing) -> str:
    shown = str(group["displayName"])
    return normalized(shown if group.get("securityEnabled") else str(group.get("mailNickname") or shown))


def _id_of(thing: Thing) -> str:
    return str(thing.get("id"))


def _is(thing: Thing, kind: str) -> bool:
    return thing.get("@odata.type") == f"#microsoft.graph.{kind}"


def _ref(kind: str, name: str) -> str:
    return EntityRef(kind, "default", name).ref
