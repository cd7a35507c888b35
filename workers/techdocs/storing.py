"""From the configuration to the sites in its storage."""

from importlib import import_module

from config import Config
from graph.errors import CallboardError
from workers.techdocs.blobs import Blobs
from workers.techdocs.publishing import Publisher


class NoStorageError(CallboardError):
    """Nothing is configured in which documentation could be kept."""

    code = "UNAVAILABLE"


def blobs_from(config: Config) -> Blobs:
    """The configured storage of files. NoStorageError if there is none."""
    storage = config.blob_storage
    if storage is None:
        raise NoStorageError("There is no documentation here: with backend.queue it is kept at backend.storage.url, which is not set.")
    # The library is large, and only needed once documentation is read or built.
    blobs: Blobs = import_module("workers.techdocs.obstore_blobs").ObstoreBlobs(storage)
    return blobs


def publisher_from(config: Config) -> Publisher:
    """The sites in the configured storage. NoStorageError if there is none."""
    return Publisher(blobs_from(config), keeps_case=config.techdocs.legacy_use_case_sensitive_triplet_paths)
