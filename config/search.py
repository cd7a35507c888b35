"""The `search` section: which engine finds things, where it keeps its index, and which words mean the same."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from config.intervals import Interval
from config.sections import Section, Text


class Meilisearch(Section):
    """`search.meilisearch`."""

    url: str = Field(pattern=r"^https?://\S+$", description="Address of the Meilisearch server: http:// or https://.")
    api_key: SecretStr | None = Field(
        default=None, description="Key that may search and write its indexes; write ${MEILI_MASTER_KEY} or $file, not the key itself."
    )
    index_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,100}$")] = Field(
        default="callboard", description="How the names of its indexes begin, for a server that others use too."
    )


class Search(Section):
    """`search`."""

    engine: Literal["embedded"] | None = Field(
        default=None,
        description="`embedded` keeps the index in a folder of the serving process. That is what happens without this key too, unless "
        "`search.meilisearch` is given. Where `backend.queue` is set, search needs `search.meilisearch`, and is UNAVAILABLE without it.",
    )
    folder: Path | None = Field(
        default=None,
        description="Folder of the embedded index, relative to the configuration file; without it `search` beside the SQLite file, else "
        ".callboard/search in the working directory.",
    )
    meilisearch: Meilisearch | None = Field(default=None, description="A Meilisearch server, in place of the embedded index.")
    synonyms: tuple[tuple[Text, ...], ...] = Field(
        default=(), description="Groups of words or phrases, each of which also finds the others of its group."
    )
    without: tuple[Text, ...] = Field(
        default=(), description="Types of documents that are not found, such as `definition`, or a type that a plugin brings."
    )
    check_every: Interval = Field(
        default=timedelta(minutes=1),
        description="How often the files of the embedded index are checked for damage, after which it is built anew; `false` for never.",
    )
    rebuild_every: Interval = Field(
        default=timedelta(days=1), description="How often the index is built anew, to be sure of it; `false` for never."
    )
