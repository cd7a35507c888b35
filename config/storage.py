"""The `backend.storage` section: where files lie that are not part of the graph, such as documentation that was built."""

from typing import Literal, Self, cast
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from config.sections import Section, Text

StorageKind = Literal["file", "s3", "gs", "az"]

_SCHEMES = ("file", "s3", "gs", "az")
_WAYS_IN = {
    "s3": (("access_key_id", "secret_access_key"),),
    "gs": (("service_account_key",),),
    "az": (("account_name", "account_key"), ("account_name", "sas_token"), ("account_name", "tenant_id", "client_id", "client_secret")),
}
_WAYS_SAID = {
    "s3": "accessKeyId and secretAccessKey",
    "gs": "serviceAccountKey",
    "az": "accountName with accountKey, with sasToken, or with tenantId, clientId and clientSecret",
}


class StorageCredentials(Section):
    """`backend.storage.credentials`."""

    access_key_id: Text | None = Field(default=None, description="S3: the id of the access key.")
    secret_access_key: SecretStr | None = Field(default=None, description="S3: the secret of the access key.")
    session_token: SecretStr | None = Field(default=None, description="S3: the token of a session, where the key is that of one.")
    service_account_key: SecretStr | None = Field(
        default=None, description="Google Cloud Storage: the service account's key, as the JSON that Google gives; $file reads it."
    )
    account_name: Text | None = Field(default=None, description="Azure: the name of the storage account.")
    account_key: SecretStr | None = Field(default=None, description="Azure: a key of the storage account.")
    sas_token: SecretStr | None = Field(default=None, description="Azure: a shared access signature instead of the key.")
    tenant_id: Text | None = Field(default=None, description="Azure: the tenant of an application that may use the account.")
    client_id: Text | None = Field(default=None, description="Azure: the id of the application.")
    client_secret: SecretStr | None = Field(default=None, description="Azure: the secret of the application.")


class Storage(Section):
    """`backend.storage`."""

    url: str = Field(
        description="`file:<folder>`, relative to the configuration file, or s3://<bucket>, gs://<bucket> or az://<container>, each with a "
        "path behind it if the files are to lie below one. With backend.queue it can't be a folder."
    )
    credentials: StorageCredentials = Field(
        default=StorageCredentials(),
        description="What lets Callboard in; needed for all but folders. It never asks the machine it runs on for any.",
    )
    endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="Address of the service, where it is not Amazon's or Azure's own: MinIO, Ceph and others that speak S3.",
    )
    region: Text = Field(default="us-east-1", description="S3: the region of the bucket.")
    force_path_style: bool | None = Field(
        default=None, description="S3: whether the bucket is named in the path and not in the host. Absent: with an endpoint."
    )

    @property
    def kind(self) -> StorageKind:
        """What it is kept in."""
        return cast("StorageKind", self.url.partition(":")[0])

    @property
    def place(self) -> tuple[str, str]:
        """The folder and nothing, or the bucket or container and the path in it without slashes at its ends."""
        if self.kind == "file":
            return self.url.removeprefix("file:").removeprefix("//"), ""
        parts = urlsplit(self.url)
        return parts.netloc, parts.path.strip("/")

    @field_validator("url")
    @classmethod
    def _is_a_place(cls, url: str) -> str:
        scheme, _, rest = url.partition(":")
        if scheme not in _SCHEMES:
            raise ValueError("should begin with file:, s3://, gs:// or az://")
        if scheme == "file":
            if not rest.removeprefix("//").strip("/"):
                raise ValueError("should name a folder, such as file:.callboard/blobs")
            return url
        parts = urlsplit(url)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("should hold no credentials, query or fragment; credentials have keys of their own")
        if not rest.startswith("//") or not parts.netloc or any(part in (".", "..") for part in parts.path.split("/")):
            raise ValueError(f"should be {scheme}://<name>, with a path behind it or without")
        return url

    @model_validator(mode="after")
    def _has_credentials(self) -> Self:
        given = {name for name, value in self.credentials if value is not None}
        if self.kind == "file":
            if given or self.endpoint:
                raise ValueError("a folder has neither credentials nor an endpoint; remove them")
            return self
        if not any(given - {"session_token"} == set(way) for way in _WAYS_IN[self.kind]) or (
            "session_token" in given and self.kind != "s3"
        ):
            raise ValueError(
                f"credentials for {self.kind}:// are {_WAYS_SAID[self.kind]}, and nothing else; without them the addresses of the "
                "machine's metadata would be asked, which Callboard never does"
            )
        if self.endpoint and self.kind == "gs":
            raise ValueError("gs:// has its endpoint in the service account's key, as gcs_base_url")
        return self
