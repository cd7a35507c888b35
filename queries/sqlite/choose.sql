INSERT INTO temp.chosen (node) SELECT node.id FROM ${nodes} AS node WHERE node.present AND ${matches}
