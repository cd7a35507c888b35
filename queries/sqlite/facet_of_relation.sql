SELECT json_group_array(json_array(other.ref, other.ref, met.entities))
FROM (
  SELECT other, count(*) AS entities
  FROM (
    SELECT DISTINCT declaration.${here} AS here, declaration.${there} AS other
    FROM declarations AS declaration
    WHERE declaration.relation = (SELECT id FROM terms WHERE term = :relation) AND ${chosen} AND ${declared}
  )
  GROUP BY other
) AS met
CROSS JOIN nodes AS other ON other.id = met.other
