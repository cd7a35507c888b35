SELECT depth FROM temp.reached WHERE node = :node
