MERGE (s:SchemaVersion {name: 'callboard'})
ON CREATE SET s.version = 0
SET s.locked = true
