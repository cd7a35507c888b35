UNWIND $edges AS wanted
MATCH (source:Ref {ref: wanted[0]})-[edge]->(target:Ref {ref: wanted[2]})
WHERE type(edge) = wanted[1]
RETURN collect([source.ref, type(edge), target.ref, edge.evidence])
