"""Backstage's keys for documentation: what each becomes here, or why it is refused."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.main import callboard
from config.errors import ConfigurationError
from config.load import load
from config.model import Config
from config.storage import Storage

S3 = "credentials: { accessKeyId: AKIA, secretAccessKey: very-secret }"
S3_KEYS = {"accessKeyId": "AKIA", "secretAccessKey": "very-secret"}
SERVICE_KEY = '{"type": "service_account"}'


def written(folder: Path, techdocs: str, more: str = "") -> Path:
    path = folder / "app-config.yaml"
    path.write_text(f"techdocs:\n  {techdocs}\n{more}")
    return path


def published(folder: Path, publisher: str, more: str = "") -> Config:
    return load([written(folder, f"publisher: {{ {publisher} }}", more)])


@pytest.mark.parametrize(
    ("publisher", "storage"),
    [
        (f"type: awsS3, awsS3: {{ bucketName: docs, {S3} }}", {"url": "s3://docs", "credentials": S3_KEYS}),
        (
            f"type: awsS3, awsS3: {{ bucketName: docs, bucketRootPath: /a/b/, region: eu-west-1, endpoint: 'https://minio.example', "
            f"s3ForcePathStyle: true, accountId: '1', {S3} }}",
            {
                "url": "s3://docs/a/b",
                "region": "eu-west-1",
                "endpoint": "https://minio.example",
                "forcePathStyle": True,
                "credentials": S3_KEYS,
            },
        ),
        (
            f"type: googleGcs, googleGcs: {{ bucketName: docs, bucketRootPath: x, projectId: p, credentials: '{SERVICE_KEY}' }}",
            {"url": "gs://docs/x", "credentials": {"serviceAccountKey": SERVICE_KEY}},
        ),
        (
            "type: azureBlobStorage, azureBlobStorage: { containerName: docs, credentials: { accountName: acme, accountKey: a2V5 } }",
            {"url": "az://docs", "credentials": {"accountName": "acme", "accountKey": "a2V5"}},
        ),
        (
            "type: azureBlobStorage, azureBlobStorage: { containerName: docs, connectionString: "
            "'DefaultEndpointsProtocol=https;AccountName=acme;AccountKey=a2V5==;BlobEndpoint=https://acme.blob.example' }",
            {
                "url": "az://docs",
                "endpoint": "https://acme.blob.example",
                "credentials": {"accountName": "acme", "accountKey": "a2V5=="},
            },
        ),
        ("type: local", {"url": "file:.callboard/blobs"}),
        # Sections of other types are kept for other environments, and mean nothing.
        (f"type: local, awsS3: {{ bucketName: docs, {S3} }}", {"url": "file:.callboard/blobs"}),
    ],
)
def test_a_publisher_of_backstage_is_a_storage(tmp_path: Path, publisher: str, storage: dict[str, Any]):
    assert published(tmp_path, publisher).blob_storage == Storage.model_validate(storage)


def test_a_folder_is_relative_to_its_configuration_file(tmp_path: Path):
    config = published(tmp_path, "type: local, local: { publishDirectory: ./sites }")
    assert config.blob_storage == Storage(url=f"file:{tmp_path}/sites")


@pytest.mark.parametrize(
    ("publisher", "message"),
    [
        ("type: openStackSwift", "can't be openStackSwift: the storage's S3 interface can be used, with awsS3 and an endpoint"),
        ("type: awsS3", "needs the section awsS3 beside its type"),
        (
            "type: awsS3, awsS3: { bucketName: docs }",
            "becomes no backend.storage: credentials for s3:// are accessKeyId and secretAccessKey",
        ),
        (f"type: awsS3, awsS3: {{ bucketName: docs, sse: 'aws:kms', {S3} }}", "sse is not supported: set the bucket's default encryption"),
        (
            "type: awsS3, awsS3: { bucketName: docs, credentials: { roleArn: 'arn:aws:iam::1:role/x' } }",
            "credentials.roleArn is not supported: no role is assumed",
        ),
        ("type: googleGcs, googleGcs: { bucketName: docs }", "becomes no backend.storage: credentials for gs:// are serviceAccountKey"),
        (
            "type: azureBlobStorage, azureBlobStorage: { containerName: docs }",
            "needs credentials with accountName and accountKey, or a connectionString",
        ),
        ("type: awsS3, awsS3: { bucketName: docs, bucketRotPath: x }", "unknown key; did you mean bucketRootPath?"),
    ],
)
def test_what_is_not_supported_is_refused_with_the_reason(tmp_path: Path, publisher: str, message: str):
    with pytest.raises(ConfigurationError) as refused:
        published(tmp_path, publisher)
    assert refused.value.message.startswith(message)
    assert refused.value.key.startswith("techdocs.publisher")


def test_two_storages_and_a_folder_of_several_processes_are_refused(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"and backend\.storage name two storages; remove one of them"):
        published(tmp_path, "type: local", "backend: { storage: { url: 'file:x' } }")
    queue = (
        "backend: { queue: { url: 'redis://x' }, database: { client: neo4j, connection: { uri: 'bolt://x' } } }\nsearch: { engine: null }"
    )
    with pytest.raises(ConfigurationError) as refused:
        published(tmp_path, "type: local, local: { publishDirectory: sites }", queue)
    assert "techdocs.publisher.type" in [error.key for error in refused.value.all]


def test_config_check_says_what_keys_of_backstage_became(tmp_path: Path):
    config = written(
        tmp_path,
        f"publisher: {{ type: awsS3, awsS3: {{ bucketName: docs, {S3} }} }}\n"
        "  builder: external\n  cache: { ttl: 3600000, readTimeout: 500 }\n"
        "  generator: { runIn: docker, dockerImage: spotify/techdocs, pullImage: false, mkdocs: { disableExternalFonts: false, "
        "defaultPlugins: [redirects] } }",
    )
    result = CliRunner().invoke(callboard, ["config", "check", "--config", str(config)])
    assert result.exit_code == 0
    assert [line for line in result.output.splitlines() if line.startswith("# techdocs")] == [
        "# techdocs.publisher is taken as backend.storage.url: s3://docs",
        "# techdocs.cache is taken as nothing: documentation is read from its storage each time, and pages are kept by their tags",
        "# techdocs.generator.runIn is taken as a process of its own on this machine; no container is started, and no image is used",
        "# techdocs.generator.mkdocs.disableExternalFonts is taken as true: no site loads fonts from elsewhere",
    ]
    assert "very-secret" not in result.output
