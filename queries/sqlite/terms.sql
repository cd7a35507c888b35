SELECT json_group_object(terms.term, terms.id) FROM json_each(:terms) AS wanted CROSS JOIN terms ON terms.term = wanted.value
