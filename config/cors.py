"""The `backend.cors` section: pages of which other origins may ask from a browser. Keys are Backstage's."""

import re
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from config.sections import Section, Text

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.*\[\]:-]+|\*")
_IN_A_HOST = "[A-Za-z0-9.-]*"


class Cors(Section):
    """`backend.cors`."""

    origin: tuple[Text, ...] = Field(
        description="Origins whose pages may ask, such as https://portal.example.com; one, or a list. `*` stands for any part of a host, "
        "and alone for every origin, which is refused together with `credentials`."
    )
    methods: tuple[Text, ...] = Field(
        default=("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"), description="Methods that such pages may use."
    )
    allowed_headers: tuple[Text, ...] = Field(
        default=("Authorization", "If-Match", "If-None-Match", "X-Requested-With"),
        description="Headers that such pages may send, beside those that browsers always let pass.",
    )
    exposed_headers: tuple[Text, ...] = Field(
        default=("ETag", "Retry-After", "RateLimit", "RateLimit-Policy"), description="Headers of answers that such pages may read."
    )
    credentials: bool = Field(default=False, description="Whether such pages may send cookies. Only for origins that are named.")
    max_age: Annotated[int, Field(ge=0)] = Field(default=600, description="How long browsers remember what is allowed, in seconds.")

    @field_validator("origin", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("origin")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        wrong = next((origin for origin in origins if not _ORIGIN.fullmatch(origin)), None)
        if wrong is not None:
            raise ValueError(f"should be scheme and host such as https://portal.example.com, without a path, not {wrong}")
        return origins

    @field_validator("methods")
    @classmethod
    def _in_capitals(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(method.upper() for method in methods)

    @model_validator(mode="after")
    def _credentials_for_named_origins(self) -> "Cors":
        # Any page of any site could read the catalog in the name of whoever looks at that page.
        if self.credentials and any(re.fullmatch(r"(https?://)?[*.]+(:\d+)?", origin) for origin in self.origin):
            raise ValueError("should not let every origin in with credentials; name the origins")
        return self

    @property
    def pattern(self) -> str:
        """What the whole of an allowed origin matches."""
        return "|".join(re.escape(origin).replace(r"\*", _IN_A_HOST) for origin in self.origin)
