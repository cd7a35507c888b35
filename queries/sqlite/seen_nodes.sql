-- The visible entities among some refs.
SELECT json_group_array(json_array(node.id, node.ref))
FROM json_each(:refs) AS wanted
CROSS JOIN nodes AS node ON node.ref = wanted.value
WHERE node.present AND ${visible}
