SELECT json_group_array(json_array(
  declaration.source, declaration.relation, declaration.target,
  json_array(source.ref, relation.term, target.ref),
  json_array(declarer.ref, field.term, path.term, declaration.line, declaration.inferred, declaration.confidence)
))
FROM json_each(:edges) AS wanted
CROSS JOIN declarations AS declaration
  ON declaration.source = json_extract(wanted.value, '$$[0]')
  AND declaration.relation = json_extract(wanted.value, '$$[1]')
  AND declaration.target = json_extract(wanted.value, '$$[2]')
CROSS JOIN nodes AS source ON source.id = declaration.source
CROSS JOIN terms AS relation ON relation.id = declaration.relation
CROSS JOIN nodes AS target ON target.id = declaration.target
CROSS JOIN nodes AS declarer ON declarer.id = declaration.declarer
CROSS JOIN terms AS field ON field.id = declaration.field
CROSS JOIN terms AS path ON path.id = declaration.path
WHERE ${visible}
