"""What a redaction takes out of documents and conditions."""

import pytest

from config.errors import ConfigurationError
from config.permission import DECLARING, Permission
from graph.access import GUEST_PRINCIPAL, UNRESTRICTED_GUEST, Access, Redaction
from graph.conditions import EVERYTHING, NOTHING, All, AnyOf, FactExists, FactIn, Not, OnWholeGraph, Related, TextContains, all_of, fact_in
from graph.errors import InputError
from graph.redacting import RedactingStore, seen_by
from graph.redaction import RedactedConditions, check_redactions, declaring_paths, references_of, unredactable, without, without_references
from graph.refs import Ref
from graph.relations import Declaration, Direction, Relation, RelationRegistry, Travel
from graph.store import Store
from graph.stores.sqlite import SqliteStore

REGISTRY = RelationRegistry()
SERVICES = fact_in("spec.type", ["service"])
DOCUMENT = {
    "kind": "Component",
    "metadata": {
        "name": "a",
        "namespace": "ops",
        "annotations": {"example.com/Pager": "red", "other": "x"},
        "links": [{"url": "u", "title": "t"}],
    },
    "spec": {
        "type": "service",
        "owner": "red",
        "system": {"kind": "System", "name": "s", "namespace": "default"},
        "dependsOn": ["component:default/b", "resource:db", "nonsense"],
    },
}


def test_a_path_takes_out_a_field_and_what_is_below_it_whatever_its_spelling():
    kept = without(DOCUMENT, {"metadata.annotations.example.com/pager", "metadata.links.title", "spec.system"})
    assert kept["metadata"] == {"name": "a", "namespace": "ops", "annotations": {"other": "x"}, "links": [{"url": "u"}]}
    assert kept["spec"].keys() == {"type", "owner", "dependsOn"}
    assert "annotations" not in without(DOCUMENT, {"metadata.annotations"})["metadata"]
    assert without(DOCUMENT, {"metadata.anno", "spec.typ", "other"}) == DOCUMENT


def test_references_are_found_as_reading_finds_them():
    found = {"group:ops/red", "system:default/s", "component:default/b", "resource:ops/db"}
    assert references_of(DOCUMENT, REGISTRY) == found


def test_references_to_what_is_not_shown_are_taken_out_with_what_is_none():
    kept = without_references(DOCUMENT, REGISTRY, {Ref("component:default/b"), Ref("group:ops/red")})
    assert kept["spec"] == {"type": "service", "owner": "red", "dependsOn": ["component:default/b"]}
    assert without_references(DOCUMENT, REGISTRY, frozenset())["spec"] == {"type": "service", "dependsOn": []}


def test_a_reference_that_two_relations_read_differently_is_shown_only_if_both_ends_are():
    twice = Relation("uses", "uses", "usedBy", Travel.NOWHERE, False, (Declaration("owner", frozenset({"component"}), "User"),))
    registry = RelationRegistry([twice])
    assert "owner" not in without_references(DOCUMENT, registry, {Ref("group:ops/red")})["spec"]
    assert without_references(DOCUMENT, registry, {Ref("group:ops/red"), Ref("user:ops/red")})["spec"]["owner"] == "red"


def test_a_filter_reads_what_is_redacted_as_absent():
    conditions = RedactedConditions(
        [Redaction(("spec.type",), SERVICES), Redaction(("metadata.labels",), EVERYTHING)], REGISTRY, hides_references=False
    )
    shown = Not(OnWholeGraph(AnyOf((SERVICES,))))
    by_type, by_owner = fact_in("spec.type", ["x"]), Related("ownedBy", Direction.OUT, None)
    assert conditions.of(All((by_type, Not(FactExists("metadata.labels.tier")), by_owner))) == All(
        (all_of((by_type, shown)), Not(All((FactExists("metadata.labels.tier"), NOTHING))), by_owner)
    )
    assert conditions.of(TextContains(("a",))) == TextContains(("a",))


def test_words_are_looked_for_in_the_ref_alone_where_a_text_is_redacted():
    conditions = RedactedConditions([Redaction(("metadata.title",), SERVICES)], REGISTRY, hides_references=False)
    shown = Not(OnWholeGraph(AnyOf((SERVICES,))))
    words = TextContains(("a", "b"))
    assert conditions.of(words) == AnyOf((TextContains(("a", "b"), ref_alone=True), all_of((words, shown))))


def test_with_hidden_references_relations_lead_to_what_is_seen_and_their_texts_are_not_asked_for():
    conditions = RedactedConditions([], REGISTRY, hides_references=True)
    assert conditions.of(Not(Related("ownedBy", Direction.IN, None))) == Not(Related("ownedBy", Direction.IN, None, seen=True))
    for refused in (FactIn("spec.owner", ("red",)), FactExists("spec.dependson.component:b"), Not(FactExists("spec.system"))):
        with pytest.raises(InputError, match="ask for the relation instead"):
            conditions.of(refused)


def test_nothing_is_sorted_by_what_is_redacted_of_whatever_entities():
    conditions = RedactedConditions([Redaction(("metadata.annotations",), SERVICES)], REGISTRY, hides_references=True)
    conditions.refuse_order("metadata.name")
    for path in ("metadata.annotations.x", "spec.owner"):
        with pytest.raises(InputError, match=path):
            conditions.refuse_order(path)


@pytest.mark.parametrize("path", ["kind", "metadata", "metadata.name", "spec", "spec.owner", "spec.dependsOn", "spec.owner.name"])
def test_what_entities_are_told_by_and_what_declares_relations_is_not_redacted(path: str, tmp_path):
    assert unredactable(path, REGISTRY) is not None
    store: Store = SqliteStore(tmp_path / "catalog.db", REGISTRY)
    with pytest.raises(InputError, match="can't be redacted"):
        seen_by(store, Access(GUEST_PRINCIPAL, {}, (Redaction((path.lower(),), EVERYTHING),)), REGISTRY)


def test_a_start_is_refused_where_a_configured_relation_would_be_redacted():
    uses = Relation("uses", "uses", "usedBy", Travel.NOWHERE, False, (Declaration("uses", frozenset({"component"}), "User"),))
    permission = Permission.model_validate({"redact": [{"fields": ["spec.uses"], "from": ["everyone"]}]})
    check_redactions(permission, REGISTRY)
    with pytest.raises(ConfigurationError, match=r"permission\.redact: spec\.uses can't be redacted: spec\.uses declares relations"):
        check_redactions(permission, RelationRegistry([uses]))


def test_the_configuration_knows_the_fields_that_declare_relations():
    assert frozenset(DECLARING) == declaring_paths(REGISTRY)


def test_whoever_sees_entities_whole_reads_the_store_itself(tmp_path):
    store: Store = SqliteStore(tmp_path / "catalog.db", REGISTRY)
    assert seen_by(store, UNRESTRICTED_GUEST, REGISTRY) is store
    assert isinstance(seen_by(store, Access(GUEST_PRINCIPAL, {}, hides_references=True), REGISTRY), RedactingStore)
