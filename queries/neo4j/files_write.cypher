UNWIND $files AS file
CREATE (f:SourceFile)
SET f = file
