SELECT json_array(
  (SELECT count(*) FROM entities),
  (SELECT count(*) FROM nodes WHERE NOT present),
  (SELECT count(*) FROM (SELECT DISTINCT source, relation, target FROM declarations)),
  (SELECT count(*) FROM errors),
  (SELECT count(*) FROM changes)
)
