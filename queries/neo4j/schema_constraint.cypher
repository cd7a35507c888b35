CREATE CONSTRAINT callboard_schema IF NOT EXISTS FOR (s:SchemaVersion) REQUIRE s.name IS UNIQUE
