UNWIND $edges AS row
MATCH (source:Ref {ref: row[0]})-[edge:%{type}]->(target:Ref {ref: row[1]})
WITH edge, [i IN range(0, size(edge.declarers) - 1) WHERE NOT edge.declarers[i] IN row[2]] AS kept
SET edge += {declarers: [i IN kept | edge.declarers[i]], evidence: [i IN kept | edge.evidence[i]]}
WITH edge, kept
WHERE size(kept) = 0
DELETE edge
