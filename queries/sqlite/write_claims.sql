INSERT OR REPLACE INTO claims (location, path, document, ref, line, reading)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'),
  json_extract(value, '$[4]'), json_extract(value, '$[5]')
FROM json_each(:rows)
