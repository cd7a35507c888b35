OPTIONAL MATCH (s:SchemaVersion {name: 'callboard'})
RETURN coalesce(s.version, 0)
