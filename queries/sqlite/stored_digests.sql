-- The digests of files, of those that have a record.
SELECT json_group_array(json_array(location.term, path.term, json_extract(file.record, '$[1]')))
FROM json_each(:files) AS wanted
CROSS JOIN terms AS location ON location.term = json_extract(wanted.value, '$[0]')
CROSS JOIN terms AS path ON path.term = json_extract(wanted.value, '$[1]')
CROSS JOIN files AS file ON file.location = location.id AND file.path = path.id
