DELETE FROM states WHERE collection = :collection AND id = :id
