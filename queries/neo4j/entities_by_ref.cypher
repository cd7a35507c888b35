MATCH (e:Ref)
WHERE e.ref IN $refs AND e:Entity AND %{visible}
RETURN collect([e.ref, e.document, e.locationId, e.path, e.index, e.line, e.parent, e.orphan])
