INSERT INTO temp.reached (node, depth) SELECT value, 0 FROM json_each(:nodes)
