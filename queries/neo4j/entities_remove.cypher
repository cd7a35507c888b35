UNWIND $refs AS ref
MATCH (e:Ref {ref: ref})
SET e = {ref: ref}
SET e:Placeholder
REMOVE e:Entity
