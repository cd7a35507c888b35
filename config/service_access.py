"""`backend.auth.externalAccess`: services that may ask, with Backstage's keys."""

import re
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from config.integration import BaseUrl
from config.sections import Section, Text

_WORDS = re.compile(r"[ ,]+")
_NEEDED = {"static": ("token", "subject"), "jwks": ("url",)}
_ALLOWED = {"static": {"token", "subject"}, "jwks": {"url", "issuer", "algorithm", "audience", "subject_prefix"}}


def _words(value: object) -> object:
    """Backstage's two forms of several names: a list, or a text with spaces or commas."""
    return [word for word in _WORDS.split(value) if word] if isinstance(value, str) else value


Words = Annotated[tuple[Text, ...], BeforeValidator(_words)]
_Algorithms = Annotated[
    tuple[Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"], ...], BeforeValidator(_words)
]
_Actions = Annotated[tuple[Literal["create", "read", "update", "delete"], ...], BeforeValidator(_words)]


class PermissionAttribute(Section):
    """An access restriction's `permissionAttribute`."""

    action: _Actions | None = Field(default=None, description="What permissions have to be about: create, read, update, delete.")


class AccessRestriction(Section):
    """One of `accessRestrictions`."""

    plugin: Text = Field(description="API that may be used: `catalog`, `scaffolder`, `techdocs`, `search` or `callboard`.")
    permission: Words | None = Field(default=None, description="Permissions of it alone, such as `catalog.entity.read`.")
    permission_attribute: PermissionAttribute | None = Field(default=None, description="Permissions with these attributes alone.")


class ExternalAccessOptions(Section):
    """`options` of one of `backend.auth.externalAccess`."""

    token: Annotated[SecretStr, Field(min_length=8)] | None = Field(
        default=None, description="Of `static`: the token, at least 8 characters without spaces; write ${VARIABLE} or $file."
    )
    subject: str | None = Field(
        default=None, pattern=r"^\S+$", description="Of `static`: whose token it is; the service is service:default/<subject>."
    )
    url: BaseUrl | None = Field(default=None, description="Of `jwks`: where the issuer publishes its keys.")
    issuer: Words | None = Field(default=None, description="Of `jwks`: what `iss` has to be, one or several; without it anything.")
    algorithm: _Algorithms | None = Field(
        default=None, description="Of `jwks`: algorithms of signatures, one or several; without it all that sign by a private key."
    )
    audience: Words | None = Field(default=None, description="Of `jwks`: what `aud` has to hold, one or several; without it anything.")
    subject_prefix: str | None = Field(
        default=None, pattern=r"^\S+$", description="Of `jwks`: the service is service:default/external:<subjectPrefix>:<sub>."
    )

    @model_validator(mode="after")
    def _token_is_one_word(self) -> Self:
        if self.token is not None and re.search(r"\s", self.token.get_secret_value()):
            raise ValueError("token should have no spaces")
        return self


class ExternalAccess(Section):
    """One of `backend.auth.externalAccess`."""

    type: Literal["static", "jwks"] = Field(description="How the service proves itself: by a fixed token, or by tokens of an issuer.")
    options: ExternalAccessOptions = Field(description="The token, or the issuer.")
    access_restrictions: tuple[AccessRestriction, ...] = Field(
        default=(), description="What the service may use; without it everything that the policy allows it."
    )

    @model_validator(mode="after")
    def _options_are_of_the_type(self) -> Self:
        missing = [name for name in _NEEDED[self.type] if getattr(self.options, name) is None]
        if missing:
            raise ValueError(f"should have options.{missing[0]}")
        strange = [name for name in self.options.model_fields_set if name not in _ALLOWED[self.type]]
        if strange:
            raise ValueError(f"has options that mean nothing with type {self.type}: {', '.join(sorted(strange))}")
        plugins = [restriction.plugin for restriction in self.access_restrictions]
        if len(set(plugins)) < len(plugins):
            raise ValueError("should have one access restriction for each plugin")
        return self
