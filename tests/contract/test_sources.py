"""What is kept of ingestion: files, claims, locations and errors."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from graph.conditions import EVERYTHING, NOTHING, Condition
from graph.errors import InvalidCursorError
from graph.refs import Ref
from graph.store import Batch, CatalogError, Claim, ErrorFilter, Location, LocationCounts, SourceFile, Store, Window
from tests.contract.shop import ALL, CART, CLAIMS, ERRORS, FILE, GHOST, PLACE, WEB, all_but
from tests.graphs import CAUSE, LOCATION, batch, created, entity

UNREADABLE, DUPLICATE, CONFLICT = ERRORS[2], ERRORS[0], ERRORS[1]
OTHER = Location(
    "url:elsewhere", "url", "https://example.com/catalog.yaml", "registered", -1, datetime(2026, 1, 2, 3, 4, 5, 678, UTC), "404"
)


async def test_locations_come_in_their_order_as_they_were_written(stocked: Store) -> None:
    assert list(await stocked.locations()) == [PLACE]
    third = Location("file:a", "file", "/a", "configured", 0)
    await stocked.apply(Batch(CAUSE, locations=[third, OTHER]))
    assert list(await stocked.locations()) == [OTHER, PLACE, third]
    read = replace(OTHER, read_at=datetime(2026, 2, 3, tzinfo=UTC), error=None)
    await stocked.apply(Batch(CAUSE, locations=[read], removed_locations=[third.id, "unknown"]))
    assert list(await stocked.locations()) == [read, PLACE]


async def test_locations_count_what_they_led_to(stocked: Store) -> None:
    await stocked.apply(Batch(CAUSE, locations=[OTHER]))
    assert await stocked.location_counts([LOCATION, OTHER.id, "unknown", LOCATION]) == {
        LOCATION: LocationCounts(files=1, entities=9, errors=3),
        OTHER.id: LocationCounts(files=0, entities=0, errors=0),
    }
    assert await stocked.location_counts([]) == {}


async def test_files_come_back_as_they_were_written(stocked: Store) -> None:
    more = SourceFile(LOCATION, "/catalog/more.yaml", "m1", parent=Ref("location:default/all"), kept=(GHOST,))
    elsewhere = SourceFile(OTHER.id, "/catalog/all.yaml", "e1")
    await stocked.apply(Batch(CAUSE, files=[more, elsewhere]))
    assert await stocked.files(LOCATION) == {FILE.path: FILE, more.path: more}
    assert await stocked.files(OTHER.id) == {elsewhere.path: elsewhere}
    assert await stocked.files("unknown") == {}


async def test_claims_of_a_ref_are_ordered_over_all_locations(stocked: Store) -> None:
    contenders = [
        Claim(WEB, OTHER.id, "/b.yaml", 0, 5, b"\x00\xff not text"),
        Claim(WEB, "a:first", "/z.yaml", 1, 9, b""),
        Claim(WEB, OTHER.id, "/b.yaml", 10, 50, b"later"),
        Claim(WEB, OTHER.id, "/b.yaml", 2, 20, b"before"),
    ]
    files = [SourceFile(OTHER.id, "/b.yaml", "d"), SourceFile("a:first", "/z.yaml", "d")]
    await stocked.apply(Batch(CAUSE, files=files, claims=contenders))
    held = CLAIMS[ALL.index(WEB)]
    found = await stocked.claims([WEB, CART, GHOST])
    assert {ref: list(claims) for ref, claims in found.items()} == {
        WEB: [contenders[1], held, contenders[0], contenders[3], contenders[2]],
        CART: [CLAIMS[ALL.index(CART)]],
    }


async def test_writing_a_file_replaces_its_claims_and_errors_and_no_others(stocked: Store) -> None:
    elsewhere = SourceFile(OTHER.id, FILE.path, "e1")
    there = CatalogError(OTHER.id, FILE.path, "code", "message", "remedy")
    await stocked.apply(Batch(CAUSE, files=[elsewhere], claims=[Claim(WEB, OTHER.id, FILE.path, 0, 1)], errors=[there]))
    claim = Claim(WEB, LOCATION, FILE.path, 7, 70)
    await stocked.apply(Batch(CAUSE, files=[replace(FILE, digest="d2")], claims=[claim], errors=[CONFLICT]))
    assert (await stocked.files(LOCATION))[FILE.path].digest == "d2"
    assert {ref: list(claims) for ref, claims in (await stocked.claims(ALL)).items()} == {
        WEB: [claim, Claim(WEB, OTHER.id, FILE.path, 0, 1)]
    }
    assert await _errors(stocked) == [there, CONFLICT]


async def test_a_forgotten_file_goes_with_its_claims_and_errors(stocked: Store) -> None:
    await stocked.apply(Batch(CAUSE, forgotten=[(LOCATION, FILE.path), (LOCATION, "/unknown")]))
    assert await stocked.files(LOCATION) == {}
    assert await stocked.claims(ALL) == {}
    assert await _errors(stocked) == []
    # The entities are not the file's: the batch says what becomes of them.
    assert await stocked.location_counts([LOCATION]) == {LOCATION: LocationCounts(files=0, entities=9, errors=0)}


ANY = ErrorFilter()


async def _errors(store: Store, filter: ErrorFilter = ANY, visible: Condition = EVERYTHING) -> list[CatalogError]:
    return list((await store.errors(filter, Window(99), visible=visible)).rows)


async def test_errors_come_by_place_and_those_without_one_first(stocked: Store) -> None:
    page = await stocked.errors(ANY, Window(99), visible=EVERYTHING)
    assert list(page.rows) == [UNREADABLE, DUPLICATE, CONFLICT]
    assert list(page.keysets) == [
        ("/catalog/all.yaml", "", "", UNREADABLE.id),
        ("/catalog/all.yaml", "000000012", "000000004", DUPLICATE.id),
        ("/catalog/all.yaml", "000000112", "", CONFLICT.id),
    ]
    assert (page.has_previous, page.has_next) == (False, False)


async def test_errors_are_paged(stocked: Store) -> None:
    keysets = (await stocked.errors(ANY, Window(99), visible=EVERYTHING)).keysets
    for window, errors, has_previous, has_next in (
        (Window(1), [UNREADABLE], False, True),
        (Window(1, after=keysets[0]), [DUPLICATE], True, True),
        (Window(9, after=keysets[1]), [CONFLICT], True, False),
        (Window(1, before=keysets[2], backward=True), [DUPLICATE], True, True),
        (Window(2, backward=True), [DUPLICATE, CONFLICT], True, False),
    ):
        page = await stocked.errors(ANY, window, visible=EVERYTHING)
        assert (list(page.rows), page.has_previous, page.has_next) == (errors, has_previous, has_next)
    with pytest.raises(InvalidCursorError):
        await stocked.errors(ANY, Window(1, after=("a",)), visible=EVERYTHING)


async def test_errors_are_filtered(stocked: Store) -> None:
    for wanted, errors in (
        (ErrorFilter(refs=[CART]), [DUPLICATE]),
        (ErrorFilter(refs=[GHOST, WEB]), [CONFLICT]),
        (ErrorFilter(refs=[]), []),
        (ErrorFilter(location_ids=[LOCATION]), [UNREADABLE, DUPLICATE, CONFLICT]),
        (ErrorFilter(location_ids=["other"]), []),
        (ErrorFilter(codes=["conflict", "unreadable"]), [UNREADABLE, CONFLICT]),
        (ErrorFilter(refs=[CART], codes=["conflict"]), []),
        (ErrorFilter(of_entities=True), [DUPLICATE]),
        (ErrorFilter(codes=["unreadable"], of_entities=True), []),
    ):
        assert await _errors(stocked, wanted) == errors
        assert await stocked.error_count(wanted, visible=EVERYTHING) == len(errors)


async def test_errors_of_hidden_entities_are_hidden_and_those_of_missing_ones_not(stocked: Store) -> None:
    assert await _errors(stocked, visible=all_but(CART)) == [UNREADABLE, CONFLICT]
    assert await stocked.error_count(ANY, visible=all_but(CART)) == 2
    assert await stocked.error_count(ErrorFilter(refs=[CART]), visible=all_but(CART)) == 0
    assert await _errors(stocked, ErrorFilter(of_entities=True), all_but(CART)) == []
    assert await stocked.error_count(ErrorFilter(of_entities=True), visible=all_but(WEB)) == 1
    assert await _errors(stocked, visible=NOTHING) == [UNREADABLE, CONFLICT]
    await stocked.apply(batch(created(entity(GHOST))))
    assert await _errors(stocked, visible=NOTHING) == [UNREADABLE]


async def test_the_same_error_twice_is_one(stocked: Store) -> None:
    await stocked.apply(Batch(CAUSE, files=[FILE], errors=[DUPLICATE, DUPLICATE]))
    assert await _errors(stocked) == [DUPLICATE]
