MATCH (c:Counter {name: 'changes'})
SET c.sequence = $head, c.at = $at
