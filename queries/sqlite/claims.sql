SELECT json_group_array(json_array(claim.ref, location.term, path.term, claim.document, claim.line, claim.reading))
FROM json_each(:refs) AS wanted
CROSS JOIN claims AS claim ON claim.ref = wanted.value
CROSS JOIN terms AS location ON location.id = claim.location
CROSS JOIN terms AS path ON path.id = claim.path
