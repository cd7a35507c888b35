UNWIND $rows AS row
MATCH (e:Ref {ref: row[0]})
WHERE e:Entity
WITH e, row[1] AS uid, [place IN range(0, size(e.facts) - 1) WHERE NOT e.facts[place] STARTS WITH $prefix] AS kept
SET e.uid = uid,
    e.uidShown = uid,
    e.facts = [place IN kept | e.facts[place]] + [$prefix + uid],
    e.shown = [place IN kept | e.shown[place]] + ['']
