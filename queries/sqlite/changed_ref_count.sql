SELECT count(DISTINCT change.ref) FROM changes AS change
WHERE change.sequence > :after AND change.sequence <= :until AND ${wanted} AND ${visible}
