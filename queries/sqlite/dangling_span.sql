SELECT json_array(count(*), coalesce(sum(${through_after}), 0), coalesce(sum(${before}), 0))
FROM (
  SELECT DISTINCT target.ref AS target, source.ref AS source, relation.term AS relation
  FROM nodes AS target
  CROSS JOIN declarations AS declaration ON declaration.target = target.id
  CROSS JOIN nodes AS source ON source.id = declaration.source
  CROSS JOIN terms AS relation ON relation.id = declaration.relation
  WHERE ${missing} AND ${declared}
)
