DELETE FROM changes WHERE sequence <= :until
