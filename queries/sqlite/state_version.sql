SELECT version FROM states WHERE collection = :collection AND id = :id
