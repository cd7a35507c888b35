SELECT json_group_array(json_array(id, ref, depth))
FROM (
  SELECT node.id, node.ref, reached.depth
  FROM temp.chosen AS chosen
  CROSS JOIN temp.reached AS reached ON reached.node = chosen.node
  CROSS JOIN nodes AS node ON node.id = chosen.node
  ORDER BY reached.depth, node.ref
  LIMIT :limit OFFSET :start
)
