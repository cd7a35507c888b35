-- Of the nodes given, those that are no entity and that no edge touches any more.
DELETE FROM nodes
WHERE id IN (SELECT value FROM json_each(:nodes)) AND NOT present
  AND NOT EXISTS (SELECT 1 FROM declarations WHERE declarations.source = nodes.id)
  AND NOT EXISTS (SELECT 1 FROM declarations WHERE declarations.target = nodes.id)
