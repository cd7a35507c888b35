-- The records of the entities among some nodes, in no order.
SELECT '[' || group_concat(entity.record) || ']'
FROM json_each(:nodes) AS wanted
CROSS JOIN entities AS entity ON entity.node = wanted.value
WHERE ${visible}
