-- facts: {path: {value: {node: shown}}}.
INSERT INTO facts (path, value, node, shown)
SELECT of_path.key, of_value.key, of_node.key, of_node.value
FROM json_each(:facts) AS of_path, json_each(of_path.value) AS of_value, json_each(of_value.value) AS of_node
