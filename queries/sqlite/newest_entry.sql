SELECT json_array(sequence, json_extract(record, '$[1]')) FROM changes WHERE sequence <= :until ORDER BY sequence DESC LIMIT 1
