WITH keyed AS MATERIALIZED (
  SELECT node.id, node.ref, ${keys}
  FROM ${nodes} AS node
  WHERE node.present AND ${matches}
)
SELECT json_group_array(json_array(id, ${names}, ref))
FROM (SELECT * FROM keyed WHERE ${bounds} ORDER BY ${ordering} LIMIT :limit OFFSET :skip)
