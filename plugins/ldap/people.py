"""Users and groups of an LDAP directory as Users and Groups.

Fields, annotations and defaults are those of Backstage's LDAP module, https://backstage.io/docs/integrations/ldap/org
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import UUID

from config.providers_people import LdapGroupMap, LdapGroups, LdapOrg, LdapUserMap, LdapUsers
from graph.refs import EntityRef
from plugins.contract import FullMutation, ProvidedEntity, ProviderConnection, Touched
from plugins.outbound.client import Outbound
from plugins.schedule import schedule_of

if TYPE_CHECKING:
    from plugins.ldap.client import Entry, LdapClient

_API_VERSION = "backstage.io/v1beta1"
_DN, _RDN, _UUID = "backstage.io/ldap-dn", "backstage.io/ldap-rdn", "backstage.io/ldap-uuid"
_GUID = "objectguid"


@dataclass(slots=True)
class _Person:
    """An entry and the entity that it becomes; `above` and `below` are what it says of groups it is in and of members it has."""

    dn: str
    document: dict[str, Any]
    above: Sequence[str] = ()
    below: Sequence[str] = ()
    groups: set[str] = field(default_factory=set[str])
    children: set[str] = field(default_factory=set[str])

    @property
    def ref(self) -> str:
        metadata = self.document["metadata"]
        return EntityRef(self.document["kind"], metadata.get("namespace") or "default", metadata.get("name") or "").ref

    @property
    def names(self) -> Iterator[str]:
        """Everything by which others may refer to it."""
        yield self.dn.lower()
        yield self.ref
        annotations = self.document["metadata"]["annotations"]
        yield from (annotations[name].lower() for name in (_RDN, _UUID) if name in annotations)


class LdapPeople:
    """Provides a User for each user and a Group for each group that the searches find."""

    def __init__(self, id: str, config: LdapOrg, outbound: Outbound) -> None:
        self.name = f"ldapOrg:{id}"
        self.config = config
        self.schedule = schedule_of(config.schedule)
        self._id = id
        self._outbound = outbound

    async def read(self, connection: ProviderConnection) -> None:
        """Provide the people as the directory holds them now."""
        # The library is loaded by those alone that have a directory.
        client = import_module("plugins.ldap.client")
        address = await self._outbound.check_host(*client.port_of(self.config.target))
        users, groups = await asyncio.to_thread(self._found, client, address)
        resolve(users, groups)
        people = sorted([*users, *groups], key=lambda person: (person.ref, person.dn))
        await connection.apply(FullMutation([self._provided(person) for person in people]))

    async def on_event(self, touched: Touched, connection: ProviderConnection) -> bool:
        """Directories tell of nothing."""
        return False

    def _found(self, client: Any, address: str) -> tuple[list[_Person], list[_Person]]:
        with client.LdapClient(self.config, address) as opened:
            uuid = self.config.vendor.uuid_attribute_name or _uuid_attribute(opened)
            users = [self._user(entry, users, uuid) for users in self.config.users for entry in opened.search(users.dn, users.options)]
            groups = [self._group(entry, group, uuid) for group in self.config.groups for entry in opened.search(group.dn, group.options)]
            return users, groups

    def _user(self, entry: "Entry", users: LdapUsers, uuid: str) -> _Person:
        document: dict[str, Any] = {
            "apiVersion": _API_VERSION,
            "kind": "User",
            "metadata": {"annotations": {}},
            "spec": {"profile": {}, "memberOf": []},
        }
        dn = self._dn(entry)
        _fill(document, entry, users.map, users.set, {_DN: dn, **_uuid_of(entry, uuid)})
        return _Person(dn, document, above=entry.texts(users.map.member_of) if users.map.member_of else ())

    def _group(self, entry: "Entry", groups: LdapGroups, uuid: str) -> _Person:
        document: dict[str, Any] = {
            "apiVersion": _API_VERSION,
            "kind": "Group",
            "metadata": {"annotations": {}},
            "spec": {"type": "unknown", "profile": {}, "children": []},
        }
        dn, attributes = self._dn(entry), groups.map
        _fill(document, entry, attributes, groups.set, {_DN: dn, **_uuid_of(entry, uuid)})
        if attributes.type and (kind := _single(entry, attributes.type)):
            document["spec"]["type"] = kind
        above = entry.texts(attributes.member_of) if attributes.member_of else ()
        return _Person(dn, document, above, entry.texts(attributes.members) if attributes.members else ())

    def _dn(self, entry: "Entry") -> str:
        name = self.config.vendor.dn_attribute_name
        return (_single(entry, name) if name else None) or entry.dn

    def _provided(self, person: _Person) -> ProvidedEntity:
        return ProvidedEntity(person.document, f"ldap://{self._id}/{quote(person.dn, safe='')}")


def resolve(users: Sequence[_Person], groups: Sequence[_Person]) -> None:
    """Write memberOf, parent and children from what users and groups say of each other. A group in several groups has no parent."""
    user_of = {name: user for user in users for name in user.names}
    group_of = {name: group for group in groups for name in group.names}
    for user in users:
        user.groups |= {group.ref for name in user.above if (group := group_of.get(name.lower()))}
    for group in groups:
        for parent in (group_of[name.lower()] for name in group.above if name.lower() in group_of):
            group.groups.add(parent.ref)
            parent.children.add(group.ref)
        for name in map(str.lower, group.below):
            if name in user_of:
                user_of[name].groups.add(group.ref)
            elif name in group_of:
                group.children.add(group_of[name].ref)
                group_of[name].groups.add(group.ref)
    for user in users:
        user.document["spec"]["memberOf"] = sorted(user.groups)
    for group in groups:
        group.document["spec"]["children"] = sorted(group.children)
        if len(group.groups) == 1:
            group.document["spec"]["parent"] = next(iter(group.groups))


def _fill(
    document: dict[str, Any], entry: "Entry", map: LdapUserMap | LdapGroupMap, fixed: Mapping[str, Any], annotations: Mapping[str, str]
) -> None:
    """Values that are set come first, and those of attributes with exactly one value over them."""
    for path, value in fixed.items():
        _set(document, path, deepcopy(value))
    document["metadata"]["annotations"] |= annotations
    fields = {
        f"metadata.annotations/{_RDN}": map.rdn,
        "metadata.name": map.name,
        "metadata.description": map.description,
        "spec.profile.displayName": map.display_name,
        "spec.profile.email": map.email,
        "spec.profile.picture": map.picture,
    }
    for path, attribute in fields.items():
        value = _single(entry, attribute) if attribute else None
        if value:
            _set(document, path, value)


def _set(document: dict[str, Any], path: str, value: Any) -> None:
    """A value under a dotted path; what follows a slash is one key, dots included."""
    dotted, _, last = path.partition("/")
    *above, name = [*dotted.split("."), *([last] if last else [])]
    for key in above:
        document = document.setdefault(key, {})
    document[name] = value


def _single(entry: "Entry", attribute: str) -> str | None:
    values = entry.texts(attribute)
    return values[0] if len(values) == 1 else None


def _uuid_attribute(client: "LdapClient") -> str:
    """The attribute with the UUID, by the kind of server."""
    root = client.root()
    if root.raw("forestFunctionality"):
        return "objectGUID"
    return "ipaUniqueID" if root.raw("ipaDomainLevel") else "entryUUID"


def _uuid_of(entry: "Entry", attribute: str) -> Mapping[str, str]:
    values = entry.raw(attribute)
    if len(values) != 1:
        return {}
    is_guid = attribute.lower() == _GUID and len(values[0]) == 16
    return {_UUID: str(UUID(bytes_le=values[0])) if is_guid else values[0].decode("utf-8", "replace")}
