UNWIND $nodes AS row
CREATE (n:Ref {ref: row[0]})
SET n:$(row[1])
RETURN collect([n.ref, id(n)])
