"""The `techdocs.publisher` section: where Backstage keeps built documentation. Here it is another way to write `backend.storage`."""

import re
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator

from config.sections import Section, Text
from config.storage import Storage

PublisherType = Literal["local", "awsS3", "googleGcs", "azureBlobStorage"]

_NO_SWIFT = "can't be openStackSwift: the storage's S3 interface can be used, with awsS3 and an endpoint"
_PART = re.compile(r"([A-Za-z]+)=([^;]*)")
_KEYS = {"local": "local", "awsS3": "aws_s3", "googleGcs": "google_gcs", "azureBlobStorage": "azure_blob_storage"}


class LocalPublisher(Section):
    """`techdocs.publisher.local`."""

    publish_directory: Text | None = Field(
        default=None, description="The folder, relative to the configuration file. Absent: that of `backend.storage`'s default."
    )

    def storage(self) -> Storage | None:
        return Storage(url=f"file:{self.publish_directory}") if self.publish_directory else None


class AwsS3Credentials(Section):
    """`techdocs.publisher.awsS3.credentials`."""

    access_key_id: Text | None = Field(default=None, description="As `backend.storage.credentials.accessKeyId`.")
    secret_access_key: SecretStr | None = Field(default=None, description="As `backend.storage.credentials.secretAccessKey`.")
    role_arn: Text | None = Field(default=None, description="Refused: no role is assumed here.")


class AwsS3(Section):
    """`techdocs.publisher.awsS3`."""

    bucket_name: Text = Field(description="The bucket.")
    bucket_root_path: str = Field(default="", description="The path in the bucket below which sites lie.")
    region: Text | None = Field(default=None, description="As `backend.storage.region`.")
    endpoint: Text | None = Field(default=None, description="As `backend.storage.endpoint`.")
    s3_force_path_style: bool | None = Field(default=None, description="As `backend.storage.forcePathStyle`.")
    credentials: AwsS3Credentials = Field(
        default=AwsS3Credentials(), description="What lets Callboard in; it looks for it nowhere else, neither in the section `aws`."
    )
    account_id: Text | None = Field(default=None, description="Without meaning beside `credentials`, which are needed.")
    sse: Text | None = Field(default=None, description="Refused: the bucket's default encryption does the same.")

    def storage(self) -> Storage:
        if self.credentials.role_arn:
            raise ValueError("credentials.roleArn is not supported: no role is assumed; give the key of a user who may use the bucket")
        if self.sse:
            raise ValueError("sse is not supported: set the bucket's default encryption, which does the same")
        given = {"access_key_id": self.credentials.access_key_id, "secret_access_key": self.credentials.secret_access_key}
        more = {"region": self.region} if self.region else {}
        url = _url("s3", self.bucket_name, self.bucket_root_path)
        return Storage.model_validate(
            {"url": url, "endpoint": self.endpoint, "force_path_style": self.s3_force_path_style, "credentials": given, **more},
            by_name=True,
        )


class GoogleGcs(Section):
    """`techdocs.publisher.googleGcs`."""

    bucket_name: Text = Field(description="The bucket.")
    bucket_root_path: str = Field(default="", description="The path in the bucket below which sites lie.")
    credentials: SecretStr | None = Field(default=None, description="As `backend.storage.credentials.serviceAccountKey`, which is needed.")
    project_id: Text | None = Field(default=None, description="Without meaning: the key names its project.")

    def storage(self) -> Storage:
        url = _url("gs", self.bucket_name, self.bucket_root_path)
        return Storage.model_validate({"url": url, "credentials": {"service_account_key": self.credentials}}, by_name=True)


class AzureCredentials(Section):
    """`techdocs.publisher.azureBlobStorage.credentials`."""

    account_name: Text = Field(description="As `backend.storage.credentials.accountName`.")
    account_key: SecretStr | None = Field(default=None, description="As `backend.storage.credentials.accountKey`, which is needed.")


class AzureBlobStorage(Section):
    """`techdocs.publisher.azureBlobStorage`."""

    container_name: Text = Field(description="The container.")
    credentials: AzureCredentials | None = Field(default=None, description="The account and its key.")
    connection_string: SecretStr | None = Field(default=None, description="In their place: the account's connection string.")

    def storage(self) -> Storage:
        if (self.credentials is None) == (self.connection_string is None):
            raise ValueError("needs credentials with accountName and accountKey, or a connectionString, and not both")
        given: dict[str, object] = {}
        endpoint = None
        if self.credentials is not None:
            given = {"account_name": self.credentials.account_name, "account_key": self.credentials.account_key}
        elif self.connection_string is not None:
            parts = dict(_PART.findall(self.connection_string.get_secret_value()))
            endpoint = parts.get("BlobEndpoint")
            given = {"account_name": parts.get("AccountName"), "account_key": parts.get("AccountKey")}
        url = _url("az", self.container_name, "")
        return Storage.model_validate({"url": url, "endpoint": endpoint, "credentials": given}, by_name=True)


class Publisher(Section):
    """`techdocs.publisher`."""

    type: PublisherType = Field(description="What documentation is kept in; of the sections beside, the one of this name counts.")
    local: LocalPublisher = Field(default=LocalPublisher(), description="A folder.")
    aws_s3: AwsS3 | None = Field(default=None, description="S3, and what speaks it.")
    google_gcs: GoogleGcs | None = Field(default=None, description="Google Cloud Storage.")
    azure_blob_storage: AzureBlobStorage | None = Field(default=None, description="Azure.")

    @property
    def storage(self) -> Storage | None:
        """What it is as `backend.storage`; None for the default folder. ValueError for what is not supported."""
        section: LocalPublisher | AwsS3 | GoogleGcs | AzureBlobStorage | None = getattr(self, _KEYS[self.type])
        if section is None:
            raise ValueError(f"needs the section {self.type} beside its type")
        return section.storage()

    @field_validator("type", mode="before")
    @classmethod
    def _is_supported(cls, value: object) -> object:
        if value == "openStackSwift":
            raise ValueError(_NO_SWIFT)
        return value

    @model_validator(mode="after")
    def _is_a_storage(self) -> Self:
        try:
            _ = self.storage
        except ValidationError as invalid:
            reasons = [error["msg"].removeprefix("Value error, ") for error in invalid.errors(include_url=False, include_input=False)]
            raise ValueError(f"becomes no backend.storage: {'; '.join(reasons)}") from None
        return self


def _url(scheme: str, name: str, path: str) -> str:
    return f"{scheme}://{name}/{path.strip('/')}".rstrip("/")
