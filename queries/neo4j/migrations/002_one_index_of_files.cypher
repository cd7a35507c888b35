// With an index of the location alone beside that of location and path, Neo4j finds a file by reading all files of its location: a load then costs
// the square of its size.
DROP INDEX callboard_file_location IF EXISTS;
