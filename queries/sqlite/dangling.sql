SELECT json_group_array(json_array(json_array(target_ref, source_ref, term), json_array(source, relation, target)))
FROM (
  SELECT
    target.ref AS target_ref, source.ref AS source_ref, relation.term AS term,
    declaration.source AS source, declaration.relation AS relation, declaration.target AS target
  FROM nodes AS target
  CROSS JOIN declarations AS declaration ON declaration.target = target.id
  CROSS JOIN nodes AS source ON source.id = declaration.source
  CROSS JOIN terms AS relation ON relation.id = declaration.relation
  WHERE ${missing_target} AND ${declared}
  UNION
  SELECT
    target.ref AS target_ref, source.ref AS source_ref, relation.term AS term,
    declaration.source AS source, declaration.relation AS relation, declaration.target AS target
  FROM nodes AS source
  CROSS JOIN declarations AS declaration ON declaration.source = source.id
  CROSS JOIN nodes AS target ON target.id = declaration.target
  CROSS JOIN terms AS relation ON relation.id = declaration.relation
  WHERE ${missing_source} AND ${declared}
  ORDER BY target_ref, source_ref, term
  LIMIT :limit OFFSET :start
)
