-- What one read keeps while it runs; each reader has its own, in memory.
-- visible: the entities that the caller sees. chosen: those that the filter lets through. reached: what a traversal met, in the order of meeting.
CREATE TEMP TABLE visible (node INTEGER PRIMARY KEY);
CREATE TEMP TABLE chosen (node INTEGER PRIMARY KEY);
CREATE TEMP TABLE reached (place INTEGER PRIMARY KEY, node INTEGER NOT NULL UNIQUE, depth INTEGER NOT NULL);
