WITH links AS (
  ${links}
)
SELECT json_group_array(json_array(root, edges))
FROM (
  SELECT link.root AS root, count(*) AS edges
  FROM links AS link
  WHERE ${wanted}
  GROUP BY link.root
)
