MATCH (s:SchemaVersion {name: 'callboard'})
SET s.version = $version, s.migration = $name, s.migratedAt = $at
