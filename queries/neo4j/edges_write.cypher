UNWIND $edges AS row
MERGE (source:Ref {ref: row[0]})
ON CREATE SET source:Placeholder
MERGE (target:Ref {ref: row[1]})
ON CREATE SET target:Placeholder
MERGE (source)-[edge:%{type}]->(target)
WITH row, edge, [i IN range(0, size(coalesce(edge.declarers, [])) - 1) WHERE NOT edge.declarers[i] IN row[2]] AS kept
SET edge += {
  declarers: [i IN kept | edge.declarers[i]] + row[3],
  evidence: [i IN kept | edge.evidence[i]] + row[4]
}
