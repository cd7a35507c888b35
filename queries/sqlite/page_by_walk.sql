-- Rows in the order of one path's values, met one after the other: for where it takes few of them to fill the page.
SELECT json_group_array(json_array(id, key0, ref))
FROM (
  SELECT node.id, fact.value AS key0, node.ref
  FROM facts AS fact
  CROSS JOIN nodes AS node ON node.id = fact.node
  WHERE fact.path = ${path} AND ${reached} AND node.present AND ${bounds} AND ${matches} AND NOT EXISTS (
    SELECT 1 FROM facts AS lesser WHERE lesser.node = fact.node AND lesser.path = fact.path AND lesser.value < fact.value
  )
  ORDER BY ${ordering}
  LIMIT :limit OFFSET :skip
)
