SELECT json_group_array(json_array(
  location.id,
  (SELECT count(*) FROM files WHERE files.location = term.id),
  (SELECT count(*) FROM entities WHERE entities.location = term.id),
  (SELECT count(*) FROM errors WHERE errors.location = location.id)
))
FROM json_each(:ids) AS wanted
CROSS JOIN locations AS location ON location.id = wanted.value
LEFT JOIN terms AS term ON term.term = location.id
