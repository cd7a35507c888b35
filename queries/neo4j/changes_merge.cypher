UNWIND $changes AS change
MATCH (c:Change {sequence: change.sequence})
SET c = change
