SELECT json_group_array(json_array(source, relation, target))
FROM (
  SELECT DISTINCT source.ref AS source, relation.term AS relation, target.ref AS target
  FROM declarations AS declaration
  CROSS JOIN nodes AS source ON source.id = declaration.source
  CROSS JOIN nodes AS target ON target.id = declaration.target
  CROSS JOIN terms AS relation ON relation.id = declaration.relation
  WHERE declaration.relation IN (SELECT id FROM terms WHERE term IN (SELECT value FROM json_each(:relations)))
    AND source.present AND target.present AND ${source_seen} AND ${target_seen} AND ${declared}
  ORDER BY source.ref, relation.term, target.ref
  LIMIT -1
)
