UNWIND $entities AS row
MATCH (e)
WHERE id(e) = row.node
SET e = row.properties
SET e:Entity:$(row.labels)
REMOVE e:Placeholder
