"""Where files are kept: which addresses and credentials are accepted, and that no machine is ever asked for any."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config import Config, load
from config.backend import Backend
from config.errors import ConfigurationError
from config.load import redacted
from config.storage import Storage

S3 = {"accessKeyId": "id", "secretAccessKey": "secret"}
AZURE = {"accountName": "acme", "accountKey": "a2V5"}


def storage(url: str, credentials: dict[str, str] | None = None, **more: Any) -> Storage:
    return Storage.model_validate({"url": url, "credentials": credentials or {}, **more})


@pytest.mark.parametrize(
    ("url", "credentials", "place"),
    [
        ("file:/var/blobs", None, ("/var/blobs", "")),
        ("file:///var/blobs", None, ("/var/blobs", "")),
        ("s3://docs", S3, ("docs", "")),
        ("s3://docs/a/b/", {**S3, "sessionToken": "t"}, ("docs", "a/b")),
        ("gs://docs", {"serviceAccountKey": "{}"}, ("docs", "")),
        ("az://docs/x", AZURE, ("docs", "x")),
        ("az://docs", {"accountName": "acme", "sasToken": "sig"}, ("docs", "")),
        ("az://docs", {"accountName": "acme", "tenantId": "t", "clientId": "c", "clientSecret": "s"}, ("docs", "")),
    ],
)
def test_places_are_read_from_urls(url: str, credentials: dict[str, str] | None, place: tuple[str, str]):
    assert storage(url, credentials).place == place


@pytest.mark.parametrize("url", ["s3://docs", "gs://docs", "az://docs"])
def test_without_credentials_of_its_own_nothing_starts(url: str):
    with pytest.raises(ValidationError, match="the addresses of the machine's metadata would be asked, which Callboard never does"):
        storage(url)


@pytest.mark.parametrize(
    ("url", "credentials", "message"),
    [
        ("ftp://docs", None, "should begin with file:, s3://, gs:// or az://"),
        ("file:", None, "should name a folder"),
        ("s3:docs", S3, "should be s3://<name>"),
        ("s3://id:secret@docs", S3, "should hold no credentials"),
        ("s3://docs?x=1", S3, "should hold no credentials"),
        ("s3://docs/../x", S3, "should be s3://<name>"),
        ("s3://docs", {"accessKeyId": "id"}, "credentials for s3:// are accessKeyId and secretAccessKey"),
        ("s3://docs", {**S3, **AZURE}, "and nothing else"),
        ("gs://docs", {"serviceAccountKey": "{}", "sessionToken": "t"}, "credentials for gs:// are serviceAccountKey"),
        ("az://docs", {"accountName": "acme"}, "credentials for az:// are accountName with accountKey"),
        ("file:/var/blobs", S3, "a folder has neither credentials nor an endpoint"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_write(url: str, credentials: dict[str, str] | None, message: str):
    with pytest.raises(ValidationError) as refused:
        storage(url, credentials)
    assert message in str(refused.value)
    assert "secret" not in str(refused.value).replace("secretAccessKey", "")


def test_secrets_are_never_printed():
    backend = Backend(storage=storage("s3://docs", {**S3, "sessionToken": "other"}))
    shown = redacted(Config(backend=backend))["backend"]["storage"]["credentials"]
    assert (shown["secretAccessKey"], shown["sessionToken"]) == ("**********", "**********")


def _written(folder: Path, text: str) -> Path:
    path = folder / "app-config.yaml"
    path.write_text(text)
    return path


def test_a_folder_is_relative_to_the_file_that_names_it(tmp_path: Path):
    config = load([_written(tmp_path, "backend: { storage: { url: 'file:.callboard/x' } }")])
    assert config.backend.storage is not None
    assert config.backend.storage.url == f"file:{tmp_path}/.callboard/x"


QUEUE = "queue: { url: 'redis://localhost' }, database: { client: neo4j, connection: { uri: 'bolt://localhost' } }"


def test_several_processes_share_no_folder(tmp_path: Path):
    with pytest.raises(ConfigurationError) as refused:
        load([_written(tmp_path, f"backend: {{ {QUEUE}, storage: {{ url: 'file:x' }} }}")])
    assert refused.value.key == "backend.storage.url"
    assert "several processes can't share one folder" in refused.value.message


def test_a_queue_without_a_storage_goes_on_as_before_without_documentation(tmp_path: Path):
    assert load([_written(tmp_path, f"backend: {{ {QUEUE} }}")]).blob_storage is None
    assert Config().blob_storage == Storage(url="file:.callboard/blobs")
