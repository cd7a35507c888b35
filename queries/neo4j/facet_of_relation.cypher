%{entities}
MATCH %{pattern}
WHERE %{declared}
WITH other.ref AS value, count(*) AS entities
RETURN collect([value, value, entities])
