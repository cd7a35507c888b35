UNWIND $collections AS collection
MERGE (c:Counter {name: 'states:' + collection})
SET c.locked = true
