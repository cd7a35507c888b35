UPDATE changes SET record = :record WHERE sequence = :sequence
