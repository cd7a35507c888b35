// Every node that an edge can end at has the label Ref. One that is an entity is an Entity too, with its kind as a further label; one that is
// missing is a Placeholder. Statements may run twice, so each says IF NOT EXISTS or MERGE.
CREATE CONSTRAINT callboard_ref IF NOT EXISTS FOR (n:Ref) REQUIRE n.ref IS UNIQUE;
CREATE INDEX callboard_entity_kind IF NOT EXISTS FOR (e:Entity) ON (e.kind);
CREATE INDEX callboard_entity_namespace IF NOT EXISTS FOR (e:Entity) ON (e.namespace);
CREATE INDEX callboard_entity_name IF NOT EXISTS FOR (e:Entity) ON (e.name);
CREATE INDEX callboard_entity_type IF NOT EXISTS FOR (e:Entity) ON (e.type);
CREATE INDEX callboard_entity_lifecycle IF NOT EXISTS FOR (e:Entity) ON (e.lifecycle);
CREATE INDEX callboard_entity_several IF NOT EXISTS FOR (e:Entity) ON (e.several);
CREATE INDEX callboard_entity_location IF NOT EXISTS FOR (e:Entity) ON (e.locationId);
CREATE CONSTRAINT callboard_change IF NOT EXISTS FOR (c:Change) REQUIRE c.sequence IS UNIQUE;
CREATE INDEX callboard_change_ref IF NOT EXISTS FOR (c:Change) ON (c.ref);
CREATE CONSTRAINT callboard_error IF NOT EXISTS FOR (x:CatalogError) REQUIRE x.id IS UNIQUE;
CREATE INDEX callboard_error_ref IF NOT EXISTS FOR (x:CatalogError) ON (x.ref);
CREATE INDEX callboard_error_file IF NOT EXISTS FOR (x:CatalogError) ON (x.locationId, x.path);
CREATE INDEX callboard_claim_ref IF NOT EXISTS FOR (c:Claim) ON (c.ref);
CREATE INDEX callboard_claim_file IF NOT EXISTS FOR (c:Claim) ON (c.locationId, c.path);
CREATE CONSTRAINT callboard_file IF NOT EXISTS FOR (f:SourceFile) REQUIRE (f.locationId, f.path) IS UNIQUE;
CREATE INDEX callboard_file_location IF NOT EXISTS FOR (f:SourceFile) ON (f.locationId);
CREATE CONSTRAINT callboard_root IF NOT EXISTS FOR (r:Root) REQUIRE r.id IS UNIQUE;
CREATE CONSTRAINT callboard_counter IF NOT EXISTS FOR (c:Counter) REQUIRE c.name IS UNIQUE;
MERGE (c:Counter {name: 'changes'}) ON CREATE SET c.sequence = 0;
