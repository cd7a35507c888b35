// Durable state beside the graph: rows of named collections. `value` is JSON, `due` a moment in UTC as ISO 8601.
CREATE CONSTRAINT callboard_state IF NOT EXISTS FOR (s:StateRow) REQUIRE (s.collection, s.id) IS UNIQUE;
CREATE INDEX callboard_state_due IF NOT EXISTS FOR (s:StateRow) ON (s.collection, s.due);
