"""What the index in a folder alone has to do: survive being killed, damaged, locked and out of space, and repair itself."""

import asyncio
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.contract.search_documents import BASKET, CHECKOUT, LEDGER, SHOP, STATE, build, document, found, hits, replacing
from workers.search.index import IndexState, IndexUnavailableError
from workers.search.tantivy import TantivyIndex

_ROOT = Path(__file__).parent.parent.parent
_CODE = """
import asyncio, sys
sys.path[:] = {path!r}
from tests.contract import test_tantivy_index
asyncio.run(test_tantivy_index.{work}({folder!r}))
"""


async def write_for_ever(folder: str) -> None:
    """Write states and documents that belong together, one after another, and rebuild now and then."""
    index = TantivyIndex(Path(folder))
    await index.open()
    sys.stdout.write("begins\n")
    sys.stdout.flush()
    for position in range(1, 100_000):
        marked = document("component:default/marked", title=f"position{position}x")
        if position % 5 == 0:
            await build(index, [*SHOP, marked], IndexState("catalog", "settings", position))
        else:
            await index.write(replacing(marked, position=position))


async def hold(folder: str) -> None:
    """Write once, and keep the index."""
    index = TantivyIndex(Path(folder))
    await index.open()
    await index.write(replacing(BASKET))
    sys.stdout.write("begins\n")
    sys.stdout.flush()
    await asyncio.sleep(3600)


def started(work: Callable[[str], object], folder: Path) -> subprocess.Popen[str]:
    """Another process that does the work and has begun."""
    code = _CODE.format(path=[str(_ROOT), *sys.path], work=work.__name__, folder=str(folder))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


def ended(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[TantivyIndex]:
    opened = TantivyIndex(tmp_path / "index")
    await opened.open()
    await build(opened, SHOP)
    yield opened
    await opened.close()


def generation(tmp_path: Path) -> Path:
    """The folder of the one generation there is."""
    (only,) = (tmp_path / "index").glob("generation-*")
    return only


async def assert_unavailable_until_built(index: TantivyIndex) -> None:
    assert await index.state() is None
    with pytest.raises(IndexUnavailableError):
        await hits(index, "")
    with pytest.raises(IndexUnavailableError):
        await index.write(replacing(BASKET))
    await build(index, SHOP)
    assert await index.state() == STATE
    assert (await hits(index, "")).total == len(SHOP)


async def test_what_was_written_is_there_after_opening_again(index: TantivyIndex, tmp_path: Path) -> None:
    await index.write(replacing(document("component:default/basket", title="Trolley"), position=3))
    await index.close()
    await index.open()
    assert await index.state() == IndexState("catalog", "settings", 3)
    assert len(await found(index, '"trolley"')) == 1
    assert generation(tmp_path).is_dir()


@pytest.mark.parametrize("kind", ["store", "term", "idx", "pos", "fast", "fieldnorm"])
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "changed"])
async def test_a_damaged_file_is_noticed_when_the_index_is_opened(index: TantivyIndex, tmp_path: Path, kind: str, damage: str) -> None:
    await index.close()
    for file in generation(tmp_path).glob(f"*.{kind}"):
        content = file.read_bytes()
        file.unlink()
        if damage == "changed":
            middle = max((len(content) - 200) // 2, 0)
            file.write_bytes(content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :])
        elif damage != "missing":
            file.write_bytes(content[: 0 if damage == "empty" else len(content) - 7])
    await index.open()
    await assert_unavailable_until_built(index)


@pytest.mark.parametrize("name", ["current.json", "meta.json"])
@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"null", b'{"generation": 7, "format": "?"}', b"\xff\x00"])
async def test_an_unreadable_description_is_noticed_when_the_index_is_opened(
    index: TantivyIndex, tmp_path: Path, name: str, content: bytes | None
) -> None:
    await index.close()
    described = (tmp_path / "index" if name == "current.json" else generation(tmp_path)) / name
    described.unlink()
    if content is not None:
        described.write_bytes(content)
    await index.open()
    await assert_unavailable_until_built(index)
    assert generation(tmp_path).is_dir()


async def test_an_index_of_another_version_is_built_anew(index: TantivyIndex, tmp_path: Path) -> None:
    await index.close()
    pointer = tmp_path / "index" / "current.json"
    pointer.write_text(pointer.read_text().replace('"format":"', '"format":"0-'))
    await index.open()
    await assert_unavailable_until_built(index)


async def test_a_folder_that_goes_away_under_a_running_index_is_noticed(index: TantivyIndex, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "index")
    with pytest.raises(IndexUnavailableError, match="is gone"):
        await hits(index, "")
    assert await index.state() is None


async def test_documents_that_become_unreadable_under_a_running_index_are_noticed(index: TantivyIndex, tmp_path: Path) -> None:
    for file in generation(tmp_path).glob("*.store"):
        with file.open("r+b") as opened:
            opened.write(b"\xff" * 40)
    with pytest.raises(IndexUnavailableError):
        await hits(index, "")
    await assert_unavailable_until_built(index)


@pytest.mark.parametrize("kind", ["store", "term", "idx", "pos", "fast", "fieldnorm"])
async def test_damage_that_no_search_runs_into_is_found_by_a_check(index: TantivyIndex, tmp_path: Path, kind: str) -> None:
    await index.check()
    for file in generation(tmp_path).glob(f"*.{kind}"):
        with file.open("r+b") as opened:
            first = opened.read(1)
            opened.seek(0)
            opened.write(bytes([first[0] ^ 1]))
    with pytest.raises(IndexUnavailableError, match="is not what was written"):
        await index.check()
    await index.check()
    await assert_unavailable_until_built(index)
    await index.check()


async def test_an_index_that_is_written_and_merged_passes_its_checks(index: TantivyIndex) -> None:
    for position in range(1, 13):
        await index.write(replacing(document(f"component:default/n{position}"), position=position))
        await index.check()
    assert (await hits(index, "")).total == len(SHOP) + 12


async def test_a_file_in_place_of_the_folder_makes_the_index_unavailable(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("something else")
    index = TantivyIndex(tmp_path / "index")
    await index.open()
    assert await index.state() is None
    with pytest.raises(IndexUnavailableError):
        await build(index, SHOP)
    await index.close()


async def test_a_killed_writer_leaves_documents_and_state_of_one_moment(index: TantivyIndex, tmp_path: Path) -> None:
    await index.close()
    for turn in range(4):
        process = started(write_for_ever, tmp_path / "index")
        await asyncio.sleep(0.15 + 0.11 * turn)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        await index.open()
        state = await index.state()
        assert state is not None
        if state != STATE:
            assert len(await found(index, f'"position{state.position}x"')) == 1
        assert (await hits(index, '"customers"')).total == 2
        await index.write(replacing(position=state.position))
        assert generation(tmp_path).is_dir()
        await index.close()


async def test_another_process_can_read_and_not_write(index: TantivyIndex, tmp_path: Path) -> None:
    await index.close()
    process = started(hold, tmp_path / "index")
    try:
        await index.open()
        assert (await hits(index, "")).total == len(SHOP)
        with pytest.raises(IndexUnavailableError, match="is written by another process"):
            await index.write(replacing(CHECKOUT))
        with pytest.raises(IndexUnavailableError, match="is written by another process"):
            await build(index, [])
        assert (await hits(index, "")).total == len(SHOP)
    finally:
        ended(process)
    await index.write(replacing(position=8))
    assert await index.state() == IndexState("catalog", "settings", 8)


async def test_without_space_the_old_content_answers_and_later_writes_work(index: TantivyIndex) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    try:
        with pytest.raises(IndexUnavailableError):
            await index.write(replacing(LEDGER, position=5))
        with pytest.raises(IndexUnavailableError):
            await build(index, [BASKET])
        assert await index.state() == STATE
        assert (await hits(index, "")).total == len(SHOP)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    await index.write(replacing(LEDGER, position=6))
    assert await index.state() == IndexState("catalog", "settings", 6)
    await build(index, [BASKET])
    assert (await hits(index, "")).total == 1


async def test_an_abandoned_build_leaves_no_files(index: TantivyIndex, tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        async with index.building() as built:
            await built.add(SHOP)
            raise KeyError
    assert generation(tmp_path).is_dir()


async def test_searches_run_while_the_event_loop_goes_on(index: TantivyIndex) -> None:
    answers = await asyncio.gather(*(hits(index, "customers") for _ in range(64)))
    assert {answer.total for answer in answers} == {answers[0].total}
