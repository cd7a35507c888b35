UNWIND $edges AS row
MATCH ()-[edge]->()
WHERE id(edge) = row[0]
SET edge.declarers = row[1], edge.evidence = row[2]
