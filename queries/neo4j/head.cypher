MATCH (c:Counter {name: 'changes'})
RETURN c.sequence, c.at
