WITH links AS (
  ${links}
)
SELECT json_group_array(json_array(link.root, relation.term, link.direction, other.ref))
FROM links AS link
CROSS JOIN nodes AS other ON other.id = link.other
CROSS JOIN terms AS relation ON relation.id = link.relation
