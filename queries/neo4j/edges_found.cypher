UNWIND $edges AS row
MATCH (source)
WHERE id(source) = row[0]
MATCH (target)
WHERE id(target) = row[2]
MATCH (source)-[edge]->(target)
WHERE type(edge) = row[1]
RETURN collect([source.ref, row[1], target.ref, id(edge), edge.evidence])
