-- Durable state beside the graph, and up to where the log was cut off.

-- value: a JSON object. due: a moment in UTC as ISO 8601.
CREATE TABLE states (
  collection TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, due TEXT, value TEXT NOT NULL,
  PRIMARY KEY (collection, id)
) WITHOUT ROWID;
CREATE INDEX states_by_due ON states (collection, due, id) WHERE due IS NOT NULL;

-- One row: the newest entry that was cut off, and when it was written.
CREATE TABLE log_horizon (sequence INTEGER NOT NULL, at TEXT);
INSERT INTO log_horizon (sequence) VALUES (0);
