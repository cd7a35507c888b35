INSERT INTO temp.visible (node) SELECT node.id FROM nodes AS node WHERE node.present AND ${visible}
