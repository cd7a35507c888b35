SELECT '[' || group_concat(record) || ']' FROM files WHERE location = (SELECT id FROM terms WHERE term = :location)
