UNWIND $entities AS row
MERGE (e:Ref {ref: row.properties.ref})
SET e = row.properties
SET e:Entity:$(row.labels)
REMOVE e:Placeholder
