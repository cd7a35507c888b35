SELECT json_group_array(json_array(other.ref, other.ref, met.entities))
FROM (
  SELECT declaration.${there} AS other, count(DISTINCT declaration.${here}) AS entities
  FROM declarations AS declaration
  WHERE declaration.relation = (SELECT id FROM terms WHERE term = :relation) AND ${chosen} AND ${declared}
  GROUP BY declaration.${there}
) AS met
CROSS JOIN nodes AS other ON other.id = met.other
