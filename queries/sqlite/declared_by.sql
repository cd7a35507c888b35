SELECT json_group_array(json_array(
  json_array(source.ref, relation.term, target.ref),
  json_array(declarer.ref, field.term, path.term, declaration.line, declaration.inferred, declaration.confidence)
))
FROM json_each(:refs) AS wanted
CROSS JOIN nodes AS declarer ON declarer.ref = wanted.value
CROSS JOIN declarations AS declaration ON declaration.declarer = declarer.id
CROSS JOIN nodes AS source ON source.id = declaration.source
CROSS JOIN terms AS relation ON relation.id = declaration.relation
CROSS JOIN nodes AS target ON target.id = declaration.target
CROSS JOIN terms AS field ON field.id = declaration.field
CROSS JOIN terms AS path ON path.id = declaration.path
