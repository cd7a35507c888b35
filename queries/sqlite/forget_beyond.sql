-- Of the entities met last, only the first :kept by ref stay.
DELETE FROM temp.reached
WHERE place IN (
  SELECT reached.place
  FROM temp.reached AS reached
  CROSS JOIN nodes AS node ON node.id = reached.node
  WHERE reached.place > :mark
  ORDER BY node.ref
  LIMIT -1 OFFSET :kept
)
