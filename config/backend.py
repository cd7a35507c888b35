"""The `backend` section: where Callboard listens, and what it keeps its data in."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, SecretStr, field_serializer, field_validator

from config.cors import Cors
from config.limits import Limits, RateLimit
from config.sections import Port, Section, Text
from config.service_access import ExternalAccess
from config.storage import Storage


class Listen(Section):
    """`backend.listen`."""

    host: Text = Field(default="127.0.0.1", description="Address to listen on. Anything beyond loopback needs a sign-in provider.")
    port: Port = Field(default=7007, description="TCP port to listen on; 0 takes a free one.")


class SqliteConnection(Section):
    """`backend.database.connection` of the embedded store."""

    filename: Path = Field(
        default=Path(".callboard/catalog.db"), description="The database file; its folder is created. Relative to the configuration file."
    )


class SqliteDatabase(Section):
    """The embedded store: one file, nothing to install."""

    client: Literal["sqlite"] = Field(description="Keep the catalog in one SQLite file.")
    connection: SqliteConnection = Field(default=SqliteConnection(), description="Where the file is.")


class Neo4jConnection(Section):
    """`backend.database.connection` of a Neo4j server."""

    uri: str = Field(
        pattern=r"^(bolt|neo4j)(\+s|\+ssc)?://\S+$",
        description="Address of the server: bolt://, neo4j://, or either with +s (TLS) or +ssc (TLS, self-signed).",
    )
    user: str | None = Field(default=None, description="User name; leave out both if the server asks for none.")
    password: SecretStr | None = Field(
        default=None, description="Password; write ${NEO4J_PASSWORD} or $file rather than the password itself."
    )
    database: Text = Field(default="neo4j", description="Name of the database on the server.")


class Neo4jDatabase(Section):
    """A Neo4j server, 5.26 or later: for several processes and large catalogs."""

    client: Literal["neo4j"] = Field(description="Keep the catalog in Neo4j.")
    connection: Neo4jConnection = Field(description="How to reach the server.")


Database = Annotated[SqliteDatabase | Neo4jDatabase, Field(discriminator="client")]


class Queue(Section):
    """`backend.queue`."""

    url: str = Field(repr=False, description="Redis for background jobs: redis://, rediss:// or unix://. Needs Neo4j as database.")

    @field_validator("url")
    @classmethod
    def _is_redis(cls, url: str) -> str:
        if urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
            raise ValueError("should begin with redis://, rediss:// or unix://")
        return url

    @field_serializer("url")
    def _without_password(self, url: str) -> str:
        parts = urlsplit(url)
        userinfo, at, host = parts.netloc.rpartition("@")
        user, colon, _ = userinfo.partition(":")
        return urlunsplit(parts._replace(netloc=f"{user}{colon}{'**********' if colon else ''}{at}{host}"))


class Auth(Section):
    """`backend.auth`."""

    dangerously_disable_default_auth_policy: bool = Field(
        default=False,
        description="Answer anyone who can reach the address, without sign-in. Allows listening beyond loopback; only for a network, "
        "such as that of a container whose port is published on loopback, where nobody else can reach it.",
    )
    external_access: tuple[ExternalAccess, ...] = Field(
        default=(), description="Services that may ask, each by a token of its own or by tokens of an issuer that is trusted."
    )


class Audit(Section):
    """`backend.audit`."""

    file: Path | None = Field(
        default=None,
        description="File that the audit log is appended to as well, relative to the configuration file; only its owner can read it. It "
        "may be moved away while Callboard runs.",
    )


class AllowedHost(Section):
    """One of `backend.reading.allow`."""

    host: Text = Field(description="A host, with its port where that is not the scheme's; `*.example.com` for all below example.com.")
    paths: tuple[Text, ...] | None = Field(default=None, description="Beginnings of the paths that may be read; without it all paths.")


class Reading(Section):
    """`backend.reading`."""

    allow: tuple[AllowedHost, ...] = Field(
        default=(), description="Hosts that URLs may be read from, beside those of `integrations`. All others are refused."
    )
    allow_private: tuple[Text, ...] = Field(
        default=(),
        description="Hosts that may have private or loopback addresses, or networks (10.0.0.0/8) and addresses that may be reached "
        "although they are not public. All other addresses that are not public are refused, whatever name leads to them.",
    )
    max_archive_bytes: Annotated[int, Field(ge=1)] = Field(
        default=256 * 1024 * 1024, description="Archives of repositories larger than this are not read; their files are read singly then."
    )
    max_unpacked_bytes: Annotated[int, Field(ge=1)] = Field(
        default=2 * 1024 * 1024 * 1024, description="The most that an archive may hold once unpacked."
    )
    cache_folder: Path | None = Field(
        default=None,
        description="Folder for what is kept of plain Git repositories, relative to the configuration file; without it .callboard/cache in "
        "the working directory.",
    )


class Backend(Section):
    """`backend`."""

    base_url: str = Field(
        default="http://localhost:7007",
        pattern=r"^https?://[^\s/]+(/\S*)?$",
        description="The address that clients use, for links in answers.",
    )
    listen: Listen = Field(default=Listen(), description="What to listen on.")
    database: Database = Field(
        default=SqliteDatabase(client="sqlite"), description="The store of the catalog: `client: sqlite` or `client: neo4j`."
    )
    queue: Queue | None = Field(default=None, description="Where background jobs queue. Absent: inside the serving process.")
    storage: Storage | None = Field(
        default=None,
        description="Where built documentation is kept. Absent: in the folder .callboard/blobs of the working directory, or with "
        "backend.queue nowhere, so that there is no documentation.",
    )
    reading: Reading = Field(default=Reading(), description="What may be read over the network.")
    auth: Auth = Field(default=Auth(), description="Who is let in while no sign-in provider is configured.")
    audit: Audit = Field(default=Audit(), description="Where the record of changes and denials goes, beside the log `callboard.audit`.")
    cors: Cors | None = Field(default=None, description="Pages of which other origins may ask. Absent: none.")
    limits: Limits = Field(default=Limits(), description="How long requests and answers may be and take.")
    rate_limit: RateLimit = Field(default=RateLimit(), description="How much may be asked for in a minute.")
    trust_proxy: tuple[Text, ...] = Field(
        default=(),
        description="Addresses and networks of proxies in front, whose X-Forwarded-For and X-Forwarded-Proto are believed. Absent: none.",
    )
