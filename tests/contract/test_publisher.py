"""The contract of sites in a storage, held by a local folder, S3, Google Cloud Storage and Azure alike."""

from collections.abc import Mapping
from pathlib import Path

import orjson
import pytest

from workers.techdocs.blobs import Blobs
from workers.techdocs.publishing import Publisher, Site

SHOP = Site("Component", "Team-A", "Shop")
TAGGED = Site("Component", "Team-A", "Shop", "release/1.2")
FILES = {
    "index.html": "<p>Shop</p>",
    "guide/pay/index.html": "<p>Pay</p>",
    "img/ä b.svg": "<svg/>",
    "techdocs_metadata.json": '{"etag": "1"}',
}
LATER = {"index.html": "<p>Store</p>", "img/ä b.svg": "<svg/>", "techdocs_metadata.json": '{"etag": "2"}'}


@pytest.fixture
def publisher(blobs: Blobs) -> Publisher:
    return Publisher(blobs)


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return written(tmp_path / "first", FILES)


@pytest.fixture
def later(tmp_path: Path) -> Path:
    return written(tmp_path / "later", LATER)


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


async def paths(blobs: Blobs) -> list[str]:
    return sorted([found.path async for found in blobs.listed("")])


async def texts(publisher: Publisher, site: Site, *names: str) -> list[str | None]:
    found = [await publisher.read(site, name) for name in names]
    return [blob and blob.content.decode() for blob in found]


async def test_a_site_lies_where_backstage_looks_for_it(blobs: Blobs, publisher: Publisher, first: Path) -> None:
    assert await publisher.publish(SHOP, first) == sorted(FILES)
    assert await paths(blobs) == sorted(f"team-a/component/shop/{name}" for name in FILES)
    assert await texts(publisher, SHOP, *FILES) == list(FILES.values())
    assert await publisher.metadata(SHOP) == {"etag": "1"}
    kept = await publisher.find(SHOP, "index.html")
    assert kept is not None
    assert kept.size == len(FILES["index.html"])
    part = await publisher.read(SHOP, "index.html", (3, 7))
    assert part is not None
    assert part.content == b"Shop"


async def test_a_site_replaces_the_one_before_and_all_of_it(blobs: Blobs, publisher: Publisher, first: Path, later: Path) -> None:
    await publisher.publish(SHOP, first)
    tag = await publisher.find(SHOP, "index.html")
    await publisher.publish(SHOP, later)
    again = await publisher.find(SHOP, "index.html")
    assert await paths(blobs) == sorted(f"team-a/component/shop/{name}" for name in LATER)
    assert await texts(publisher, SHOP, "index.html", "guide/pay/index.html") == ["<p>Store</p>", None]
    assert tag is not None
    assert again is not None
    assert tag.etag != again.etag


async def test_versions_lie_beside_the_site_and_go_by_themselves(publisher: Publisher, first: Path, later: Path) -> None:
    await publisher.publish(TAGGED, first)
    assert (await publisher.versions(SHOP), await publisher.find(SHOP, "index.html")) == (["release/1.2"], None)
    await publisher.publish(SHOP, later)
    assert await texts(publisher, TAGGED, "index.html") == ["<p>Shop</p>"]
    await publisher.remove(SHOP)
    assert await publisher.metadata(SHOP) is None
    assert await texts(publisher, TAGGED, "index.html") == ["<p>Shop</p>"]
    await publisher.remove(TAGGED)
    assert await publisher.versions(SHOP) == []


async def test_sites_whose_names_begin_alike_are_different_ones(publisher: Publisher, first: Path, later: Path) -> None:
    other = Site("Component", "Team-A", "Shop-2")
    await publisher.publish(other, first)
    await publisher.publish(SHOP, later)
    await publisher.remove(SHOP)
    assert await texts(publisher, other, "index.html", "guide/pay/index.html") == ["<p>Shop</p>", "<p>Pay</p>"]


async def test_the_declared_case_is_kept_where_the_legacy_setting_says_so(blobs: Blobs, later: Path) -> None:
    publisher = Publisher(blobs, keeps_case=True)
    await publisher.publish(SHOP, later)
    assert await paths(blobs) == sorted(f"Team-A/Component/Shop/{name}" for name in LATER)


async def test_what_can_not_be_read_as_a_description_is_none(publisher: Publisher, tmp_path: Path) -> None:
    for text in ("{", orjson.dumps([1]).decode()):
        await publisher.publish(SHOP, written(tmp_path / "odd", {"index.html": "x", "techdocs_metadata.json": text}))
        assert await publisher.metadata(SHOP) is None
