"""The contract of blob storage, held by a local folder, S3, Google Cloud Storage and Azure alike."""

import asyncio

import pytest

from graph.errors import InputError
from workers.techdocs.blobs import Blobs

ODD = "a/ä b%20c#x!@$&'()=+;,~.md"


async def _paths(blobs: Blobs, folder: str = "") -> list[str]:
    return sorted([found.path async for found in blobs.listed(folder)])


async def test_a_file_that_was_written_is_read_as_it_was(blobs: Blobs) -> None:
    await blobs.write("docs/index.html", b"<p>1</p>", "text/html")
    read = await blobs.read("docs/index.html")
    assert read is not None
    assert (read.content, read.info.path, read.info.size) == (b"<p>1</p>", "docs/index.html", 8)
    assert await blobs.find("docs/index.html") == read.info


async def test_an_empty_file_is_a_file(blobs: Blobs) -> None:
    await blobs.write("docs/empty", b"")
    read = await blobs.read("docs/empty")
    assert read is not None
    assert (read.content, read.info.size) == (b"", 0)


async def test_names_may_hold_what_urls_and_shells_take_for_something_else(blobs: Blobs) -> None:
    await blobs.write(ODD, b"odd", "text/markdown")
    read = await blobs.read(ODD)
    assert read is not None
    assert (read.content, read.info.path) == (b"odd", ODD)
    assert await _paths(blobs) == [ODD]


async def test_another_content_has_another_etag_and_replaces_the_first(blobs: Blobs) -> None:
    await blobs.write("page", b"first")
    first = await blobs.find("page")
    await blobs.write("page", b"other")
    second = await blobs.read("page")
    assert first is not None
    assert second is not None
    assert second.content == b"other"
    assert first.etag != second.info.etag
    assert '"' not in first.etag


@pytest.mark.parametrize(("span", "content"), [((0, 3), b"012"), ((4, 6), b"45"), ((8, 50), b"89"), ((10, 12), b""), ((50, 60), b"")])
async def test_a_span_of_a_file_is_read(blobs: Blobs, span: tuple[int, int], content: bytes) -> None:
    await blobs.write("digits", b"0123456789")
    read = await blobs.read("digits", span)
    assert read is not None
    assert (read.content, read.info.size) == (content, 10)


@pytest.mark.parametrize(
    "path", ["none", "docs", "docs/none", "docs/index.html/none", "", "/docs/index.html", "docs//index.html", "docs/../x"]
)
async def test_what_is_not_there_reads_as_none(blobs: Blobs, path: str) -> None:
    await blobs.write("docs/index.html", b"1")
    assert await blobs.find(path) is None
    assert await blobs.read(path) is None
    assert await blobs.read(path, (0, 1)) is None


@pytest.mark.parametrize(
    "path", ["", "/a", "a/", "a//b", "../a", "a/../../b", "a/./b", "a\\b", "a\nb", "a\0b", "n" * 300, "a/" * 600 + "b"]
)
async def test_nothing_is_written_to_what_is_no_path(blobs: Blobs, path: str) -> None:
    with pytest.raises(InputError, match="can't be the path of a file"):
        await blobs.write(path, b"1")
    assert await _paths(blobs) == []


async def test_files_are_listed_below_a_folder_and_not_beside_it(blobs: Blobs) -> None:
    for path in ("a/1", "a/b/2", "ab/3", "a.txt"):
        await blobs.write(path, b"1")
    assert await _paths(blobs, "a") == ["a/1", "a/b/2"]
    assert await _paths(blobs, "none") == []
    assert await _paths(blobs) == ["a.txt", "a/1", "a/b/2", "ab/3"]


async def test_more_files_than_one_answer_holds_are_all_listed_and_deleted(blobs: Blobs) -> None:
    paths = [f"many/{number:04}" for number in range(1100)]
    for start in range(0, len(paths), 50):
        await asyncio.gather(*(blobs.write(path, b"1") for path in paths[start : start + 50]))
    assert await _paths(blobs, "many") == paths
    await blobs.delete(paths)
    assert await _paths(blobs, "many") == []


async def test_folders_are_listed_by_name(blobs: Blobs) -> None:
    for path in ("a/x/1", "a/y/z/2", "a/file", "b/1"):
        await blobs.write(path, b"1")
    assert await blobs.folders("a") == ["x", "y"]
    assert await blobs.folders("") == ["a", "b"]
    assert await blobs.folders("none") == []


async def test_deleting_what_is_not_there_removes_the_rest(blobs: Blobs) -> None:
    await blobs.write("a/1", b"1")
    await blobs.write("a/2", b"1")
    await blobs.delete(["a/1", "a/none", "a/2/none", "../x"])
    assert await _paths(blobs) == ["a/2"]


async def test_a_reader_sees_one_of_two_writes_and_never_half(blobs: Blobs) -> None:
    contents = {bytes([letter]) * 200_000 for letter in b"ab"}
    await blobs.write("page", next(iter(contents)))
    reads = [blobs.read("page") for _ in range(8)]
    found = await asyncio.gather(*reads, *(blobs.write("page", content) for content in contents))
    assert {read.content for read in found if read is not None} <= contents


async def test_a_storage_that_answers_is_healthy(blobs: Blobs) -> None:
    await blobs.check()
