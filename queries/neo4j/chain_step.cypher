MATCH (e:Ref)
WHERE e.ref IN $refs
MATCH %{pattern}
WHERE %{declared}
RETURN collect(DISTINCT other.ref)
