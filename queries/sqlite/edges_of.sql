-- Each statement of an edge that leads from one of the nodes, by the node's place among them: (place, relation, other end).
SELECT json_group_array(json_array(root.key, edge.relation, other.ref))
FROM json_each(:nodes) AS root
CROSS JOIN declarations AS edge ON edge.${here} = root.value
CROSS JOIN nodes AS other ON other.id = edge.${there}
WHERE ${declared}
