SELECT json_array(count(*), coalesce(sum(${through_after}), 0), coalesce(sum(${before}), 0))
FROM (
  SELECT target.ref AS target, source.ref AS source, relation.term AS relation
  FROM nodes AS target
  CROSS JOIN declarations AS declaration ON declaration.target = target.id
  CROSS JOIN nodes AS source ON source.id = declaration.source
  CROSS JOIN terms AS relation ON relation.id = declaration.relation
  WHERE ${missing_target} AND ${declared}
  UNION
  SELECT target.ref AS target, source.ref AS source, relation.term AS relation
  FROM nodes AS source
  CROSS JOIN declarations AS declaration ON declaration.source = source.id
  CROSS JOIN nodes AS target ON target.id = declaration.target
  CROSS JOIN terms AS relation ON relation.id = declaration.relation
  WHERE ${missing_source} AND ${declared}
)
