"""How locations come into the catalog while it runs, and how entities leave it."""

from typing import Annotated

from pydantic import Field

from config.sections import Section, Text


class Registration(Section):
    """`catalog.registration`."""

    file_roots: tuple[Text, ...] = Field(
        default=(),
        description="Folders below which a location of type `file` may be registered over the API, relative to the configuration file; "
        "without any, none may. What `url` locations may be registered is decided by `backend.reading.allow` and `integrations`.",
    )
    max_set_bytes: Annotated[int, Field(ge=1)] = Field(
        default=32 * 1024 * 1024, description="Larger sets of entities are refused where they are pushed, at `/api/catalog/entity-sets`."
    )


class Inference(Section):
    """`catalog.inference`."""

    enabled: bool = Field(
        default=False,
        description="Whether owners and dependencies are inferred from CODEOWNERS and package manifests of the repositories that are read. "
        "They stand beside what is declared, with evidence and confidence, and never replace it.",
    )
