-- Compared byte by byte, as in SQLite and in the names of event types, so that streams whose names
-- begin alike are neighbours in the indexes. The indexes are built anew, the table is not.
ALTER TABLE events ALTER COLUMN stream_id TYPE TEXT COLLATE "C";
