MATCH (e:Ref)
WHERE e.ref IN $refs AND e:Entity
RETURN collect([e.ref, e.declares])
