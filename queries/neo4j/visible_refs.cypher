MATCH (e:Ref)
WHERE e.ref IN $refs AND e:Entity AND %{visible}
RETURN collect(e.ref)
