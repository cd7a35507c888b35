"""Archives of repositories: what is taken out of them, and that no archive does harm."""

import gzip
import io
import random
import stat
import tarfile
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest

from plugins.archives import Limits, Unpacked, downloaded, unpacked
from plugins.contract import SourceError, SourceReason

LIMITS = Limits(10_000_000, 1_000_000)
FILES = {"repo-1/a.yaml": b"a: 1\n", "repo-1/docs/b.md": b"text", "repo-1/logo.png": b"\x89PNG"}
Pack = Callable[[Mapping[str, bytes]], bytes]


def tar(files: Mapping[str, bytes], *more: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for info in more:
            archive.addfile(info)
    return buffer.getvalue()


def zipped(files: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for name, target in (links or {}).items():
            info = zipfile.ZipInfo(name)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, target)
    return buffer.getvalue()


OPENED: list[Unpacked] = []


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


def opened(content: bytes, limits: Limits = LIMITS, known: tuple[str, ...] = ()) -> Unpacked:
    OPENED.append(_opened(content, limits, known))
    return OPENED[-1]


def _opened(content: bytes, limits: Limits, known: tuple[str, ...]) -> Unpacked:
    return unpacked(io.BytesIO(content), "https://h/r", limits, lambda path: not path.endswith(".png"), known)


@pytest.mark.parametrize("pack", [tar, zipped])
def test_files_are_found_below_the_folder_that_holds_all(pack: Pack):
    files = opened(pack(FILES))
    assert files.sizes == {"a.yaml": 5, "docs/b.md": 4, "logo.png": 4}
    assert [files.read(path) for path in ("a.yaml", "docs/b.md", "logo.png", "none")] == [b"a: 1\n", b"text", None, None]
    files.close()


def test_a_folder_that_belongs_to_the_repository_stays():
    only = {"docs/a.yaml": b"a", "docs/b.yaml": b"b"}
    assert set(opened(zipped(only), known=("docs/a.yaml",)).sizes) == {"docs/a.yaml", "docs/b.yaml"}
    assert set(opened(zipped(only)).sizes) == {"a.yaml", "b.yaml"}
    assert set(opened(tar({"a.yaml": b"a", "b/c.yaml": b"c"})).sizes) == {"a.yaml", "b/c.yaml"}


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "r/../../x", "r//x", "r/./x", "r\\..\\x", "c:\\x"])
@pytest.mark.parametrize("pack", [tar, zipped])
def test_a_name_that_leads_elsewhere_is_left_out(pack: Pack, name: str):
    assert name not in opened(pack({name: b"evil", "r/a.yaml": b"a", "b.yaml": b"b"})).sizes


def test_links_and_devices_are_left_out():
    infos: list[tarfile.TarInfo] = []
    for name, kind in (("r/l", tarfile.SYMTYPE), ("r/h", tarfile.LNKTYPE), ("r/f", tarfile.FIFOTYPE), ("r/d", tarfile.CHRTYPE)):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        infos.append(info)
    assert set(opened(tar({"r/a": b"a"}, *infos)).sizes) == {"a"}
    assert set(opened(zipped({"r/a": b"a"}, {"r/l": "/etc/passwd"})).sizes) == {"a"}


@pytest.mark.parametrize("pack", [tar, zipped])
def test_an_archive_that_unpacks_to_too_much_is_refused(pack: Pack):
    bomb = pack({"r/a": b"0" * 5_000_000, "r/b": b"0" * 5_000_001})
    assert len(bomb) < 20_000
    with pytest.raises(SourceError) as refused:
        opened(bomb, Limits(10_000_000, 10_000_000))
    assert refused.value.reason is SourceReason.TOO_LARGE


def test_a_header_that_goes_on_for_ever_is_refused():
    info = tarfile.TarInfo("r/a")
    info.pax_headers = {"comment": "0" * 8_000_000}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info)
    with pytest.raises(SourceError) as refused:
        opened(buffer.getvalue())
    assert refused.value.reason is SourceReason.TOO_LARGE


def test_what_follows_the_end_of_an_archive_is_no_way_around_the_limits():
    with pytest.raises(SourceError) as refused:
        opened(tar({"r/a": b"a"}) + gzip.compress(b"\0" * 50_000_000))
    assert refused.value.reason is SourceReason.TOO_LARGE


def test_a_file_that_is_too_large_is_listed_but_not_kept():
    files = opened(tar({"r/a.yaml": b"x" * 11, "r/b.yaml": b"y"}), Limits(20_000, 10))
    assert (files.sizes, files.read("a.yaml"), files.read("b.yaml")) == ({"a.yaml": 11, "b.yaml": 1}, None, b"y")


def test_a_zip_that_lies_about_a_size_is_refused():
    content = bytearray(zipped({"r/a.yaml": b"x" * 1000}))
    directory = content.rfind(b"PK\x01\x02")
    content[directory + 24 : directory + 28] = (10).to_bytes(4, "little")
    with pytest.raises(SourceError) as refused:
        opened(bytes(content))
    assert refused.value.reason is SourceReason.MALFORMED


@pytest.mark.parametrize("pack", [tar, zipped])
def test_a_broken_archive_is_an_error_wherever_it_breaks(pack: Pack):
    chance = random.Random(4)
    whole = pack({f"r/{i}.yaml": chance.randbytes(500) for i in range(20)})
    for end in [0, 1, 3, *range(10, len(whole) - 30, 397)]:
        with pytest.raises(SourceError) as refused:
            opened(whole[:end])
        assert refused.value.reason is SourceReason.MALFORMED
    for _ in range(200):
        mutated = bytearray(whole)
        for _ in range(3):
            mutated[chance.randrange(len(mutated))] = chance.randrange(256)
        try:
            opened(bytes(mutated))
        except SourceError as error:
            assert error.reason in {SourceReason.MALFORMED, SourceReason.TOO_LARGE}


async def test_a_download_ends_where_it_becomes_too_large():
    taken = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 1000

    with pytest.raises(SourceError) as refused:
        await downloaded(chunks(), 5000, "https://h/r")
    assert (refused.value.reason, taken) == (SourceReason.TOO_LARGE, 6)
