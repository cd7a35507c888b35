SELECT '[' || group_concat(entity.record) || ']'
FROM json_each(:refs) AS wanted
CROSS JOIN nodes AS node ON node.ref = wanted.value
CROSS JOIN entities AS entity ON entity.node = node.id
WHERE ${visible}
