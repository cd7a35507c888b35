MATCH (e:Ref:Entity)
WHERE %{matches}
RETURN count(e)
