MATCH (p:Ref)
WHERE p.ref IN $refs AND p:Placeholder AND NOT EXISTS { (p)--() }
DELETE p
