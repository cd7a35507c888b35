%{entities}
WITH e
WHERE e.%{property} IS NOT NULL
UNWIND CASE
  WHEN e.several IS NULL THEN [[e.%{property}, e.%{property}Shown]]
  ELSE [i IN range(0, size(e.facts) - 1) WHERE e.facts[i] STARTS WITH $prefix | [substring(e.facts[i], size($prefix)), e.shown[i]]]
END AS fact
WITH fact[0] AS value, fact[1] AS shown
WITH value, min(CASE WHEN coalesce(shown, '') = '' THEN value ELSE shown END) AS spelled, count(*) AS entities
RETURN collect([value, spelled, entities])
