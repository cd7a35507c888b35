-- Entities are found by their uid, which is no part of what their authors write. uid_of is a function of Callboard's.

INSERT INTO terms (term) VALUES ('metadata.uid') ON CONFLICT DO NOTHING;
DELETE FROM facts WHERE path = (SELECT id FROM terms WHERE term = 'metadata.uid');
INSERT INTO facts (path, value, node) SELECT terms.id, uid_of(nodes.ref), nodes.id FROM nodes, terms WHERE nodes.present AND terms.term = 'metadata.uid';
