UNWIND $changes AS change
CREATE (c:Change)
SET c = change
