SELECT json_group_array(json_array(node.ref, node.id, entity.hash))
FROM json_each(:refs) AS wanted
CROSS JOIN nodes AS node ON node.ref = wanted.value
LEFT JOIN entities AS entity ON entity.node = node.id
