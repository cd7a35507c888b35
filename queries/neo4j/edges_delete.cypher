MATCH ()-[edge]->()
WHERE id(edge) IN $edges
DELETE edge
