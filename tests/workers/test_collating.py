"""What is found of real catalogs: every entity of the corpus and of the examples is collated, and so is every definition in them."""

from collections import Counter
from pathlib import Path

from config.load import load
from graph.conditions import EVERYTHING
from graph.relations import RelationRegistry
from graph.store import Order, Window
from graph.stores.sqlite import SqliteStore
from ingest.pipeline import synchronise
from plugins.contract import TextField
from tests.corpus import CATALOG_ROLES, corpus_files, read
from workers.search.collators.definitions import DefinitionCollator, UnreadableError, definition_documents
from workers.search.collators.entities import entity_document, entity_facets

ROOT = Path(__file__).parents[2]
NEVER_MISSING = {TextField.NAME, TextField.DETAILS}


def test_every_entity_of_the_corpus_is_collated_and_every_definition_in_it():
    entities, definitions, found = 0, Counter[str](), Counter[str]()
    for file in corpus_files(*CATALOG_ROLES):
        if not file.path.endswith((".yaml", ".yml")):
            continue
        for read_document in read(file).documents:
            ref, document = read_document.ref, read_document.document
            entities += 1
            assert set(entity_document(ref, document).texts) >= NEVER_MISSING, (file, ref)
            assert {"kind", "namespace"} <= entity_facets(ref, document).keys(), (file, ref)
            if definition := (document.get("spec") or {}).get("definition"):
                documents = definition_documents(definition)
                assert documents, (file, ref)
                definitions[document["spec"]["type"]] += 1
                found[document["spec"]["type"]] += len(documents)
    assert entities == 1329
    assert definitions == {"openapi": 50, "grpc": 3, "asyncapi": 1, "website": 1, "service": 1}
    assert found == {"openapi": 438, "grpc": 10, "asyncapi": 12, "website": 2, "service": 1}


def test_every_definition_in_a_file_of_the_corpus_is_collated():
    found: dict[str, int] = {}
    for file in corpus_files("placeholder", "docs"):
        if file.path.endswith((".yaml", ".yml", ".json", ".proto", ".graphql")):
            try:
                found[f"{file.repository}/{file.path}"] = len(definition_documents(file.content.decode()))
            except UnreadableError as error:
                assert str(error) == "it is none of OpenAPI, AsyncAPI, GraphQL and protobuf", file
    assert found == {
        "AlvaroDavi5/Node_BackEnd_Boilerplate-TypeScript/docs/swagger.yaml": 22,
        "AngC1/Roadie/catalog/openapi.yaml": 1,
        "giedri/backstage-catalog-sample/services/order-service/docs/openapi.yaml": 12,
        "snyk/vervet/testdata/output/2021-06-01~experimental/spec.json": 12,
        "snyk/vervet/testdata/output/2021-06-04~experimental/spec.json": 14,
        "snyk/vervet/testdata/output/2021-06-07~experimental/spec.json": 14,
        "snyk/vervet/testdata/output/2021-06-13~beta/spec.json": 13,
        "snyk/vervet/testdata/output/2021-06-13~experimental/spec.json": 15,
        "snyk/vervet/testdata/output/2021-08-20~experimental/spec.json": 16,
        "snyk/vervet/testdata/output/2023-06-01~experimental/spec.json": 17,
        "snyk/vervet/testdata/output/2023-06-02~experimental/spec.json": 17,
        "snyk/vervet/testdata/output/2023-06-03~experimental/spec.json": 16,
        "snyk/vervet/testdata/output/2024-10-15/spec.json": 13,
    }


async def test_every_operation_of_the_example_catalog_is_found(tmp_path: Path):
    registry = RelationRegistry()
    store = SqliteStore(tmp_path / "catalog.db", registry)
    await store.open()
    await synchronise(load([ROOT / "app-config.yaml"]), store, registry)
    page = await store.page(EVERYTHING, [Order("metadata.name")], Window(1000), visible=EVERYTHING)
    await store.close()
    operations: dict[str, list[str]] = {}
    for entity in page.rows:
        for document in await DefinitionCollator().documents(entity.ref, entity.document):
            name = document.texts[TextField.NAME]
            if document.key != "#/info" and (" " in name or "/" in name):
                operations.setdefault(entity.ref, []).append(name)
    assert len(page.rows) == 100
    assert operations == {
        "api:default/accounts-api": ["GET /me", "DELETE /me", "PATCH /me", "PUT /me/consents/{purpose}", "GET /me/memberships"],
        "api:default/booking-api": [
            "POST /baskets",
            "POST /baskets/{basketId}/seats",
            "POST /baskets/{basketId}/checkout",
            "GET /bookings/{number}",
        ],
        "api:default/entry-api": ["POST /performances/{performanceId}/admissions", "GET /performances/{performanceId}/manifest"],
        "api:default/entry-events": ["send entry"],
        "api:default/payments-api": ["POST /authorisations", "POST /authorisations/{id}/capture", "POST /authorisations/{id}/refunds"],
        "api:default/pricing-api": ["Pricing/ListPrices", "Pricing/Quote"],
        "api:default/programme-api": ["query production", "query performances"],
        "api:default/sales-events": ["send sales"],
        "api:default/seating-api": ["Seating/GetHouse", "Seating/GetPlan", "Seating/PublishPlan"],
    }
