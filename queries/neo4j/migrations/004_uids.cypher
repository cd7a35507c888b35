// Entities are found by their uid, which is no part of what their authors write. Those that are there already get theirs from Callboard.
CREATE INDEX callboard_entity_uid IF NOT EXISTS FOR (e:Entity) ON (e.uid);
