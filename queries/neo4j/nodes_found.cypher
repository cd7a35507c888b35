MATCH (n:Ref)
WHERE n.ref IN $refs
RETURN collect([n.ref, id(n)])
