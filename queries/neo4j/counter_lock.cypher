MERGE (c:Counter {name: 'changes'})
ON CREATE SET c.sequence = 0
SET c.locked = true
