-- For each of some nodes, the edges that lead to it from nodes met at a depth: the least first.
SELECT json_group_array(json_array(here, previous, source, relation, target, term, direction))
FROM (
  SELECT
    link.root AS here, link.other AS previous, link.source AS source, link.relation AS relation, link.target AS target,
    relation.term AS term, link.direction AS direction
  FROM (${links}) AS link
  CROSS JOIN temp.reached AS reached ON reached.node = link.other AND reached.depth = :depth
  CROSS JOIN nodes AS node ON node.id = link.other
  CROSS JOIN terms AS relation ON relation.id = link.relation
  ORDER BY link.root, node.ref, relation.term, link.direction
  LIMIT -1
)
