MATCH (e:Ref)
WHERE e.ref IN $refs AND e:Entity
RETURN collect([e.ref, e.hash, e.declares, [label IN labels(e) WHERE NOT label IN ['Ref', 'Entity']]])
