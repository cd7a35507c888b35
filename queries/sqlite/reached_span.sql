SELECT json_array(count(*), coalesce(max(depth), 0), coalesce(sum(${through_after}), 0), coalesce(sum(${before}), 0))
FROM (
  SELECT printf('%06d', reached.depth) AS depth_key, reached.depth AS depth, node.ref AS ref
  FROM temp.chosen AS chosen
  CROSS JOIN temp.reached AS reached ON reached.node = chosen.node
  CROSS JOIN nodes AS node ON node.id = chosen.node
)
