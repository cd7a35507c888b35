MATCH (c:Counter {name: 'changes'})
RETURN coalesce(c.horizon, 0), c.horizonAt, c.sequence
