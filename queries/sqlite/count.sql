SELECT count(*) FROM ${nodes} AS node WHERE node.present AND ${matches}
