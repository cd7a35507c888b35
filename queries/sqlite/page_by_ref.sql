SELECT json_group_array(json_array(id, ref))
FROM (
  SELECT node.id, node.ref
  FROM ${nodes} AS node
  WHERE node.present AND ${matches} AND ${bounds}
  ORDER BY ${ordering}
  LIMIT :limit OFFSET :skip
)
