UNWIND $edges AS row
MATCH (source)
WHERE id(source) = row[0]
MATCH (target)
WHERE id(target) = row[2]
CREATE (source)-[:$(row[1]) {declarers: row[3], evidence: row[4]}]->(target)
