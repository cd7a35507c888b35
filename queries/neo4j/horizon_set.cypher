MATCH (c:Counter {name: 'changes'})
SET c.horizon = $sequence, c.horizonAt = $at
