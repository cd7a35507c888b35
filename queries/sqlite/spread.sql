-- One level further: what the nodes met since :mark lead to and was not met before.
INSERT OR IGNORE INTO temp.reached (node, depth)
SELECT DISTINCT node.id, :depth
FROM (${neighbours}) AS link
CROSS JOIN nodes AS node ON node.id = link.other
WHERE node.present AND ${visible}
