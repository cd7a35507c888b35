INSERT OR REPLACE INTO texts (node, text) SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:rows)
