INSERT INTO temp.chosen (node) SELECT reached.node FROM temp.reached AS reached WHERE reached.depth > 0 AND ${matches} ORDER BY reached.node
