"""Providers of people from directories: LDAP and Microsoft Entra. Keys are Backstage's."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from config.integration import BaseUrl
from config.provider import ProviderConfig
from config.sections import Section, Text


class LdapBind(Section):
    """`bind`."""

    dn: Text = Field(description="DN of the user to sign in as.")
    secret: SecretStr = Field(description="Password of that user.")


class LdapTls(Section):
    """`tls`."""

    reject_unauthorized: bool = Field(default=True, description="Whether the server's certificate has to be valid.")


class LdapSearch(Section):
    """`options` of a search."""

    scope: Literal["base", "one", "sub"] = Field(default="one", description="How deep to search below the DN.")
    filter: Text = Field(default="(objectClass=*)", description="LDAP filter that entries have to match.")
    attributes: tuple[Text, ...] = Field(default=("*", "+"), description="Attributes to ask for.")
    size_limit: Annotated[int, Field(ge=0)] = Field(default=0, description="Most entries that the server may send; 0: as many as it likes.")
    time_limit: Annotated[int, Field(ge=0)] = Field(default=0, description="Seconds that the server may search; 0: as long as it likes.")
    paged: bool = Field(default=True, description="Whether entries are asked for in pages of 500, which most servers demand.")


class LdapUserMap(Section):
    """`map` of users: the attributes that fields are taken from."""

    rdn: Text = Field(default="uid", description="Attribute for the annotation `backstage.io/ldap-rdn`.")
    name: Text = Field(default="uid", description="Attribute for `metadata.name`.")
    description: Text | None = Field(default=None, description="Attribute for `metadata.description`.")
    display_name: Text = Field(default="cn", description="Attribute for `spec.profile.displayName`.")
    email: Text = Field(default="mail", description="Attribute for `spec.profile.email`.")
    picture: Text | None = Field(default=None, description="Attribute for `spec.profile.picture`.")
    member_of: Text | None = Field(default="memberOf", description="Attribute with the DNs of the groups that the user belongs to.")


class LdapGroupMap(Section):
    """`map` of groups: the attributes that fields are taken from."""

    rdn: Text = Field(default="cn", description="Attribute for the annotation `backstage.io/ldap-rdn`.")
    name: Text = Field(default="cn", description="Attribute for `metadata.name`.")
    description: Text | None = Field(default="description", description="Attribute for `metadata.description`.")
    type: Text | None = Field(default="groupType", description="Attribute for `spec.type`.")
    display_name: Text = Field(default="cn", description="Attribute for `spec.profile.displayName`.")
    email: Text | None = Field(default=None, description="Attribute for `spec.profile.email`.")
    picture: Text | None = Field(default=None, description="Attribute for `spec.profile.picture`.")
    member_of: Text | None = Field(default="memberOf", description="Attribute with the DNs of the groups that hold this one.")
    members: Text | None = Field(default="member", description="Attribute with the DNs of members: users and groups.")


class LdapUsers(Section):
    """One of `users`."""

    dn: Text = Field(description="DN below which users are.")
    options: LdapSearch = Field(default=LdapSearch(), description="How to search.")
    set: Mapping[str, Any] = Field(default={}, description="Values that every entity gets, by path, such as `metadata.namespace: ldap`.")
    map: LdapUserMap = Field(default=LdapUserMap(), description="Attributes that fields are taken from.")


class LdapGroups(Section):
    """One of `groups`."""

    dn: Text = Field(description="DN below which groups are.")
    options: LdapSearch = Field(default=LdapSearch(), description="How to search.")
    set: Mapping[str, Any] = Field(default={}, description="Values that every entity gets, by their paths, such as `spec.type: team`.")
    map: LdapGroupMap = Field(default=LdapGroupMap(), description="Attributes that fields are taken from.")


class LdapVendor(Section):
    """`vendor`."""

    dn_attribute_name: Text | None = Field(default=None, description="Attribute with an entry's DN; without it the entry's own.")
    uuid_attribute_name: Text | None = Field(default=None, description="Attribute with an entry's UUID; without it by the kind of server.")


_one_or_several = BeforeValidator(lambda value: [value] if isinstance(value, Mapping) else value)


class LdapOrg(ProviderConfig):
    """One of `catalog.providers.ldapOrg`."""

    target: Annotated[str, Field(pattern=r"^ldaps?://[^\s/?#@]+/?$"), AfterValidator(lambda url: url.rstrip("/"))] = Field(
        description="Address of the server: ldap:// or ldaps://."
    )
    bind: LdapBind | None = Field(default=None, description="Whom to sign in as; without it anonymously.")
    tls: LdapTls = Field(default=LdapTls(), description="What to ask of ldaps.")
    users: Annotated[tuple[LdapUsers, ...], _one_or_several] = Field(default=(), description="Searches for users: one, or a list.")
    groups: Annotated[tuple[LdapGroups, ...], _one_or_several] = Field(default=(), description="Searches for groups: one, or a list.")
    vendor: LdapVendor = Field(default=LdapVendor(), description="Attributes that differ between kinds of servers.")


class EntraUsers(Section):
    """`user`."""

    filter: Text | None = Field(default=None, description="OData filter of users, such as `userType eq 'member'`.")
    expand: Text | None = Field(default=None, description="OData $expand of users.")
    select: tuple[Text, ...] = Field(default=(), description="Fields to ask for; without it those that are used.")
    path: Text = Field(default="users", description="Path of the users below the target.")


class EntraGroups(Section):
    """`group`."""

    filter: Text | None = Field(default=None, description="OData filter of groups, such as `securityEnabled eq true`.")
    search: Text | None = Field(default=None, description="OData $search of groups.")
    expand: Text | None = Field(default=None, description="OData $expand of groups.")
    select: tuple[Text, ...] = Field(default=(), description="Fields to ask for; without it those that Entra gives.")
    path: Text = Field(default="groups", description="Path of the groups below the target.")
    include_sub_groups: bool = Field(default=False, description="Whether groups in the groups found are taken over as well.")


class EntraMembers(Section):
    """`userGroupMember`."""

    filter: Text | None = Field(default=None, description="OData filter of groups whose members are the users.")
    search: Text | None = Field(default=None, description="OData $search of groups whose members are the users.")
    path: Text = Field(default="groups", description="Path of those groups below the target.")


class EntraOrg(ProviderConfig):
    """One of `catalog.providers.microsoftGraphOrg`."""

    target: BaseUrl = Field(default="https://graph.microsoft.com/v1.0", description="Address of Microsoft Graph.")
    authority: BaseUrl = Field(default="https://login.microsoftonline.com", description="Address that hands out tokens.")
    tenant_id: Text = Field(description="Id of the tenant.")
    client_id: Text = Field(description="Id of the application that reads.")
    client_secret: SecretStr = Field(description="Secret of that application.")
    query_mode: Literal["basic", "advanced"] = Field(default="basic", description="`advanced` for filters that need eventual consistency.")
    user: EntraUsers = Field(default=EntraUsers(), description="Which users are taken over.")
    group: EntraGroups = Field(default=EntraGroups(), description="Which groups are taken over.")
    user_group_member: EntraMembers | None = Field(default=None, description="Takes the members of some groups over instead of all users.")

    @model_validator(mode="after")
    def _has_one_way_to_users(self) -> Self:
        if self.user.filter and self.user_group_member:
            raise ValueError("should have user.filter or userGroupMember, not both")
        return self
