-- The catalog: nodes and what is known of them, the log, and the state of ingestion.
-- A node is an entity (present) or a placeholder that edges point to. Refs, paths and names that repeat are kept once, as terms.

CREATE TABLE terms (id INTEGER PRIMARY KEY, term TEXT NOT NULL UNIQUE);

CREATE TABLE nodes (id INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, present INTEGER NOT NULL DEFAULT 0);

-- record: [ref, document, location id, path, document index, line, parent, orphan] as JSON, read as it stands.
CREATE TABLE entities (
  node INTEGER PRIMARY KEY,
  hash TEXT NOT NULL,
  location INTEGER NOT NULL,
  orphan INTEGER NOT NULL,
  record TEXT NOT NULL
);
CREATE INDEX entities_by_location ON entities (location);
CREATE INDEX orphans ON entities (node) WHERE orphan;

-- What a search for words sees of an entity, in lower case.
CREATE TABLE texts (node INTEGER PRIMARY KEY, text TEXT NOT NULL);

-- shown is null where the value was declared in lower case.
CREATE TABLE facts (
  path INTEGER NOT NULL, value TEXT NOT NULL, node INTEGER NOT NULL, shown TEXT,
  PRIMARY KEY (path, value, node)
) WITHOUT ROWID;
CREATE INDEX facts_by_node ON facts (node, path);

-- One row for each statement that an edge exists; an edge exists while it has a row.
CREATE TABLE declarations (
  source INTEGER NOT NULL, relation INTEGER NOT NULL, target INTEGER NOT NULL, declarer INTEGER NOT NULL, field INTEGER NOT NULL,
  path INTEGER NOT NULL, line INTEGER NOT NULL, inferred INTEGER NOT NULL, confidence REAL NOT NULL,
  PRIMARY KEY (source, relation, target, declarer, field)
) WITHOUT ROWID;
CREATE INDEX declarations_backwards ON declarations (target, relation, source, declarer);
CREATE INDEX declarations_by_declarer ON declarations (declarer);

-- record: [sequence, time, ref, operation, patch, cause kind, cause detail] as JSON.
CREATE TABLE changes (sequence INTEGER PRIMARY KEY, ref TEXT NOT NULL, record TEXT NOT NULL);
CREATE INDEX changes_by_ref ON changes (ref, sequence);
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('sequence', 0);

CREATE TABLE locations (
  id TEXT PRIMARY KEY, type TEXT NOT NULL, target TEXT NOT NULL, origin TEXT NOT NULL, place INTEGER NOT NULL, read_at TEXT, error TEXT
) WITHOUT ROWID;

-- record: [path, digest, includes, targets, parent, claims, kept] as JSON.
CREATE TABLE files (
  location INTEGER NOT NULL, path INTEGER NOT NULL, record TEXT NOT NULL,
  PRIMARY KEY (location, path)
) WITHOUT ROWID;

CREATE TABLE claims (
  location INTEGER NOT NULL, path INTEGER NOT NULL, document INTEGER NOT NULL, ref TEXT NOT NULL, line INTEGER NOT NULL, reading TEXT,
  PRIMARY KEY (location, path, document, ref)
) WITHOUT ROWID;
CREATE INDEX claims_by_ref ON claims (ref);

-- record: [location id, path, code, message, remedy, document, line, column, ref] as JSON.
CREATE TABLE errors (
  id TEXT PRIMARY KEY, location TEXT NOT NULL, path TEXT NOT NULL, code TEXT NOT NULL, line INTEGER, column_number INTEGER, ref TEXT,
  record TEXT NOT NULL
);
CREATE INDEX errors_by_file ON errors (location, path);
CREATE INDEX errors_by_ref ON errors (ref);
