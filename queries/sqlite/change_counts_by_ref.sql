SELECT json_group_array(json_array(ref, entries))
FROM (SELECT change.ref AS ref, count(*) AS entries FROM changes AS change WHERE ${wanted} AND ${visible} GROUP BY change.ref)
