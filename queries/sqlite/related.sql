-- Every edge of the roots along the steps with its place in its root's list, and how much of that list lies up to the window's bounds.
-- The first of each list is there even when outside the window, so that a root without rows in it still tells its numbers.
WITH links AS (
  ${links}
),
placed AS (
  SELECT
    link.root, link.source, link.relation, link.target, link.other, other.ref AS ref, relation.term AS term, link.direction,
    row_number() OVER (PARTITION BY link.root ORDER BY other.ref, relation.term, link.direction) AS place
  FROM links AS link
  CROSS JOIN nodes AS other ON other.id = link.other
  CROSS JOIN terms AS relation ON relation.id = link.relation
  WHERE ${wanted}
),
measured AS (
  SELECT *,
    count(*) OVER (PARTITION BY root) AS total, ${through_after} AS through_after, ${up_to_before} AS up_to_before
  FROM placed
)
SELECT json_group_array(json_array(
  root, source, relation, target, other, ref, term, direction, place, total, through_after, up_to_before
))
FROM measured
WHERE place = 1 OR ${inside}
