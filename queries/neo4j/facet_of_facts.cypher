%{entities}
UNWIND [i IN range(0, size(e.facts) - 1) WHERE e.facts[i] STARTS WITH $prefix] AS i
WITH e.facts[i] AS fact, e.shown[i] AS shown
WITH substring(fact, size($prefix)) AS value, shown
WITH value, min(CASE shown WHEN '' THEN value ELSE shown END) AS spelled, count(*) AS entities
RETURN collect([value, spelled, entities])
